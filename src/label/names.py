"""names.py LISTS.tsv OUT.h: the word lists of data/names.tsv as a sorted table of hashes and list bits."""
import sys

LISTS = ['country', 'nation', 'city', 'given', 'org', 'title']  # bit i, as in tagger.c


def fnv(text):
    """FNV-1a, 64 bits (Fowler, Noll, Vo)."""
    h = 0xcbf29ce484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return h


def main(lists, out):
    words = {}
    with open(lists, encoding='utf-8') as f:
        for line in f:
            if line.startswith('#'):
                continue
            name, *cells = line.rstrip('\n').split('\t')
            for word in cells:
                if word != word.lower() or not word:
                    sys.exit(f'{lists}: {word!r} is not lower case')
                words[word] = words.get(word, 0) | 1 << LISTS.index(name)
    with open(out, 'w') as f:
        f.write('/* Made from data/names.tsv by src/label/names.py. */\nstatic const struct listed listed[] = {\n')
        for h, bits in sorted((fnv(w), b) for w, b in words.items()):
            f.write('    {UINT64_C(0x%016x), %d},\n' % (h, bits))
        f.write('};\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
