"""Peers that are slow, half gone, gone, or too many.

  slow.py WORK

All slow ones act at the same time, so that it takes as long as the longest patience of the server (30 s)."""
import socket
import sys
import threading
import time

from node import Node, check, fail, failures, is_problem, say
from peer import Broken, Hang, Peer

HEAD_SECONDS, BODY_SECONDS, WRITE_SECONDS = 10, 30, 30  # cairn_http_server_defaults
GRACE = 12  # on a machine that does other things


def drip(node, first, rest, pace, limit, what):
    """Sends `first`, then a byte of `rest` every `pace` seconds: the node must end it within the limit."""
    began = time.monotonic()
    with node.peer() as peer:
        peer.send(first)
        for byte in rest:
            peer.socket.setblocking(True)
            if not peer.send(bytes([byte])):
                break
            if not peer.is_quiet(pace):
                break
            if time.monotonic() - began > limit + GRACE:
                fail(f'{what}: still taken after {time.monotonic() - began:.0f} s')
                return
        took = time.monotonic() - began
        try:
            answer = peer.answer()
        except Broken as err:
            fail(f'{what}: {err}')
            return
        check(answer is None or (answer.status == 408 and is_problem(answer)), f'{what}: {answer}')
        check(took > 1, f'{what}: ended at once, after {took:.1f} s')
        check(peer.ends_within(5) is not None, f'{what}: the connection goes on')


def slow_head(node):
    drip(node, b'GET /healthz HTTP/1.1\r\nHost: h\r\n', b'X: ' + b'y' * 1000, 0.5, HEAD_SECONDS, 'slow head')


def slow_line(node):
    drip(node, b'G', b'ET /' + b'y' * 1000, 0.5, HEAD_SECONDS, 'slow request line')


def slow_body(node):
    drip(node, node.request('POST', '/oauth/token', [('Content-Type', 'application/x-www-form-urlencoded'),
                                                     ('Content-Length', '1000')]), b'a' * 1000, 1, BODY_SECONDS, 'slow body')


def slow_chunks(node):
    drip(node, node.request('POST', '/oauth/token', [('Content-Type', 'application/x-www-form-urlencoded'),
                                                     ('Transfer-Encoding', 'chunked')]), b'1\r\na\r\n' * 300, 1, BODY_SECONDS, 'slow chunks')


def silent(node):
    """Connects and says nothing, neither TLS nor HTTP."""
    peer = Peer(node.address)
    check(peer.ends_within(HEAD_SECONDS + GRACE) is not None, 'a silent connection is kept')
    peer.close()


def half_handshake(node):
    peer = Peer(node.address)
    peer.send(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + b'r' * 40)
    check(peer.ends_within(HEAD_SECONDS + GRACE) is not None, 'half a handshake is kept')
    peer.close()


def greedy_reader(node):
    """Asks again and again for a large file and never reads: the node must stop taking requests, and go."""
    request = node.request('GET', '/console')
    with node.peer(receive_buffer=4096) as peer:
        peer.socket.settimeout(1)
        sent, began = 0, time.monotonic()
        while time.monotonic() - began < WRITE_SECONDS + GRACE:
            try:
                if not peer.send(request * 20):
                    break
                sent += 20
            except Hang:
                if is_gone(peer):
                    break
                time.sleep(0.5)
        else:
            fail(f'a client that reads nothing is kept; it sent {sent} requests')
        check(sent < 200000, f'a client that reads nothing sent {sent} requests')


def is_gone(peer):
    """Was the connection reset or closed from the other side? Does not read."""
    return peer.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0 or \
        peer.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != 1  # ESTABLISHED


def deaf_subscriber(node, until):
    """An event stream that is never read, while there are events."""
    with node.peer(receive_buffer=2048) as peer:
        peer.send(node.request('GET', f'{node.base}/events?after=0-0', [('Accept', 'text/event-stream')]))
        until.wait(WRITE_SECONDS + 3 * GRACE)


