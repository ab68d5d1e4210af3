"""detect_table.py TABLE.tsv OUT.h: the kinds of private data as C rows, and the patterns to compile.

A row's words stand in a pattern of their own, shared by rows with the same words."""
import sys

GROUPS = 'secret card iban bank id tax crypto phone email network device gps birth address contact url ' \
         'person place organisation date trait'.split()


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


def needs_digit(group, check, pattern):
    """Does every match stand about a digit?  Such rows are scanned only there."""
    if group in ('secret', 'email', 'url'):
        return False
    return '\\d' in pattern or '0-9' in pattern or check.startswith('street')


def main(table, out):
    rows, near = [], {}
    with open(table, encoding='utf-8') as f:
        for number, line in enumerate(f, 1):
            if line.startswith('#') or not line.strip():
                continue
            cells = line.rstrip('\n').split('\t')
            if len(cells) != 7 or cells[1] not in GROUPS or not 1 <= int(cells[2]) <= 99 or not cells[6]:
                sys.exit(f'{table}:{number}: expected type, group, score, check, near, pattern, source')
            kind, group, score, check, words, pattern, _ = cells
            wanted = words.lstrip('?') if words != '-' else None
            index = near.setdefault(wanted, len(near)) if wanted else -1
            where = 'DIGIT' if needs_digit(group, check, pattern) else 'AT' if '@' in pattern else 'WORD'
            rows.append((kind, group, int(score), check, index, not words.startswith('?'), where, pattern))
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Made from data/detect.tsv by src/label/detect_table.py. */\n'
                'static const struct kind kinds[] = {\n')
        for kind, group, score, check, index, must, where, pattern in rows:
            f.write('    {"%s", DETECT_%s, %d, %s, %d, %s, WHERE_%s, %s},\n' % (
                kind, group.upper(), score, 'NULL' if check == '-' else quoted(check), index,
                'true' if must else 'false', where, quoted(pattern)))
        f.write('};\nstatic const char *const near_patterns[] = {\n')
        for words in near:
            f.write('    %s,\n' % quoted(rf'(?i)\b(?:{words})'))
        f.write('};\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
