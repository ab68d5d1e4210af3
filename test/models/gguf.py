"""gguf: takes a GGUF file apart and writes it again with other values, for tests that need a hostile one."""
import struct

SCALARS = {0: 'B', 1: 'b', 2: 'H', 3: 'h', 4: 'I', 5: 'i', 6: 'f', 7: '?', 10: 'Q', 11: 'q', 12: 'd'}
STRING, ARRAY = 8, 9
ALIGNMENT = 32


def string(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return struct.pack('<Q', len(raw)) + raw


class Gguf:
    """keys: [name, type, value's bytes]; infos: the tensors' table as it stood; data: what follows it."""

    def __init__(self, path):
        with open(path, 'rb') as f:
            self.raw = f.read()
        self.at = 4
        self.version, self.n_tensors, n_keys = self._take('<IQQ')
        self.keys = [self._key() for _ in range(n_keys)]
        begin = self.at
        for _ in range(self.n_tensors):
            self._string()
            n_dims = self._take('<I')[0]
            self.at += 8 * n_dims + 12
        self.infos = self.raw[begin:self.at]
        self.data = self.raw[(self.at + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT:]

    def _take(self, form):
        values = struct.unpack_from(form, self.raw, self.at)
        self.at += struct.calcsize(form)
        return values

    def _string(self):
        n = self._take('<Q')[0]
        self.at += n
        return self.raw[self.at - n:self.at]

    def _value(self, kind):
        if kind == STRING:
            self._string()
        elif kind == ARRAY:
            of, n = self._take('<IQ')
            for _ in range(n):
                self._value(of)
        else:
            self._take('<' + SCALARS[kind])

    def _key(self):
        name, kind = self._string(), self._take('<I')[0]
        begin = self.at
        self._value(kind)
        return [name.decode(), kind, self.raw[begin:self.at]]

    def set(self, name, text):
        """A key that is a string."""
        self.keys = [k for k in self.keys if k[0] != name] + [[name, STRING, string(text)]]
        return self

    def write(self, path):
        out = b'GGUF' + struct.pack('<IQQ', self.version, self.n_tensors, len(self.keys))
        out += b''.join(string(name) + struct.pack('<I', kind) + value for name, kind, value in self.keys) + self.infos
        out += b'\0' * (-len(out) % ALIGNMENT) + self.data
        with open(path, 'wb') as f:
            f.write(out)
        return path


def with_template(path, template, to):
    return Gguf(path).set('tokenizer.chat_template', template).write(to)
