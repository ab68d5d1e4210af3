"""Row 12: keys stand in memory that is locked and never dumped, and nowhere else; a crash leaves no core and no words.

The node's whole memory is read, as a core file would have it."""
import os
import re
import resource
import secrets
import signal
import subprocess

import rig
from wire import *


def regions(pid):
    """[(from, to, flags, name)] of what can be read."""
    out, head = [], None
    with open(f'/proc/{pid}/smaps') as f:
        for line in f:
            if m := re.match(r'([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)', line):
                head = (int(m[1], 16), int(m[2], 16), m[3], m[4])
            elif line.startswith('VmFlags:') and head[2][0] == 'r' and head[3] not in ('[vvar]', '[vsyscall]'):
                out.append((head[0], head[1], set(line.split()[1:]), head[3]))
    return out


def places(pid, needle):
    """The flags of each mapping that holds the needle."""
    found = []
    with open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for start, end, flags, name in regions(pid):
            try:
                mem.seek(start)
                if needle in mem.read(end - start):
                    found.append((name, flags))
            except OSError:
                pass
    return found


def only_guarded(tap, pid, needle, what):
    found = places(pid, needle)
    tap.tell(found and all({'dd', 'lo'} <= flags for _, flags in found), f'{what}: locked and not dumped, and nowhere else',
             '\n'.join(f'{name or "heap or mapping"}: {sorted(flags)}' for name, flags in found) or 'found nowhere')


def scalar_of(pem):
    """The private number of the node's key, as its bytes."""
    text = subprocess.run(['openssl', 'pkey', '-in', pem, '-noout', '-text'], capture_output=True, text=True, check=True).stdout
    return bytes.fromhex(re.search(r'priv:\n((?:\s+[0-9a-f:]+\n)+)', text)[1].replace(':', '').replace('\n', '').replace(' ', ''))[-32:]


def grep(folder, needles):
    """Files below a folder that hold one of them."""
    found = []
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), 'rb') as f:
                data = f.read()
            found += [os.path.join(path, name) for n in needles if n in data]
    return found


def run(tap):
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    cloud = rig.Standin()
    in_file, in_env = 'sk-file-' + secrets.token_hex(16), 'sk-env-' + secrets.token_hex(16)
    more = [rig.cloud_yaml(name, cloud.port, [('big', {})], [line]) for name, line in
            (('one', 'key_file: one.key'), ('two', 'key_env: NIGH_TEST_KEY'))]
    text = f'listen: LISTEN\nengine: {{enabled: false}}\nclouds:\n' + '\n'.join(more) + '\n'
    node = rig.Node(text.replace('LISTEN', '127.0.0.1:0'), env={'NIGH_TEST_KEY': in_env})
    with open(os.path.join(node.folder, 'one.key'), 'w') as f:
        f.write(in_file)
    node.start()
    key = node.key('me')
    node.stop()
    rewrite(node, text.replace('LISTEN', f'{LAN}:0'))
    node.start()
    pid = node.pid()
    only_guarded(tap, pid, in_file.encode(), 'a cloud\'s key from a file')
    only_guarded(tap, pid, in_env.encode(), 'a cloud\'s key from the environment')
    only_guarded(tap, pid, node.local_key().encode(), 'the command line\'s key')
    with open(os.path.join(node.state, 'identity.pem')) as f:
        line = f.read().split('\n')[1]
    number = scalar_of(os.path.join(node.state, 'identity.pem'))
    for _ in range(10):
        tls_ask(node.port, 'GET', '/v1/models', {'Authorization': 'Bearer ' + key})
    only_guarded(tap, pid, number, 'the key of TLS, after ten handshakes')
    tap.equal([places(pid, n) for n in (number[::-1], line.encode())], [[], []], 'it stands nowhere unpacked, or as its file has it')
    tap.equal(places(pid, secrets.token_hex(16).encode()), [], 'and what is not there is not found')
    answer = node.ask('POST', '/v1/chat/completions', {}, CHAT)
    tap.equal(answer.status, 200, 'the key is used')
    with open(f'/proc/{pid}/limits') as f:
        limit = re.search(r'Max core file size\s+(\S+)\s+(\S+)', f.read())
    tap.equal((limit[1], limit[2]), ('0', '0'), 'no core file is allowed, and none can be allowed again')
    tap.equal(node.status().get('secrets_locked'), True, 'status says that the kernel took the locks')

    canary = 'canary-' + secrets.token_hex(16)
    for path, body in (('/v1/chat/completions', rig.chat('auto', canary)),
                       ('/v1/responses', {'model': 'auto', 'input': canary, 'store': False})):
        tap.equal(node.ask('POST', path, {}, body).status, 200, f'{path}: a turn with a canary')
    os.kill(pid, signal.SIGSEGV)
    status = node.p.wait(10)
    tap.equal(status, -signal.SIGSEGV, 'it crashes when told to')
    cores = [name for path in (node.folder, node.state, '/tmp') for name in os.listdir(path) if re.match(rf'core(\.{pid})?$', name)]
    tap.equal(cores, [], 'and leaves no core')
    tap.equal(grep(node.state, [canary.encode()]), [], 'what it kept holds no word of a turn')
    tap.equal([p for p in grep(node.state, [key.encode(), in_file.encode(), in_env.encode()])], [], 'and no key')
    with open(node.log_path, 'rb') as f:
        log = f.read()
    tap.tell(not any(k.encode() in log for k in (canary, key, in_file, in_env)), 'nor does the log', log[-2000:])
    small = rig.Node(config(cloud), prefix=['prlimit', '--memlock=0:0']) if os.getuid() else None
    if small:
        small.start()
        tap.equal(small.status().get('secrets_locked'), False, 'where the kernel locks nothing, status says so')
        small.stop()
    node.start()
    tap.equal(node.ask('GET', '/healthz').status, 200, 'it starts again')
    node.stop()
    plain = rig.Node(config(cloud))
    plain.start()
    with open(f'/proc/{plain.pid()}/status') as f:
        text = f.read()
    own, resident = (int(re.search(rf'{name}:\s+(\d+)', text)[1]) for name in ('RssAnon', 'VmRSS'))
    tap.tell(own < 4096, f'without TLS a node rests in {own} kB of its own ({resident} kB with its libraries)')
    plain.stop()
