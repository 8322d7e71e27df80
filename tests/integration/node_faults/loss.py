"""Processes that die, disks that fill, more load than there is room for: nothing that was acknowledged is lost.

  loss.py WORK [PART...]    PART: keyd kill term full overload backup

An acknowledgement is a 200 with wait=commit or wait=durable. After each fault every acknowledged transaction
is `accepted` on the ledger, an audit of the whole log finds nothing, and what was anchored meanwhile by the
command verifies offline."""
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time

from node import CAIRN, Node, cairn, check, fail, failures, is_problem, say
from peer import Broken, Hang

LOST = (OSError, Broken, Hang)


class Load:
    """Clients that submit one transaction after another, each on its kept connection, opened anew when it ends.
    What came back is in .answers: (client's transaction, status, seconds); .acknowledged: locations."""

    def __init__(self, node, clients=4, wait='durable', count=20000, rate=None, problems=(503,)):
        self.node, self.wait, self.problems, self.rate = node, wait, problems, rate
        self.transactions = iter(node.transactions(count))
        self.lock, self.over = threading.Lock(), threading.Event()
        self.answers, self.acknowledged, self.lost, self.clients = [], [], 0, clients
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(clients)]

    def __enter__(self):
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.seconds = time.monotonic() - self.began

    def next(self):
        with self.lock:
            return next(self.transactions, None)

    def run(self, number):
        peer, due = None, time.monotonic() + (number / self.clients / self.rate * self.clients if self.rate else 0)
        while not self.over.is_set():
            transaction = self.next()
            if transaction is None:
                return
            if self.rate:  # of all clients together
                time.sleep(max(0, due - time.monotonic()))
                due += self.clients / self.rate
            try:
                if peer is None:
                    peer = self.node.peer()
                began = time.monotonic()
                answer = self.node.submit(transaction, self.wait, peer)
                if answer is None:
                    raise ConnectionResetError('closed')
                self.note(answer, time.monotonic() - began)
                if (answer.field('Connection') or '') == 'close':
                    peer.close()
                    peer = None
            except LOST as err:
                if isinstance(err, (Hang, Broken)):
                    fail(f'load: {err!r}')
                with self.lock:
                    self.lost += 1
                if peer is not None:
                    peer.close()
                peer = None
                time.sleep(0.01)
        if peer is not None:
            peer.close()

    def note(self, answer, seconds):
        with self.lock:
            self.answers.append((answer.status, seconds))
            if answer.status in (200, 202):
                self.acknowledged.append(answer.field('Location'))
        if answer.status in (200, 202):
            return
        if answer.status in self.problems and is_problem(answer):
            if answer.status == 503:
                check((answer.field('Retry-After') or '').isdigit(), f'503 without Retry-After: {answer}')
        else:
            fail(f'load: {answer}')

    def statuses(self):
        found = {}
        for status, _ in self.answers:
            found[status] = found.get(status, 0) + 1
        return dict(sorted(found.items()))

    def percentile(self, part, status=200):
        times = sorted(seconds for code, seconds in self.answers if code == status)
        return times[min(len(times) - 1, int(len(times) * part))] * 1000 if times else 0

    def check_kept(self, what):
        """Everything that was acknowledged is on the ledger."""
        gone = 0
        check(bool(self.acknowledged), f'{what}: nothing was acknowledged')
        with self.node.peer() as peer:
            for location in self.acknowledged:
                answer = peer.ask(self.node.request('GET', location))
                if answer is None or b'"status":"accepted"' not in answer.body:
                    gone += 1
                    if gone < 4:
                        fail(f'{what}: {location} was acknowledged: {answer}')
        check(gone == 0, f'{what}: {gone} of {len(self.acknowledged)} acknowledged transactions are lost')
        say(f'{what}: {len(self.acknowledged)} acknowledged and there, answers {self.statuses()}, {self.lost} calls lost')


