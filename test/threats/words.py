"""Rows 23, 24, 25 and 27, private words: written so that a search for them fails, hidden in codes, cut in two, or in so
much that the search gives up.  What is looked at is what a public place would see, and nothing else."""
import base64
import json
import random
import re

import rig
from world import CHAT, briefly, cpu_s, say

DIGITS = '0123456789'


def luhn(digits):
    total = sum(sum(divmod(int(d) * (1 + i % 2), 10)) for i, d in enumerate(reversed(digits + '0')))
    return digits + str(-total % 10)


def card(chance):
    return luhn('4' + ''.join(chance.choices(DIGITS, k=14)))


def iban(chance):
    account = ''.join(chance.choices(DIGITS, k=18))
    check = 98 - int(account + '131400') % 97  # DE00
    return f'DE{check:02d}{account}'


def email(chance):
    name = ''.join(chance.choices('abcdefghkmnoprstuw', k=7))
    return f'{name}.{"".join(chance.choices("bdfghklmnprst", k=2))}ann@{name[:5]}mail.example.com'


def token(chance):
    return 'sk_live_' + ''.join(chance.choices('ABCDEFGHJKMNPQRSTUVWXYZabcdefghkmnpqrstuvwxyz' + DIGITS, k=24))


KINDS = {'card': card, 'iban': iban, 'email': email, 'token': token}


def values(n, seed=1):
    """n values of each kind, the same in every run."""
    chance = random.Random(seed)
    return [(kind, make(chance)) for kind, make in KINDS.items() for _ in range(n)]


def swapped(text, pairs):
    return text.translate(str.maketrans(*pairs))


