"""Row 10: requests of which two programs could disagree where they end: 400, the connection is closed, and what hides
behind them never runs.  What is in order goes on, also in small pieces."""
import re
import socket
import time

import rig
from wire import raw

BODY = b'{"model":"auto","messages":[{"role":"user","content":"what is 2 + 2?"}]}'
LINE = b'POST /v1/chat/completions HTTP/1.1\r\n'
HEAD = b'Host: 127.0.0.1\r\nContent-Type: application/json\r\n'
LENGTH = b'Content-Length: %d\r\n' % len(BODY)
CODING = b'Transfer-Encoding: '
MUTANTS = 1500
HIDDEN = b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'


def chunks(size=b'%x' % len(BODY), body=BODY, end=b'\r\n0\r\n\r\n'):
    return size + b'\r\n' + body + end


def with_length(more=b'', line=LINE, head=HEAD, length=LENGTH):
    return line + head + more + length + b'\r\n' + BODY


def with_coding(coding, more=b'', body=None):
    return LINE + HEAD + more + CODING + coding + b'\r\n\r\n' + (chunks() if body is None else body)


GOOD = {
    'a length': with_length(),
    'chunks': with_coding(b'chunked'),
    'CHUNKED': with_coding(b'CHUNKED'),
    'blanks around a value': with_length(b'X-A: \t b \t \r\n'),
    'an empty value': with_length(b'X-A:\r\n'),
    'bytes over 127 in a value': with_length(b'X-A: caf\xe9\r\n'),
    'every character of a name': with_length(b"X!#$%&'*+-.^_`|~9: b\r\n"),
    'a hundred header lines': with_length(b''.join(b'X-%d: %d\r\n' % (i, i) for i in range(100))),
    'headers of 30,000 bytes': with_length(b'X-A: ' + b'b' * 30000 + b'\r\n'),
    'a chunk with an extension': with_coding(b'chunked', body=chunks(b'%x;a=b' % len(BODY))),
    'empty lines before it': b'\r\n\r\n' + with_length(),
    'a body that GET ignores': b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n' % len(HIDDEN) + HIDDEN,
}
BAD = {
    'a length and a coding': with_coding(b'chunked', LENGTH),
    'a coding and a length': LINE + HEAD + CODING + b'chunked\r\n' + LENGTH + b'\r\n' + chunks(),
    'two lengths': with_length(b'Content-Length: 3\r\n'),
    'two equal lengths': with_length(LENGTH),
    'a list of lengths': with_length(length=b'Content-Length: 72, 72\r\n'),
    'chunked,': with_coding(b'chunked,'),
    ',chunked': with_coding(b',chunked'),
    'chunked, gzip': with_coding(b'chunked, gzip'),
    'gzip, chunked': with_coding(b'gzip, chunked'),
    'identity': with_coding(b'identity', LENGTH, BODY),
    'xchunked': with_coding(b'xchunked'),
    '"chunked"': with_coding(b'"chunked"'),
    'chunked twice': with_coding(b'chunked\r\n' + CODING + b'chunked'),
    'chunked after a vertical tab': with_coding(b'\x0bchunked'),
    'a coding with a blank before the colon': LINE + HEAD + b'Transfer-Encoding : chunked\r\n\r\n' + chunks(),
    'a length with a blank before the colon': with_length(length=b'Content-Length : 72\r\n'),
    'a folded coding': with_coding(b'\r\n chunked'),
    'a folded line': with_length(b'X-A: b\r\n c\r\n'),
    'a folded first line': with_length(line=LINE + b' X: y\r\n'),
    'line feeds alone': (LINE + HEAD + LENGTH + b'\r\n').replace(b'\r\n', b'\n') + BODY,
    'one line feed alone': with_length(b'X-A: b\n'),
    'a line feed alone at the end': LINE + HEAD + LENGTH + b'\n' + BODY,
    'a carriage return alone': with_length(b'X-A: b\rX-B: c\r\n'),
    'NUL in a name': with_length(b'X\0A: b\r\n'),
    'NUL in a value': with_length(b'X-A: b\0c\r\n'),
    'NUL after a length': with_length(length=b'Content-Length: 72\0\r\n'),
    'NUL in the path': with_length(line=LINE.replace(b'completions', b'comple\0tions')),
    'a control in a name': with_length(b'X\x01: x\r\n'),
    'a control in a value': with_length(b'X: x\x01y\r\n'),
    'a blank in a name': with_length(b'X Y: x\r\n'),
    'a name over 127': with_length(b'X\xe9: x\r\n'),
    'no name': with_length(b': x\r\n'),
    'no colon': with_length(b'X-A\r\n'),
    'a length below 0': with_length(length=b'Content-Length: -1\r\n'),
    'a length with a plus': with_length(length=b'Content-Length: +72\r\n'),
    'a length in hexadecimal': with_length(length=b'Content-Length: 0x48\r\n'),
    'a length of no digits': with_length(length=b'Content-Length: \r\n'),
    'a length with a blank': with_length(length=b'Content-Length: 7 2\r\n'),
    'a length with a letter': with_length(length=b'Content-Length: 72x\r\n'),
    'a length past all numbers': with_length(length=b'Content-Length: 99999999999999999999999\r\n'),
    'a chunk of 70,000 bytes of extension': with_coding(b'chunked', body=chunks(b'48;a=' + b'b' * 70000)),
    'a chunk below 0': with_coding(b'chunked', body=chunks(b'-1')),
    'a chunk with a plus': with_coding(b'chunked', body=chunks(b'+48')),
    'a chunk with 0x': with_coding(b'chunked', body=chunks(b'0x48')),
    'a chunk past all numbers': with_coding(b'chunked', body=chunks(b'1000000000000000048')),
    'a chunk after a blank': with_coding(b'chunked', body=chunks(b' 48')),
    'a chunk before a blank': with_coding(b'chunked', body=chunks(b'48 ')),
    'a chunk that goes on': with_coding(b'chunked', body=chunks(end=b'XX0\r\n\r\n')),
    'a trailer': with_coding(b'chunked', body=chunks(end=b'\r\n0\r\nContent-Length: 5\r\n\r\n')),
    'chunks in HTTP/1.0': with_coding(b'chunked').replace(b'HTTP/1.1', b'HTTP/1.0'),
    'http://HOST/': with_length(line=LINE.replace(b' /', b' http://127.0.0.1/')),
    'http://another/': with_length(line=LINE.replace(b' /', b' http://evil.example/')),
    'CONNECT': b'CONNECT evil.example:443 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'no Host': with_length(head=HEAD.split(b'\r\n', 1)[1]),
    'HTTP/0.9': b'GET /healthz\r\n\r\n',
    'HTTP/1.2': with_length(line=LINE.replace(b'1.1', b'1.2')),
    'HTTP/2.0': with_length(line=LINE.replace(b'1.1', b'2.0')),
    'HTTP/1.1x': with_length(line=LINE.replace(b'1.1', b'1.1x')),
    'http/1.1': with_length(line=LINE.replace(b'HTTP', b'http')),
    'a blank in the path': with_length(line=LINE.replace(b'ions ', b'ions a ')),
    'a tab in the first line': with_length(line=LINE.replace(b' HTTP', b'\tHTTP')),
    'two blanks in the first line': with_length(line=LINE.replace(b'POST ', b'POST  ')),
}
# A first line that begins with a blank: closed, but libmicrohttpd has no words for it.
MUTE = {'a blank before all': b' ' + with_length()}
OTHER = {'a length past all numbers': 413, 'a chunk past all numbers': 413, 'HTTP/2.0': 505}


TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
FIRST = re.compile(rb'(' + TOKEN + rb') (/[\x21-\x7e]*) HTTP/1\.[01]')
FIELD = re.compile(rb'(' + TOKEN + rb'):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*')
# What libmicrohttpd takes for a chunk's end is a line feed (net/README.md); the rest is RFC 9112.
CHUNK = re.compile(rb'([0-9A-Fa-f]{1,15})(;[^\r\n]*)?\r?\n')


def request_end(data):
    """Where the first request ends, by RFC 9112 to the letter; None where it is none."""
    data_at = re.match(rb'(\r\n)*', data).end()  # empty lines before it are skipped
    end = data.find(b'\r\n\r\n', data_at)
    if end < 0:
        return None
    first, *lines = data[data_at:end].split(b'\r\n')
    fields = [FIELD.fullmatch(line) for line in lines]
    if not FIRST.fullmatch(first) or None in fields:
        return None
    names = {}
    for m in fields:
        names.setdefault(m[1].lower(), []).append(m[2])
    lengths, codings = names.get(b'content-length', []), names.get(b'transfer-encoding', [])
    body = end + 4
    if codings:
        if lengths or [c.lower() for c in codings] != [b'chunked'] or first.endswith(b'0'):
            return None
        while m := CHUNK.match(data, body):
            size = int(m[1], 16)
            body = m.end() + size
            if not size:
                break
            if data[body:body + 2] == b'\r\n':
                body += 2
            elif data[body:body + 1] == b'\n':
                body += 1
            else:
                return None
        else:
            return None
        over = re.compile(rb'\r?\n').match(data, body)
        return over.end() if over else None
    if len(lengths) > 1 or (lengths and not re.fullmatch(rb'[0-9]+', lengths[0])):
        return None
    return body + (int(lengths[0]) if lengths else 0)


