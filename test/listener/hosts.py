"""Rows 1 and 2: what a web page can send to a port of this device does nothing."""
import rig
from wire import *

HOSTS = ['evil.example', 'evil.example:PORT', '127.0.0.1.nip.io', '127.0.0.1.nip.io:PORT', 'localhost.', 'localhost.:PORT',
         'localhost.evil.example', 'evil.localhost.example', 'box.local.evil.example', '', ':PORT', '.local', '.localhost', '0x7f000001',
         '2130706433', '127.1', '0177.0.0.1', '127.0.0.1.', '[evil.example]', '[::1', '127.0.0.1@evil.example', 'evil.example#127.0.0.1',
         'evil.example?localhost', 'box.lan.', 'evil.box.lan', 'boxxlan', '127.0.0.1, evil.example', '127.0.0.1 evil.example']
MINE = ['127.0.0.1', '127.0.0.1:PORT', 'localhost', 'LOCALHOST:PORT', '[::1]:PORT', '192.168.1.7', 'a.localhost', 'box.local', 'box.lan',
        'BOX.lan:PORT']
PAGES = [
    {'Origin': 'https://evil.example'}, {'Origin': 'http://evil.example'}, {'Origin': 'null'}, {'Origin': 'file://'},
    {'Origin': 'http://127.0.0.1'}, {'Origin': 'http://127.0.0.1:1'}, {'Origin': 'http://localhost:PORT'}, {'Origin': 'chrome-extension://abc'},
    {'Sec-Fetch-Site': 'cross-site'}, {'Sec-Fetch-Site': 'same-site'}, {'Sec-Fetch-Site': 'nonsense'},
    {'Origin': 'https://evil.example', 'Sec-Fetch-Site': 'same-origin'},
]
FORMS = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain; application/json',
         'application/jsonx', 'text/json', '']
TURNS = ['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/embeddings', '/v1/messages', '/api/chat', '/api/generate']
READS = ['/v1/models', '/nigh/v1/status', '/nigh/v1/turns', '/nigh/v1/ledger', '/nigh/v1/keys', '/api/tags', '/', '/healthz']


def run(tap):
    cloud = rig.Standin()
    node = rig.Node(config(cloud, more='hosts: [box.lan]\n'))
    node.start()
    port = str(node.port)
    answers = []

    def ask(method, path, headers=None, body=None):
        rows = {k: v.replace('PORT', port) for k, v in (headers or {}).items()}
        answers.append(rig.ask(node.port, method, path, rows, body))
        return answers[-1]

    for host in HOSTS:
        got = {ask('POST', '/v1/chat/completions', {'Host': host, 'Origin': f'http://{host}'}, CHAT).status,
               ask('POST', '/v1/chat/completions', {'Host': host}, CHAT).status, ask('GET', '/nigh/v1/status', {'Host': host}).status}
        tap.equal(got, {403}, f'Host {host!r} is nobody\'s here')
    two, _ = raw(node.port, b'GET /nigh/v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n', 0.5)
    tap.tell(two.startswith(b'HTTP/1.1 403 '), 'two Hosts are none', two[:300])
    none, closed = raw(node.port, b'GET /nigh/v1/status HTTP/1.1\r\n\r\n', 0.5)
    tap.tell(none.startswith(b'HTTP/1.1 400 ') and closed, 'nor is no Host at all', none[:300])
    for host in MINE:
        tap.equal(ask('GET', '/v1/models', {'Host': host}).status, 200, f'Host {host!r} is this node\'s')

    for headers in PAGES:
        got = {ask('POST', path, headers, CHAT).status for path in TURNS} | {ask('GET', path, headers).status for path in READS}
        tap.equal(got, {403}, f'{headers}: a page of somebody else')
    for kind in FORMS:
        got = {ask('POST', path, {'Content-Type': kind, 'Sec-Fetch-Mode': 'no-cors'}, CHAT).status for path in TURNS}
        tap.equal(got, {415}, f'a form, or fetch with no-cors, of {kind!r} is no request')
    got = {ask('OPTIONS', path, {'Origin': 'https://evil.example', 'Access-Control-Request-Method': 'POST'}).status for path in TURNS}
    tap.tell(not got & {200, 204}, 'a preflight gets no leave', got)
    socket_headers = {'Upgrade': 'websocket', 'Connection': 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'x' * 24}
    got = {ask('GET', path, {**socket_headers, **more}).status for path in ['/', '/v1/models', '/nigh/v1/status']
           for more in ({}, {'Origin': 'https://evil.example'}, {'Origin': 'http://127.0.0.1:PORT'})}
    tap.equal(got, {403}, 'a WebSocket is refused, whoever asks')
    tap.equal(ask('GET', '/v1/models', {'Upgrade': 'h2c', 'Connection': 'Upgrade, HTTP2-Settings'}).status, 200, 'the offer of HTTP/2 is not')
    tap.equal(cloud.seen()['requests'], 0, 'none of all that reached a place')
    turns = node.rows('SELECT count(*) AS n FROM turns WHERE http_status = 200')[0]['n']
    tap.equal(turns, 0, 'or was a turn')

    # What changes the node's own state asks for a key even here, where there is none yet.
    got = [ask('POST', '/nigh/v1/keys', h, {'name': 'x'}).status for h in
           ({}, {'Sec-Fetch-Site': 'same-origin'}, {'Authorization': 'Bearer nonsense'}, {'Authorization': 'Bearer '})]
    tap.equal(got, [401] * 4, 'nobody makes a key without one')
    tap.equal(ask('DELETE', '/nigh/v1/keys/x').status, 401, 'or ends one')
    tap.equal(node.ask('GET', '/nigh/v1/keys').json(), {'keys': []}, 'so there is none')

    # And programs of this device go on as they are.
    tap.equal(ask('POST', '/v1/chat/completions', {}, CHAT).status, 200, 'an SDK without a key is served')
    tap.equal(ask('POST', '/api/chat', {'Content-Type': 'application/x-www-form-urlencoded'}, {**CHAT, 'stream': False}).status, 200,
              'and curl -d as Ollama\'s pages show it')
    tap.equal(ask('POST', '/v1/chat/completions', {'Origin': f'http://127.0.0.1:{port}', 'Sec-Fetch-Site': 'same-origin'}, CHAT).status, 200,
              'and a page of the node\'s own')
    told = [name for a in answers for name in a.headers if name.startswith('access-control-')]
    tap.equal(told, [], f'no answer of {len(answers)} says Access-Control-Allow-anything')
    node.stop()