ROT13 = ('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ', 'nopqrstuvwxyzabcdefghijklmNOPQRSTUVWXYZABCDEFGHIJKLM')
EVASIONS = {  # the seventeen of issue 4, but for `split over two messages`, which is row 25's too
    'zero width': lambda v: '\u200b'.join(v),
    'soft hyphen': lambda v: '\u00ad'.join(v),
    'tag block': lambda v: ''.join(chr(0xe0000 + ord(c)) for c in v),
    'base64': lambda v: base64.b64encode(v.encode()).decode(),
    'hex': lambda v: v.encode().hex(),
    'percent': lambda v: ''.join(f'%{ord(c):02x}' for c in v),
    'entities': lambda v: ''.join(f'&#{ord(c)};' for c in v),
    'full width': lambda v: ''.join(chr(ord(c) + 0xfee0) if '!' <= c <= '~' else c for c in v),
    'confusables': lambda v: swapped(v, ('aceopxyABEKMHOPCTX', '\u0430\u0441\u0435\u043e\u0440\u0445\u0443\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425')),
    'spaced out': lambda v: ' '.join(v),
    'thin spaces': lambda v: '\u2009'.join(re.findall('.{1,4}', v)),
    'mid-newline': lambda v: v[:len(v) // 2] + '\n' + v[len(v) // 2:],
    'reversed': lambda v: v[::-1],
    'rot13': lambda v: swapped(v, ROT13),
    'leet': lambda v: swapped(v, ('oieast', '013457')),
    'case': str.swapcase,
}
PHRASE = {'card': 'My credit card number is {}, please note it.', 'iban': 'Pay to my account, IBAN {}, today.',
          'email': 'You can write to me, my e-mail is {} as ever.', 'token': 'The secret API key is {} for the shop.'}


def texts_of(body):
    """Every text in a body that a cloud got."""

    def walk(value):
        if isinstance(value, str):
            yield value
        elif isinstance(value, (dict, list)):
            for inner in value.values() if isinstance(value, dict) else value:
                yield from walk(inner)
    try:
        return list(walk(json.loads(body)))
    except ValueError:
        return [body]


def shows(cloud, hidden):
    """Does anything that came to the cloud hold half of this, or more, in a row?"""
    half = max(4, (len(hidden) + 1) // 2)
    windows = {hidden[i:i + half] for i in range(len(hidden) - half + 1)}
    return any(w in text for body in cloud.bodies() for text in texts_of(body) for w in windows)


def row_23(world, tap):
    node = world.node()
    world.far.mind = briefly
    kept, arrived = {}, 0
    for name, hide in EVASIONS.items():
        tried = [(kind, v) for kind, v in values(5) if hide(v) != v]
        safe = 0
        for kind, value in tried:
            world.far.turn_over()
            say(node, PHRASE[kind].format(hide(value)), model='far/big')
            arrived += len(world.far.bodies())
            safe += not shows(world.far, hide(value))
        kept[name] = (safe, len(tried))
    kept['two messages'] = two_messages(world, node)
    for name, (safe, n) in kept.items():
        print(f'# row 23: {name:13} {safe:2} of {n:2} kept from a public place')
    rates = [safe / n for safe, n in kept.values()]
    tap.tell(sum(r >= .95 for r in rates) >= 11 and min(rates) > 0 and len(rates) == 17,
             'row 23: of 17 ways to hide a value 11 do not get .05 of them out, and none gets all', kept)
    tap.tell(arrived > 50, f'row 23: what is masked does arrive ({arrived} turns)')
    world.far.turn_over()
    told = {value: say(node, PHRASE[kind].format(value), model='far/big').status for kind, value in values(5)}
    tap.equal([v for v in told if shows(world.far, v)], [], 'row 23: as they are, none gets out')
    tap.equal(sorted(told.values()), [200] * 15 + [403] * 5, 'row 23: card, account and address are masked, a secret is kept')
    world.judge(tap, 'row 23', node)
    stripped_is_not_sent(world, tap, node)
    node.stop()


def two_messages(world, node):
    safe, tried = 0, values(5)
    for kind, value in tried:
        first, rest = PHRASE[kind].format('\0').split('\0')
        half = len(value) // 2
        world.far.turn_over()
        say(node, [{'role': 'user', 'content': first + value[:half]}, {'role': 'user', 'content': value[half:] + rest}], model='far/big')
        safe += not both(world.far, value[:half], value[half:])
    return safe, len(tried)


def both(cloud, first, second):
    """Two pieces of a value, each told by a text that begins or ends with it."""
    told = [text for body in cloud.bodies() for text in texts_of(body)]
    return any(t.rstrip().endswith(first) for t in told) and any(t.lstrip().startswith(second) for t in told)


def stripped_is_not_sent(world, tap, node):
    """Format characters inside of a value go with it: its skeleton would tell its length and kind."""
    world.far.turn_over()
    value = values(1)[0][1]
    say(node, PHRASE['card'].format('\u200b'.join(value)) + ' Bye.', model='far/big')
    sent = [text for body in world.far.bodies() for text in texts_of(body)]
    tap.tell(not any('\u200b' in text for text in sent) and (not sent or any('Bye.' in text for text in sent)),
             'row 23: what the search strips is stripped from what is sent', sent)


# --- row 24 --------------------------------------------------------------------------------------------


def row_24(world, tap):
    node = world.node()
    world.far.mind = briefly
    codes = {'base64': EVASIONS['base64'], 'hex': EVASIONS['hex'], 'percent': EVASIONS['percent'],
             'base64url': lambda v: base64.urlsafe_b64encode(v.encode()).decode().rstrip('='),
             'base64 of a sentence': lambda v: base64.b64encode(f'the number is {v}, as agreed'.encode()).decode(),
             'upper-case hex': lambda v: v.encode().hex().upper(),
             'entities': lambda v: ''.join(f'&#x{ord(c):x};' for c in v)}
    out = []
    for name, code in codes.items():
        for kind, value in values(2, seed=2):
            world.far.turn_over()
            say(node, PHRASE[kind].format(code(value)), model='far/big')
            out += [(name, kind)] if shows(world.far, code(value)) else []
    tap.equal(out, [], f'row 24: {len(codes)} codes of a value: none gets out')
    # A bomb: more encoded runs than anybody decodes, the value in the last of them.
    value = values(1, seed=3)[0][1]
    chance = random.Random(4)
    runs = [base64.b64encode(f'nothing to see here {chance.random()}'.encode()).decode() for _ in range(10000)]
    last = base64.b64encode(f'my credit card is {value}'.encode()).decode()
    for name, text in (('10,000 runs', ' '.join([*runs, last])), ('one run of 2 MB', base64.b64encode(
            (f'word {chance.random()} ' * 100000).encode() + f'my credit card is {value}'.encode()).decode())):
        world.far.turn_over()
        before = cpu_s(node)
        a = say(node, text, model='far/big')
        took = cpu_s(node) - before
        whole = last if ' ' in text else text[-200:]
        tap.tell(a.status == 403 or (a.status == 200 and not shows(world.far, whole)),
                 f'row 24: a bomb of {name} is sensitive: {a.status}', a.describe()[:300])
        tap.tell(took < 2, f'row 24: and costs a bounded time ({took * 1000:.0f} ms of the processor)', took)
    world.far.turn_over()
    a = say(node, ' '.join(runs[:20]), model='far/big')
    tap.tell(a.status == 200 and shows(world.far, runs[0]), 'row 24: a few runs with nothing in them arrive as they are', a.describe())
    world.judge(tap, 'row 24', node)
    node.stop()


# --- row 25 --------------------------------------------------------------------------------------------


def cuts(first, second, value, n):
    """(how, turns): a value whose two pieces stand in neighbouring texts; each turn is a body without its model."""
    user = lambda text: {'role': 'user', 'content': text}
    call = {'role': 'assistant', 'tool_calls': [{'id': 'a', 'type': 'function', 'function': {
        'name': 'note', 'arguments': json.dumps({'a': first, 'b': second})}}]}
    yield 'two messages', [{'messages': [user(first), user(second)]}]
    yield 'two messages with an answer between', [{'messages': [user(first), {'role': 'assistant', 'content': 'go on'}, user(second)]}]
    yield 'two parts', [{'messages': [user([{'type': 'text', 'text': first}, {'type': 'text', 'text': second}])]}]
    yield "two fields of a call's arguments", [{'messages': [user('note it'), call, {'role': 'tool', 'tool_call_id': 'a', 'content': 'done'}]}]
    yield 'two requests of a session', [{'messages': [user(first)]}, {'messages': [user(second)]}]


def row_25(world, tap):
    """Every kind of value, cut at every offset: a public place never has both pieces."""
    node = world.node()
    world.far.mind = briefly
    leaked, tried, whole = {}, {}, 0
    for kind, value in values(1, seed=5):
        before, after = PHRASE[kind].format('\0').split('\0')
        for n in range(1, len(value)):
            for how, turns in cuts(before + value[:n], value[n:] + after, value, n):
                world.far.turn_over()
                for body in turns:
                    a = node.ask('POST', CHAT, {'Nigh-Session': f'{kind}-{n}'} if len(turns) > 1 else {}, {'model': 'far/big', **body})
                whole += a.status == 200
                tried[how] = tried.get(how, 0) + 1
                if both(world.far, value[:n], value[n:] + after):
                    leaked.setdefault(how, []).append(f'{kind} at {n}')
    for how, n in tried.items():
        tap.equal(leaked.get(how, []), [], f'row 25: a value in {how}, cut at {n} offsets')
    world.far.turn_over()
    a = say(node, [{'role': 'user', 'content': 'My credit card number is'}, {'role': 'user', 'content': 'not your business.'}], model='far/big')
    tap.tell(a.status == 200 and len(world.far.bodies()) == 1, 'row 25: two messages that make no value arrive', a.describe())
    world.judge(tap, 'row 25', node)
    node.stop()
    corners(world, tap)
    consented(world, tap)


def fields(value):
    """(where, body of a chat) for every corner in which a value may stand."""
    said = f'my card is {value} ok'
    user = [{'role': 'user', 'content': 'hello'}]
    data = base64.b64encode((said + ' and so on' * 300).encode()).decode()

    def tool(**more):
        return {'messages': user, 'tools': [{'type': 'function', 'function': {
            'name': 'f', 'parameters': {'type': 'object', 'properties': {'a': {'type': 'string'}}}, **more}}]}

    def called(arguments, result='ok', name='a'):
        return {**tool(), 'messages': [*user, {'role': 'assistant', 'tool_calls': [{'id': name, 'type': 'function', 'function': {
            'name': 'f', 'arguments': arguments}}]}, {'role': 'tool', 'tool_call_id': name, 'content': result}]}

    def parts(*all_of_them):
        return {'messages': [{'role': 'user', 'content': [{'type': 'text', 'text': 'look'}, *all_of_them]}]}

    yield from {
        'a system message': {'messages': [{'role': 'system', 'content': said}, *user]},
        "the assistant's words": {'messages': [*user, {'role': 'assistant', 'content': said}, *user]},
        'a refusal': {'messages': [*user, {'role': 'assistant', 'refusal': said}, *user]},
        'reasoning': {'messages': [*user, {'role': 'assistant', 'content': 'x', 'reasoning_content': said}, *user]},
        'a name': {'messages': [{'role': 'user', 'name': value, 'content': 'x'}]},
        'the user': {'messages': user, 'user': value},
        'metadata': {'messages': user, 'metadata': {'k': said}},
        'a key of metadata': {'messages': user, 'metadata': {value: 'x'}},
        'an unknown member': {'messages': user, 'frob': {'deep': [said]}},
        'a number': {'messages': user, 'frob': int(value)},
        'a number, deep': {'messages': user, 'frob': [{'a': [int(value)]}]},
        'an unknown member of a message': {'messages': [{'role': 'user', 'content': 'x', 'frob': said}]},
        'an unknown part': parts({'type': 'frob', 'text': said}),
        "a tool's description": tool(description=said),
        "a tool's schema": tool(parameters={'type': 'object', 'properties': {'a': {'type': 'string', 'description': said}}}),
        "a tool's key": tool(parameters={'type': 'object', 'properties': {value: {'type': 'string'}}}),
        "a tool's choice": tool(parameters={'type': 'object', 'properties': {'a': {'enum': [value]}}}),
        "a tool's number": tool(parameters={'type': 'object', 'properties': {'a': {'const': int(value)}}}),
        'a schema': {'messages': user, 'response_format': {'type': 'json_schema', 'json_schema': {
            'name': 'x', 'description': said, 'schema': {'type': 'object', 'properties': {'a': {'const': value}}}}}},
        'a stop': {'messages': user, 'stop': [value]},
        'a bias': {'messages': user, 'logit_bias': {value: 1}},
        'a prediction': {'messages': user, 'prediction': {'type': 'content', 'content': said}},
        'the place of a search': {'messages': user, 'web_search_options': {'user_location': {'approximate': {'city': said}}}},
        'arguments': called(json.dumps({'x': said})),
        'a number of arguments': called(json.dumps({'card': int(value)})),
        'a key of arguments': called(json.dumps({value: 1})),
        'JSON in arguments': called(json.dumps({'x': json.dumps({'y': said})})),
        'escaped arguments': called('{"x":"' + ''.join(f'\\u{ord(c):04x}' for c in said) + '"}'),
        'the id of a call': called('{}', name=value),
        'a result': called('{}', said),
        'a number of a result': called('{}', json.dumps({'card': int(value)})),
        "an image's address": parts({'type': 'image_url', 'image_url': {'url': 'https://x.test/?c=' + value}}),
        'what calls itself a picture': parts({'type': 'image_url', 'image_url': {'url': 'data:image/png;base64,' + data}}),
        'a file': parts({'type': 'file', 'file': {'filename': 'a.txt', 'file_data': 'data:text/plain;base64,' + data}}),
        "a file's name": parts({'type': 'file', 'file': {'filename': value + '.pdf', 'file_data': 'data:application/pdf;base64,JVBERi0='}}),
    }.items()


def corners(world, tap):
    """One value in every corner of a request, to clouds of every format."""
    clouds = {api: world.cloud(api, 'public') for api in ('openai', 'anthropic', 'openai-responses')}
    node = world.node([rig.cloud_yaml(api, c.port, [('big', {'can': ['tools', 'images', 'files', 'json', 'schema']})],
                                      ['zone: public', 'plain_http: true'], api, c.host) for api, c in clouds.items()])
    value, out, arrived = values(1, seed=9)[0][1], [], 0
    code = base64.b64encode(f'my card is {value} ok'.encode()).decode()[4:-4]
    for api, cloud in clouds.items():
        cloud.mind = briefly
        for where, body in fields(value):
            cloud.turn_over()
            node.ask('POST', CHAT, {}, {'model': api + '/big', **body})
            sent = ' '.join(cloud.bodies())
            arrived += sent != ''
            out += [(api, where)] if value in sent or code in sent else []
    tap.equal(out, [], f'row 25: a value in {len(list(fields(value)))} corners of a request, to three formats')
    tap.tell(arrived > 60, f'row 25: {arrived} of these arrive, masked', arrived)
    node.ask('POST', '/v1/messages', {'anthropic-version': '2023-06-01', 'anthropic-beta': value},
             {'model': 'anthropic/big', 'max_tokens': 5, 'messages': [{'role': 'user', 'content': 'hello'}]})
    tap.tell(value.encode() not in clouds['anthropic'].data, "row 25: nor does one in a header that goes with it")
    world.judge(tap, 'row 25: corners', node)
    node.stop()


def consented(world, tap):
    """The positive control of what is kept back: a consent lets that value go, for its time, and nothing else."""
    node = world.node()
    world.far.mind = briefly
    (_, value), (_, other) = [v for v in values(2, seed=11) if v[0] == 'token']
    consent = {}

    def goes(text, label=None):
        world.far.turn_over()
        say(node, text, label, model='far/big')
        return value in ' '.join(world.far.bodies()), other in ' '.join(world.far.bodies())

    ask, both_of_them = PHRASE['token'].format(value), f'The keys are {value} and {other}.'
    before = goes(ask)
    made = node.cli('ledger', 'consent', '--value', value, '--json')
    if made.returncode == 0:
        consent = json.loads(made.stdout)
    after, more, labelled = goes(ask), goes(both_of_them), goes(ask, 'home')
    gone = node.cli('ledger', 'revoke', str(consent.get('id', '')))
    tap.equal((before, after), ((False, False), (True, False)), 'row 25: the control: a secret arrives once its user consents')
    tap.equal((more, labelled), ((False, False), (False, False)), 'row 25: but neither another with it, nor under a label of the caller')
    tap.tell(gone.returncode == 0 and goes(ask) == (False, False), 'row 25: and no more when it is taken back', gone)
    notes = node.ask('GET', '/nigh/v1/ledger?limit=100').json()['notes']
    tap.tell(any(n['kind'] == 'consent' for n in notes) and value not in str(notes), 'row 25: the ledger tells of it, not the value', notes)
    world.judge(tap, 'row 25: the control', node)
    node.stop()


# --- row 27 --------------------------------------------------------------------------------------------

FILLS = {'digits': '1234567890', 'one letter': 'a', 'at signs': 'a@', 'dots': 'a.', 'spaces': ' ', 'new lines': '\n', 'base64': 'QUJD',
         'percent': '%41', 'entities': '&#65;', 'zero width': 'a\u200b', 'tag block': '\U000e0041', 'names': 'Anna Blum '}


def row_27(world, tap):
    """Twelve fills with a value at the end: it is found or the whole is sensitive, never clean; time grows as the size does."""
    node = world.node()
    world.far.mind = briefly
    value = values(1, seed=6)[0][1]
    slow, out, took = [], [], 0.0
    for name, fill in FILLS.items():
        times = []
        for size in (1 << 16, 1 << 20):
            text = fill * (size // len(fill.encode())) + f'\nMy credit card number is {value}, please note it.'
            world.far.turn_over()
            before = cpu_s(node)
            a = say(node, text, model='far/big')
            times.append(cpu_s(node) - before)
            took += times[-1]
            if shows(world.far, value) or a.status not in (200, 403):
                out.append((name, size, a.status))
        if times[1] > 64 * max(times[0], .02):  # 16 times the size; quadratic would be 256
            slow.append((name, times))
    tap.equal(out, [], f'row 27: a value behind 64 kB and 1 MB of {len(FILLS)} fills does not get out ({took:.1f} s of the processor)')
    tap.equal(slow, [], 'row 27: time grows as the size does')
    node.stop()
    node = world.node(extra='detect: {budget: 1ms}')
    a = say(node, 'Anna Blum of 12 Long Street wrote to x@y.example. ' * 40000, model='far/big')
    tap.tell(a.status == 403 and not world.far.asked, f'row 27: a search that runs out of its budget means sensitive ({a.status})',
             a.describe()[:600])
    b = say(node, 'hello', model='far/big')
    tap.tell(b.status == 200 and world.far.asked, 'row 27: a short turn arrives under the same budget', b.describe())
    world.judge(tap, 'row 27', node)
    node.stop()
