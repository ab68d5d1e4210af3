#!/usr/bin/env python3
"""The main job before your eyes: one node, a small local model, a stand-in for a cloud, seven steps.

Each line says where a request was answered, why, how long it took, what left the device and what it cost.
The demo checks what it shows: anything that went elsewhere than it should ends it with status 1.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'rig'))
import rig  # noqa: E402

HARD = ('Prove that there are infinitely many primes congruent to 3 modulo 4, then derive the time complexity '
        'of a segmented sieve and implement it in C with tests.')
PRIVATE = ('Prove step by step that splitting 300 EUR from card 4111 1111 1111 1111 among n payers is NP-hard, and mail the '
           'derivation to jane.doe@example.com.')
VALUES = ('4111 1111 1111 1111', 'jane.doe@example.com')
TOKENS = 40  # of a local answer: enough to see, quick on any machine
DIM, BOLD, RED, END = ('\033[2m', '\033[1m', '\033[31m', '\033[0m') if sys.stdout.isatty() else ('',) * 4


def say(text=''):
    print(text, flush=True)


def model_to_use():
    """(path, what to call it on screen)"""
    env = os.environ.get('NIGH_MODEL')
    if env:
        return os.path.realpath(env), 'the model that NIGH_MODEL names'
    data = os.environ.get('XDG_DATA_HOME') or os.path.expanduser('~/.local/share')
    store = os.path.join(data, 'nigh', 'models')
    stored = sorted(f for f in (os.listdir(store) if os.path.isdir(store) else []) if f.endswith('.gguf'))
    if stored:
        return os.path.join(store, stored[0]), 'a model from your model store'
    tiny = rig.find_model()
    if tiny:
        return tiny, 'a real but tiny model of 260 thousand parameters: it can only tell little stories'
    made = os.path.join(rig.DEPS, 'tiny-random.gguf')
    if not os.path.exists(made):
        say('making a tiny model with random weights ...')
        subprocess.run([os.path.join(rig.ROOT, 'setup', 'gguf', 'make-model'), made], check=True)
    return made, 'a model with RANDOM weights, made just now: its words mean nothing'


def config(model, port):
    return '\n'.join([
        'listen: 127.0.0.1:0',
        'zones:',
        '  home: {inside: public}',
        '  device: {inside: home}',
        f'engine: {{model: "{model}", context: 1024}}',
        'clouds:',
        rig.cloud_yaml('standin', port, [('frontier', {'price_in': 1.25, 'price_out': 10.0})]),
        '',
    ])


def money(uusd):
    return 'cost unknown' if uusd is None else f'${uusd / 1e6:.6f}'


class Demo:
    def __init__(self, node):
        self.node, self.n, self.wrong = node, 0, 0

    def ask(self, title, text, want, label=None):
        self.n += 1
        say(f'{BOLD}{self.n}. {title}{END}')
        headers = {'Nigh-Label': label} if label else {}
        body = rig.chat('auto', text, max_tokens=TOKENS, stream=True)
        answer = self.node.ask('POST', '/v1/chat/completions', headers, body, timeout_s=120)
        bill = self.node.bill(answer) or {}
        words = ' '.join(answer.text().split())
        place = answer.header('nigh-place') or 'nowhere'
        say(f'   you:    {text if len(text) < 90 else text[:87] + "..."}')
        say(f'   answer: {DIM}{words[:100] or answer.body[:200].decode(errors="replace")}{END}')
        say(f'   place {place} ({answer.header("nigh-zone")}) | {answer.header("nigh-reason")} | '
            f'{(bill.get("total_us") or 0) / 1000:.1f} ms | {bill.get("bytes_out") or 0} bytes out | '
            f'{money(bill.get("cost_uusd"))}')
        if not answer.finished() or not place.startswith(want):
            self.wrong += 1
            say(f'   {RED}expected an answer from {want}; status {answer.status}{END}')
        say()
        return words

    def masked(self, cloud):
        """The stand-in says back what it was sent."""
        cloud.control('{"clear": true, "default": {"echo": "text"}}')
        words = self.ask('A hard one with private values: they leave as placeholders, and come back', PRIVATE, 'standin/')
        sent = json.dumps(cloud.seen())
        shown = re.search(r'card \[.*?\]', sent)
        say(f'   the cloud saw: {DIM}... {shown[0] if shown else "?"} ...{END}\n')
        if any(value in sent for value in VALUES) or not shown or not all(value in words for value in VALUES):
            self.wrong += 1
            say(f'   {RED}expected placeholders at the cloud and the values in the answer{END}')

    def totals(self):
        self.n += 1
        say(f'{BOLD}{self.n}. What left this device, by the ledger{END}')
        ledger = self.node.ask('GET', '/nigh/v1/ledger').json()
        for row in ledger['totals']:
            say(f'   {row["place"]} (zone {row["zone"]}): {row["sends"]} sends, {row["bytes_out"]} bytes out, '
                f'{row["bytes_in"]} bytes in')
        narrow = [row for row in ledger['rows'] if row['label'] == 'device']
        say(f'   rows labelled device: {len(narrow)}')
        if narrow or not ledger['totals']:
            self.wrong += 1
            say(f'   {RED}expected sends to the stand-in and none labelled device{END}')
        verdict = self.node.ask('GET', '/nigh/v1/ledger/verify').json()
        say(f'   verified: {"the chain is whole" if verdict["sound"] else "SPOILED"}, {verdict["records"]} entries')
        self.wrong += not verdict['sound']
        say()


def main():
    why_not = None if rig.find_llama() else 'llama-server is missing: run setup/setup'
    if why_not:
        say(why_not)
        return 1
    model, what = model_to_use()
    say(f'{BOLD}nigh: here, near or far, decided for every request{END}')
    say(f'   local model: {os.path.basename(model)}, {what}')
    cloud = rig.Standin('--tokens', '30', '--model', 'frontier', '--reply',
                        'This is the stand-in speaking for a cloud: consider the first case')
    say('   cloud: "standin/frontier", a STAND-IN: a program on this machine that plays a cloud')
    node = rig.Node(config(model, cloud.port))
    took = node.start()
    say(f'   node: 127.0.0.1:{node.port}, ready {took * 1000:.0f} ms after its start\n')
    demo = Demo(node)
    demo.ask('A routine question: a skill takes it, no model runs', 'What is 15% of 240?', 'skill')
    demo.ask('A chat: the local model answers (its first use starts it)', 'Once upon a time', 'here/')
    demo.ask('A hard one: escalated to the cloud', HARD, 'standin/')
    demo.ask('The same, labelled `device`: it stays', HARD, 'here/', label='device')
    demo.masked(cloud)
    cloud.stop()
    demo.ask('The cloud is gone (the stand-in was killed): answered here, and the reason says so', HARD, 'here/')
    demo.totals()
    node.stop()
    say('Every answer came from where it should.' if not demo.wrong else f'{RED}{demo.wrong} went wrong.{END}')
    return 1 if demo.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