def reaches(data, target):
    """Reading request by request, does one begin there?"""
    at = 0
    while at < target:
        end = request_end(data[at:])
        if end is None:
            return False
        at += end
        if at < target and not data[at:target].strip(b'\r\n'):
            at = target
    return at == target


def mutants(seed, n):
    """Requests in order with one to three bytes gone, doubled, changed or put in."""
    random = __import__('random').Random(seed)
    seeds = [r for r in GOOD.values() if len(r) < 1000]
    odd = [b'\0', b'\r', b'\n', b' ', b'\t', b':', b',', b';', b'\x0b', b'\xff', b'0', b'5', b'\r\n', b'chunked', b'Content-Length: 5\r\n',
           b'Transfer-Encoding: chunked\r\n', b'\r\n ', b'-', b'+', b'x', b'"']
    for _ in range(n):
        r = bytearray(random.choice(seeds))
        for _ in range(random.randint(1, 3)):
            at, what = random.randrange(len(r)), random.randrange(4)
            if what == 0:
                del r[at:at + random.randint(1, 2)]
            elif what == 1:
                r[at:at] = r[at:at + random.randint(1, 3)]
            elif what == 2:
                r[at:at + 1] = random.choice(odd)
            else:
                r[at:at] = random.choice(odd)
        yield bytes(r)


def ran(port, data):
    """Did what stands behind the request run?  Everything that came."""
    got = b''
    with socket.create_connection(('127.0.0.1', port), 10) as s:
        s.settimeout(0.3)
        try:
            s.sendall(data)
            while b'"status":"ok"' not in got and (more := s.recv(1 << 16)):
                got += more
        except OSError:
            pass
    return b'"status":"ok"' in got, got


def statuses(got):
    return [int(n) for n in re.findall(rb'HTTP/1\.[01] (\d\d\d) ', got)]


def run(tap):
    node = rig.Node('listen: 127.0.0.1:0\nengine: {enabled: false}\n')
    node.start()
    for name, request in GOOD.items():
        got, _ = raw(node.port, request + HIDDEN, 0.5)
        tap.tell(statuses(got) == [200, 200] and b'"status":"ok"' in got, f'{name}: answered, and the next one too', got[:600])
        with socket.create_connection(('127.0.0.1', node.port)) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            step = 1 if len(request) < 1000 else 997
            for i in range(0, len(request), step):
                s.sendall(request[i:i + step])
                if i % 50 == 0:
                    time.sleep(0.0005)
            s.settimeout(3)
            tap.equal(statuses(s.recv(65536)), [200], f'{name}: also in small pieces')
    for name, request in {**BAD, **MUTE}.items():
        began = time.monotonic()
        got, closed = raw(node.port, request + HIDDEN, 4)
        said = statuses(got)
        want = [] if name in MUTE else [OTHER.get(name, 400)]
        tap.tell(said[:1] == want and closed and b'"status":"ok"' not in got and 200 not in said,
                 f'{name}: {"".join(map(str, want)) or "no answer"}, closed, nothing behind it runs',
                 f'{said}, closed {closed} after {time.monotonic() - began:.1f} s: {got[:600]}')
    wrong, passed = [], 0
    for request in mutants(10, MUTANTS):
        hidden, got = ran(node.port, request + HIDDEN)
        passed += hidden
        if hidden and not reaches(request + HIDDEN, len(request)) and b'GET /healthz' not in request:
            wrong.append((request, got[:200]))
    tap.tell(not wrong and passed > MUTANTS / 50, f'of {MUTANTS} broken requests {passed} are still in order: what is behind no other runs',
             '\n'.join(map(repr, wrong[:5])) or passed)
    answer = node.ask('GET', '/healthz')
    tap.equal(answer.status, 200, 'and the node goes on')
    tap.equal(node.stop(), 0, 'and stops in good order')
