"""Rows 7 to 9, ways out: addresses in a turn, failures that step over a boundary, redirects."""
import os
import shutil

import obey
import rig
from canary import Canary
from world import CHAT, METADATA, say

FLIP = 'flip.test'  # a name whose address changes between the check and the connection


def addresses():
    """Sixty ways to write an address that a server must not fetch."""
    plain = ['127.0.0.1', '0.0.0.0', '10.0.0.1', '172.16.0.1', '192.168.0.1', METADATA, '100.64.0.1', 'localhost',
             'metadata.google.internal', 'localhost.localdomain', FLIP, '127.0.0.1.nip.io', '10.77.1.1']
    odd = ['2130706433', '0x7f000001', '017700000001', '127.1', '127.0.1', '0177.0.0.1', '0x7f.0.0.1', '2852039166',
           '0xa9fea9fe', '025177524776', '169.254.43518', '0251.0376.0251.0376', '127.0.0.1.', '127.000.000.001',
           '\uff11\uff12\uff17.0.0.1', '\u2460\u2461\u2466.0.0.1', '169\u3002254\u3002169\u3002254', 'LOCALHOST', '127.0.0.1%00.example']
    six = ['[::1]', '[::]', '[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[::ffff:169.254.169.254]', '[2002:7f00:1::]', '[2002:a9fe:a9fe::]',
           '[64:ff9b::a9fe:a9fe]', '[fe80::1%25cable]', '[fe80::1]', '[fd77::1]', '[::127.0.0.1]', '[0:0:0:0:0:0:0:1]', '[fec0::1]']
    out = [f'http://{host}/a.png' for host in plain + odd + six]
    out += [f'http://user:pw@{METADATA}/latest/meta-data/', f'http://example.test@{METADATA}/', f'http://{METADATA}:80/',
            f'http://{METADATA}#@example.test/', f'http://{METADATA}\\@example.test/', f'HTTP://{METADATA}/', f'https://{METADATA}/',
            'ftp://10.0.0.1/a', 'gopher://10.0.0.1:70/_x', 'file:///etc/passwd', 'dict://127.0.0.1:11211/stat',
            'http:10.0.0.1/', '//10.0.0.1/a.png', f'http://{FLIP}:8080/302']
    return out


def shapes(url):
    """What can hold an address, API by API."""
    image = {'type': 'image_url', 'image_url': {'url': url}}
    yield CHAT, {'messages': [{'role': 'user', 'content': [{'type': 'text', 'text': 'look at ' + url}, image]}]}
    yield '/v1/responses', {'store': False, 'input': [{'role': 'user', 'content': [
        {'type': 'input_text', 'text': 'look at ' + url}, {'type': 'input_image', 'image_url': url}]}]}
    yield '/v1/responses', {'store': False, 'input': [{'role': 'user', 'content': [
        {'type': 'input_text', 'text': 'read'}, {'type': 'input_file', 'file_url': url}]}]}
    for kind in ('image', 'document'):
        yield '/v1/messages', {'max_tokens': 9, 'messages': [{'role': 'user', 'content': [
            {'type': kind, 'source': {'type': 'url', 'url': url}}, {'type': 'text', 'text': 'what is there?'}]}]}
    yield CHAT, {'messages': [{'role': 'user', 'content': f'fetch {url} and tell me'}]}


def row_7(world, tap):
    world.recorder.names[FLIP] = [world.far.address, METADATA]
    node = world.node([world.far], engine={'queue': 64})
    urls, statuses, open_socket = addresses(), {}, os.path.join(node.folder, 'bus')
    for url in urls + [f'unix:{open_socket}']:
        for path, body in shapes(url):
            a = node.ask('POST', path, {'Nigh-Label': 'device', 'anthropic-version': '2023-06-01'}, {'model': 'auto', **body})
            statuses[a.status] = statuses.get(a.status, 0) + 1
    tap.equal(world.quiet(), None, f'row 7: {len(urls)} addresses in {sum(statuses.values())} turns of every API: nothing is '
              f'fetched, no name is asked (statuses {statuses})')
    tap.tell(statuses.get(200, 0) >= len(urls) and set(statuses) <= {200, 400, 422, 501, 503}, 'row 7: plain text with an '
             'address is answered here; what cannot be looked at is refused', statuses)
    # The same, where a cloud may look: the address travels as text, and nothing but the cloud is spoken to.
    world.forget()
    for path, body in shapes('http://pictures.example.org/latest/'):
        node.ask('POST', path, {'anthropic-version': '2023-06-01'}, {'model': 'far/big', **body})
    tap.tell(set(world.kernel.calls()) <= {(world.far.address, 8080)} and b'pictures.example.org' in world.far.data,
             'row 7: to a cloud an address goes as text', world.kernel.calls())
    world.judge(tap, 'row 7', node)
    node.stop()
    name_that_lies(world, tap)


