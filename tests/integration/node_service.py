"""A live node: what it may still open, whose socket it takes, what it tells its manager.

  node_service.py WORK"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

from node import CAIRN, Node, cairn, check, fail, failures, is_problem, say
from peer import Peer, context

EACCES = 13


# --- fences ----------------------------------------------------------------------------------------

def opened_inside(node, paths):
    """What open(2) of the running node says to each path, by a debugger: its errno, 0 for success."""
    words = ['gdb', '-nx', '-batch', '-p', str(node.process.pid)]
    for path in paths:
        words += ['-ex', f'print (int)open("{path}", 0)', '-ex', 'print *(int*)__errno_location()']
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)
    values = [int(value) for value in re.findall(r'^\$\d+ = (-?\d+)$', done.stdout, re.M)]
    if len(values) != 2 * len(paths):
        say(f'skipped: the debugger may not look into the node: {(done.stderr or done.stdout)[-200:].strip()}')
        return None
    return [0 if number >= 0 else code for number, code in zip(values[::2], values[1::2])]


def fences(work):
    node = Node(work, 'fenced').start()
    tasks = os.listdir(f'/proc/{node.process.pid}/task')
    check(len(tasks) > 4, f'the node has {len(tasks)} threads')
    for task in tasks:
        with open(f'/proc/{node.process.pid}/task/{task}/status', encoding='utf-8') as file:
            status = file.read()
        check('Seccomp:\t2\n' in status and 'NoNewPrivs:\t1\n' in status, f'a thread of the node is not filtered: {status}')
    log = node.log()
    if '"event":"node.unfenced"' in log:
        say('skipped: this kernel or machine lacks a fence')
    elif check('"event":"node.fenced","seccomp":true' in log, 'the log does not tell of the fence') and shutil.which('gdb'):
        keys = os.path.join(os.path.abspath(node.home), 'keys')
        public = os.path.join(os.path.abspath(node.home), 'tls', 'node.pem')
        secret = [os.path.join(keys, name) for name in sorted(os.listdir(keys))]
        check(len(secret) >= 2, f'keys: {secret}')
        codes = opened_inside(node, [public, *secret, keys, os.path.join(os.path.dirname(keys), 'vault-keys')])
        if codes is not None:
            check(codes[0] == 0, f'the node cannot open its own certificate: {codes[0]}')
            check(set(codes[1:]) == {EACCES}, f'the node can open key files: {codes[1:]}')
            say(f'{len(codes) - 1} places of keys are shut to the node')
    else:
        say('skipped: gdb is not installed')
    node.is_well('fenced')
    node.stop()
    check(not os.path.getsize(os.path.join(node.home, 'node.url')), 'an ended node says where it is')


# --- sockets ---------------------------------------------------------------------------------------

# Becomes the node, as a service manager's child does: the socket is descriptor 3.
LAUNCHER = '''import os, sys
os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_FDNAMES=sys.argv[2], LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
'''


def start_with(node, listener, name='https', **environment):
    """The node, started with that socket."""
    node._write_config()
    url = os.path.join(node.home, 'node.url')
    if os.path.exists(url):
        os.unlink(url)
    with open(node.log_path, 'ab') as log:
        node.process = subprocess.Popen([sys.executable, '-c', LAUNCHER, str(listener.fileno()), name, CAIRN, 'node', node.home],
                                        pass_fds=[listener.fileno()], stdout=subprocess.DEVNULL, stderr=log,
                                        env={**os.environ, **environment})
    end = time.monotonic() + 30
    while not (os.path.exists(url) and os.path.getsize(url)):
        if node.process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f'FAILED the node does not start: {node.log()[-500:]}')
        time.sleep(0.02)
    with open(url, encoding='utf-8') as file:
        return file.read().strip()


def sockets(work):
    listener = socket.create_server(('127.0.0.1', 0))
    port = listener.getsockname()[1]
    node = Node(work, 'inherited')
    url = start_with(node, listener)
    check(url == f'https://127.0.0.1:{port}', f'the node is at {url}, its socket at port {port}')
    node.address = ('127.0.0.1', port)
    node.tls = context(os.path.join(node.home, 'tls', 'node.pem'))
    node.is_well('an inherited socket')
    node.stop()
    # The manager's socket is open while there is no node: who calls now is answered by the next one.
    waiting = socket.create_connection(('127.0.0.1', port), timeout=30)
    start_with(node, listener)
    node.is_well('the next node')
    with node.tls.wrap_socket(waiting, server_hostname='127.0.0.1') as tls:
        tls.sendall(f'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n'.encode())
        check(tls.recv(100).startswith(b'HTTP/1.1 200'), 'who called between two nodes is not answered')
    node.stop()
    # A socket by another name is none of the node's.
    url = start_with(node, listener, 'metrics')
    check(not url.endswith(f':{port}'), 'the node takes a socket that is not for it')
    node.stop()
    listener.close()


def activated(work):
    """The tool that systemd brings for this."""
    tool = shutil.which('systemd-socket-activate')
    if tool is None:
        say('skipped: systemd-socket-activate is not installed')
        return
    with socket.create_server(('127.0.0.1', 0)) as free:
        port = free.getsockname()[1]
    node = Node(work, 'activated')
    node._write_config()
    with open(node.log_path, 'ab') as log:
        node.process = subprocess.Popen([tool, '-l', f'127.0.0.1:{port}', '--fdname=https', CAIRN, 'node', node.home],
                                        stdout=subprocess.DEVNULL, stderr=log)
    end = time.monotonic() + 30
    caller = None
    while caller is None and time.monotonic() < end:
        try:
            caller = socket.create_connection(('127.0.0.1', port), timeout=30)
        except OSError:
            time.sleep(0.05)
    url = os.path.join(node.home, 'node.url')
    while not (os.path.exists(url) and os.path.getsize(url)) and time.monotonic() < end:
        time.sleep(0.05)
    tls = context(os.path.join(node.home, 'tls', 'node.pem'))
    with Peer(('127.0.0.1', port), tls) as peer:
        answer = peer.ask(f'GET /readyz HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n'.encode())
        check(answer is not None and answer.status == 200, f'activated: {answer}')
    if caller is not None:
        caller.close()
    node.stop()


# --- what the manager hears ------------------------------------------------------------------------

class Manager:
    """The other end of NOTIFY_SOCKET."""
    def __init__(self, work):
        self.path = os.path.join(work, 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)

    def hear(self, wanted, seconds):
        """Waits for a message with that line; how many others came before, None if it does not come."""
        end = time.monotonic() + seconds
        others = 0
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                lines = self.socket.recv(4096).decode().split('\n')
            except TimeoutError:
                break
            if wanted in lines:
                return others
            others += 1
        return None


def manager(work):
    heard = Manager(work)
    listener = socket.create_server(('127.0.0.1', 0))
    node = Node(work, 'managed')
    start_with(node, listener, NOTIFY_SOCKET=heard.path, WATCHDOG_USEC='2000000')
    check(heard.hear('READY=1', 20) is not None, 'no READY=1')
    for _ in range(3):
        check(heard.hear('WATCHDOG=1', 2) is not None, 'no WATCHDOG=1 in time')
    # Signals that come all the time do not keep the node from telling that it lives.
    end = time.monotonic() + 4
    node.process.send_signal(signal.SIGHUP)
    check(heard.hear('RELOADING=1', 5) is not None, 'no RELOADING=1')
    while time.monotonic() < end:
        node.process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
    check(heard.hear('WATCHDOG=1', 1) is not None, 'no WATCHDOG=1 while it reloads')
    with open(f'/proc/{node.process.pid}/environ', 'rb') as file:
        check(b'NOTIFY_SOCKET' in file.read(), 'the test does not reach the node')
    for pid in node.pids().get('cairn-keyd', []):
        with open(f'/proc/{pid}/environ', 'rb') as file:
            check(b'NOTIFY_SOCKET' not in file.read(), 'keyd believes that it is the service')
    node.process.send_signal(signal.SIGTERM)
    check(heard.hear('STOPPING=1', 10) is not None, 'no STOPPING=1')
    check(node.process.wait(20) == 0, 'the managed node does not end with 0')
    check('"event":"node.stalled"' not in node.log(), 'a node that works was said to stand still')


# --- rates -----------------------------------------------------------------------------------------

def rates(work):
    """Strangers of one address share a rate; 429 says when to come again."""
    node = Node(work, 'rated', **{'node.stranger_rate': '2', 'node.stranger_burst': '5'})
    cairn('key', 'new', '--purpose', 'tls', '--json', directory=node.home)
    node.start()
    with node.peer() as peer:
        answers = [peer.ask(node.request('GET', '/healthz')) for _ in range(12)]
        statuses = [answer.status for answer in answers]
        check(statuses[:5] == [200] * 5 and 429 in statuses[5:] and set(statuses) == {200, 429}, f'rates: {statuses}')
        refused = answers[statuses.index(429)]
        check(is_problem(refused) and 1 <= int(refused.field('Retry-After')) <= 2, f'429: {refused}')
        time.sleep(1.2)
        check(peer.ask(node.request('GET', '/healthz')).status == 200, 'a rate is not renewed')
    # Who is known by his certificate is no stranger, whatever he calls.
    key, chain = os.path.join(node.home, 'keys', 'tls-1.pem'), os.path.join(work, 'client.pem')
    subprocess.run(['openssl', 'req', '-x509', '-new', '-key', key, '-subj', '/CN=c', '-days', '2', '-out', chain, '-addext',
                    'extendedKeyUsage=clientAuth', '-addext', 'basicConstraints=critical,CA:FALSE'], check=True, capture_output=True)
    transactions = node.transactions(30)
    with node.peer(context(node.ca, chain, key)) as peer:
        statuses = [node.submit(one, 'commit', peer).status for one in transactions[:20]]
        check(statuses == [200] * 20, f'one who is known submits: {statuses}')
    with node.peer() as peer:
        statuses = [node.submit(one, 'commit', peer).status for one in transactions[20:]]
        check(429 in statuses, f'a stranger submits as often as he likes: {statuses}')
    node.stop()


def main(work):
    for part in (fences, sockets, activated, manager, rates):
        room = os.path.join(work, part.__name__)
        os.makedirs(room)
        try:
            part(room)
        except (OSError, subprocess.SubprocessError) as error:
            fail(f'{part.__name__}: {error!r}')
    return 1 if failures else 0


sys.exit(main(sys.argv[1]))
