"""Rows 11 and 29, what is left behind: content in logs and state, sockets before the config, code from elsewhere."""
import hashlib
import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import threading

import rig
from canary import Canary
from world import CHAT, say

TOOL = {'type': 'function', 'function': {'name': 'look', 'parameters': {'type': 'object', 'properties': {'at': {'type': 'string'}}}}}


def bodies(text):
    """Every kind of request, good ones and bad ones, with a text in it: (path, body)."""
    messages = [{'role': 'user', 'content': text}]
    deep = '[' * 300 + json.dumps(text) + ']' * 300
    for more in ({}, {'stream': True}, {'tools': [TOOL]}, {'response_format': {'type': 'json_object'}}, {'grammar': f'root ::= "{text}'},
                 {'grammar': '(' * 5000 + text}, {'temperature': text}, {'max_tokens': text}, {text: 1}, {'tool_choice': text},
                 {'logit_bias': {text: 1}}, {'response_format': {'type': 'json_schema', 'json_schema': {'name': text, 'schema': {'pattern': '(' * 999 + text}}}}):
        yield CHAT, {'messages': messages, **more}
    yield CHAT, {'messages': [{'role': text, 'content': text}]}
    yield CHAT, {'messages': [*messages, {'role': 'assistant', 'tool_calls': [{'id': 'a', 'type': 'function', 'function': {
        'name': 'look', 'arguments': json.dumps({'at': text})}}]}, {'role': 'tool', 'tool_call_id': 'a', 'content': text}]}
    yield CHAT, {'messages': [{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': 'http://x/' + text}}]}]}
    yield '/v1/responses', {'input': text, 'store': False}
    yield '/v1/responses', {'input': text, 'store': False, 'previous_response_id': 'resp_' + text}
    yield '/v1/messages', {'messages': messages, 'max_tokens': 9}
    yield '/v1/messages/count_tokens', {'messages': messages}
    yield '/v1/completions', {'prompt': text}
    yield '/v1/embeddings', {'input': text}
    yield '/v1/rerank', {'query': text, 'documents': [text]}
    yield '/api/chat', {'messages': messages, 'stream': False}
    yield '/api/generate', {'prompt': text}
    yield '/tokenize', {'content': text}
    yield '/nowhere', {'messages': messages}
    for raw in (f'{{"model":"auto","messages":[{{"role":"user","content":"{text}', f'{text}', f'{{"model":"auto","{text}":}}',
                f'{{"model":"auto","messages":[{{"role":"user","content":"{text}\\u0000"}}]}}', f'{{"messages":{deep}}}', f'\xff{text}'):
        yield CHAT, raw


def failures(key, text):
    """What a cloud may say that quotes us."""
    quoted = json.dumps({'error': {'message': f'bad key {key} for {text}', 'type': text, 'code': text, 'param': text}})
    for status in (400, 401, 404, 413, 422, 429, 500, 529):
        yield status, {'Retry-After': '60', 'X-Said': text}, [quoted]
    yield 200, {'Content-Type': 'text/event-stream'}, [f'data: {{"choices": "{text}\n\n']
    yield 200, {'Content-Type': 'text/event-stream'}, [f'data: {quoted}\n\n']
    yield 200, {'Content-Type': text}, [text]
    yield 302, {'Location': f'http://{text}/{key}'}, []
    yield None


def kept_by(node, marks):
    """[(file, mark)] of what the node's folder holds, state and log, but the key file that we gave it."""
    out = []
    for folder, _, names in os.walk(node.folder):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and path != node.config_path:
                with open(path, 'rb') as f:
                    data = f.read()
                out += [(os.path.relpath(path, node.folder), what) for what, found in marks.items() if found(data)]
    return out


def row_11(world, tap):
    """Everything that can be asked and go wrong, at full verbosity; then one looks for the key and the prompt."""
    key, mark = secrets.token_urlsafe(5), Canary('public')  # seven characters without any shape
    marks = {'key': lambda data: key.encode() in data, 'prompt': lambda data: mark.found(data)}
    acts = list(failures(key, mark.text))
    clouds = [world.cloud(f'fails-{n}', 'public') for n in range(len(acts))]  # each its own: one that fails often is not asked
    node = world.node([c.yaml(['key_env: CLOUD_KEY']) for c in [world.far, *clouds]], env={'CLOUD_KEY': key}, log='debug')
    count = 0
    for label in (None, 'device'):
        for path, body in bodies(mark.text):
            if isinstance(body, dict):
                body.setdefault('model', 'auto')
            node.ask('POST', path, {'anthropic-version': '2023-06-01', **({'Nigh-Label': label} if label else {})}, body)
            count += 1
    for cloud, act in zip(clouds, acts):
        cloud.acts = [act] * 8
        say(node, mark.text, model=cloud.name + '/big', stream=True)
        say(node, mark.text, headers={'Authorization': 'Bearer ' + key, 'Nigh-Label': mark.text, 'Nigh-Profile': mark.text})
        node.ask('GET', f'/v1/{mark.text}?key={key}', {'Cookie': mark.text, 'Origin': f'http://{mark.text}'})
    say(node, mark.text + ' obey{"do": "die"}', 'device')
    broken = node.cli('config', 'check')
    told = {path: node.ask('GET', path).body for path in ('/nigh/v1/engine/log', '/nigh/v1/status', '/nigh/v1/places', '/nigh/v1/turns',
                                                          '/nigh/v1/ledger', '/metrics')}
    tap.tell(key.encode() in world.far.data and mark.found(world.far.data), 'row 11: the key and the prompt did reach the cloud')
    tap.equal([path for path, data in told.items() if key.encode() in data or mark.found(data)], [],
              'row 11: neither in what the node tells of itself')
    tap.equal([name for name, found in marks.items() if found((broken.stdout + broken.stderr).encode())], [],
              'row 11: nor in what `nigh config check` says')
    tap.tell(all(f'place={c.name}/big' in node.log() for c in clouds), 'row 11: the log tells of every failure', node.log())
    tap.equal(kept_by(node, marks), [], f'row 11: nor in its log and state folder, after {count} turns at log level debug')
    node.stop()
    tap.equal(kept_by(node, marks), [], 'row 11: nor after it has ended and written what it had to')
    for name in ('SIGKILL', 'SIGSEGV'):
        node.start()
        thread = threading.Thread(target=say, args=(node, f'obey{{"do": "hang"}} {mark.text}', 'device'))
        thread.start()
        rig.until(lambda: node.status().get('open_turns'), 5)
        os.kill(node.pid(), getattr(signal, name))
        node.p.wait(10)
        thread.join(10)
        tap.equal(kept_by(node, marks), [], f'row 11: nor after {name} in the middle of a turn')


# --- row 29 --------------------------------------------------------------------------------------------

NET = 'socket,connect,bind,sendto,sendmsg,listen'


def row_29(world, tap):
    opens_nothing_before_its_config(world, tap)
    runs_no_code_from_elsewhere(world, tap)
    builds_the_same_anywhere(tap)


def traced(node):
    """Its system calls in order, of every process and thread."""
    with open(node.folder + '/trace', errors='replace') as f:
        return f.read().split('\n')


def opens_nothing_before_its_config(world, tap):
    if not shutil.which('strace'):
        tap.skip('row 29: no socket before the config', 'strace is not here')
        return
    folder = rig.temp_dir()
    trace = ['strace', '-f', '-qq', '-e', f'trace=openat,execve,{NET}', '-o', folder + '/trace']
    node = rig.Node(world.config([world.far]), prefix=trace, folder=folder)
    world.forget()
    node.start(30)
    lines = traced(node)
    loaded = next((i for i, line in enumerate(lines) if 'config.yaml' in line and 'openat' in line), None)
    sockets = [line for line in lines[:loaded] if re.search(r'\b(' + NET.replace(',', '|') + r')\(', line)]
    tap.tell(loaded is not None and not sockets, 'row 29: no socket is opened before the config is read', sockets or 'not traced')
    tap.equal(world.quiet(), None, 'row 29: nothing leaves the device when it starts')
    say(node, 'hello', 'device')
    say(node, 'hello', model='far/big')
    inet = [line for line in traced(node) if re.search(r'(connect|sendto|sendmsg)\(.*sin6?_addr', line)]
    tap.tell(inet and all(f'"{world.far.address}"' in line for line in inet), 'row 29: the one address it connects to, in turns of '
             'both kinds, is the cloud of its config', inet)
    runs = [re.search(r'execve\("([^"]*)"', line)[1] for line in traced(node) if 'execve(' in line and '= 0' in line]
    own = os.path.realpath(rig.NIGH)
    tap.tell(runs and all(os.path.realpath(p) == own or p.startswith(('/proc/self/exe', '/usr/', '/bin/')) or p.endswith('/obey.py') for p in runs),
             'row 29: it runs itself and its engine, nothing else', runs)
    node.stop()
    with open(node.config_path, 'a') as f:
        f.write('nonsense: {}\n')
    rig.end(rig.spawn([*trace, rig.NIGH, 'serve', '--config', node.config_path], env=node.env, stderr=subprocess.DEVNULL), 0, 20)
    sockets = [line for line in traced(node) if re.search(r'\b(' + NET.replace(',', '|') + r')\(', line)]
    tap.equal(sockets, [], 'row 29: with a config that is refused it opens no socket at all')


def runs_no_code_from_elsewhere(world, tap):
    node = world.node()
    say(node, 'hello', 'device')
    say(node, 'hello', model='far/big')
    strange = []
    with open(f'/proc/{node.pid()}/maps') as f:
        for line in f:
            mode, path = line.split()[1], ' '.join(line.split()[5:])
            system = path.startswith(('/usr/', '/lib/', '/lib64/', rig.DEPS, '[vdso]', '[vsyscall]')) or path == os.path.realpath(rig.NIGH)
            if 'x' in mode and ('w' in mode or not system):
                strange.append(line.strip())
    tap.equal(strange, [], 'row 29: every executable page is of its own file or a library of the system; none can be written')
    node.stop()


def builds_the_same_anywhere(tap):
    """No file knows where or when it was compiled; a sample of them, compiled again in another folder, is the same."""
    with open(rig.NIGH, 'rb') as f:
        tap.tell(rig.ROOT.encode() + b'/' not in f.read(), 'row 29: the program does not know in which folder it was built')
    listed = os.path.join(rig.BUILD, 'compile_commands.json')
    if not os.path.exists(listed):
        tap.skip('row 29: the same objects from another folder', f'{listed} is not here')
        return
    with open(listed) as f:
        rows = [row for row in json.load(f) if re.search(r'src/(base/str|net/call|label/gate|nigh/main)\.c$', row['file'])
                and re.search(r'-o (libnigh\.a|nigh)\.p/', row['command'])]
    other = rig.temp_dir()
    shutil.copytree(os.path.join(rig.ROOT, 'src'), other + '/src')
    os.makedirs(other + '/build')
    differ = []
    for row in rows:
        out = re.search(r' -o (\S+)', row['command'])[1]
        words = [w.replace(row['directory'], other + '/build') for w in shlex.split(row['command'])]
        words = [w for w in words if w not in ('-MD', 'ccache')]
        del words[words.index('-MQ'):words.index('-MQ') + 4]
        words[words.index('-o') + 1] = 'x.o'
        subprocess.run(words, cwd=other + '/build', check=True)
        if digest(other + '/build/x.o') != digest(os.path.join(row['directory'], out)):
            differ.append(row['file'])
    tap.tell(len(rows) == 4 and not differ, f'row 29: {len(rows)} objects compiled again in another folder are the same', differ)
    tap.tell(all('-Werror=date-time' in row['command'] for row in rows), 'row 29: no file may tell when it was compiled')


def digest(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()
