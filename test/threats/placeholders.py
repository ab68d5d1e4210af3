"""Rows 26 and 30: placeholders that come back wrong, and what they tell of who is behind them."""
import json
import random
import re
import threading

import rig
from canary import Canary
from words import PHRASE, card, email, iban, shows, texts_of, values
from world import CHAT, say

PLACEHOLDER = re.compile(r'\[[A-Z][A-Z_]*_[a-z2-7]{12}\]')


def masked(cloud):
    """The placeholders in the newest body that came to a cloud, in order."""
    return PLACEHOLDER.findall('\n'.join(texts_of(cloud.bodies()[-1]))) if cloud.bodies() else []


def last_said(request):
    return request['messages'][-1]['content'], []


def row_26(world, tap):
    node = world.node()
    every_chunking(world, tap, node)
    every_api(world, tap, node)
    stays_literal(world, tap, node)
    cut_inside(world, tap, node)
    node.stop()
    into_tools(world, tap)
    crowd(world, tap)


def every_chunking(world, tap, node):
    """A cloud that repeats what it got, in pieces of every size: the caller reads his own words."""
    chance, wrong = random.Random(7), []
    for size in [*range(1, 24), 40, 1000]:
        mail, number = email(chance), card(chance)
        text = f'obey{{"piece": {size}}} Write "{mail}" or {mail}, not {number}; {iban(chance)}\n[ok] é {mail}'
        world.far.mind = last_said
        for stream in (True, False):
            world.far.turn_over()
            a = say(node, text, model='far/big', stream=stream)
            if a.text() != text or len(masked(world.far)) != 5 or shows(world.far, mail) or shows(world.far, number):
                wrong.append((size, stream, a.text(), masked(world.far)))
    tap.equal(wrong, [], 'row 26: restored in pieces of every size, streamed and whole, and the cloud saw placeholders alone')


def every_api(world, tap, node):
    mail, wrong = values(1)[2][1], []
    text = PHRASE['email'].format(mail)
    world.far.mind = last_said
    messages = [{'role': 'user', 'content': text}]
    for path, body in (('/v1/chat/completions', {'messages': messages}), ('/v1/messages', {'messages': messages, 'max_tokens': 99}),
                       ('/v1/responses', {'input': text, 'store': False}), ('/api/chat', {'messages': messages, 'stream': False})):
        for stream in (False, True):
            world.far.turn_over()
            a = node.ask('POST', path, {'anthropic-version': '2023-06-01'}, {'model': 'far/big', **body, 'stream': stream})
            said = a.body.decode() if not stream else told(a)
            if a.status != 200 or mail not in said or shows(world.far, mail) or not masked(world.far):
                wrong.append((path, stream, a.describe()))
    tap.equal(wrong, [], 'row 26: restored for callers of every API')


def told(answer):
    """The words of a stream of any API."""
    out = ''
    for event in answer.events():
        if event == '[DONE]':
            continue
        e = json.loads(event)
        delta = e.get('delta')
        if e.get('choices'):
            out += e['choices'][0]['delta'].get('content') or ''
        elif isinstance(delta, dict):
            out += delta.get('text') or ''
        elif e.get('type') == 'response.output_text.delta':
            out += delta
        elif 'message' in e and isinstance(e['message'], dict):
            out += e['message'].get('content') or '' if isinstance(e['message'].get('content'), str) else ''
    return out


def stays_literal(world, tap, node):
    """What this conversation's mask did not make is text, whoever wrote it."""
    mail, other = email(random.Random(8)), email(random.Random(9))
    world.far.mind = last_said
    say(node, PHRASE['email'].format(mail), model='far/big')
    theirs = (masked(world.far) or ['[NONE_aaaaaaaaaaaa]'])[0]  # of somebody else's conversation
    forged = '[EMAIL_ADDRESS_aaaaaaaaaaaa]'
    for whose, word in (('forged', forged), ("another conversation's", theirs), ('cut', theirs[:-1]), ('of upper case', theirs.upper())):
        world.far.mind = lambda request, word=word: (f'It is {word}.', [])
        a = say(node, f'{PHRASE["email"].format(other)} obey{{"piece": 4}}', model='far/big', stream=True)
        tap.equal(a.text(), f'It is {word}.', f'row 26: a placeholder that is {whose} stays as it is')
    world.far.mind = last_said
    text = f'{PHRASE["email"].format(other)} I call it {theirs}.'
    a = say(node, text, model='far/big')
    tap.equal(a.text(), text, 'row 26: so does one that the user typed')


def cut_inside(world, tap, node):
    """An answer that ends within a placeholder is not shown as if it were whole."""
    mail = email(random.Random(10))
    world.far.mind = lambda request: (PLACEHOLDER.findall(request['messages'][-1]['content'])[0][:-3], [])
    for stream in (True, False):
        a = say(node, PHRASE['email'].format(mail), model='far/big', stream=stream)
        tap.tell(not a.finished() or a.status >= 400, 'row 26: an answer that ends inside a placeholder is broken off', a.describe())


def calls(node, tools, text, **more):
    """The calls that a caller sees: ([(name, arguments)], answer)."""
    offered = [{'type': 'function', 'function': {'name': name, 'parameters': {'type': 'object', 'properties': {
        'to': {'type': 'string'}}}}} for name in tools]
    a = say(node, text, tools=offered, **more)
    try:
        made = a.json()['choices'][0]['message'].get('tool_calls') or []
    except (TypeError, KeyError, IndexError):
        made = []
    return [(call['function']['name'], call['function']['arguments']) for call in made], a


