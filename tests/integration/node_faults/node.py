"""A ledger directory and the node that serves it, as the tests meet them."""
import json
import os
import re
import signal
import subprocess
import time
import urllib.parse

from peer import Peer, context

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), '..', '..', '..'))
CAIRN = os.environ.get('CAIRN') or os.path.join(ROOT, 'build', 'cairn')
TRANSACTIONS = os.path.join(os.path.dirname(CAIRN), 'tests', 'transactions')
PROBLEM = 'application/problem+json'

failures = []


def fail(words):
    failures.append(words)
    print(f'FAILED {words}', flush=True)


def check(good, words):
    if not good:
        fail(words)
    return good


def say(words):
    print(words, flush=True)


def contract_codes():
    """The codes that api/openapi.yaml names."""
    with open(os.path.join(ROOT, 'api', 'openapi.yaml'), encoding='utf-8') as file:
        text = file.read().split('    ProblemCode:')[1]
    return set(re.findall(r'[A-Z][A-Z0-9_]+', text[text.index('enum:'):]))


CODES = contract_codes()


def cairn(*words, want=0, directory=None, **options):
    """Runs the command; its JSON, or its text when it printed none."""
    argv = [CAIRN, *(['-C', directory] if directory else []), *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, **options)
    if want is not None:
        check(done.returncode == want,
              f'exit {done.returncode}, not {want}: {" ".join(words)}: {(done.stderr or done.stdout)[-300:]}')
    try:
        return json.loads(done.stdout)
    except ValueError:
        return done.stdout + done.stderr


class Node:
    def __init__(self, work, name='ledger', **settings):
        self.home = os.path.join(work, name)
        self.process, self.log_path = None, os.path.join(work, name + '.log')
        facts = cairn('init', self.home, '--org', 'Maker', '--json')
        self.ledger = facts['ledger']
        self.base = f'/v1/ledgers/{self.ledger}'
        self.settings = {'node.port': '0', 'api.public': 'entries', 'api.metrics_public': 'true',
                         'node.stranger_rate': '0', **settings}
        with open(os.path.join(self.home, 'cairn.yaml'), encoding='utf-8') as file:
            self.config = file.read()
        self.plain = self.settings.get('node.plain') == 'true'

    def configure(self, **settings):
        self.settings.update(settings)

    def _write_config(self):
        groups = {}
        for name, value in self.settings.items():
            group, word = name.split('.')
            groups.setdefault(group, []).append(f'  {word}: "{value}"\n')
        text = ''.join(f'{group}:\n{"".join(lines)}' for group, lines in groups.items())
        with open(os.path.join(self.home, 'cairn.yaml'), 'w', encoding='utf-8') as file:
            file.write(self.config + text)

    def start(self, wrap=(), seconds=30):
        self._write_config()
        url = os.path.join(self.home, 'node.url')
        if os.path.exists(url):
            os.unlink(url)
        with open(self.log_path, 'ab') as log:
            self.process = subprocess.Popen([*wrap, CAIRN, 'node', self.home, '--json'],
                                            stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + seconds
        while not (os.path.exists(url) and os.path.getsize(url)):
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f'FAILED the node does not start: {self.log()[-500:]}')
            time.sleep(0.02)
        with open(url, encoding='utf-8') as file:
            self.url = file.read().strip()
        parts = urllib.parse.urlsplit(self.url)
        self.address = (parts.hostname, parts.port)
        self.ca = os.path.join(self.home, 'tls', 'node.pem')
        self.tls = None if self.plain else context(self.ca if os.path.exists(self.ca) else None)
        return self

    def log(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as file:
            return file.read()

    def alive(self):
        return self.process.poll() is None

    def end(self, number=signal.SIGTERM, seconds=30):
        """The exit code; None when it does not end."""
        self.process.send_signal(number)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return None

    def stop(self):
        if self.process is not None and self.alive():
            check(self.end() == 0, 'the node does not end by itself with 0')

    def pids(self):
        """The node and the processes that it started, by name."""
        found, todo = {}, [self.process.pid]
        while todo:
            pid = todo.pop()
            try:
                with open(f'/proc/{pid}/comm', encoding='utf-8') as file:
                    found.setdefault(file.read().strip(), []).append(pid)
                with open(f'/proc/{pid}/task/{pid}/children', encoding='utf-8') as file:
                    todo += [int(child) for child in file.read().split()]
            except OSError:
                continue
        return found

    def rss(self):
        """MiB."""
        with open(f'/proc/{self.process.pid}/status', encoding='utf-8') as file:
            return int(re.search(r'VmRSS:\s+(\d+)', file.read())[1]) / 1024

    def files(self):
        return len(os.listdir(f'/proc/{self.process.pid}/fd'))

    def comes_down_to(self, files, seconds):
        """A subscriber that went is met by the next sign of life on its stream, after 15 s."""
        end = time.monotonic() + seconds
        while self.files() > files and time.monotonic() < end:
            time.sleep(0.2)
        return self.files() <= files

    def peer(self, tls='own', **options):
        return Peer(self.address, self.tls if tls == 'own' else tls, **options)

    def request(self, method, path, fields=(), body=None):
        head = [f'{method} {path} HTTP/1.1', f'Host: {self.address[0]}:{self.address[1]}']
        head += [f'{name}: {value}' for name, value in fields]
        if body is not None:
            head.append(f'Content-Length: {len(body)}')
        return '\r\n'.join(head + ['', '']).encode('latin-1') + (body or b'')

    def call(self, method, path, fields=(), body=None, tls='own'):
        """One call on a connection of its own."""
        with self.peer(tls) as peer:
            return peer.ask(self.request(method, path, fields, body), no_body=method == 'HEAD')

    def get(self, path, fields=(), tls='own'):
        return self.call('GET', path, fields, tls=tls)

    def submit(self, transaction, wait='durable', peer=None):
        data = self.request('POST', f'{self.base}/transactions?wait={wait}',
                            [('Content-Type', 'application/cose')], transaction)
        if peer is not None:
            return peer.ask(data)
        with self.peer() as one:
            return one.ask(data)

    def transactions(self, count, valid_ms=600000, home=None):
        key = os.path.join(home or self.home, 'keys', 'sign-1.pem')
        data = subprocess.run([TRANSACTIONS, key, self.ledger, str(count), str(valid_ms)],
                              capture_output=True, check=True).stdout
        made, at = [], 0
        while at < len(data):
            size = int.from_bytes(data[at:at + 4], 'big')
            made.append(data[at + 4:at + 4 + size])
            at += 4 + size
        return made

    def is_well(self, what):
        """It lives and answers, and knows of no error inside."""
        if not check(self.alive(), f'{what}: the node is gone: {self.log()[-500:]}'):
            return False
        answer = self.get('/readyz')
        return check(answer is not None and answer.status == 200, f'{what}: not ready: {answer}')

    def wait_well(self, what, seconds=20):
        end = time.monotonic() + seconds
        answer = None
        while time.monotonic() < end:
            try:
                answer = self.get('/readyz')
                if answer is not None and answer.status == 200:
                    return True
            except OSError:
                pass
            time.sleep(0.05)
        return check(False, f'{what}: not ready after {seconds} s: {answer}')


def is_problem(answer):
    """A problem document with a code of the contract."""
    if (answer.field('Content-Type') or '') != PROBLEM:
        return False
    try:
        document = json.loads(answer.body)
    except ValueError:
        return False
    return document.get('status') == answer.status and document.get('code') in CODES