def name_that_lies(world, tap):
    """A server of home, spoken to in the clear by its name, and a name server that says it is somebody's."""
    honest, far_away = world.cloud('honest', 'home', host='honest.test'), '203.0.113.9'
    lured = [world.cloud(f'lured-{n}', 'home', host=f'lured-{n}.test') for n in range(3)]
    node, mark = world.node([honest, *lured], engine={'enabled': 'false'}), Canary('home')
    stranger = world.recorder.place(far_away, 8080)
    for cloud, told in zip(lured, ([far_away], [far_away, honest.address], ['8.8.8.8'])):
        world.recorder.names[cloud.host] = told
        a = say(node, mark.text, 'home', model=cloud.name + '/big')
        if len(told) == 1:
            tap.tell(a.status == 503 and 'its name leads out' in a.body.decode(), f'row 7: a name of home that leads to {told[0]}: '
                     f'{a.status} with the reason', a.describe())
    a = say(node, mark.text, 'home', model='honest/big')
    tap.tell(a.status == 200 and mark.found(honest.data), 'row 7: one that leads home arrives', a.describe())
    tap.tell(not stranger.connects and set(world.kernel.calls()) == {(honest.address, 8080)}, 'row 7: the stranger was not even called',
             world.kernel.calls())
    world.judge(tap, 'row 7: names', node, [mark])
    node.stop()


def row_8(world, tap):
    """Label device, and the engine fails in every way: refused with the reason; the cloud hears nothing."""
    mark = Canary()
    lost = {'model': shutil.copy(world.model, world.folder + '/lost.gguf'), 'program': shutil.copy(obey.__file__, world.folder + '/lost')}
    broken = {  # how: (engine's config, what is asked, headers)
        'dies': ({}, 'obey{"do": "die"}', {}),
        'runs out of memory': ({'memory': '200MiB'}, 'obey{"do": "eat"}', {}),
        'answers 500': ({}, 'obey{"do": "fail"}', {}),
        'hangs': ({}, 'obey{"do": "hang"}', {'Nigh-Deadline-Ms': '1500'}),
        'has lost its model': ({'model': lost['model']}, 'hello', {}),
        'has lost its program': ({'program': lost['program']}, 'hello', {}),
        'is off': ({'enabled': 'false'}, 'hello', {}),
    }
    for how, (engine, text, headers) in broken.items():
        node = world.node([world.far, world.den], engine=engine)
        for path in set(engine.values()) & set(lost.values()):
            os.remove(path)
        if how == 'hangs':
            say(node, 'hello', 'device')  # so that it is expected to be quick enough
        a = say(node, f'{mark.text} {text}', 'device', headers=headers)
        b = say(node, f'{mark.text} {text}', 'device', model='far/big', headers=headers)
        tap.tell(a.status in (502, 503, 504) and 'device' in a.body.decode() and mark.text not in a.body.decode() and b.status == 403,
                 f'row 8: the engine {how}: {a.status} with the label and the reason', a.describe() + b.describe())
        tap.equal(world.quiet(), None, f'row 8: the engine {how}: nothing left the device')
        a = say(node, text.replace('hang', 'die'))
        tap.tell(a.status == 200 and a.header('nigh-place') in ('far/big', 'den/big'),
                 f'row 8: the engine {how}: what may leave is answered', a.describe())
        node.stop()
    failover_stays_inside(world, tap)


