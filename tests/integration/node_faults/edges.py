"""What happens around a node: signals at any moment, a second node, no descriptors left, twins.

  edges.py WORK"""
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time

from node import CAIRN, Node, cairn, check, fail, failures, say
from peer import Hang, Peer


def ended(pids, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(is_running(pid) for pid in pids):
        time.sleep(0.05)
    return [pid for pid in pids if is_running(pid)]


def is_running(pid):
    try:
        with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
            return file.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def early_signals(work):
    """SIGTERM and SIGKILL while it starts: no helper is left, and the next start goes well."""
    node, drawn = Node(work, 'early'), random.Random(3)
    node.start()
    node.stop()
    codes = {}
    for number in range(16):
        with subprocess.Popen([CAIRN, 'node', node.home], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            node.process = process
            time.sleep(drawn.random() * 0.25)
            pids = [pid for list_ in node.pids().values() for pid in list_]
            code = node.end(signal.SIGKILL if number % 4 == 3 else signal.SIGTERM, 20)
        codes[code] = codes.get(code, 0) + 1
        check(code in (0, -signal.SIGTERM, -signal.SIGKILL), f'a signal while it starts: exit {code}')
        left = ended(pids)
        check(not left, f'processes are left: {left}')
    say(f'signals while it starts: exit codes {codes}')
    node.start()
    node.is_well('after early signals')
    pids = [pid for list_ in node.pids().values() for pid in list_]
    check(len(pids) == 3, f'processes: {node.pids()}')
    node.process.kill()
    node.process.wait()
    check(not ended(pids), 'SIGKILL leaves processes behind')
    node.start()
    for number in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        node.process.send_signal(number)
    check(node.end() == 0, 'SIGHUP and then SIGTERM twice')


def second_node(work):
    """Two nodes of one directory, or of one port: the second says so and ends, the first goes on."""
    node = Node(work, 'first').start()
    done = subprocess.run([CAIRN, 'node', node.home], capture_output=True, text=True, check=False, timeout=20)
    check(done.returncode == 4 and 'another process' in done.stderr, f'a second node: {done.returncode} {done.stderr[-200:]}')
    node.is_well('beside a second node')
    other = Node(work, 'other', **{'node.port': str(node.address[1])})
    other._write_config()
    try:
        done = subprocess.run([CAIRN, 'node', other.home], capture_output=True, text=True, check=False, timeout=20)
        check(done.returncode == 4, f'a port that is taken: {done.returncode} {done.stderr[-200:]}')
    except subprocess.TimeoutExpired:
        fail('two nodes share a port')
    node.is_well('beside a node of the same port')
    node.stop()


def cpu_seconds(pid):
    with open(f'/proc/{pid}/stat', encoding='utf-8') as file:
        fields = file.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def no_descriptors(work):
    """Descriptors run out: the node neither ends nor spins, and takes clients again when there are some."""
    node = Node(work, 'descriptors').start()
    node.submit(node.transactions(1)[0])
    with node.peer() as old:
        check(old.ask(node.request('GET', '/healthz')).status == 200, 'before')
        limit = resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (node.files() + 10, limit[1]))
        peers = [Peer(node.address) for _ in range(60)]
        time.sleep(0.5)
        before = cpu_seconds(node.process.pid)
        time.sleep(2)
        used = cpu_seconds(node.process.pid) - before
        check(used < 1, f'out of descriptors it uses {used:.1f} s of 2')
        check(old.ask(node.request('GET', f'{node.base}/state/members')).status == 200, 'out of descriptors, a kept connection')
        answer = node.submit(node.transactions(1)[0], 'durable', old)
        check(answer.status in (200, 503), f'out of descriptors, a submission: {answer}')
        for peer in peers:
            peer.close()
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, limit)
    node.wait_well('after descriptors ran out')
    check(node.submit(node.transactions(1)[0], 'durable').status == 200, 'after descriptors ran out, a submission')
    say(f'out of descriptors: {used:.2f} s of CPU in 2 s')
    node.stop()


def twins(work):
    """The same transaction from many clients at once: accepted once, and every answer tells the same story."""
    node = Node(work, 'twins').start()
    size = int(node.get(node.base).body.split(b'"log_size":')[1].split(b',')[0])
    rounds = 20
    for number, transaction in enumerate(node.transactions(rounds)):
        got = []

        def send(wait):
            got.append(node.submit(transaction, wait).status)
        threads = [threading.Thread(target=send, args=(('none', 'commit', 'durable')[i % 3],)) for i in range(9)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check(set(got) <= {200, 202, 409} and got.count(200) <= 1, f'twins {number}: {sorted(got)}')
        answer = node.submit(transaction, 'commit')
        check(answer.status == 409, f'twins {number}, once more: {answer}')
        answer = node.get(answer_place(node, transaction))
        check(b'"status":"accepted"' in answer.body, f'twins {number}: {answer}')
    node.stop()
    facts = cairn('log', 'check', '--json', directory=node.home)
    check(facts['transactions'] == rounds, f'twins: {facts["transactions"]} transactions of {rounds}, log of {size}')


def answer_place(node, transaction):
    """Where its status is: the last block's last transaction would be a guess, so ask by its own answer."""
    answer = node.submit(transaction, 'none')
    place = answer.field('Location')
    if place is None:  # TX_REPLAYED names none: its id is in the newest block that has transactions
        blocks = node.get(node.base + '/blocks?limit=1').body
        height = blocks.split(b'"height":')[1].split(b',')[0].decode()
        block = node.get(f'{node.base}/blocks/{height}').body
        place = f'{node.base}/transactions/' + block.split(b'"transaction":"')[1][:64].decode()
    return place


def streams(work):
    """More subscribers than there is room for: 503, and room again when they have gone."""
    node = Node(work, 'streams').start()
    peers, full = [], None
    for _ in range(3000):
        peer = node.peer()
        peers.append(peer)
        peer.send(node.request('GET', f'{node.base}/events', [('Accept', 'text/event-stream')]))
        head = b''
        while b'\r\n\r\n' not in head:
            more = peer.receive()
            if not more:
                break
            head += more
        if b' 200 ' not in head.split(b'\r\n')[0]:
            full = head
            break
    check(full is None or (b' 503 ' in full and b'Retry-After' in full), f'a subscriber too many: {full}')
    say(f'{len(peers)} subscribers: {node.rss():.0f} MiB; then {full.split(chr(13).encode())[0] if full else "more would come in"}')
    began = time.monotonic()
    answer = node.submit(node.transactions(1)[0])
    check(answer.status == 200, f'a submission with subscribers: {answer}')
    first = peers[0]
    try:
        first.patience = 10
        first.socket.settimeout(10)
        text = b''
        while b'data:' not in text:
            text += first.receive()
        say(f'an event after {(time.monotonic() - began) * 1000:.0f} ms')
    except Hang:
        fail('an event does not come to a subscriber')
    half = len(peers) // 2
    for peer in peers[:half]:
        peer.reset()
    node.is_well('after half of the subscribers went')
    check(node.end() == 0, 'SIGTERM with many subscribers')
    for peer in peers[half:]:
        peer.close()


def main(work):
    for part in (early_signals, second_node, no_descriptors, twins, streams):
        began = time.monotonic()
        part(work)
        say(f'{part.__name__}: {time.monotonic() - began:.0f} s')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
