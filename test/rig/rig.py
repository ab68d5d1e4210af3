"""rig: what the end-to-end suites and the bench share: TAP, processes that never outlive us, the stand-in, a
node, and an HTTP client that tells a whole answer from a cut one.  Python's standard library only.

Nothing here sleeps until something is probably true: every wait polls with a deadline.
"""
import atexit
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('NIGH_BUILD') or os.path.join(ROOT, 'build')
NIGH = os.environ.get('NIGH') or os.path.join(BUILD, 'nigh')
STANDIN = os.path.join(BUILD, 'test', 'rig', 'standin')
DEPS = os.environ.get('NIGH_DEPS') or os.path.join(
    os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache'), 'nigh', 'deps')
READY_S = 10  # a node or a stand-in that is not ready by then is broken, however busy the machine
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)


class Tap:
    """TAP on standard output.  One line a test, the plan last."""

    def __init__(self):
        self.n = self.failed = 0

    def tell(self, good, name, why=''):
        self.n += 1
        self.failed += not good
        print(f'{"ok" if good else "not ok"} {self.n} - {name}', flush=True)
        if not good:
            for line in str(why).split('\n')[:60]:
                print(f'#   {line}', flush=True)
        return good

    def equal(self, got, want, name):
        return self.tell(got == want, name, f'got {got!r}, want {want!r}')

    def skip(self, name, why):
        self.n += 1
        print(f'ok {self.n} - {name} # SKIP {why}', flush=True)

    def end(self):
        print(f'1..{self.n}', flush=True)
        return 1 if self.failed else 0


def skip_all(why):
    print(f'1..0 # SKIP {why}')
    sys.exit(0)


def until(test, within_s, every_s=0.01):
    """Polls; returns what test() said that was true, or None when the time is over."""
    end = time.monotonic() + within_s
    while True:
        got = test()
        if got:
            return got
        if time.monotonic() > end:
            return None
        time.sleep(every_s)


_mine = []  # processes that we started, to be ended however we end
_folders = []