class Readers:
    """Reads on a kept connection all the time: each must be answered, and never by a 5xx."""

    def __init__(self, node, path='/state/members?proof=false', allowed=(200,)):
        self.node, self.path, self.allowed = node, path, allowed
        self.over, self.count = threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        while self.count == 0 and self.thread.is_alive():
            time.sleep(0.01)
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        check(self.count > 0, 'no read was answered')

    def run(self):
        try:
            with self.node.peer() as peer:
                while not self.over.is_set():
                    answer = peer.ask(self.node.request('GET', self.node.base + self.path))
                    if answer is None or answer.status not in self.allowed:
                        fail(f'a read: {answer}')
                        return
                    self.count += 1
                    time.sleep(0.005)
        except LOST as err:
            fail(f'a read: {err!r}')


def audit(node, what):
    facts = cairn('log', 'check', '--json', directory=node.home)
    check(isinstance(facts, dict), f'{what}: log check: {facts}')


# --- keyd ----------------------------------------------------------------------------------------

def keyd(work):
    """The holder of the keys is killed, stopped, and gone for good."""
    node = Node(work, 'keyd').start()
    with Readers(node), Load(node) as load:
        for _ in range(5):
            time.sleep(0.5)
            pids = node.pids().get('cairn-keyd', [])
            if not check(len(pids) == 1, f'keyd: {node.pids()}'):
                break
            os.kill(pids[0], signal.SIGKILL)
            before = len(load.acknowledged)
            end = time.monotonic() + 10
            while len(load.acknowledged) <= before + 8 and time.monotonic() < end:
                time.sleep(0.02)
            check(len(load.acknowledged) > before + 8, 'keyd killed: nothing is acknowledged 10 s later')
        held = node.pids().get('cairn-keyd', [0])[0]
        if held:
            os.kill(held, signal.SIGSTOP)
            end = time.monotonic() + 25
            while held in node.pids().get('cairn-keyd', []) and time.monotonic() < end:
                time.sleep(0.1)
            check(time.monotonic() < end, 'a keyd that is stopped is not replaced')
        time.sleep(2)
    node.wait_well('keyd was killed')
    load.check_kept('keyd killed 5 times, stopped once')
    # Without the spawner no keyd can be started any more: the node ends, and says so, that it be started anew.
    for name in ('cairn-spawner', 'cairn-keyd'):
        for pid in node.pids().get(name, []):
            os.kill(pid, signal.SIGKILL)
    try:
        code = node.process.wait(20)
    except subprocess.TimeoutExpired:
        fail('without its spawner the node goes on')
        code = node.end()
    check(code not in (None, 0) and code > 0, f'without its spawner the node ends with {code}')
    check('"event":"node.spawner_ended"' in node.log(), 'nothing says that the spawner ended')
    node.start()
    node.wait_well('started again')
    node.stop()
    audit(node, 'keyd')


# --- the node ------------------------------------------------------------------------------------

def anchors(node, work, over, made):
    """The command anchors files through the node, until there is no node."""
    number = 0
    while not over.is_set():
        path = os.path.join(work, f'file-{len(made)}-{number}')
        number += 1
        with open(path, 'w', encoding='utf-8') as file:
            file.write(f'content {number}\n')
        cairn('anchor', path, '--json', directory=node.home, want=None)
        if os.path.exists(path + '.receipt'):
            made.append(path)


def verify(node, work, made, what):
    trust = os.path.join(work, 'trust')
    if os.path.exists(trust):
        os.unlink(trust)
    cairn('trust', 'export', trust, directory=node.home)
    for path in made:
        cairn('verify', path, '--trust', trust)
    say(f'{what}: {len(made)} receipts verify offline')


def kill(work):
    """SIGKILL at random moments under load, some of them while it recovers."""
    node, drawn, made = Node(work, 'kill'), random.Random(5), []
    for number in range(6):
        node.start()
        over = threading.Event()
        with Load(node, wait='durable' if number % 2 == 0 else 'commit') as load:
            thread = threading.Thread(target=anchors, args=(node, work, over, made))
            thread.start()
            time.sleep(0.4 + drawn.random())
            node.process.kill()
            node.process.wait()
            load.over.set()
            over.set()
        thread.join()
        if number % 3 == 2:
            argv = [node.process.args[0], 'node', node.home]
            with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as half:
                time.sleep(drawn.random() * 0.2)
                half.kill()
        node.start()
        load.check_kept(f'SIGKILL {number}')
        node.stop()
    verify(node, work, made, 'SIGKILL')
    audit(node, 'SIGKILL')