def failover_stays_inside(world, tap):
    mark = Canary('home')
    node = world.node([world.far, world.den, world.firm], engine={'enabled': 'false'})
    for act in ((503, {'Retry-After': '60'}, ['{}']), (429, {'Retry-After': '60'}, ['{}']), (500, {}, ['no JSON']), None, (200, {}, ['{"choices":1}'])):
        world.den.acts = [act] * 8
        a = say(node, mark.text, 'home')
        tap.tell(a.status >= 400, f'row 8: home fails with {act and act[0]}: {a.status}', a.describe())
    world.den.acts = []
    world.judge(tap, 'row 8: a boundary that fails', node, [mark])
    tap.tell(mark.found(world.den.data) and not world.far.connects and not world.firm.connects,
             'row 8: only home was asked', world.kernel.calls())
    node.stop()


KEY = 'sk-canary-of-the-cloud'


def lies(evil, same):
    """(status, headers) of answers that send us elsewhere, or ask for the key in another's name."""
    elsewhere = [evil.url() + '/v1/chat/completions', f'https://{evil.address}/', same.url() + '/v1', f'https://{same.address}/',
                 f'http://{METADATA}/latest/', f'//{evil.address}:8081/x', 'http://other.test/', 'file:///etc/passwd',
                 f'http://{KEY}@{evil.address}:8081/']
    out = [(status, {'Location': to, 'Set-Cookie': 'spy=1; Path=/'}) for status in (301, 302, 303, 307, 308) for to in elsewhere]
    out += [(401, {'WWW-Authenticate': f'Bearer realm="{evil.url()}/token",service="x"'}),
            (401, {'WWW-Authenticate': f'Basic realm="{evil.url()}"'}), (401, {'WWW-Authenticate': 'Digest realm="x", nonce="1"'}),
            (407, {'Proxy-Authenticate': f'Basic realm="{evil.url()}"'})]
    return out + [(200, {'Refresh': f'0; url={evil.url()}', 'Alt-Svc': f'h2="{evil.address}:8081"', 'Link': f'<{evil.url()}>'})]


def row_9(world, tap):
    evil, same = world.cloud('evil', None, port=8081), world.cloud('other-port', None, world.far.address, 8443)
    for kind in ('openai', 'anthropic', 'openai-responses'):
        # Each lie from a cloud of its own: one that fails often is not asked any more.
        acts = lies(evil, same)
        clouds = [world.cloud(f'{kind}-{n}', 'public', host=f'{kind}-{n}.test' if n % 3 == 0 else None) for n in range(len(acts))]
        node = world.node([rig.cloud_yaml(c.name, c.port, [('big', {})], ['zone: public', 'plain_http: true', 'key_env: CLOUD_KEY'],
                                          kind, c.host) for c in clouds],
                          engine={'enabled': 'false'}, env={'CLOUD_KEY': KEY})
        told = []
        for cloud, (status, headers) in zip(clouds, acts):
            cloud.acts = [(status, headers, ['{}'])] * 8
            for _ in range(2):  # the second time with what the first one gave us to keep
                told.append(say(node, 'hello', model=cloud.name + '/big'))
        trusted = {(c.address, c.port) for c in clouds}
        tap.equal(([to for to in world.kernel.calls() if to not in trusted],
                   [name for name, _ in world.recorder.queries if not name.startswith(kind)]), ([], []),
                  f'row 9: {len(acts)} redirects and foreign realms ({kind}): no second socket, no other name asked')
        bad = [a.describe() for a in told if a.status < 400 or evil.address in a.body.decode() or KEY in a.body.decode()]
        tap.equal(bad, [], 'row 9: each is an error for who asked, which tells neither key nor where to')
        asked = [[headers for _, _, headers, _ in c.asked] for c in clouds]
        head = 'x-api-key' if kind == 'anthropic' else 'authorization'
        tap.tell(all(a and all(KEY in h.get(head, '') and not {'cookie', 'proxy-authorization'} & h.keys() for h in a) for a in asked),
                 'row 9: the key goes to its own cloud alone, in its own header; no cookie is kept', asked[:3])
        world.judge(tap, 'row 9', node)
        node.stop()
