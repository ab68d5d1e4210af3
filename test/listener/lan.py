"""Row 3: beyond loopback only with a key, and then only TLS; nothing else listens."""
import os
import re
import socket
import subprocess

import rig
from wire import *


def listening(pid):
    """{(address, port)} of the process, as the kernel has it."""
    inodes = set()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            inodes.update(re.findall(r'socket:\[(\d+)\]', os.readlink(f'/proc/{pid}/fd/{fd}')))
        except OSError:
            pass
    out = set()
    for name, family, size in (('tcp', socket.AF_INET, 4), ('tcp6', socket.AF_INET6, 16)):
        with open(f'/proc/{pid}/net/{name}') as f:
            for row in list(f)[1:]:
                cells = row.split()
                if cells[3] != '0A' or cells[9] not in inodes:
                    continue
                address, port = cells[1].split(':')
                words = bytes.fromhex(address)
                words = b''.join(words[i:i + 4][::-1] for i in range(0, size, 4))
                out.add((socket.inet_ntop(family, words), int(port, 16)))
    return out


def speaks_http(host, port):
    """Does anything answer plain HTTP there?"""
    try:
        with socket.create_connection((host, port), 5) as s:
            s.settimeout(5)
            s.sendall(b'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
            return s.recv(100).startswith(b'HTTP/1')
    except OSError:
        return False


def run(tap):
    cloud = rig.Standin()
    bare = rig.Node(config(cloud, '0.0.0.0:0'))
    try:
        bare.start()
        tap.tell(False, 'without a key a node does not start beyond loopback')
    except RuntimeError as e:
        tap.tell('no key exists' in str(e) and 'nigh key new' in str(e), 'without a key a node does not start beyond loopback', e)
    tap.tell(not os.path.exists(os.path.join(bare.state, 'identity.pem')), 'and has made no certificate')
    for listen in ('[127.0.0.1:0, "192.0.2.1:0"]', '"[::]:0"', '0.0.0.0:0'):
        bare = rig.Node(config(cloud, listen))
        try:
            bare.start()
            tap.tell(False, f'nor at {listen}')
        except RuntimeError as e:
            tap.tell('no key exists' in str(e), f'nor at {listen}', e)

    for listen in (f'{LAN}:0', '0.0.0.0:0', f'[{LAN}:0, 127.0.0.1:0]'):
        node, key = lan_node(cloud, listen=listen)
        bearer = {'Authorization': 'Bearer ' + key}
        status = node.status()
        where = listening(node.pid())
        far = {(a, p) for a, p in where if not a.startswith('127.')}
        tap.tell(len(far) == 1 and len(where) == 2, f'{listen}: one door outside, one on loopback', where)
        port = far.pop()[1]
        tap.tell(not speaks_http(LAN, port), f'{listen}: outside nothing answers plain HTTP')
        tap.equal(tls_ask(port, 'GET', '/v1/models').status, 401, f'{listen}: without a key 401')
        tap.equal(tls_ask(port, 'GET', '/v1/models', {'Authorization': 'Bearer x'}).status, 401, f'{listen}: nor with a wrong one')
        tap.equal(tls_ask(port, 'GET', '/v1/models', {'Authorization': 'Bearer ' + node.local_key()}).status, 401,
                  f'{listen}: the command line\'s own key is one of loopback alone')
        answer = tls_ask(port, 'POST', '/v1/chat/completions', bearer, CHAT)
        tap.tell(answer.status == 200 and answer.whole, f'{listen}: with it an answer', answer.describe())
        answer = tls_ask(port, 'POST', '/v1/chat/completions', bearer, {**CHAT, 'stream': True})
        tap.tell(answer.finished() and answer.text(), f'{listen}: and a stream', answer.describe())
        tap.equal(fingerprint(port), status.get('fingerprint'), f'{listen}: the certificate is the one that status tells')
        tap.equal(tls_ask(port, 'DELETE', '/nigh/v1/keys/me', bearer).status, 200, f'{listen}: its last key is ended')
        tap.equal(tls_ask(port, 'GET', '/v1/models').status, 401, f'{listen}: and without any key it is not open')
        tap.equal(tls_ask(port, 'POST', '/v1/chat/completions', {}, CHAT).status, 401, f'{listen}: neither for turns')
        node.stop()

    node, key = lan_node(cloud)
    told = node.cli('status').stdout
    tap.tell(node.status()['fingerprint'] in told and node.status()['pin'] in told, '`nigh status` tells fingerprint and pin', told)
    told = node.cli('doctor').stdout
    tap.tell(node.status()['fingerprint'] in told, '`nigh doctor` tells the fingerprint', told)
    pem = os.path.join(node.state, 'identity.pem')
    tap.equal(os.stat(pem).st_mode & 0o777, 0o600, 'the key file is private')
    first = node.status()['fingerprint']
    node.stop()
    node.start()
    tap.equal(node.status()['fingerprint'], first, 'a restart keeps the certificate')
    lines = [subprocess.run(['openssl', 's_client', '-connect', f'{LAN}:{node.port}', *more], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=20) for more in (['-tls1_1'], ['-tls1_2'], ['-tls1_3'])]
    got = ['Cipher is (NONE)' not in r.stdout and r.returncode == 0 for r in lines]
    tap.equal(got, [False, True, True], 'TLS 1.2 and 1.3 are spoken, 1.1 is not')

    # Hands that never shake: cut by the clock of connections, and nobody else waits meanwhile.
    idle = [socket.create_connection((LAN, node.port)) for _ in range(200)]
    for s in idle[:100]:
        s.sendall(b'\x16\x03\x01')  # the first bytes of a handshake
    answer = tls_ask(node.port, 'GET', '/v1/models', {'Authorization': 'Bearer ' + key})
    tap.tell(answer.status == 200 and answer.ended - answer.began < 2, '200 half handshakes hold nobody up',
             f'{answer.status} after {answer.ended - answer.began:.2f} s')
    for s in idle:
        s.close()
    for _ in range(100):  # and those that leave in the middle
        s = socket.create_connection((LAN, node.port))
        s.sendall(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03')
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
        s.close()
    tap.equal(tls_ask(node.port, 'GET', '/v1/models', {'Authorization': 'Bearer ' + key}).status, 200, 'nor do aborted ones')
    got = [401]
    while got[-1] == 401 and len(got) < 100:
        last = tls_ask(node.port, 'GET', '/v1/models', {'Authorization': f'Bearer wrong{len(got)}'})
        got.append(last.status)
    tap.tell(len(got) > 30, 'thirty wrong keys a minute are 401', got)
    tap.tell(last.status == 429 and last.header('retry-after'), 'then 429 with Retry-After', last.describe())
    for _ in range(10):  # one more is let in every two seconds, which a busy machine may need for one
        tls_ask(node.port, 'GET', '/v1/models', {'Authorization': 'Bearer wrong'})
        got = tls_ask(node.port, 'GET', '/v1/models', {'Authorization': 'Bearer ' + key}).status
        if got == 429:
            break
    tap.equal(got, 429, 'and whoever guessed is not heard with a right one either')
    tap.equal(node.ask('GET', '/v1/models').status, 200, 'other addresses are')
    body = b'x' * 100
    huge = tls_ask(node.port, 'POST', '/v1/chat/completions', {'Authorization': 'Bearer ' + key, 'Content-Length': str(65 << 20), **JSON}, body)
    tap.tell(huge.status == 413, 'a refusal in mid-body is told through TLS', huge.describe())
    tap.equal(node.stop(), 0, 'it stops in good order')
