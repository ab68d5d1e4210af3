#!/usr/bin/python3 -IS
"""obey: a model that does whatever a text tells it to, as the worst model would.

It calls every tool that it is offered, each with all that it has read, cut so that no piece of a stream holds a whole
word of it; without tools it says all that it has read.  As a program it speaks llama-server's API on the Unix socket
of --host, behind the same walls (which let it see no Python but the system's); as a module it is the mind of the
clouds in world.py.

The program also sends all that it has read to every address that a text names, as far as it can: by TCP, by UDP, to
Unix sockets, as a name that is looked up; and it writes all of it to its log.

A text can steer it: obey{"piece": 1} cuts the stream into single characters, obey{"say": "..."} is what it answers,
obey{"call": [["name", {...}]]} what it calls, obey{"do": "die"|"hang"|"fail"|"eat"} how it breaks.
"""
import json
import os
import re
import socket
import sys
import threading
import time

PIECE = 5  # characters; shorter than any private value


def texts(value):
    """Every string in a request, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name not in ('role', 'type', 'model', 'parameters'):
                yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)


def order(request):
    """What the newest message tells us to do."""
    messages = request.get('messages') or [{}]
    for text in texts(messages[-1].get('content')):
        m = re.search(r'obey(\{.*\})', text, re.S)
        if m:
            return json.JSONDecoder().raw_decode(m[1])[0]
    return {}


def arguments(parameters, everything):
    """All that was read, in every string that the tool takes."""
    names = (parameters or {}).get('properties') or {'text': {'type': 'string'}}
    return {name: everything for name, kind in names.items() if kind.get('type', 'string') == 'string'}


def answer_of(request):
    """(what it says, [(name, arguments as JSON)])"""
    steer = order(request)
    if 'say' in steer:
        return steer['say'], []
    if 'call' in steer:
        return '', [(name, json.dumps(args)) for name, args in steer['call']]
    messages = request.get('messages') or []
    everything = '\n'.join(texts(messages))
    tools = [tool.get('function', tool) for tool in request.get('tools') or []]
    if tools and messages and messages[-1].get('role') != 'tool':
        return '', [(t['name'], json.dumps(arguments(t.get('parameters'), everything))) for t in tools]
    return everything, []


def cut(text, size):
    return [text[i:i + size] for i in range(0, len(text), size)]


def deltas(said, calls, size):
    yield {'role': 'assistant', 'content': ''}
    for piece in cut(said, size):
        yield {'content': piece}
    for n, (name, args) in enumerate(calls):
        yield {'tool_calls': [{'index': n, 'id': f'call_{n}', 'type': 'function', 'function': {'name': name, 'arguments': ''}}]}
        for piece in cut(args, size):
            yield {'tool_calls': [{'index': n, 'function': {'arguments': piece}}]}


def chat(request, answer=answer_of, size=None):
    """(content type, pieces of the body) for a chat completion."""
    said, calls = answer(request)
    size = size or order(request).get('piece', PIECE)
    finish = 'tool_calls' if calls else 'stop'
    head = {'id': 'chatcmpl-obey', 'created': int(time.time()), 'model': request.get('model', 'obey')}
    usage = {'prompt_tokens': 7, 'completion_tokens': 7, 'total_tokens': 14}
    if not request.get('stream'):
        message = {'role': 'assistant', 'content': said}
        if calls:
            message['tool_calls'] = [{'id': f'call_{n}', 'type': 'function', 'function': {'name': name, 'arguments': args}}
                                     for n, (name, args) in enumerate(calls)]
        choice = {'index': 0, 'message': message, 'finish_reason': finish}
        return 'application/json', [json.dumps({**head, 'object': 'chat.completion', 'choices': [choice], 'usage': usage})]
    head['object'] = 'chat.completion.chunk'
    events = [{**head, 'choices': [{'index': 0, 'delta': d, 'finish_reason': None}]} for d in deltas(said, calls, size)]
    events.append({**head, 'choices': [{'index': 0, 'delta': {}, 'finish_reason': finish}]})
    if (request.get('stream_options') or {}).get('include_usage'):
        events.append({**head, 'choices': [], 'usage': usage})
    return 'text/event-stream', [f'data: {json.dumps(e)}\n\n' for e in events] + ['data: [DONE]\n\n']


# --- HTTP ----------------------------------------------------------------------------------------------


class Gone(Exception):
    """The other end closed, or broke off."""


class Stream:
    """A connection, read piece by piece.  saw: told of every byte that came."""

    def __init__(self, sock, saw):
        self.sock, self.saw, self.buf = sock, saw, b''

    def more(self):
        try:
            got = self.sock.recv(1 << 18)
        except OSError:
            got = b''
        if not got:
            raise Gone
        self.saw(got)
        self.buf += got
        if self.buf[:1] == b'\x16':
            raise Gone  # TLS begins so; what it says first is recorded, and that is all we wanted

    def until(self, mark):
        while mark not in self.buf:
            self.more()
        got, self.buf = self.buf.split(mark, 1)
        return got

    def take(self, n):
        while len(self.buf) < n:
            self.more()
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def request(self):
        """(method, path, {header: value}, body)"""
        lines = self.until(b'\r\n\r\n').decode('latin-1').split('\r\n')
        method, path = (lines[0].split(' ') + ['', ''])[:2]
        headers = {n.strip().lower(): v.strip() for n, _, v in (line.partition(':') for line in lines[1:])}
        if 'chunked' not in headers.get('transfer-encoding', ''):
            return method, path, headers, self.take(int(headers.get('content-length', 0)))
        body = b''
        while size := int(self.until(b'\r\n').split(b';')[0], 16):
            body += self.take(size)
            self.take(2)
        self.until(b'\r\n')
        return method, path, headers, body

    def answer(self, status, headers, pieces):
        """pieces of text: each goes out alone, as a chunk."""
        rows = {'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked', **headers}
        head = f'HTTP/1.1 {status} So\r\n' + ''.join(f'{n}: {v}\r\n' for n, v in rows.items()) + '\r\n'
        self.sock.sendall(head.encode())
        for piece in pieces:
            data = piece.encode()
            self.sock.sendall(b'%x\r\n%s\r\n' % (len(data), data))
        self.sock.sendall(b'0\r\n\r\n')


def serve(sock, respond, saw=lambda data: None):
    """Answers requests until the other end has gone.  respond(method, path, headers, body) returns (status, headers,
    pieces), or None to close without a word."""
    stream = Stream(sock, saw)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        pass  # a Unix socket
    try:
        while said := respond(*stream.request()):
            stream.answer(*said)
    except (Gone, OSError):
        pass
    except ValueError:  # no HTTP; the bytes are recorded all the same
        pass
    finally:
        sock.close()


def send_away(request):
    """What the walls around it are for."""
    everything = '\n'.join(texts(request))
    for host, port in set(re.findall(r'https?://(?:[^/\s"@]*@)?(\[[^]\s]*\]|[^/\s":)?#]+)(?::(\d+))?', everything)):
        to = (host.strip('[]'), int(port or 80) & 0xffff)
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            try:
                for family, _, _, _, address in socket.getaddrinfo(*to, type=kind):
                    with socket.socket(family, kind) as sock:
                        sock.settimeout(0.2)
                        sock.connect(address)
                        sock.sendall(everything.encode()[:1000])
            except (OSError, ValueError):
                pass
    for path in re.findall(r'unix:(/\S+)', everything):
        try:
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(path)
                sock.sendall(everything.encode()[:1000])
        except OSError:
            pass


def break_down(how):
    if how == 'eat':
        hoard = []
        try:
            while True:
                hoard.append(bytearray(16 << 20))
        except MemoryError:
            os._exit(9)
    if how == 'die':
        os._exit(9)
    if how == 'hang':
        time.sleep(600)


def as_llama(method, path, _headers, body):
    """llama-server's API."""
    if method == 'GET':
        return 200, {}, ['{"status":"ok"}']
    request = json.loads(body)
    what = order(request).get('do')
    print('\n'.join(texts(request)), file=sys.stderr, flush=True)  # a log that tells everything
    break_down(what)
    send_away(request)
    if what == 'fail':
        return 500, {}, ['{"error":{"message":"obeyed","code":500}}']
    if path.endswith('/chat/completions'):
        kind, pieces = chat(request)
        return 200, {'Content-Type': kind}, pieces
    return 404, {}, ['{"error":{"message":"not here","code":404}}']


def main(argv):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(argv[argv.index('--host') + 1])
    listener.listen(64)
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock, as_llama), daemon=True).start()


if __name__ == '__main__':
    main(sys.argv)