def load(node, count, until):
    transactions = node.transactions(count)
    with node.peer() as peer:
        for transaction in transactions:
            answer = node.submit(transaction, 'none', peer)
            if answer is None or answer.status not in (202, 503):
                fail(f'load under slow peers: {answer}')
                break
    until.wait(WRITE_SECONDS)


def polite(node, until):
    """A client like any other is answered all the time."""
    longest = 0
    while not until.is_set():
        began = time.monotonic()
        answer = node.get('/readyz')
        longest = max(longest, time.monotonic() - began)
        if answer is None or answer.status != 200:
            fail(f'a polite client among slow ones: {answer}')
            return
        time.sleep(0.1)
    check(longest < 10, f'a polite client waited {longest:.1f} s')
    say(f'longest wait of a polite client: {longest * 1000:.0f} ms')


# --- those that are gone --------------------------------------------------------------------------

def half_closed(node):
    with node.peer() as peer:
        peer.send(node.request('GET', '/healthz'))
        peer.finish()
        answer = peer.answer()
        check(answer is not None and answer.status == 200, f'half-closed: {answer}')
        check(peer.ends_within(5) is not None, 'half-closed: stays open after the answer')
    with node.peer() as peer:
        peer.send(node.request('POST', f'{node.base}/transactions?wait=durable', [('Content-Type', 'application/cose')],
                               node.transactions(1)[0]))
        peer.finish()
        answer = peer.answer()
        check(answer is not None and answer.status == 200, f'half-closed, an answer that comes later: {answer}')
    for part in (b'', b'GET /heal', node.request('POST', '/oauth/token', [('Content-Length', '50')]) + b'abc'):
        with node.peer() as peer:
            peer.send(part)
            peer.finish()
            check(peer.ends_within(5) is not None, f'half-closed within {part[:20]!r}: stays open')


