"""Row 20: no route tells anybody what somebody else said; one who is nobody learns nothing at all.

The table of routes is read from its source, so that a new one is looked at too."""
import os
import re
import secrets

import rig
from wire import *

SOURCE = os.path.join(rig.ROOT, 'src', 'nigh', 'routes.c')
OPEN = {'/', '/healthz', '/health', '/v1/health', '/readyz'}


def routes():
    """[(method, path)]; a tree's path ends with /.  HEAD is GET without what could tell."""
    with open(SOURCE) as f:
        found = re.findall(r'\{"(GET|POST|DELETE|PUT)",\s*"(/[^"]*)"', f.read())
    return sorted(set(found))


def enumerate_all(port, headers, ids):
    """[(method, path, answer)] of every route, trees with every id."""
    out = []
    for method, path in routes():
        trees = [path + i for i in ids] + [path + i + more for i in ids for more in ('/input_items', '/cancel')]
        for each in trees if path.endswith('/') and path != '/' else [path, path + '?limit=1000', path + '?all=1&debug=1']:
            if method == 'DELETE' and '/keys/' in each:
                continue
            body = {'model': 'auto', 'input': 'x', 'messages': []} if method == 'POST' else None
            out.append((method, each, rig.ask(port, method, each, headers, body)))
    return out


def run(tap):
    cloud = rig.Standin()
    engine = '{enabled: false}' if rig.need_engine() else f'{{model: {rig.find_model()}, program: {rig.find_llama()}, context: 512, threads: 1}}'
    node = rig.Node(f'listen: 127.0.0.1:0\nengine: {engine}\nclouds:\n{rig.cloud_yaml("cloud", cloud.port, [("big", {})])}\n')
    node.start()
    tap.tell(len(routes()) > 40, f'{len(routes())} routes are in the table')
    ann, bob = node.key('ann'), node.key('bob')
    poor = node.key('poor', allow=['openai', 'anthropic', 'ollama'])
    canary = 'canary' + secrets.token_hex(12)
    mine = {'Authorization': 'Bearer ' + ann}
    ids = ['x']
    for model in ['cloud/big'] + ([] if rig.need_engine() else ['here']):
        for path, body in (('/v1/chat/completions', rig.chat(model, canary, max_tokens=4)),
                           ('/v1/responses', {'model': model, 'input': canary, 'max_output_tokens': 4}),
                           ('/v1/messages', {**rig.chat(model, canary), 'max_tokens': 4}),
                           ('/api/chat', {**rig.chat(model, canary), 'stream': False})):
            answer = rig.ask(node.port, 'POST', path, mine, body)
            tap.equal(answer.status, 200, f'{model} {path}: ann says a canary')
            ids.append(answer.header('nigh-turn'))
            if path == '/v1/responses':
                ids += [answer.json()['id'], answer.json()['output'][0]['id']]
    kept = ids[[i.startswith('resp_') for i in ids].index(True)]
    answer = rig.ask(node.port, 'GET', f'/v1/responses/{kept}/input_items', mine)
    tap.tell(canary.encode() in answer.body, 'control: she reads her own response back', answer.describe())

    for who, headers in (('nobody', {}), ('a key that is none', {'Authorization': 'Bearer nonsense'})):
        told = enumerate_all(node.port, headers, ids)
        bad = [(m, p, a.status) for m, p, a in told if a.status not in (401, 429) and p.split('?')[0] not in OPEN]
        tap.equal(bad, [], f'{who}: 401 at each of {len(told)} requests')
        tap.equal([(m, p) for m, p, a in told if canary.encode() in a.body], [], f'{who}: no canary')
    for who, key in (('another key', bob), ('another key without the node\'s own routes', poor)):
        told = enumerate_all(node.port, {'Authorization': 'Bearer ' + key}, ids)
        tap.equal([(m, p) for m, p, a in told if canary.encode() in a.body or canary[6:].encode() in a.body], [],
                  f'{who}: no canary in {len(told)} answers')
        tap.tell(any(a.status == 200 for _, _, a in told), f'{who}: and some were answers')
        if key is poor:
            bad = [(m, p, a.status) for m, p, a in told if p.startswith('/nigh/') and a.status != 403]
            tap.equal(bad, [], 'a key that is not told so opens none of the node\'s own routes')
    answer = rig.ask(node.port, 'GET', f'/v1/responses/{kept}', mine)
    tap.equal(answer.status, 200, 'and nobody\'s DELETE removed it')
    other = [p for p in ('/slots', '/debug', '/metrics', '/v1/slots', '/props', '/nigh/v1/debug', '/nigh/v1/sessions', '/.env', '/server-status')
             if canary.encode() in rig.ask(node.port, 'GET', p, {'Authorization': 'Bearer ' + bob}).body]
    tap.equal(other, [], 'there are no debug pages')
    node.stop()