def term(work):
    """SIGTERM under load, subscribers and idle connections included: exit 0 within the time to drain."""
    node = Node(work, 'term', **{'node.drain': '3s'})
    for number in range(3):
        node.start()
        idle = [node.peer() for _ in range(10)]
        streams = [node.peer() for _ in range(5)]
        for peer in streams:
            peer.send(node.request('GET', f'{node.base}/events?after=0-0', [('Accept', 'text/event-stream')]))
        half = node.peer()
        half.send(b'GET /healthz HTTP/1.1\r\nHo')
        with Load(node, wait='durable' if number != 1 else 'commit') as load:
            time.sleep(1)
            began = time.monotonic()
            code = node.end()
            took = time.monotonic() - began
            load.over.set()
        check(code == 0, f'SIGTERM: exit {code}: {node.log()[-300:]}')
        check(took < 3 + 5, f'SIGTERM: it took {took:.1f} s')
        check(not os.path.getsize(os.path.join(node.home, 'node.url')), 'SIGTERM: node.url still names it')
        say(f'SIGTERM {number}: {took:.1f} s')
        for peer in idle + streams + [half]:
            peer.close()
        node.start()
        load.check_kept(f'SIGTERM {number}')
        node.stop()
    audit(node, 'SIGTERM')


# --- a full disk ---------------------------------------------------------------------------------

def full(work):
    """A small file system fills under load; or, where none can be mounted, files may not grow."""
    disk = os.path.join(work, 'disk')
    os.makedirs(disk)
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=24m', 'none', disk],
                             capture_output=True, check=False).returncode == 0
    try:
        fill(disk, mounted)
    finally:
        if mounted:
            subprocess.run(['umount', '-l', disk], check=False)


