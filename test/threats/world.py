"""world: a device whose only way out is a cable to a recorder.

This process moves into a network namespace of its own: the device, where nodes are started and asked.  A second
namespace, at the other end of a veth pair, is the rest of the world: whatever address the device connects to is there,
at every port of PORTS, and all it says is kept.  A packet socket on the device's end of the cable is the second witness:
it is the kernel's, and sees what went past the node's one sending function too.

Both namespaces belong to threads of this process: they and the cable are gone when it is, however it ends.  Loopback of
the device carries what the suite asks the nodes; nothing else exists.
"""
import ctypes
import json
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'rig'))
import obey
import rig

HERE = os.path.dirname(os.path.abspath(__file__))
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x20000, 0x10000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
ETH_P_ALL, PACKET_OUTGOING, SOL_PACKET, PACKET_STATISTICS, SO_RCVBUFFORCE = 3, 4, 263, 6, 33
CAPTURE_BYTES = 64 << 20
DEVICE, GATEWAY, NAMES = '10.77.0.2', '10.77.0.1', '10.77.0.53'
METADATA = '169.254.169.254'
MARK = b'nigh-rig: seen up to here '
PORTS = (80, 443, 8080, 8081, 8443)


class Unfit(Exception):
    """Why there can be no such world on this machine."""


def enter(flags):
    if rig.libc.unshare(flags) != 0:
        raise Unfit(f'no namespace of its own: {os.strerror(ctypes.get_errno())}')


