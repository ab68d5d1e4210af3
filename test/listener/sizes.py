"""Row 22: over TLS the records of a streamed answer have few sizes, whatever its words are; on loopback they tell.

A relay in the middle reads the lengths of TLS records, which anybody on the way can."""
import json
import socket
import threading

import rig
from wire import *

SHORT = ' '.join('abcdefghijklmnopqrstuvwxyz')
LONG = ' '.join('antidisestablishmentarianism'[:n] for n in range(1, 29))
FORMATS = {
    'openai': ('/v1/chat/completions', {**CHAT, 'stream': True}),
    'responses': ('/v1/responses', {'model': 'auto', 'input': 'Explain tides', 'stream': True}),
    'anthropic': ('/v1/messages', {**CHAT, 'max_tokens': 99, 'stream': True}),
    'ollama': ('/api/chat', {**CHAT, 'stream': True}),
}
APPLICATION_DATA = 23


class Relay:
    """Passes bytes on and keeps what the server sent."""

    def __init__(self, port):
        self.to, self.sent = (LAN, port), b''
        self.sock = socket.create_server((LAN, 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client, _ = self.sock.accept()
            server = socket.create_connection(self.to)
            for a, b, keep in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.copy, args=(a, b, keep), daemon=True).start()

    def copy(self, a, b, keep):
        try:
            while data := a.recv(65536):
                self.sent += data if keep else b''
                b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def records(self):
        """[(type, length)] of what the server sent."""
        out, at = [], 0
        while at + 5 <= len(self.sent):
            length = int.from_bytes(self.sent[at + 3:at + 5], 'big')
            out.append((self.sent[at], length))
            at += 5 + length
        return out


def words(answer):
    """All that the model said, whatever the format."""
    out = ''
    for data in answer.events():
        if data == '[DONE]':
            continue
        event = json.loads(data)
        choice = (event.get('choices') or [{}])[0]
        delta = event.get('delta')
        out += ((choice.get('delta') or {}).get('content') or '') if choice else ''
        out += delta if isinstance(delta, str) else (delta or {}).get('text', '') if isinstance(delta, dict) else ''
        out += (event.get('message') or {}).get('content', '') if 'done' in event else ''
    return out


def run(tap):
    cloud = rig.Standin('--token-delay-us', '3000')
    node, key = lan_node(cloud, listen=f'[{LAN}:0, 127.0.0.1:0]')
    bearer = {'Authorization': 'Bearer ' + key}
    local = int(node.local()['address'].rpartition(':')[2])
    seen = {}
    for name, (path, body) in FORMATS.items():
        for text in (SHORT, LONG):
            cloud.control({'clear': True, 'default': {'reply': text}})
            relay = Relay(node.port)
            answer = tls_ask(relay.port, 'POST', path, bearer, body)
            plain = rig.ask(local, 'POST', path, bearer, body)
            tap.tell(answer.finished() and words(answer) == words(plain) == text, f'{name}: the words are the same', answer.describe())
            # The first are of the handshake, one is the header's, the last the end of chunks.
            sizes = [n for kind, n in relay.records() if kind == APPLICATION_DATA]
            body_sizes = [n for n in sizes if n > 500]
            tap.tell(len(body_sizes) > 20, f'{name}: a record a token passes', sizes)
            seen.setdefault(name, []).append(body_sizes[2:])
            tap.tell(b'   ' not in plain.body and len(set(len(e) for e in plain.events())) > 5 or text is SHORT,
                     f'{name}: on loopback nothing is filled up, and the lengths tell', plain.body[:300])
    all_sizes = sorted({n for lists in seen.values() for sizes in lists for n in sizes})
    tap.tell(len(all_sizes) <= 5, f'all records with words are of {len(all_sizes)} sizes: {all_sizes}', seen)
    for name, (short, long) in seen.items():
        tap.tell(set(short) <= set(all_sizes) and set(long) <= set(all_sizes), f'{name}: short and long words look alike', seen[name])
    print(f'# record sizes by format: { {name: [sorted(set(s)) for s in lists] for name, lists in seen.items()} }')
    node.stop()