def fill(disk, mounted):
    node = Node(disk, 'full')
    node.log_path = disk + '.log'
    if mounted:
        node.start()
    else:
        print('SKIP no small file system can be mounted: files are limited instead')
        node.start()
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
    ballast = os.path.join(disk, 'ballast')
    refused = (503,)
    with Readers(node), Load(node, problems=refused) as load:
        time.sleep(1)
        if mounted:
            with open(ballast, 'wb') as file:
                try:
                    while True:
                        file.write(b'\0' * 65536)
                        file.flush()
                except OSError:
                    pass
        time.sleep(6)
        late = load.answers[-20:]
    if not check(node.alive(), f'a full disk ends the node: {node.log()[-600:]}'):
        os.unlink(ballast)
        node.start()
        load.check_kept('full disk')
        return
    check(late and all(status != 200 for status, _ in late), f'a full disk takes transactions: {late}')
    answer = node.submit(node.transactions(1)[0], 'commit')
    say(f'full disk: a submission is answered {answer}')
    check(answer.status == 503 and is_problem(answer), f'full disk: {answer}')
    check(b'NO_SPACE' in answer.body and answer.field('Retry-After'), f'full disk: no clear error: {answer}')
    answer = node.get('/readyz')
    check(answer.status == 503 and b'NO_SPACE' in answer.body, f'full disk: ready all the same, or why not: {answer}')
    for path in ('', '/checkpoint', '/organisations', '/blocks', '/state/members?proof=true', '/events'):
        answer = node.get(node.base + path)
        check(answer.status == 200, f'full disk: {path}: {answer}')
    metrics = node.get('/metrics').body
    check(b'cairn_store_full 1' in metrics and b'cairn_ready 0' in metrics, 'full disk: metrics do not tell')
    if mounted:
        os.unlink(ballast)
    else:
        resource.prlimit(node.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    node.wait_well('room again, without a start')
    check(node.submit(node.transactions(1)[0]).status == 200, 'room again, without a start')
    with Load(node) as again:
        time.sleep(2)
    check(len(again.acknowledged) > 0, 'room again, and nothing is accepted')
    again.check_kept('room again')
    check('NO_SPACE' in node.log(), f'full disk: the log does not say why: {node.log()[-600:]}')
    code = node.end()
    check(code in (0, 4), f'full disk: ends with {code}')
    node.start()
    load.check_kept('full disk')
    answer = node.submit(node.transactions(1)[0], 'durable')
    check(answer.status == 200, f'with room again: {answer}')
    node.stop()
    audit(node, 'full disk')


# --- overload ------------------------------------------------------------------------------------

def overload(work):
    """Capacity with as many clients as calls are taken; then twice that rate from more clients."""
    node = Node(work, 'overload', **{'node.calls': '4', 'node.plain': 'true'}).start()
    with Load(node, clients=4) as alone:
        time.sleep(3)
    capacity = len(alone.acknowledged) / alone.seconds
    say(f'capacity {capacity:.0f}/s with 4 calls at once, p99 {alone.percentile(0.99):.0f} ms, answers {alone.statuses()}')
    with Load(node, clients=32, rate=2 * capacity, count=40000) as load:
        time.sleep(5)
    say(f'offered {len(load.answers) / load.seconds:.0f}/s: accepted {len(load.acknowledged) / load.seconds:.0f}/s with '
        f'p50 {load.percentile(0.5):.0f}, p99 {load.percentile(0.99):.0f} ms; refused with p99 {load.percentile(0.99, 503):.0f} ms')
    check(load.statuses().get(503, 0) > 0, f'twice the capacity and no 503: {load.statuses()}')
    check(load.lost == 0, f'overload: {load.lost} connections were lost')
    load.check_kept('overload by calls')
    node.stop()
    # The other bound: transactions that wait for a block.
    node.configure(**{'node.calls': '8192', 'node.queue': '64'})
    node.start()
    transactions = node.transactions(6000)
    kinds = {}
    with node.peer() as peer, node.peer() as other:
        locations = flood(node, (peer, other), transactions, kinds)
    say(f'a queue of 64 and {len(transactions)} transactions at once: {kinds}')
    check(kinds.get(503, 0) > 0 and kinds.get(202, 0) > 0, f'a queue of 64: {kinds}')
    time.sleep(1)
    states = {}
    with node.peer() as peer:
        for location in locations:
            answer = peer.ask(node.request('GET', location))
            word = answer.body.split(b'"status":"')[1].split(b'"')[0].decode()
            states[word] = states.get(word, 0) + 1
    check(set(states) == {'accepted'}, f'queued, and then: {states}')
    node.is_well('after overload')
    node.stop()
    audit(node, 'overload')


def flood(node, peers, transactions, kinds):
    """Pipelines them all; the locations of those that were queued."""
    locations = []

    def write(peer, part):
        for at in range(0, len(part), 20):
            peer.send(b''.join(node.request('POST', f'{node.base}/transactions?wait=none', [('Content-Type', 'application/cose')], one)
                               for one in part[at:at + 20]))
    parts = [transactions[number::len(peers)] for number in range(len(peers))]
    writers = [threading.Thread(target=write, args=pair) for pair in zip(peers, parts)]
    for thread in writers:
        thread.start()
    for peer, part in zip(peers, parts):
        for _ in part:
            answer = peer.answer()
            if not check(answer is not None, 'a pipeline ends early'):
                break
            kinds[answer.status] = kinds.get(answer.status, 0) + 1
            if answer.status == 202:
                locations.append(answer.field('Location'))
            elif answer.status == 503:
                check(answer.field('Retry-After') is not None and is_problem(answer), f'overload: {answer}')
    for thread in writers:
        thread.join()
    return locations


# --- backup --------------------------------------------------------------------------------------

def backup(work):
    """A backup under load, restored elsewhere, has the roots of its cut; a node runs from it."""
    node = Node(work, 'origin').start()
    secret = os.path.join(work, 'passphrase')
    with open(secret, 'w', encoding='utf-8') as file:
        file.write('correct horse battery staple\n')
    file = os.path.join(work, 'backup')
    with Readers(node), Load(node) as load:
        time.sleep(1)
        before = list(load.acknowledged)
        cut = cairn('backup', file, '--passphrase-file', secret, '--json', directory=node.home)
    if not check(isinstance(cut, dict), f'backup under load: {cut}'):
        return
    check(all(status == 200 for status, _ in load.answers), f'load beside a backup: {load.statuses()}')
    there = os.path.join(work, 'elsewhere')
    got = cairn('restore', file, there, '--passphrase-file', secret, '--json')
    if not check(isinstance(got, dict), f'restore: {got}'):
        return
    for name in ('ledger', 'height', 'log_size', 'log_root', 'state_root'):
        if name in cut:
            check(cut.get(name) == got.get(name), f'backup and restore: {name} {cut.get(name)} and {got.get(name)}')
    audited = cairn('log', 'check', '--json', directory=there)
    for name in ('height', 'log_size', 'log_root', 'state_root'):
        check(audited.get(name) == got.get(name), f'log check of what was restored: {name}')
    # The origin's history goes on from the cut: its block at that height has the same roots.
    block = node.get(f'{node.base}/blocks/{got.get("height")}')
    check(got.get('state_root', '?').encode() in block.body, f'the block of the cut: {block}')
    node.stop()
    copy = Node.__new__(Node)
    copy.__dict__.update(node.__dict__)
    copy.home, copy.log_path = there, os.path.join(work, 'elsewhere.log')
    copy.start()
    lost = [place for place in before if b'"accepted"' not in copy.get(place).body]
    check(not lost, f'{len(lost)} of {len(before)} transactions acknowledged before the backup are not in it')
    check(copy.submit(copy.transactions(1)[0]).status == 200, 'a restored ledger takes nothing')
    copy.stop()
    check(isinstance(cairn('log', 'check', '--json', directory=there), dict), 'log check after going on')
    damage(work, file, secret)


def damage(work, file, secret):
    """A backup that was cut or bent restores nothing."""
    size = os.path.getsize(file)
    drawn = random.Random(7)
    for number in range(12):
        bent = os.path.join(work, 'bent')
        shutil.copy(file, bent)
        with open(bent, 'r+b') as data:
            if number % 3 == 0:
                data.truncate(drawn.randrange(size))
            else:
                at = drawn.randrange(size)
                data.seek(at)
                byte = data.read(1)[0]
                data.seek(at)
                data.write(bytes([byte ^ 1 << drawn.randrange(8)]))
        there = os.path.join(work, f'bent-{number}')
        done = subprocess.run([CAIRN, 'restore', bent, there, '--passphrase-file', secret],
                              capture_output=True, text=True, check=False)
        check(done.returncode in (1, 3), f'a damaged backup ({number}): exit {done.returncode} {done.stderr[-200:]}')
        check(not os.path.exists(os.path.join(there, 'cairn.yaml')), f'a damaged backup ({number}) left a ledger')
    with open(os.path.join(work, 'wrong'), 'w', encoding='utf-8') as other:
        other.write('another passphrase entirely\n')
    cairn('restore', file, os.path.join(work, 'never'), '--passphrase-file', os.path.join(work, 'wrong'), want=None)
    check(not os.path.exists(os.path.join(work, 'never', 'cairn.yaml')), 'a wrong passphrase leaves a ledger')


PARTS = {'keyd': keyd, 'kill': kill, 'term': term, 'full': full, 'overload': overload, 'backup': backup}


def main(work, *chosen):
    for name, part in PARTS.items():
        if not chosen or name in chosen:
            began = time.monotonic()
            room = os.path.join(work, name)
            os.makedirs(room)
            part(room)
            say(f'{name}: {time.monotonic() - began:.0f} s')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(*sys.argv[1:]))
