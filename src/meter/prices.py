"""prices.py TABLE.csv OUT.h: the price table as sorted C rows, in 1e-6 USD per million tokens.

Refuses what it cannot write exactly: a price with more than six decimals, a name that is not plain
ASCII, two rows of one name, rows of different dates."""
import csv
import decimal
import re
import sys


def price(text, where):
    if text == '':
        return -1
    exact = decimal.Decimal(text) * 10**6
    if exact != int(exact) or exact < 0:
        sys.exit(f'{where}: price {text} is not a whole number of 1e-6 USD')
    return int(exact)


def main(table, out):
    rows, dates = {}, set()
    with open(table, newline='') as f:
        for row in csv.DictReader(f):
            name = (row['provider'], row['model'])
            where = f'{table}: {name[0]}/{name[1]}'
            if not all(re.fullmatch(r'[A-Za-z0-9._:/@+-]+', part) for part in name):
                sys.exit(f'{where}: not a plain name')
            if name in rows:
                sys.exit(f'{where}: twice')
            rows[name] = [price(row[column], where) for column in (
                'input_usd_per_mtok', 'cache_read_usd_per_mtok', 'cache_write_usd_per_mtok',
                'output_usd_per_mtok')]
            dates.add(row['date'])
    if len(dates) != 1:
        sys.exit(f'{table}: one date for all rows, not {sorted(dates)}')
    with open(out, 'w') as f:
        f.write(f'/* Made from data/prices.csv by src/meter/prices.py. */\n'
                f'static const char prices_date[] = "{dates.pop()}";\n'
                f'static const struct price_row price_table[] = {{\n')
        for name in sorted(rows):
            f.write('    {"%s", "%s", %d, %d, %d, %d},\n' % (*name, *rows[name]))
        f.write('};\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
