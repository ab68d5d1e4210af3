"""Row 28, a ledger that was tampered with, cut off, or left behind by a node that was killed."""
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading

import rig
from words import PHRASE, values
from world import CHAT, briefly, ledger_sums, say


def verdict(node, *args, folder=None):
    """(exit status, what `nigh ledger verify` says)"""
    done = subprocess.run([rig.NIGH, 'ledger', 'verify', '--json', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env={**node.env, 'NIGH_STATE': folder or node.state, 'NIGH_CONFIG': node.config_path}, timeout=60)
    try:
        return done.returncode, json.loads(done.stdout)
    except ValueError:
        return done.returncode, {'why': done.stdout + done.stderr}


def swap(db, a, b):
    """Each with the other's number; the rest of it as it was."""
    for old, new in ((a, -1), (b, a), (-1, b)):
        db.execute('UPDATE entries SET seq = ? WHERE seq = ?', (new, old))


def forgeries(last):
    """(how, what is done to the database, the first record that is wrong)"""
    middle = last // 2
    return [
        ('a figure flipped', lambda db: db.execute('UPDATE entries SET body_bytes = body_bytes + 1, bytes_out = bytes_out + 1, at = at + 1 '
                                                   'WHERE seq = ?', (middle,)), middle),
        ('a label widened', lambda db: db.execute("UPDATE entries SET label = 'device', zone = 'home', status = 'done' WHERE seq = ?",
                                                  (middle,)), middle),
        ('a hash flipped', lambda db: db.execute("UPDATE entries SET hash = CASE substr(hash, 1, 1) WHEN '0' THEN '1' ELSE '0' END || "
                                                 'substr(hash, 2) WHERE seq = ?', (middle,)), middle),
        ('a record taken out', lambda db: db.execute('DELETE FROM entries WHERE seq = ?', (middle,)), middle),
        ('the first record taken out', lambda db: db.execute('DELETE FROM entries WHERE seq = 1'), 1),
        ('two records swapped', lambda db: swap(db, middle, middle + 1), middle),
        ('the last record cut off', lambda db: db.execute('DELETE FROM entries WHERE seq = ?', (last,)), last),
        ('half of it cut off', lambda db: db.execute('DELETE FROM entries WHERE seq > ?', (middle,)), middle + 1),
        ('everything taken out', lambda db: db.execute('DELETE FROM entries'), 1),
    ]


def row_28(world, tap):
    node = world.node([world.far, world.den])
    for n in range(6):
        say(node, f'hello {n}', model='far/big')
        say(node, f'hello {n}', 'home', model='den/big')
        say(node, f'hello {n}', 'home', model='far/big')  # denied
    world.judge(tap, 'row 28', node)
    head = node.cli('ledger', 'export', '--head').stdout.strip()
    status, running = verdict(node)
    tap.tell(status == 0 and running['sound'] and running['sends'] == 12, 'row 28: verify, of a running node: sound', running)
    node.stop()
    status, whole = verdict(node)
    tap.tell(status == 0 and whole['sound'] and whole['head'] == running['head'] == head, 'row 28: of the folder of one that has ended', whole)
    last = node.rows('SELECT max(seq) AS n FROM entries')[0]['n']
    for how, forge, bad in forgeries(last):
        copy = tampered(node, forge)
        status, said = verdict(node, folder=copy)
        tap.tell(status == 1 and not said.get('sound') and said.get('bad') == bad, f'row 28: {how}: verify names record {bad}', said)
    for how, lines in exports(world, node, tap):
        path = os.path.join(rig.temp_dir(), 'export')
        with open(path, 'w') as f:
            f.writelines(lines)
        status, said = verdict(node, '--file', path, *(('--head', head) if how else ()))
        tap.tell((status == 0) == (how == ''), f'row 28: an export{how and " with " + how}: {"sound" if not how else "not sound"}', said)
    preview_is_what_leaves(world, tap)
    what_is_allowed_is_told(world, tap)
    goes_on_after(world, tap, node, last)
    killed(world, tap)


def tampered(node, forge):
    copy = os.path.join(rig.temp_dir(), 'state')
    shutil.copytree(node.state, copy)
    db = sqlite3.connect(copy + '/nigh.db')
    forge(db)
    db.commit()
    db.close()
    return copy


def exports(world, node, tap):
    """(what was done to it, its lines)"""
    node.start()
    text = node.cli('ledger', 'export').stdout.splitlines(keepends=True)
    node.stop()
    middle = len(text) // 2
    yield '', text
    yield 'a digit changed', [*text[:middle], text[middle].replace('1', '2'), *text[middle + 1:]]
    yield 'a line taken out', text[:middle] + text[middle + 1:]
    yield 'two lines swapped', [*text[:middle], text[middle + 1], text[middle], *text[middle + 2:]]
    yield 'its tail cut off', text[:middle]


def preview_is_what_leaves(world, tap):
    """What `nigh ledger preview` shows leaves nothing, and is to the byte what leaves then."""
    node = world.node()
    body = rig.chat('far/big', PHRASE['email'].format(values(1)[2][1]))
    told = node.ask('POST', '/nigh/v1/ledger/preview', body=body)
    tap.tell(told.status == 200 and world.quiet() is None, 'row 28: a preview lets nothing out', told.describe())
    node.ask('POST', CHAT, body=body)
    tap.tell(world.far.bodies() and world.far.bodies()[0] in strings(told.json()), 'row 28: and shows what then leaves, to the byte',
             (world.far.bodies(), told.describe()))
    world.judge(tap, 'row 28: preview', node)
    node.stop()


def what_is_allowed_is_told(world, tap):
    """Nobody lets private data out by the config without its standing in the ledger: at the start, and after a reload."""
    node, (_, value) = world.node(), values(1)[0]
    world.far.mind = briefly

    def notes():
        return [note['what'] for note in node.ask('GET', '/nigh/v1/ledger').json()['notes'] if note['kind'] == 'note']

    say(node, PHRASE['card'].format(value), model='far/big')
    before = (notes(), value in world.far.bodies()[-1])
    with open(node.config_path, 'a') as f:
        f.write('detect: {card: allow}\n')
    os.kill(node.pid(), signal.SIGHUP)
    rig.until(lambda: 'config read again' in node.log(), 5)
    say(node, PHRASE['card'].format(value), model='far/big')
    tap.tell(before == ([], False) and value in world.far.bodies()[-1] and any('card' in note for note in notes()),
             'row 28: a group that the config lets out is told in the ledger', (before, notes()))
    world.judge(tap, 'row 28: allowed', node)
    node.stop()


def strings(value):
    """Every string, and every object as the JSON that it is."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [json.dumps(value, separators=(',', ':'), ensure_ascii=False), *(s for v in value.values() for s in strings(v))]
    return [s for v in value or [] for s in strings(v)] if isinstance(value, list) else []


def goes_on_after(world, tap, node, last):
    """A node that finds its ledger cut off says so for ever: a forger cannot let it grow over the cut."""
    db = sqlite3.connect(node.state + '/nigh.db')
    db.execute('DELETE FROM entries WHERE seq > ?', (last - 3,))
    db.commit()
    db.close()
    node.start()
    say(node, 'hello', model='far/big')
    status, said = verdict(node)
    node.stop()
    tap.tell(status == 1 and not said['sound'], 'row 28: after a cut the node goes on, and verify still tells of it', said)


def killed(world, tap):
    """kill -9 in mid-stream, again and again: the ledger is sound, and no byte that was sent is missing in it."""
    node = world.node([world.far])
    for n in range(5):
        asks = [threading.Thread(target=say, args=(node, f'obey{{"piece": 1}} {"word " * 400}'), kwargs={'model': 'far/big', 'stream': True})
                for _ in range(3)]
        for ask in asks:
            ask.start()
        rig.until(lambda: len(world.far.asked) > 3 * n, 5, 0.001)
        node.kill()
        for ask in asks:
            ask.join(30)
        node.start()
    status, said = verdict(node)
    ledger, sent = sum(ledger_sums(node).values()), len(world.far.data)
    tap.tell(status == 0 and said['sound'], 'row 28: killed five times in mid-stream: sound', said)
    tap.tell(ledger >= sent - said.get('open', 0) * 400 and said['sends'] >= len(world.far.asked),
             'row 28: every send has its record', (ledger, sent, said))
    node.stop()
