"""fold.py OUT.h: what characters are read as when private data is looked for, as a sorted table.

From Python's own Unicode data: compatibility forms (NFKC) that become printable ASCII, the decimal
digits and the spaces of every script, and characters that show nothing.  Look-alikes of other
scripts are listed here: those that fonts draw as an ASCII letter or digit (a subset of what Unicode's
UTS 39 calls confusable; its file is not in Debian)."""
import sys
import unicodedata

LOOKS = {
    'a': 'аɑα', 'b': 'ЬƄ', 'c': 'сϲᴄ', 'd': 'ԁɗ', 'e': 'еҽє', 'f': 'ſ', 'g': 'ɡց', 'h': 'һհ', 'i': 'іɩıι',
    'j': 'јϳ', 'k': 'кκ', 'l': 'ӏⅼ', 'm': 'м', 'n': 'ոռ', 'o': 'оοօᴏ', 'p': 'рρ', 'q': 'ԛգ', 'r': 'гᴦ',
    's': 'ѕꜱ', 't': 'тτ', 'u': 'υսᴜ', 'v': 'ѵνᴠ', 'w': 'ѡԝᴡ', 'x': 'хχ', 'y': 'уγү', 'z': 'ᴢ',
    'A': 'АΑ', 'B': 'ВΒ', 'C': 'СϹ', 'D': 'Ꭰ', 'E': 'ЕΕ', 'F': 'Ϝ', 'G': 'Ԍ', 'H': 'НΗ', 'I': 'ІΙӀ', 'J': 'ЈͿ',
    'K': 'КΚ', 'L': 'Ꮮ', 'M': 'МΜ', 'N': 'Ν', 'O': 'ОΟՕ', 'P': 'РΡ', 'Q': 'Ԛ', 'R': 'Ꭱ', 'S': 'ЅՏ', 'T': 'ТΤ',
    'U': 'Ս', 'V': 'Ѵ', 'W': 'Ԝ', 'X': 'ХΧ', 'Y': 'ҮΥ', 'Z': 'Ζ',
    '0': '߀', '3': 'ЗӠ', '4': 'Ꮞ', '6': 'б', '8': 'Ȣ', '-': '‐‑‒–—−﹣－', '.': '․。．｡', '@': '﹫＠',
    ':': 'ː׃։', '/': '⁄∕', "'": '’‘ʼ', '"': '“”',
}


def read_as(cp):
    """The ASCII that cp is read as, '' for nothing shown, None for itself."""
    c = chr(cp)
    category = unicodedata.category(c)
    if cp < 0x80 or category in ('Cs', 'Co', 'Cn'):
        return None
    for ascii_, looks in LOOKS.items():
        if c in looks:
            return ascii_
    if 0xE0020 <= cp <= 0xE007E:
        return chr(cp - 0xE0000)  # the tag block: ASCII that no screen shows
    if category == 'Cf' or cp in (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x3164, 0xFFA0, 0x2800) \
            or 0xFE00 <= cp <= 0xFE0F or 0xE0100 <= cp <= 0xE01EF or 0x180B <= cp <= 0x180F:
        return ''
    if 0x2004 <= cp <= 0x200A or cp in (0x202F, 0x205F):
        return ''  # thin ones: between the groups of a number, or to take a value apart
    if category in ('Zs', 'Zl', 'Zp'):
        return ' '
    if category == 'Nd':
        return str(unicodedata.digit(c))
    folded = unicodedata.normalize('NFKC', c)
    if folded != c and len(folded) <= min(4, len(c.encode())) and folded.isascii() and folded.isprintable():
        return folded
    return None


def main(out):
    rows = [(cp, text) for cp in range(0x80, 0xE01F0) if (text := read_as(cp)) is not None]
    with open(out, 'w') as f:
        f.write('/* Made by src/label/fold.py, Unicode %s. */\nstatic const struct fold_row fold_rows[] = {\n'
                % unicodedata.unidata_version)
        for cp, text in rows:
            quoted = text.replace('\\', '\\\\').replace('"', '\\"')
            f.write('    {0x%x, %d, "%s"},\n' % (cp, len(text), quoted))
        f.write('};\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
