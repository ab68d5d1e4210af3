"""wire: what the parts share: a node beyond loopback, a client over TLS, raw sockets."""
import hashlib
import base64
import socket
import ssl

import rig

LAN = '192.0.2.1'
CHAT = {'model': 'auto', 'messages': [{'role': 'user', 'content': 'Explain tides'}]}
JSON = {'Content-Type': 'application/json'}


def trusting():
    """A context that takes any certificate: who it was is looked at by its digest."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class TlsClient(rig.Client):
    def __init__(self, port, host=LAN, timeout_s=10):
        super().__init__(port, timeout_s)
        self.host = host

    def connect(self):
        self.sock = trusting().wrap_socket(socket.create_connection((self.host, self.port), self.timeout_s))
        self.buf = b''


def tls_ask(port, method, path, headers=None, body=None):
    client = TlsClient(port)
    try:
        return client.ask(method, path, {'Host': f'{LAN}:{port}', **(headers or {})}, body)
    finally:
        client.close()


def config(cloud, listen='127.0.0.1:0', more=''):
    clouds = f'clouds:\n{rig.cloud_yaml("cloud", cloud.port, [("big", {})])}\n' if cloud else ''
    return f'listen: {listen}\nengine: {{enabled: false}}\n{clouds}{more}'


def rewrite(node, text):
    with open(node.config_path, 'w') as f:
        f.write(text)


def lan_node(cloud, more='', listen=f'{LAN}:0'):
    """A node that other devices reach, and a key for it: made on loopback first, as people must."""
    node = rig.Node(config(cloud))
    node.start()
    key = node.key('me')
    node.stop()
    rewrite(node, config(cloud, listen, more))
    node.start()
    return node, key


def fingerprint(port, host=LAN):
    with trusting().wrap_socket(socket.create_connection((host, port), 10)) as s:
        digest = hashlib.sha256(s.getpeercert(binary_form=True)).hexdigest().upper()
    return ':'.join(digest[i:i + 2] for i in range(0, 64, 2))


def other_pin():
    return 'sha256//' + base64.b64encode(hashlib.sha256(b'somebody else').digest()).decode()


def raw(port, data, wait_s=2.0, host='127.0.0.1'):
    """Everything a server says to these bytes, and whether it closed the connection."""
    with socket.create_connection((host, port), 10) as s:
        s.settimeout(wait_s)
        got = b''
        try:
            s.sendall(data)
            while more := s.recv(1 << 16):
                got += more
            return got, True
        except TimeoutError:
            return got, False
        except OSError:
            return got, True
