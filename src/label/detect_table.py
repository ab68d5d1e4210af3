"""detect_table.py TABLE.tsv OUT.h: the kinds of private data as C rows, and the patterns to compile.

A row's words stand in a pattern of their own, shared by rows with the same words."""
import sys

try:
    from re import _parser as parser  # Python 3.11
except ImportError:
    import sre_parse as parser

GROUPS = 'secret card iban bank id tax crypto phone email network device gps birth address contact url ' \
         'person place organisation date trait'.split()


def quoted(text):
    return '"' + text.replace('\\', '\\\\').replace('"', '\\"') + '"'


ALWAYS_DIGITS = 'card iban bank id tax crypto phone network device gps'.split()


def where_of(kind, group, check, pattern):
    """What tells where a match can stand: see enum where."""
    if check.startswith('street'):
        return 'STREET'
    if group not in ('secret', 'email', 'url') and ('\\d' in pattern or '0-9' in pattern and group in ALWAYS_DIGITS):
        return 'WORD' if kind == 'SWIFT_CODE' else 'DIGIT'
    return 'AT' if '@' in pattern else 'WORD'


def first_chars(tree):
    """The characters that a match may begin with, and whether it may be empty."""
    chars = set()
    for op, arg in tree:
        some, empty = first_of(str(op), arg)
        chars |= some
        if not empty:
            return chars, False
    return chars, True


def first_of(name, arg):
    if name == 'AT':
        return set(), True
    if name in ('MAX_REPEAT', 'MIN_REPEAT'):
        low, _, inner = arg
        some, empty = first_chars(inner)
        return some, empty or low == 0
    if name == 'SUBPATTERN':
        return first_chars(arg[3])
    if name == 'BRANCH':
        parts = [first_chars(inner) for inner in arg[1]]
        return set().union(*(some for some, _ in parts)), any(empty for _, empty in parts)
    return {c for c in map(chr, range(256)) if name == 'ANY' or matches(name, arg, c)}, False


def beginnings(tree, most=3):
    """The first three letters of what may match, in small letters, where the pattern spells them out."""
    found = {''}
    for op, arg in tree:
        parts = spelled(str(op), arg, most)
        if parts is None:
            return set()
        found = {(a + b)[:most] for a in found for b in parts}
        if all(len(x) == most for x in found):
            break
    return {x for x in found if len(x) == most and x.isascii() and x.isalpha()}


def spelled(name, arg, most):
    """What one part of a pattern may begin with; None: too many things to spell out."""
    if name == 'AT':
        return {''}
    if name == 'LITERAL':
        return {chr(arg).lower()}
    if name == 'SUBPATTERN':
        return spelled_all(arg[3], most)
    if name == 'BRANCH':  # what is not spelled out begins otherwise: see is_keyword() in detect_find.c
        return set().union(*(spelled_all(inner, most) or set() for inner in arg[1])) or None
    if name in ('MAX_REPEAT', 'MIN_REPEAT') and arg[0] == 0:
        inner = spelled_all(arg[2], most)
        return inner and inner | {''}
    if name == 'IN' and len(arg) <= 4 and all(str(kind) == 'LITERAL' for kind, _ in arg):
        return {chr(value).lower() for _, value in arg}
    return None


def spelled_all(tree, most):
    found = {''}
    for op, arg in tree:
        parts = spelled(str(op), arg, most)
        if parts is None:  # as far as it goes; what is longer does not matter
            return {x for x in found if len(x) >= most} or None
        found = {(a + b)[:most] for a in found for b in parts}
    return found


def either(c):
    """Both cases: a pattern that begins too often costs time, one too rarely finds nothing."""
    return (c.lower(), c.upper()) if c < '\x80' else (c,)


def matches(name, arg, c):
    if name == 'LITERAL':
        return chr(arg) in either(c)
    if name == 'NOT_LITERAL':
        return c != chr(arg)
    sets = {'CATEGORY_DIGIT': str.isdigit, 'CATEGORY_WORD': lambda x: x.isalnum() or x == '_'}
    hit = False
    for kind, value in arg:
        if str(kind) == 'NEGATE':
            continue
        if str(kind) == 'LITERAL':
            hit |= chr(value) in either(c)
        elif str(kind) == 'RANGE':
            hit |= any(value[0] <= ord(x) <= value[1] for x in either(c))
        else:
            hit |= c < '\x80' and sets[str(value)](c)
    return hit != (str(arg[0][0]) == 'NEGATE')


def anchored(pattern):
    flag = '(?i)' if pattern.startswith('(?i)') else ''
    return f'{flag}^(?:{pattern[len(flag):]})'


WIDTH_MAX = 320  # bytes; a pattern that may be longer, or without end, counts as so long


def main(table, out):
    rows, near, keywords = [], {}, set()
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
            where = where_of(kind, group, check, pattern)
            tree = parser.parse(pattern)
            starts, _ = first_chars(tree)
            digit, other = bool(starts & set('0123456789')), bool(starts - set('0123456789'))
            width = min(tree.getwidth()[1], WIDTH_MAX)
            if where == 'DIGIT':
                pattern = anchored(pattern)
                keywords |= beginnings(tree)
            rows.append((kind, group, int(score), check, index, not words.startswith('?'), where, digit, other, width,
                         pattern))
    with open(out, 'w', encoding='utf-8') as f:
        f.write('/* Made from data/detect.tsv by src/label/detect_table.py. */\n'
                'static const struct kind kinds[] = {\n')
        for kind, group, score, check, index, must, where, digit, other, width, pattern in rows:
            f.write('    {"%s", DETECT_%s, %d, %s, %d, %s, WHERE_%s, %s, %s, %d, %s},\n' % (
                kind, group.upper(), score, 'NULL' if check == '-' else quoted(check), index,
                'true' if must else 'false', where, 'true' if digit else 'false', 'true' if other else 'false', width,
                quoted(pattern)))
        f.write('};\nstatic const char *const near_patterns[] = {\n')
        for words in near:
            f.write('    %s,\n' % quoted(rf'(?i)\b(?:{words})'))
        f.write('};\n/* How words begin with which a row about digits may begin: three small letters each. */\n'
                'static const char keyword_beginnings[][4] = {\n')
        for word in sorted(keywords):
            f.write('    "%s",\n' % word)
        f.write('};\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