def resets(node, rounds):
    """RST in each phase of a connection."""
    transactions = node.transactions(rounds)
    submit = node.request('POST', f'{node.base}/transactions?wait=durable', [('Content-Type', 'application/cose')], transactions[0])
    hello = b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'
    for number in range(rounds):
        for data in (b'', hello, hello + b'r' * 600):
            peer = Peer(node.address)
            peer.send(data)
            peer.reset()
        whole = node.request('POST', f'{node.base}/transactions?wait=durable', [('Content-Type', 'application/cose')],
                             transactions[number])
        for data in (b'', b'GET /healthz HT', submit[:len(submit) // 2], submit[:-1], whole, node.request('GET', '/console') * 50,
                     node.request('GET', f'{node.base}/keys') * 30,
                     node.request('GET', f'{node.base}/events?after=0-0', [('Accept', 'text/event-stream')])):
            peer = node.peer()
            peer.send(data)
            if number % 3 == 1:
                time.sleep(0.003)
            elif number % 3 == 2 and len(data) > 500:
                peer.is_quiet(0.2)
            peer.reset()
    node.wait_well('after resets')
    for transaction in transactions:
        answer = node.submit(transaction, 'commit')
        check(answer.status == 409, f'a transaction whose client was reset: {answer}')


# --- too many ------------------------------------------------------------------------------------

def header_floods(node):
    for first, more in ((b'GET / HTTP/1.1\r\n', b'X: y\r\n' * 100), (b'GET /', b'a' * 1000), (b'GET / HTTP/1.1\r\nX: ', b'a' * 1000),
                        (b'GET / HTTP/1.1\r\n', b'a' * 1000), (b'', b'\r\n' * 500)):
        with node.peer() as peer:
            sent = len(first)
            peer.send(first)
            while sent < 64 << 20 and peer.send(more) and peer.is_quiet(0):
                sent += len(more)
            check(sent < 1 << 20, f'a flood of {more[:6]!r}: {sent} bytes were taken')
            try:
                answer = peer.answer()
            except (Broken, Hang) as err:
                answer = err
            check(answer is None or (getattr(answer, 'status', 0) in (400, 414, 431) and is_problem(answer)),
                  f'a flood of {more[:6]!r}: {answer}')


def trailer_flood(node):
    with node.peer() as peer:
        peer.send(node.request('POST', '/oauth/token', [('Content-Type', 'application/x-www-form-urlencoded'),
                                                        ('Transfer-Encoding', 'chunked')]) + b'0\r\n')
        sent = 0
        while sent < 64 << 20 and peer.send(b'X: y\r\n' * 100) and peer.is_quiet(0):
            sent += 600
        check(sent < 1 << 20, f'a flood of trailers: {sent} bytes were taken')


def connection_flood(node, count):
    peers = []
    memory = node.rss()
    try:
        for _ in range(count):
            peers.append(Peer(node.address, patience=30))
    except OSError as err:
        say(f'{len(peers)} connections: {err}')
    began = time.monotonic()
    answer = node.get('/healthz')
    check(answer is not None and answer.status == 200, f'beside {len(peers)} connections: {answer}')
    say(f'{len(peers)} idle connections: {node.rss() - memory:.0f} MiB; the next client is answered after '
        f'{(time.monotonic() - began) * 1000:.0f} ms')
    for peer in peers:
        peer.close()


def full_house(work):
    """More clients than node.connections: the others wait, and come in when there is room."""
    node = Node(work, 'full', **{'node.connections': '20', 'node.threads': '1'}).start()
    inside = [node.peer() for _ in range(20)]
    for peer in inside:
        peer.send(node.request('GET', '/healthz'))
        check(peer.answer().status == 200, 'one of those that are inside')
    waiting = Peer(node.address)
    check(waiting.is_quiet(0.3), 'one too many is not made to wait')
    waiting.close()
    got = []

    def come():
        try:
            got.append(node.get('/healthz'))
        except (Hang, OSError) as err:
            got.append(err)
    thread = threading.Thread(target=come)
    thread.start()
    time.sleep(0.3)
    check(not got, f'one too many is answered: {got}')
    for peer in inside:
        peer.close()
    thread.join(20)
    check(got and getattr(got[0], 'status', 0) == 200, f'one too many, when there is room: {got}')
    node.stop()
    few = Node(work, 'few', **{'node.connections_per_address': '5'}).start()
    inside = [few.peer() for _ in range(5)]
    try:
        few.peer(patience=5)
        fail('a sixth connection of an address is served')
    except (OSError, Hang):
        pass
    for peer in inside:
        peer.close()
    few.wait_well('after an address had its bound')
    few.stop()


def main(work):
    node = Node(work, 'slow').start()
    node.submit(node.transactions(1)[0])
    memory, files = node.rss(), node.files()
    half_closed(node)
    resets(node, 12)
    header_floods(node)
    trailer_flood(node)
    connection_flood(node, 800)
    over = threading.Event()
    slow = [threading.Thread(target=act, args=(node,)) for act in
            [slow_head] * 10 + [slow_line] * 5 + [slow_body] * 5 + [slow_chunks] * 5 + [silent] * 5 + [half_handshake] * 5 +
            [greedy_reader] * 4]
    others = [threading.Thread(target=act, args=args) for act, args in
              [(deaf_subscriber, (node, over))] * 10 + [(load, (node, 3000, over)), (polite, (node, over))]]
    for thread in slow + others:
        thread.start()
    full_house(work)
    for thread in slow:
        thread.join()
    say(f'with all slow peers: {node.rss() - memory:.0f} MiB more')
    check(node.rss() - memory < 150, f'memory grew by {node.rss() - memory:.0f} MiB')
    over.set()
    for thread in others:
        thread.join()
    node.is_well('after slow peers')
    check(node.comes_down_to(files + 4, 40), f'{files} files were open, now {node.files()}')
    node.stop()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
