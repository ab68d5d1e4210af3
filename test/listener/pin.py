"""One nigh as another's near place over TLS, its key pinned; and what a man in the middle tries (rows 9 and 18)."""
import os
import socket
import ssl
import subprocess
import threading

import rig
from wire import *


class Fake:
    """A server in place of the peer: over TLS with a certificate of its own, or plain.  Keeps what it was sent."""

    def __init__(self, context=None):
        self.got, self.context = b'', context
        self.sock = socket.create_server((LAN, 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            s, _ = self.sock.accept()
            try:
                s.settimeout(3)
                s = self.context.wrap_socket(s, server_side=True) if self.context else s
                self.got += s.recv(65536)
                s.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
            except OSError:
                pass
            s.close()


def own_context(folder, newest=None):
    pem = os.path.join(folder, 'other.pem')
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', pem, '-out', pem + '.crt', '-subj',
                    f'/CN={LAN}', '-addext', f'subjectAltName=IP:{LAN}'], check=True, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem + '.crt', pem)
    if newest:
        context.set_ciphers('DEFAULT@SECLEVEL=0')
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
    return context


def near_config(port, key_file, pin=None, scheme='https', more=''):
    line = f'    pin: "{pin}"\n' if pin else ''
    return (f'listen: 127.0.0.1:0\nengine: {{enabled: false}}\nskills: false\nzones: {{home: {{inside: public}}}}\nclouds:\n'
            f'  - name: peer\n    url: {scheme}://{LAN}:{port}/v1\n    key_file: {key_file}\n    zone: home\n{line}{more}'
            f'    models: [cloud/big]\n')


def ask_near(text):
    node = rig.Node(text)
    node.start()
    answer = node.ask('POST', '/v1/chat/completions', {'Nigh-Label': 'home'}, CHAT)
    rows = node.ask('GET', '/nigh/v1/ledger').json()['rows']
    node.stop()
    return answer, rows


def run(tap):
    cloud = rig.Standin('--reply', 'from the peer')
    peer, key = lan_node(cloud)
    pin = peer.status()['pin']
    key_file = os.path.join(peer.folder, 'key')
    with open(key_file, 'w') as f:
        f.write(key)

    answer, rows = ask_near(near_config(peer.port, key_file, pin))
    tap.tell(answer.status == 200 and answer.text() == 'from the peer', 'a pinned peer answers', answer.describe())
    tap.tell(answer.header('nigh-zone') == 'home' and rows and rows[0]['place'] == 'peer/cloud/big',
             'as a near place, with its row in the ledger', rows)
    turns = peer.status()['turns']
    answer, _ = ask_near(near_config(peer.port, key_file, other_pin()))
    tap.tell(answer.status in (502, 503), 'another pin: no answer', answer.describe())
    answer, _ = ask_near(near_config(peer.port, key_file))
    tap.tell(answer.status in (502, 503), 'no pin: nobody vouches for its certificate', answer.describe())
    tap.equal(peer.status()['turns'], turns, 'and nothing of either was asked of it')

    checked = rig.Node(near_config(peer.port, key_file, pin, 'http'))
    said = checked.cli('config', 'check').stdout
    tap.tell('pin' in said and 'https://' in said, 'a pin with http:// is refused', said)
    plain = Fake()
    answer, _ = ask_near(near_config(plain.port, key_file, pin))
    tap.tell(answer.status in (502, 503) and key.encode() not in plain.got, 'TLS stripped: nothing is sent in plain text', plain.got)
    for name, context in (('another certificate', own_context(peer.folder)),
                          ('TLS 1.1 at most', own_context(peer.folder, ssl.TLSVersion.TLSv1_1))):
        middle = Fake(context)
        answer, _ = ask_near(near_config(middle.port, key_file, pin))
        tap.tell(answer.status in (502, 503) and not middle.got, f'{name}: refused, not a byte of the request', middle.got)

    # A restart of the peer keeps its key, so the pin holds.
    peer.stop()
    rewrite(peer, config(cloud, f'{LAN}:{peer.port}'))
    peer.start()
    answer, _ = ask_near(near_config(peer.port, key_file, pin))
    tap.equal(answer.status, 200, 'after a restart of the peer the pin holds')
    peer.stop()
