"""Row 0, the rig itself: a witness that cannot see a leak makes every other row worthless."""
import os
import signal
import socket
import threading

import rig
from canary import ENCODINGS, Canary
from world import DEVICE, say


def row_0(world, tap):
    canary_is_found(tap)
    leaks_are_seen(world, tap)
    labels_hold(world, tap)
    zones_are_redrawn(world, tap)


def canary_is_found(tap):
    mark, other = Canary(), Canary()
    texts = {name: f'before {form(mark.text)} after' for name, form in ENCODINGS.items()}
    tap.equal([name for name, text in texts.items() if not mark.found(text.encode())], [],
              f'row 0: a canary is found in all {len(ENCODINGS)} encodings')
    tap.equal([name for name, text in texts.items() if other.found(text.encode())], [], 'row 0: and no other is')
    tap.tell(mark.found(b'x' + mark.mark[7:18] + b'y'), 'row 0: a third of it is found too')


def leaks_are_seen(world, tap):
    """Somebody on the device who goes round the node."""
    node, mark = world.node(), Canary()
    say(node, 'hello', model='far/big')
    before = world.sums(node)
    with socket.create_connection((world.far.address, world.far.port)) as rogue:
        rogue.sendall(b'POST / HTTP/1.1\r\n\r\n' + mark.mark)
        rig.until(lambda: world.leaks([mark]) and len(world.far.data) > before[1][world.far.url()], 3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rogue:
        rogue.sendto(mark.mark, ('198.51.100.7', 53))
    rig.until(lambda: len(world.leaks([mark])) > 2, 3)
    ledger, recorder, kernel, told = world.sums(node)
    tap.tell(before[0] == before[1] == before[2] == before[3] != {}, 'row 0: the counts agree', before)
    tap.tell(ledger == told == before[0] and recorder == kernel != ledger, 'row 0: what goes past the node makes them differ',
             (ledger, recorder, kernel))
    tap.equal(sorted({where for where, _ in world.leaks([mark])}), ['198.51.100.7:53', 'far'],
              'row 0: a canary that leaks is seen by recorder and kernel, by TCP and UDP')
    node.stop()


def labels_hold(world, tap):
    """Four canaries, each in all encodings, to every place that can be asked for; a model that repeats everything."""
    node = world.node([world.far, world.den, world.firm])
    marks = {zone: Canary(zone) for zone in ('device', 'home', 'acme', 'public')}
    told = {}
    for zone, mark in marks.items():
        text = ' '.join(form(mark.text) for form in ENCODINGS.values())
        for model in ('auto', 'here', 'far/big', 'den/big', 'firm/big', 'auto/best'):
            told[zone, model] = say(node, f'{text} http://{world.far.address}:8080/', zone, model).status
    world.judge(tap, 'row 0', node, marks.values())
    tap.equal([model for (zone, model), status in told.items() if zone == 'device' and status == 200],
              ['auto', 'here', 'auto/best'], 'row 0: what may not leave is answered here, or 403')
    arrived = {zone: bool(cloud.data and mark.found(cloud.data)) for (zone, mark), cloud in
               zip(list(marks.items())[1:], (world.den, world.firm, world.far))}
    tap.equal(arrived, {'home': True, 'acme': True, 'public': True}, 'row 0: each canary arrives where it may')
    with open(f'/proc/{node.pid()}/net/dev') as f:
        tap.tell('cable' in f.read(), f'row 0: the node is in the device ({DEVICE}), not in the machine that tests')
    node.stop()


def zones_are_redrawn(world, tap):
    """The config is read again and again, and home and acme change places in its list, while turns run: a label's bits
    mean something else each time."""
    node = world.node([world.den, world.firm])
    marks, stop = {'home': Canary('home'), 'acme': Canary('acme')}, threading.Event()
    with open(node.config_path) as f:
        text = f.read()
    home, acme = '  home: {inside: public}\n', '  acme: {inside: public}\n'

    def redraw():
        turn = 0
        while not stop.is_set():
            turn += 1
            with open(node.config_path, 'w') as f:
                f.write(text if turn % 2 else text.replace(home + acme, acme + home))
            os.kill(node.pid(), signal.SIGHUP)
            rig.until(lambda: node.log().count('config read again') >= turn or stop.is_set(), 5, 0.002)

    thread = threading.Thread(target=redraw)
    thread.start()
    told = {}
    for n in range(60):
        zone, wrong = ('home', 'firm') if n % 2 else ('acme', 'den')
        for model in ('auto', wrong + '/big'):
            a = say(node, f'{marks[zone].text} word', zone, model, stream=True)
            told[model, a.status] = told.get((model, a.status), 0) + 1
    stop.set()
    thread.join(10)
    tap.tell(node.log().count('config read again') > 5, f'row 0: zones redrawn {node.log().count("config read again")} times under '
             f'{sum(told.values())} turns', node.log()[-500:])
    tap.tell(world.den.asked and world.firm.asked and not any(status == 200 for model, status in told if model != 'auto'),
             'row 0: none is answered where its label does not go', told)
    world.judge(tap, 'row 0: zones redrawn', node, marks.values())
    node.stop()
