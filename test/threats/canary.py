"""canary: a mark of 128 random bits in labelled data, and every form in which it might be seen again.

A form is looked for by any ten characters of the mark in a row, so that one which leaks in pieces is found too: 40
bits that match by chance in 100 MB happen once in ten thousand runs.
"""
import base64
import gzip
import re
import secrets
import zlib

WINDOW = 10  # characters of the mark that count as the mark
DEPTH_MAX = 4  # of compressed streams inside of one another
FROM_BASE64URL = bytes.maketrans(b'-_', b'+/')


def base64_at(text, offset):
    """The part of text's base64 that depends on nothing but text, where it begins at this byte of a group of three."""
    whole = base64.b64encode(b'\0' * offset + text)
    first = (offset * 8 + 5) // 6  # the first character that holds only bits of text
    return whole[first:(offset + len(text)) * 8 // 6]


def tag_block(text):
    return ''.join(chr(0xe0000 + c) for c in text)


def wide(text):
    return text.decode().encode('utf-16-le')


# name -> (form of the mark's bytes; how many of its characters hold WINDOW of the mark's)
FORMS = {
    'raw': (lambda t: t, WINDOW),
    'base64 at 0': (lambda t: base64_at(t, 0), WINDOW * 4 // 3),
    'base64 at 1': (lambda t: base64_at(t, 1), WINDOW * 4 // 3),
    'base64 at 2': (lambda t: base64_at(t, 2), WINDOW * 4 // 3),
    'hex': (lambda t: t.hex().encode(), WINDOW * 2),
    'percent': (lambda t: b''.join(b'%%%02x' % c for c in t), WINDOW * 3),
    'UTF-16': (wide, WINDOW * 2 - 1),
    'UTF-16 in base64 at 0': (lambda t: base64_at(wide(t), 0), WINDOW * 8 // 3),
    'UTF-16 in base64 at 1': (lambda t: base64_at(wide(t), 1), WINDOW * 8 // 3),
    'UTF-16 in base64 at 2': (lambda t: base64_at(wide(t), 2), WINDOW * 8 // 3),
    'reversed': (lambda t: t[::-1], WINDOW),
    'tag block': (lambda t: tag_block(t).encode(), WINDOW * 4),
    'tag block in JSON': (lambda t: b''.join(b'\\udb40\\udc%02x' % c for c in t), WINDOW * 12),
}


class Canary:
    """zone: the widest that may see it."""

    def __init__(self, zone='device', text=None):
        self.zone = zone
        self.text = text or 'kx' + secrets.token_hex(16)
        self.mark = self.text.encode()
        self.folded, self.exact = {}, {}  # what to look for without and with regard to case: window -> form
        for name, (form, size) in FORMS.items():
            for mark in (self.mark, self.mark.upper()):
                whole = form(mark)
                for window in (whole[i:i + size] for i in range(len(whole) - size + 1)):
                    if 'base64' in name:
                        self.exact[window] = name
                    else:
                        self.folded[window.lower()] = name

    def found(self, data):
        """The names of the forms in which it stands in these bytes."""
        out = set()
        for depth, seen in unpacked(data):
            folded, exact = seen.lower(), seen.translate(FROM_BASE64URL)
            names = {n for w, n in self.folded.items() if w in folded} | {n for w, n in self.exact.items() if w in exact}
            out |= {name + ' in gzip' * bool(depth) for name in names}
        return sorted(out)


def unpacked(data, depth=0):
    """The bytes, and what every gzip and zlib stream in them holds."""
    yield depth, data
    if depth == DEPTH_MAX:
        return
    for m in re.finditer(rb'\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]', data):
        try:
            more = zlib.decompressobj(47).decompress(data[m.start():], 1 << 24)
        except zlib.error:
            continue
        if more:
            yield from unpacked(more, depth + 1)
    for m in re.finditer(rb'H4sI[A-Za-z0-9+/_-]{16,}', data):  # gzip in base64
        text = m[0].translate(FROM_BASE64URL)
        try:
            yield from unpacked(base64.b64decode(text[:len(text) // 4 * 4]), depth + 1)
        except ValueError:
            continue


ENCODINGS = {  # the twelve that every labelled input carries
    'raw': lambda t: t,
    'case-folded': lambda t: t.upper(),
    'base64 at 0': lambda t: base64.b64encode(t.encode()).decode(),
    'base64 at 1': lambda t: base64.b64encode(b'x' + t.encode()).decode(),
    'base64 at 2': lambda t: base64.b64encode(b'xy' + t.encode()).decode(),
    'base64url': lambda t: base64.urlsafe_b64encode(b'\xfb\xff' + t.encode()).decode(),
    'hex': lambda t: t.encode().hex(),
    'percent': lambda t: ''.join(f'%{ord(c):02X}' for c in t),
    'UTF-16': lambda t: base64.b64encode(wide(t.encode())).decode(),  # as it is it would be half NUL: no text
    'reversed': lambda t: t[::-1],
    'gzip': lambda t: base64.b64encode(gzip.compress(t.encode(), mtime=0)).decode(),
    'tag block': lambda t: tag_block(t.encode()),
}