def ip(*words, must=True):
    try:
        done = subprocess.run(['ip', *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as e:
        raise Unfit(f'ip: {e.strerror}') from e
    if must and done.returncode:
        raise Unfit(f'ip {" ".join(words)}: {done.stdout.decode().strip()}')


def enter_device():
    """Before any thread is made.  Who is not root becomes it in a user namespace."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        enter(CLONE_NEWNET | CLONE_NEWNS)
    else:
        enter(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
        for name, text in (('setgroups', 'deny'), ('uid_map', f'0 {uid} 1'), ('gid_map', f'0 {gid} 1')):
            with open('/proc/self/' + name, 'w') as f:
                f.write(text)
    rig.libc.mount(b'none', b'/', None, MS_REC | MS_PRIVATE, None)
    ip('link', 'set', 'lo', 'up')


def ask_names_of(folder):
    """/etc/resolv.conf, as this process and its children see it, names the recorder's server alone."""
    path = os.path.join(folder, 'resolv.conf')
    with open(path, 'w') as f:
        f.write(f'nameserver {NAMES}\noptions timeout:1 attempts:1\n')
    at = os.path.realpath('/etc/resolv.conf')
    if rig.libc.mount(path.encode(), at.encode(), None, MS_BIND, None) != 0:
        raise Unfit(f'{at} cannot be covered: {os.strerror(ctypes.get_errno())}')


class Cloud:
    """An address of the world and all that came to it.  zone None: nobody may have anything to do with it."""

    def __init__(self, name, zone, address, port=8080, host=None):
        self.name, self.zone, self.address, self.port = name, zone, address, port
        self.host = host or address
        self.lock = threading.Lock()
        self.mind, self.piece = obey.answer_of, None  # what it says to a chat, cut into pieces of so many characters
        self.acts = []  # for the next requests: (status, headers, pieces), or None: closes
        self.forget()

    def forget(self):
        with self.lock:
            self.data, self.asked, self.connects, self.known = b'', [], 0, 0

    def turn_over(self):
        """bodies() tells of what comes from here on; all that is counted stays."""
        self.known = len(self.asked)

    def saw(self, data):
        with self.lock:
            self.data += data

    def respond(self, method, path, headers, body):
        with self.lock:
            self.asked.append((method, path, headers, body))
        if self.acts:
            return self.acts.pop(0)
        if self.zone is None or not path.endswith('/chat/completions'):
            return 404, {}, ['{"error":{"message":"nothing here"}}']
        kind, pieces = obey.chat(json.loads(body), self.mind, self.piece)
        return 200, {'Content-Type': kind}, pieces

    def bodies(self):
        return [body.decode('utf-8', 'replace') for _, _, _, body in self.asked[self.known:]]

    def url(self):
        return f'http://{self.host}:{self.port}'

    def yaml(self, extra=(), models=(('big', {}),)):
        return rig.cloud_yaml(self.name, self.port, models, [f'zone: {self.zone}', 'plain_http: true', *extra], host=self.host)


class Recorder:
    """The rest of the world, in a namespace of its own."""

    def __init__(self):
        self.places, self.names, self.queries = {}, {}, []
        self.lock = threading.Lock()
        self.is_there, self.has_cable, self.is_up = threading.Event(), threading.Event(), threading.Event()
        self.why = None
        threading.Thread(target=self.live, daemon=True).start()
        self.is_there.wait()
        self.check()

    def check(self):
        if self.why:
            raise Unfit(self.why)

    def live(self):
        try:
            enter(CLONE_NEWNET)
            self.path = f'/proc/{os.getpid()}/task/{threading.get_native_id()}/ns/net'
            self.is_there.set()
            self.has_cable.wait()
            self.plug_in()
            servers = [self.listener(port) for port in PORTS]
            dns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            dns.bind((NAMES, 53))
        except (Unfit, OSError) as e:
            self.why = str(e)
            self.is_there.set()
            self.is_up.set()
            return
        for server in servers:
            threading.Thread(target=self.accept, args=(server,), daemon=True).start()
        self.is_up.set()
        self.tell_names(dns)  # for ever: the namespace lives as long as this thread

    def plug_in(self):
        """Every address is ours, but for the device's."""
        ip('link', 'set', 'lo', 'up')
        ip('addr', 'add', GATEWAY + '/24', 'dev', 'world')
        ip('link', 'set', 'world', 'up')
        for family, device in (('-4', DEVICE + '/32'), ('-6', 'fd77::2/128')):
            must = family == '-4'
            ip(family, 'rule', 'add', 'pref', '10', 'to', device, 'lookup', 'main', must=must)
            ip(family, 'rule', 'add', 'pref', '20', 'lookup', 'local', must=must)
            ip(family, 'rule', 'del', 'pref', '0', must=must)
            ip(family, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', 'local', must=must)
        ip('-6', 'addr', 'add', 'fd77::1/64', 'dev', 'world', 'nodad', must=False)

    @staticmethod
    def listener(port):
        try:
            server = socket.socket(socket.AF_INET6)
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            server.bind(('::', port))
        except OSError:  # no IPv6 here
            server = socket.socket()
            server.bind(('0.0.0.0', port))
        server.listen(64)
        return server

    def accept(self, server):
        while True:
            sock, _ = server.accept()
            address, port = sock.getsockname()[:2]
            place = self.place(address.removeprefix('::ffff:'), port)
            with place.lock:
                place.connects += 1
            threading.Thread(target=obey.serve, args=(sock, place.respond, place.saw), daemon=True).start()

    def place(self, address, port):
        with self.lock:
            if (address, port) not in self.places:
                self.places[address, port] = Cloud(f'{address}:{port}', None, address, port)
            return self.places[address, port]

    def tell_names(self, dns):
        """A name's addresses are told one after the other, the last for ever: a server that changes its mind."""
        while True:
            query, who = dns.recvfrom(2048)
            labels, at = [], 12
            while at < len(query) and query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode('latin-1'))
                at += 1 + query[at]
            kind = struct.unpack('!H', query[at + 1:at + 3])[0]
            name = '.'.join(labels).lower()
            told = self.names.get(name, [])
            self.queries.append((name, kind))
            answer = b''
            if kind == 1 and told:
                address = told.pop(0) if len(told) > 1 else told[0]
                answer = b'\xc0\x0c\0\1\0\1\0\0\0\0\0\4' + socket.inet_aton(address)
            flags = 0x8180 if told else 0x8183  # no such name
            dns.sendto(query[:2] + struct.pack('!HHHHH', flags, 1, bool(answer), 0, 0) + query[12:at + 5] + answer, who)


class Flow:
    """One direction of one TCP connection, by its sequence numbers: what is sent twice counts once."""

    def __init__(self, seq):
        self.first, self.end, self.data = seq + 1, seq + 1, []

    def add(self, seq, payload):
        ahead = (seq + len(payload) - self.end) & 0xffffffff
        if payload and 0 < ahead < 1 << 31:
            self.data.append(payload[-ahead:])
            self.end = (self.end + ahead) & 0xffffffff

    def size(self):
        return (self.end - self.first) & 0xffffffff


class Kernel:
    """What the kernel saw leave by the cable."""

    def __init__(self, interface):
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, CAPTURE_BYTES)
        except OSError:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CAPTURE_BYTES)
        self.sock.bind((interface, ETH_P_ALL))
        self.lock = threading.Lock()
        self.flows = {}  # of open and closed connections: (own port, address, port) -> Flow
        self.syns, self.datagrams, self.marks = [], [], []
        threading.Thread(target=self.watch, daemon=True).start()

    def catch_up(self):
        """All that left before this call was seen after it: a packet of ours behind it was."""
        mark = MARK + secrets.token_bytes(8)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(mark, (GATEWAY, 9))
        if not rig.until(lambda: mark in self.marks, 10, 0.001):
            raise RuntimeError('the kernel shows no packets any more')
        self.marks.clear()

    def calls(self):
        """(address, port) of every connection that was tried."""
        self.catch_up()
        with self.lock:
            return list(self.syns)

    def forget(self):
        """Counts from here; connections that stay open go on."""
        self.catch_up()
        with self.lock:
            self.syns, self.datagrams = [], []
            for flow in self.flows.values():
                flow.first, flow.data = flow.end, []

    def watch(self):
        while True:
            packet, where = self.sock.recvfrom(1 << 17)
            if where[2] == PACKET_OUTGOING:
                with self.lock:
                    self.take(packet)

    def take(self, packet):
        if packet[0] >> 4 == 4:
            kind, head, end = packet[9], (packet[0] & 15) * 4, struct.unpack('!H', packet[2:4])[0] or len(packet)
            to = socket.inet_ntoa(packet[16:20])
        elif packet[0] >> 4 == 6:
            kind, head, end = packet[6], 40, len(packet)
            to = socket.inet_ntop(socket.AF_INET6, packet[24:40])
        else:
            return  # ARP
        if kind == socket.IPPROTO_UDP:
            port, payload = struct.unpack('!H', packet[head + 2:head + 4])[0], packet[head + 8:end]
            if payload.startswith(MARK):
                self.marks.append(payload)
            else:
                self.datagrams.append((to, port, payload))
        if kind != socket.IPPROTO_TCP:
            return
        source, port, seq = struct.unpack('!HHI', packet[head:head + 8])
        flags, payload = packet[head + 13], packet[head + (packet[head + 12] >> 4) * 4:end]
        if flags & 2:
            self.syns.append((to, port))
            self.flows[source, to, port] = Flow(seq)
        elif (source, to, port) in self.flows:
            self.flows[source, to, port].add(seq, payload)

    def sums(self):
        """{(address, port): bytes}"""
        self.catch_up()
        out = {}
        with self.lock:
            for (_, address, port), flow in self.flows.items():
                if flow.size():
                    out[address, port] = out.get((address, port), 0) + flow.size()
        return out

    def data(self):
        """{(address, port): bytes that went there}"""
        self.catch_up()
        out = {}
        with self.lock:
            for (_, address, port), flow in self.flows.items():
                out[address, port] = out.get((address, port), b'') + b''.join(flow.data)
            for address, port, payload in self.datagrams:
                out[address, port] = out.get((address, port), b'') + payload
        return out

    def lost(self):
        return struct.unpack('II', self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]