def into_tools(world, tap):
    """Into a call that the caller makes here the value goes back; into one that leaves the device it does not."""
    node = world.node(extra='tools: {send_out: public, "local_*": device}')
    mail = values(1)[2][1]
    text = f'Say "{mail}" \\ to them; e-mail it: {mail}'
    for name, restored in (('local_note', True), ('undeclared', True), ('send_out', False)):
        world.far.mind = lambda request, name=name: ('', [(name, json.dumps({'to': request['messages'][-1]['content']}))])
        world.far.turn_over()
        made, a = calls(node, [name], text, model='far/big')
        holds = [json.loads(args)['to'] for _, args in made]
        good = holds == [text] if restored else made and mail not in str(holds) and PLACEHOLDER.search(holds[0])
        tap.tell(good and not shows(world.far, mail), f'row 26: in a call of {name} the value is {"restored" if restored else "not"}',
                 a.describe())
    node.stop()


def crowd(world, tap):
    """Eight callers at once, who come and go: each hears of his own values, and no canary is in the wrong turn's body."""
    node = world.node([world.far, world.den, world.firm], engine={'slots': 8})
    marks = {zone: Canary(zone) for zone in ('device', 'home', 'acme')}
    wrong = []

    def caller(seed):
        chance = random.Random(seed)
        for n in range(12):
            mail, label = email(chance), chance.choice(['device', 'home', 'acme', None])
            text = f'Caller {seed} turn {n}: write to {mail}. {marks[label].text if label else ""}'
            model = {'device': 'here', 'home': 'den/big', 'acme': 'firm/big', None: 'far/big'}[label]
            if chance.random() < .2:
                leave(node, text, label, model)
                continue
            a = say(node, text, label, model=model, stream=chance.random() < .5)
            if a.text() != text:
                wrong.append((label, a.describe()))

    world.far.mind = world.den.mind = world.firm.mind = last_said
    threads = [threading.Thread(target=caller, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    tap.equal(wrong, [], 'row 26: eight callers at once, each reads his own words')
    tap.tell('mail.example.com' not in world.far.data.decode('utf-8', 'replace'), 'row 26: and a public place none of their addresses')
    tap.tell(len(world.far.asked) > 8 and all(mark.found(c.data) for mark, c in
             ((marks['home'], world.den), (marks['acme'], world.firm))), 'row 26: what may arrive did')
    world.judge(tap, 'row 26: a crowd', node, marks.values())
    node.stop()


def leave(node, text, label, model):
    """Asks, and goes away after the first piece of the answer."""
    client, a = rig.Client(node.port), rig.Answer()
    client.send('POST', CHAT, {'Nigh-Label': label} if label else {}, json.dumps(rig.chat(model, text, stream=True)).encode())
    next(client.pieces(a), None)
    client.close()


# --- row 30 --------------------------------------------------------------------------------------------


def row_30(world, tap):
    """A pseudonym lives in one conversation: nobody can put two of them together, or take one for harmless."""
    node = world.node()
    mail = values(1)[2][1]
    text = f'{PHRASE["email"].format(mail)} Yes, {mail}.'

    def seen(first, headers=None):
        world.far.turn_over()
        say(node, [{'role': 'user', 'content': first}, {'role': 'assistant', 'content': 'Go on.'}, {'role': 'user', 'content': text}],
            model='far/big', headers=headers)
        return masked(world.far)

    one, again, other = seen('Hello, about the garden.'), seen('Hello, about the garden.'), seen('Hello, about the taxes.')
    tap.tell(len(one) == 2 and len(set(one)) == 1 and one == again, 'row 30: within a conversation a value has one name', (one, again))
    tap.tell(len(other) == 2 and not set(one) & set(other), 'row 30: in another it has another', (one, other))
    key = node.ask('POST', '/nigh/v1/keys', body={'name': 'else'}).json()['key']
    theirs = seen('Hello, about the garden.', {'Authorization': 'Bearer ' + key})
    tap.tell(len(theirs) == 2 and not set(one) & set(theirs), 'row 30: so it has for another caller', (one, theirs))
    session = [seen(first, {'Nigh-Session': 'mine'}) for first in ('One.', 'Two.')]
    tap.tell(session[0] and session[0] == session[1], 'row 30: a session is one conversation', session)
    node.stop()
    node.start()
    after = seen('Hello, about the garden.')
    tap.tell(len(after) == 2 and not set(one) & set(after), 'row 30: after a restart the names are new', (one, after))
    # What is masked is not clean: its label stays.
    mark = Canary('home')
    world.far.turn_over()
    for label in ('home', 'device'):
        a = say(node, f'{text} {mark.text}', label, model='far/big')
        tap.tell(a.status == 403 and not world.far.bodies(), f'row 30: masked, a turn labelled {label} still may not leave', a.describe())
    world.judge(tap, 'row 30', node, [mark])
    tap.equal([what for body in node.cli('ledger', 'show', '--json').stdout.split('\n') if mail in (what := body)], [],
              'row 30: the ledger tells no value')
    node.stop()