def _tie():
    """In the child: a group of its own, that dies when we do."""
    os.setpgid(0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def spawn(argv, **more):
    """Popen in a process group of its own.  It is killed with its group when we end; so is the process
    itself when we are killed."""
    more.setdefault('stdin', subprocess.DEVNULL)
    p = subprocess.Popen(argv, preexec_fn=_tie, **more)
    _mine.append(p)
    return p


def end(p, number=signal.SIGKILL, within_s=5):
    """Ends a process; with the default signal its whole group.  Returns its status."""
    if p.poll() is None or number == signal.SIGKILL:
        try:
            if number == signal.SIGKILL:
                os.killpg(p.pid, number)
            else:
                p.send_signal(number)
        except ProcessLookupError:
            pass
    try:
        return p.wait(within_s)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait(5)
        return None


@atexit.register
def _end_all():
    for p in _mine:
        try:
            os.killpg(p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        p.poll()
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)


def _leave(number, _frame):
    sys.exit(128 + number)  # so that atexit runs


for _number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(_number, _leave)


def temp_dir(prefix='nigh-rig-'):
    folder = tempfile.mkdtemp(prefix=prefix)
    _folders.append(folder)
    return folder


def clean_env():
    """Ours without what would change a node's behaviour or let it leave the machine."""
    drop = re.compile(r'^(NIGH_.*|XDG_.*|.*_proxy|.*_PROXY|OPENAI_.*|ANTHROPIC_.*)$')
    return {k: v for k, v in os.environ.items() if not drop.match(k)}


def read_line(fd, within_s, p):
    """A line from a pipe, or '' when it ended or the time is over."""
    os.set_blocking(fd, False)
    text = b''
    stop = time.monotonic() + within_s
    while not text.endswith(b'\n') and time.monotonic() < stop:
        try:
            more = os.read(fd, 200)
            if not more:
                break
            text += more
        except BlockingIOError:
            if p.poll() is not None and time.monotonic() > stop - within_s + 1:
                break
            time.sleep(0.0005)
    return text.decode()


# --- HTTP ----------------------------------------------------------------------------------------


class Answer:
    """What came.  whole: the answer ended as HTTP says it must; a cut one is never whole."""

    def __init__(self):
        self.status, self.headers, self.body = 0, {}, b''
        self.whole, self.failure = False, ''
        self.began = self.first = self.ended = 0.0  # time.monotonic(); first: of the body

    def header(self, name):
        return self.headers.get(name.lower())

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def is_lines(self):
        return 'application/x-ndjson' in (self.header('content-type') or '')

    def events(self):
        """The data of each server-sent event, or each line of JSON."""
        if self.is_lines():
            return self.body.decode('utf-8', 'replace').split('\n')[:-1]
        out = []
        for block in re.split(r'\r?\n\r?\n', self.body.decode('utf-8', 'replace')):
            data = [line[5:].removeprefix(' ') for line in block.splitlines()
                    if line.startswith('data:')]
            if data:
                out.append('\n'.join(data))
        return out

    def is_stream(self):
        return 'text/event-stream' in (self.header('content-type') or '')

    def text(self):
        """The assistant's words, streamed or not."""
        if self.is_lines():
            lines = [json.loads(line) for line in self.events()]
            return ''.join(line.get('message', {}).get('content') or line.get('response') or '' for line in lines)
        if not self.is_stream():
            try:
                return self.json()['choices'][0]['message']['content'] or ''
            except (TypeError, KeyError, IndexError):
                return ''
        out = ''
        for data in self.events():
            try:
                choice = json.loads(data)['choices'][0]
            except (ValueError, KeyError, IndexError, TypeError):
                continue
            if choice.get('index', 0) == 0:
                out += (choice.get('delta') or {}).get('content') or ''
        return out

    def finished(self):
        """Would a client take this for a success?  A whole body, and the last event of its API where it is a stream."""
        if self.is_lines():
            return self.whole and self.status == 200 and '"done":true' in (self.events() or [''])[-1]
        last = self.events()[-1:] if self.is_stream() else []
        over = last == ['[DONE]'] or (last and re.match(r'\{"type":"(response\.(completed|incomplete)|message_stop)"', last[0]))
        return self.whole and self.status == 200 and (not self.is_stream() or bool(over))

    def describe(self):
        return (f'status {self.status}, {"whole" if self.whole else "cut: " + self.failure}\n' +
                '\n'.join(f'{k}: {v}' for k, v in self.headers.items()) + '\n\n' +
                self.body[:2000].decode('utf-8', 'replace'))


class Client:
    """One keep-alive connection.  feed() takes what has come; nothing is read ahead of need."""

    def __init__(self, port, timeout_s=30):
        self.port, self.timeout_s = port, timeout_s
        self.sock, self.buf = None, b''

    def connect(self):
        self.sock = socket.create_connection(('127.0.0.1', self.port), self.timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b''

    def close(self, reset=False):
        if self.sock:
            if reset:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            self.sock.close()
        self.sock = None

    def send(self, method, path, headers=None, body=None):
        if not self.sock:
            self.connect()
        rows = {'Host': f'127.0.0.1:{self.port}'}
        if body is not None:
            rows['Content-Type'] = 'application/json'
            rows['Content-Length'] = str(len(body))
        rows.update(headers or {})
        head = f'{method} {path} HTTP/1.1\r\n' + ''.join(f'{k}: {v}\r\n' for k, v in rows.items())
        self.sock.sendall(head.encode() + b'\r\n' + (body or b''))

    def _more(self):
        got = self.sock.recv(1 << 16)
        if not got:
            raise EOFError('the connection was closed')
        self.buf += got

    def _line(self):
        while b'\r\n' not in self.buf:
            self._more()
        line, self.buf = self.buf.split(b'\r\n', 1)
        return line.decode('latin-1')

    def _take(self, n):
        while len(self.buf) < n:
            self._more()
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def pieces(self, a):
        """Reads an answer into a, yielding after the header and after every piece of the body."""
        try:
            while True:
                line = self._line()
                a.status, a.headers = int(line.split(' ')[1]), {}
                while line := self._line():
                    name, _, value = line.partition(':')
                    name = name.strip().lower()
                    a.headers[name] = (a.headers[name] + ', ' if name in a.headers else '') + value.strip()
                if a.status >= 200:
                    break
            yield a
            if 'chunked' in a.headers.get('transfer-encoding', ''):
                while size := int(self._line().split(';')[0], 16):
                    a.body += self._take(size)
                    self._take(2)
                    a.first = a.first or time.monotonic()
                    yield a
                while self._line():
                    pass
            elif 'content-length' in a.headers:
                left = int(a.headers['content-length'])
                while left:
                    if not self.buf:
                        self._more()
                    piece = self._take(min(left, len(self.buf)))
                    left -= len(piece)
                    a.body += piece
                    a.first = a.first or time.monotonic()
                    yield a
            elif a.status not in (204, 304):
                while True:
                    self._more()
                    a.body += self._take(len(self.buf))
                    yield a
            a.whole = True
        except (OSError, EOFError, ValueError, IndexError) as e:
            a.failure = f'{type(e).__name__}: {e}'
            # A body without a length ends with the connection; only then is that an end.
            if (isinstance(e, EOFError) and a.status and 'content-length' not in a.headers and
                    'chunked' not in a.headers.get('transfer-encoding', '')):
                a.whole = True
        a.ended = time.monotonic()
        if a.headers.get('connection', '').lower() == 'close' or not a.whole:
            self.close()

    def ask(self, method, path, headers=None, body=None):
        a = Answer()
        a.began = time.monotonic()
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        elif isinstance(body, str):
            body = body.encode()
        try:
            self.send(method, path, headers, body)
        except OSError as e:  # a server may refuse before it has read all: look for its answer
            a.failure = str(e)
            if not self.sock:
                return a
        for _ in self.pieces(a):
            pass
        return a


def ask(port, method, path, headers=None, body=None, timeout_s=30):
    client = Client(port, timeout_s)
    try:
        return client.ask(method, path, headers, body)
    except OSError as e:
        a = Answer()
        a.failure = str(e)
        return a
    finally:
        client.close()


def chat(model, text, **more):
    return {'model': model, 'messages': [{'role': 'user', 'content': text}], **more}


# --- the stand-in ----------------------------------------------------------------------------------


class Standin:
    """One process that stands in for one cloud."""

    def __init__(self, *args, prefix=()):
        if not os.access(STANDIN, os.X_OK):
            skip_all(f'{STANDIN} is not built')
        self.args, self.prefix, self.port, self.p = list(args), list(prefix), 0, None
        self.start()

    def start(self):
        """Again on the same port, after stop()."""
        self.p = spawn([*self.prefix, STANDIN, '--die-with-parent', '--port', str(self.port), *self.args],
                       stdout=subprocess.PIPE)
        line = read_line(self.p.stdout.fileno(), READY_S, self.p)
        if not line.startswith('listening '):
            raise RuntimeError(f'the stand-in does not start: {line!r}')
        self.port = int(line.split()[1])

    def stop(self):
        end(self.p)
        self.p.stdout.close()

    def control(self, script):
        a = ask(self.port, 'POST', '/control', body=script)
        if a.status != 200:
            raise RuntimeError(f'stand-in: {a.body.decode()}')

    def forget(self):
        ask(self.port, 'POST', '/control/forget', body='')

    def seen(self):
        return ask(self.port, 'GET', '/control/seen').json()


# --- a node ------------------------------------------------------------------------------------------


class Node:
    """`nigh serve` with a state folder of its own, which survives restarts."""

    def __init__(self, config, env=None, prefix=(), folder=None, program=NIGH):
        self.program = program
        self.folder = folder or temp_dir()
        self.state = os.path.join(self.folder, 'state')
        self.log_path = os.path.join(self.folder, 'log')
        self.config_path = os.path.join(self.folder, 'config.yaml')
        self.prefix, self.p, self.port = list(prefix), None, 0
        os.makedirs(self.state, mode=0o700, exist_ok=True)
        with open(self.config_path, 'w') as f:
            f.write(config)
        self.env = {**clean_env(), 'HOME': self.folder, 'NIGH_STATE': self.state,
                    'XDG_DATA_HOME': os.path.join(self.folder, 'data'), **(env or {})}

    def start(self, within_s=READY_S):
        """Returns the seconds until it was ready."""
        r, w = os.pipe()
        began = time.monotonic()
        with open(self.log_path, 'ab') as log:
            self.p = spawn([*self.prefix, self.program, 'serve', '--config', self.config_path, '--ready-fd', str(w)],
                           env=self.env, stdout=log, stderr=log, pass_fds=(w,), cwd=self.folder)
        os.close(w)
        line = read_line(r, within_s, self.p)
        took = time.monotonic() - began
        os.close(r)
        if not line.startswith('ready '):
            raise RuntimeError(f'the node does not start ({line!r}, exit status {self.p.poll()}):\n' + self.log())
        self.port = int(line.split()[1])
        return took

    def kill(self):
        """kill -9 of the node alone: its children are its own problem."""
        os.kill(self.pid(), signal.SIGKILL)
        self.p.wait(10)

    def pid(self):
        """Of the node itself, where it was started through another program."""
        if not self.prefix:
            return self.p.pid
        for child in children(self.p.pid):
            if os.path.realpath(f'/proc/{child}/exe') == os.path.realpath(self.program):
                return child
        return self.p.pid

    def stop(self, within_s=10):
        """SIGTERM; the exit status, or None when it had to be killed."""
        if not self.p:
            return None
        if self.p.poll() is None:
            os.kill(self.pid(), signal.SIGTERM)
        try:
            status = self.p.wait(within_s)
        except subprocess.TimeoutExpired:
            status = None
        end(self.p)
        return status

    def log(self):
        try:
            with open(self.log_path, errors='replace') as f:
                return f.read()
        except OSError:
            return ''

    def local(self):
        """What local.json says: address, key and pid."""
        try:
            with open(os.path.join(self.state, 'local.json')) as f:
                return json.load(f)
        except (OSError, ValueError):
            return {}

    def local_key(self):
        return self.local().get('key', '')

    def ask(self, method, path, headers=None, body=None, timeout_s=30):
        """As the user's own command line asks: with the local key."""
        local = self.local()
        if 'key' in local:
            headers = {'Authorization': 'Bearer ' + local['key'], **(headers or {})}
        port = int(local['address'].rpartition(':')[2]) if 'address' in local else self.port
        return ask(port, method, path, headers, body, timeout_s)

    def key(self, name, **limits):
        """A new key's text."""
        made = self.ask('POST', '/nigh/v1/keys', body={'name': name, **limits})
        if made.status != 200:
            raise RuntimeError(f'no key {name}:\n{made.describe()}')
        return made.json()['key']

    def status(self):
        return self.ask('GET', '/nigh/v1/status').json() or {}

    def bill(self, answer, within_s=5):
        """The bill of the turn that gave this answer; it is settled after the last byte."""
        turn = answer.header('nigh-turn')
        got = until(lambda: (a := self.ask('GET', f'/nigh/v1/turns/{turn}')).status == 200 and a, within_s)
        return got.json() if got else None

    def rows(self, sql, args=()):
        """From the node's database, read-only."""
        db = sqlite3.connect(f'file:{self.state}/nigh.db?mode=ro', uri=True, timeout=5)
        try:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute(sql, args)]
        finally:
            db.close()

    def cli(self, *args, stdin=None):
        return subprocess.run([NIGH, *args], env={**self.env, 'NIGH_CONFIG': self.config_path},
                              stdin=subprocess.DEVNULL if stdin is None else None, input=stdin,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def children(pid):
    """Process ids of all descendants."""
    out = []
    try:
        for task in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{task}/children') as f:
                for child in f.read().split():
                    out += [int(child), *children(int(child))]
    except OSError:
        pass
    return out


def cloud_yaml(name, port, models, extra=(), api='openai', host='127.0.0.1'):
    """One entry of `clouds:`; models: [(name, {key: value})]."""
    lines = [f'  - name: {name}', f'    api: {api}', f'    url: http://{host}:{port}/v1']
    lines += [f'    {line}' for line in extra]
    lines.append('    models:')
    for model, keys in models:
        row = {'name': model, 'quality': 0.9, **keys}
        lines.append('      - {' + ', '.join(f'{k}: {json.dumps(v)}' for k, v in row.items()) + '}')
    return '\n'.join(lines)


def find_model():
    """A real small model beside the checkout, or None."""
    for path in (os.environ.get('NIGH_MODEL'),
                 os.path.join(ROOT, '..', 'shared', 'models', 'stories260K.gguf')):
        if path and os.path.exists(path):
            return os.path.realpath(path)
    return None


def find_llama():
    """llama-server as nigh looks for it, or None."""
    return shutil.which('llama-server') or shutil.which(os.path.join(DEPS, 'bin', 'llama-server'))


def need_engine():
    """None, or the reason why the engine cannot be tried here."""
    if not find_llama():
        return 'llama-server is neither on the PATH nor in ' + DEPS
    if not find_model():
        return 'no model: ../shared/models/stories260K.gguf is not there and NIGH_MODEL is not set'
    return None