def make_model(folder):
    """A real model file for the engine to be given, though nobody looks into it but nigh."""
    if rig.find_model():
        return rig.find_model()
    path = os.path.join(folder, 'tiny.gguf')
    subprocess.run([os.path.join(rig.ROOT, 'setup', 'gguf', 'make-model'), path], check=True, stdout=subprocess.DEVNULL)
    return path


class World:
    """zones of the device: home and acme, apart; each has a cloud here, and so has the public."""

    def __init__(self):
        enter_device()
        self.folder = rig.temp_dir()
        ask_names_of(self.folder)
        self.recorder = Recorder()
        ip('link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'world')
        ip('link', 'set', 'world', 'netns', self.recorder.path)
        self.recorder.has_cable.set()
        self.recorder.is_up.wait()
        self.recorder.check()
        ip('addr', 'add', DEVICE + '/24', 'dev', 'cable')
        ip('link', 'set', 'cable', 'up')
        ip('route', 'add', 'default', 'via', GATEWAY)
        ip('-6', 'addr', 'add', 'fd77::2/64', 'dev', 'cable', 'nodad', must=False)
        ip('-6', 'route', 'add', 'default', 'via', 'fd77::1', must=False)
        self.kernel = Kernel('cable')
        self.model = make_model(self.folder)
        self.far, self.den, self.firm = (self.cloud('far', 'public'), self.cloud('den', 'home'), self.cloud('firm', 'acme'))

    def cloud(self, name, zone, address=None, port=8080, host=None):
        """host: a name, which is then told to have this address."""
        address = address or f'10.77.1.{len(self.recorder.places) + 1}'
        cloud = self.recorder.places[address, port] = Cloud(name, zone, address, port, host)
        if host:
            self.recorder.names[host] = [address]
        return cloud

    def forget(self):
        for place in list(self.recorder.places.values()):
            place.forget()
            place.acts, place.mind, place.piece = [], obey.answer_of, None
        self.recorder.queries.clear()
        self.kernel.forget()

    def config(self, clouds=None, extra='', engine=None, log='info'):
        engine = {'model': self.model, 'program': os.path.join(HERE, 'obey.py'), **(engine or {})}
        lines = ['listen: 127.0.0.1:0', f'log: {log}', 'skills: false', 'zones:', '  home: {inside: public}',
                 '  acme: {inside: public}', '  device: {inside: [home, acme]}',
                 'engine: {' + ', '.join(f'{k}: {v}' for k, v in engine.items()) + '}', extra]
        clouds = [self.far] if clouds is None else clouds
        if clouds:
            lines += ['clouds:', *(c if isinstance(c, str) else c.yaml() for c in clouds)]
        return '\n'.join(lines) + '\n'

    def node(self, clouds=None, extra='', engine=None, log='info', env=None, prefix=()):
        """A node with this world around it, where nothing was sent yet."""
        node = rig.Node(self.config(clouds, extra, engine, log), env, prefix)
        node.start()
        self.forget()
        return node

    # -- what came out

    def quiet(self):
        """None when nothing left the device: no connection was tried, no name asked; else what did."""
        out = self.kernel.calls()
        with self.kernel.lock:
            out += [(address, port) for address, port, _ in self.kernel.datagrams]
        return out or None

    def leaks(self, canaries):
        """[(where, forms)] of canaries that went beyond their zone, in either witness."""
        out = []
        seen = [(place, place.data) for place in list(self.recorder.places.values()) if place.data]
        seen += [(self.recorder.place(*key), data) for key, data in self.kernel.data().items() if data]
        for place, data in seen:
            for canary in canaries:
                forms = [] if canary.zone in ('public', place.zone) and place.zone else canary.found(data)
                if forms:
                    out.append((place.name, forms))
        return out

    def sums(self, node):
        """What the ledger, the recorder and the kernel say was sent: {url: bytes}, and once more what the kernel told nigh."""
        places = list(self.recorder.places.values())
        kernel = {}
        for key, size in self.kernel.sums().items():
            url = self.recorder.place(*key).url()
            kernel[url] = kernel.get(url, 0) + size
        return (ledger_sums(node), {p.url(): len(p.data) for p in places if p.data}, kernel, ledger_sums(node, 'kernel_out'))

    def judge(self, tap, name, node, canaries=()):
        """No canary beyond its zone; all three counts the same.  The positive control is the caller's."""

        def agree():
            ledger, recorder, kernel, told = self.sums(node)
            return ledger == recorder == kernel == told

        rig.until(agree, 3)
        tap.equal(self.leaks(canaries), [], f'{name}: no canary beyond its zone')
        tap.tell(agree() and not self.kernel.lost(), f'{name}: ledger, recorder and kernel count the same bytes '
                 f'({sum(self.sums(node)[0].values())})', self.sums(node))


def ledger_rows(node):
    """Its sends, oldest first."""
    answer = node.ask('GET', '/nigh/v1/ledger?limit=1000').json() or {}
    return list(reversed(answer.get('rows', [])))


def ledger_sums(node, column='bytes_out'):
    out = {}
    for row in ledger_rows(node):
        if row[column]:
            out[row['address']] = out.get(row['address'], 0) + row[column]
    return out


def cpu_s(node):
    """The processor's time that a node took so far; the machine may be busy with others."""
    with open(f'/proc/{node.pid()}/stat') as f:
        fields = f.read().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


CHAT = '/v1/chat/completions'


def briefly(_request):
    """A mind for clouds of which only what they got matters."""
    return 'ok', []


def say(node, text, label=None, model='auto', headers=None, **more):
    """One turn; text may be a list of messages."""
    body = rig.chat(model, text, **more) if isinstance(text, str) else {'model': model, 'messages': text, **more}
    return node.ask('POST', CHAT, {**({'Nigh-Label': label} if label else {}), **(headers or {})}, body)
