"""names.py LISTS.tsv OUT.h: the word lists of data/names.tsv as a sorted table of hashes and list bits."""
import sys

LISTS = ['country', 'nation', 'city', 'given', 'org', 'title', 'surname', 'job']  # bit i, as in tagger.h


def fnv(text):
    """FNV-1a, 64 bits (Fowler, Noll, Vo)."""
    h = 0xcbf29ce484222325
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001b3 & (1 << 64) - 1
    return h


def main(lists, out):
    words, starts = {}, set()  # starts: words that a phrase of the lists begins with
    with open(lists, encoding='utf-8') as f:
        for line in f:
            if line.startswith('#'):
                continue
            name, *cells = line.rstrip('\n').split('\t')
            for word in cells:
                if word != word.lower() or not word:
                    sys.exit(f'{lists}: {word!r} is not lower case')
                words[word] = words.get(word, 0) | 1 << LISTS.index(name)
                if ' ' in word:
                    starts.add(word.split()[0])
    with open(out, 'w') as f:
        f.write('/* Made from data/names.tsv by src/label/names.py. */\nstatic const struct listed listed[] = {\n')
        for h, word in sorted((fnv(w), w) for w in words.keys() | starts):
            f.write('    {UINT64_C(0x%016x), %d, %s},\n'
                    % (h, words.get(word, 0), 'true' if word in starts else 'false'))
        f.write('};\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
