"""Subscriptions, end to end: who may have them, what a sink gets, and what it takes from it: every event at
least once, in order, signed (RFC 9421, RFC 9530), and nothing once the subscription has ended.

  subscriptions.py WORK"""
import base64
import concurrent.futures
import hashlib
import hmac
import http.server
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

from node import Node, cairn, check, failures, is_problem, say

SECRET = 'correct horse battery'


# --- the sink --------------------------------------------------------------------------------------

class Sink:
    """HTTPS on a fixed port, so that it can go and come back. `moods` are taken one a request."""

    def __init__(self, work):
        self.work, self.port, self.lock = work, 0, threading.Lock()
        self.secrets, self.got, self.moods, self.server, self.seen = {}, [], [], None, 0
        self.certificate = os.path.join(work, 'sink.pem')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                        '-keyout', os.path.join(work, 'sink.key'), '-out', self.certificate, '-days', '2', '-subj',
                        '/CN=sink', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'], check=True, capture_output=True)

    def start(self):
        sink = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *_):
                pass

            def do_POST(self):
                sink.answer(self)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, os.path.join(self.work, 'sink.key'))
        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, request, client_address):
                pass  # resets are ours

        self.server = Server(('127.0.0.1', self.port), Handler)
        self.port = self.server.server_address[1]
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def url(self, path):
        return f'https://127.0.0.1:{self.port}{path}'

    def answer(self, call):
        body = call.rfile.read(int(call.headers['Content-Length']))
        with self.lock:
            mood = self.moods.pop(0) if self.moods else 'take'
            self.seen += 1
        if mood == 'reset':
            call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            call.connection.close()
            call.close_connection = True
            return
        if mood == 'slow':
            time.sleep(1.5)
        if mood in ('500', '429', '503'):
            self.reply(call, int(mood))
            return
        wrong = self.verify(call, body)
        with self.lock:
            self.got.append((call.path, json.loads(body), wrong))
        if mood != 'mute':  # it has it, but the node does not hear so
            self.reply(call, 204 if not wrong else 200)
        else:
            call.connection.close()
            call.close_connection = True

    @staticmethod
    def reply(call, status):
        call.send_response(status)
        call.send_header('Content-Length', '0')
        call.end_headers()

    def verify(self, call, body):
        """What is wrong with the message: nothing, or words."""
        digest = f'sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:'
        given = call.headers.get('Content-Digest')
        if given != digest:
            return f'digest {given}'
        found = re.fullmatch(r'cairn=(\(("@method" "@target-uri" "content-digest" "content-type")\);created=(\d+);'
                             r'keyid="([^"]+)";alg="hmac-sha256")', call.headers.get('Signature-Input', ''))
        if not found:
            return f'input {call.headers.get("Signature-Input")}'
        if abs(int(found[3]) - time.time()) > 300:
            return f'created {found[3]}'
        secret = self.secrets.get(found[4])
        if secret is None:
            return f'keyid {found[4]}'
        base = (f'"@method": POST\n"@target-uri": {self.url(call.path)}\n"content-digest": {digest}\n'
                f'"content-type": {call.headers["Content-Type"]}\n"@signature-params": {found[1]}')
        mac = base64.b64encode(hmac.new(secret, base.encode(), hashlib.sha256).digest()).decode()
        if call.headers.get('Signature') != f'cairn=:{mac}:':
            return 'signature'
        return '' if call.headers['Content-Type'] == 'application/cloudevents+json' else call.headers['Content-Type']

    def of(self, path):
        with self.lock:
            return [(body, wrong) for at, body, wrong in self.got if at == path]


# --- the world -------------------------------------------------------------------------------------

class World:
    def __init__(self, work):
        self.work = work
        self.sink = Sink(work).start()
        self.node = Node(work, **{'outbox.allowed': '127.0.0.0/8', 'outbox.ca_file': self.sink.certificate,
                                  'outbox.timeout': '3s', 'node.drain': '1s', 'api.public': 'proofs'})
        self.secret_file = os.path.join(work, 'secret')
        with open(self.secret_file, 'w', encoding='utf-8') as file:
            file.write(SECRET + '\n')
        self.bearers = {}

    def grant(self, name, organisation=None, scope='ledger.read'):
        words = ['--organisation', organisation] if organisation else []
        cairn('grant', 'add', name, '--secret-file', self.secret_file, '--scope', scope, *words, '--json', directory=self.node.home)

    def bearer(self, name):
        if name not in self.bearers:
            basic = base64.b64encode(f'{name}:{SECRET}'.encode()).decode()
            answer = self.node.call('POST', '/oauth/token', [('Authorization', f'Basic {basic}'),
                                                             ('Content-Type', 'application/x-www-form-urlencoded')],
                                    b'grant_type=client_credentials')
            self.bearers[name] = json.loads(answer.body)['access_token']
        return self.bearers[name]

    def ask(self, method, path='', body=None, who='shop'):
        fields = [('Authorization', f'Bearer {self.bearer(who)}')] if who else []
        if body is not None:
            fields.append(('Content-Type', 'application/json'))
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.node.call(method, f'{self.node.base}/subscriptions{path}', fields, body)

    def subscribe(self, path, who='shop', **members):
        answer = self.ask('POST', body={'sink': self.sink.url(path), **members}, who=who)
        if not check(answer.status == 201, f'subscribe {path}: {answer}'):
            raise SystemExit(1)
        made = json.loads(answer.body)
        self.remember(made)
        return made

    def remember(self, made):
        secret = base64.urlsafe_b64decode(made['secret'] + '=' * (-len(made['secret']) % 4))
        check(len(secret) == 32, f'a secret of {len(secret)} bytes')
        self.sink.secrets[made['key_id']] = secret

    def anchor(self, count, home=None):
        """Their places in the log, in order, as the feed has them; of the organisation of that directory."""
        before = len(self.events())
        for transaction in self.node.transactions(count, home=home):
            answer = self.node.submit(transaction)
            check(answer.status == 200, f'submit: {answer}')
        return [event['index'] for event in self.events()[before:]]

    def events(self):
        events, after = [], '0-0'
        while True:
            answer = json.loads(self.node.get(f'{self.node.base}/events?limit=256&after={after}',
                                              [('Authorization', f'Bearer {self.bearer("shop")}')]).body)
            events += answer['events']
            if not answer['events']:
                return events
            after = answer['next']

    def restart(self, number):
        self.node.end(number)
        self.node.start()
        self.bearers.clear()  # it has another port, and tokens are for an address

    def wait(self, good, what, seconds=60):
        end = time.monotonic() + seconds
        while not good() and time.monotonic() < end:
            time.sleep(0.05)
        return check(good(), f'{what}: not after {seconds} s')

    def wait_for(self, path, indexes, what, seconds=60):
        """At least once each, in order but for repetition, all signed well and numbered."""
        def came():
            return {body['data']['index'] for body, _ in self.sink.of(path)}
        self.wait(lambda: came() >= set(indexes), f'{what}: {len(set(indexes) - came())} of {len(indexes)} missing', seconds)
        got = self.sink.of(path)
        check(not [wrong for _, wrong in got if wrong], f'{what}: {[wrong for _, wrong in got if wrong][:3]}')
        first = list(dict.fromkeys(body['data']['index'] for body, _ in got))
        check(first == sorted(first), f'{what}: out of order')
        numbers = list(dict.fromkeys(int(body['sequence']) for body, _ in got))
        check(numbers == list(range(1, len(numbers) + 1)), f'{what}: numbers {numbers[:20]}')
        return got


# --- the parts -------------------------------------------------------------------------------------

def subscriptions(world):
    """Made, read, listed, refused; nobody else's are there."""
    nothing = world.ask('GET', '/' + '0' * 32)
    check(nothing.status == 404 and is_problem(nothing), f'one that is not there: {nothing}')
    made = world.subscribe('/made', filters=[{'type': 257, 'key_prefix': '00ff'}, {}], life_s=3600)
    check(made['state'] == 'active' and made['told'] == 0 and made['filters'] == [{'type': 257, 'key_prefix': '00ff'}, {}], made)
    read = json.loads(world.ask('GET', '/' + made['id']).body)
    check('secret' not in read and {k: v for k, v in made.items() if k != 'secret'} == read, f'read: {read}')
    for who in ('other', 'stranger'):
        for method, path in (('GET', ''), ('DELETE', ''), ('POST', '/secret')):
            answer = world.ask(method, f'/{made["id"]}{path}', who=who)
            check(answer.bytes_but_date() == world.ask(method, '/' + '0' * 32 + path, who=who).bytes_but_date() and
                  answer.status == 404, f"{who}: {method} of another's: {answer}")
    check(json.loads(world.ask('GET', who='other').body) == {'subscriptions': []}, "the list of another")
    check(world.ask('GET', who=None).status == 401, 'without a caller')
    check(world.ask('POST', body={'sink': world.sink.url('/x')}, who='stranger').status == 404, 'of no organisation')
    check(world.ask('GET', who='blind').status == 403, 'without the scope')
    bad = [{}, [], {'sink': 'http://127.0.0.1/'}, {'sink': 'https://a@b/'}, {'sink': 'https://a/#b'}, {'sink': 7},
           {'sink': 'https:///'}, {'sink': 'https://a b/'}, {'sink': 'https://a\u0000/'}, {'sink': 'https://a/', 'x': 1},
           {'sink': 'https://a/', 'filters': []}, {'sink': 'https://a/', 'filters': [{}] * 17},
           {'sink': 'https://a/', 'filters': [{'type': 0}]}, {'sink': 'https://a/', 'filters': [{'type': 65536}]},
           {'sink': 'https://a/', 'filters': [{'key_prefix': 'AB'}]}, {'sink': 'https://a/', 'filters': [{'key_prefix': 'a'}]},
           {'sink': 'https://a/', 'filters': [{'key_prefix': 'ab' * 65}]}, {'sink': 'https://a/', 'filters': [{'y': 1}]},
           {'sink': 'https://a/', 'life_s': 59}, {'sink': 'https://a/', 'life_s': 1e9}, {'sink': 'https://' + 'a' * 3000},
           b'{"sink":"https://a/","sink":"https://b/"}', b'{', b'\xff']
    for body in bad:
        answer = world.ask('POST', body=body)
        check(answer.status == 400 and is_problem(answer), f'{str(body)[:80]}: {answer}')
    ids = {made['id']}
    for i in range(5):
        ids.add(world.subscribe(f'/page{i}')['id'])
    seen, page = [], ''
    while True:
        answer = json.loads(world.ask('GET', '?limit=2' + page).body)
        seen += [row['id'] for row in answer['subscriptions']]
        if 'next' not in answer:
            break
        token = answer['next']
        page = f'&page={token}'
        check(world.ask('GET', f'?limit=2{page}', who='other').status == 400, "another's page token")
    check(sorted(seen) == sorted(ids), f'pages: {len(seen)} of {len(ids)}')
    for one in ids:
        check(world.ask('DELETE', '/' + one).status == 204, 'delete')
        check(world.ask('GET', '/' + one).bytes_but_date() == nothing.bytes_but_date(), 'what is deleted is as if it never was')
    check(world.ask('DELETE', '/' + made['id']).status == 404, 'delete twice')


def moods(world):
    """A sink that refuses, resets, is slow, and takes without saying so."""
    world.subscribe('/moods')
    world.sink.moods[:] = ['500', 'reset', 'take', 'mute', '429', 'slow', 'take', '503', 'mute', 'take', 'reset']
    got = world.wait_for('/moods', world.anchor(10), 'moods')
    check(len(got) > 10, 'nothing was repeated')
    check(got[0][0]['specversion'] == '1.0' and got[0][0]['source'] == world.node.base, f'no CloudEvent: {got[0][0]}')
    say(f'{len(got)} calls of 10 events in bad moods')


def down(world):
    """The sink goes, the node is killed, the sink comes back, while events go on."""
    world.subscribe('/down')
    places = world.anchor(5)
    world.sink.stop()
    places += world.anchor(10)
    world.restart(signal.SIGKILL)
    places += world.anchor(5)
    world.sink.start()
    places += world.anchor(5)
    world.restart(signal.SIGKILL)
    got = world.wait_for('/down', places, 'down and killed')
    say(f'{len(got)} calls of {len(places)} events over two kills')


def rotation(world):
    """Another secret, shown once; what was put before is signed by the old one. Of several calls at once each is
    told its own: messages between two of them are signed by the first one's."""
    made = world.subscribe('/rotated')
    places = world.anchor(2)
    renewed = json.loads(world.ask('POST', f'/{made["id"]}/secret').body)
    check(renewed['key_id'] != made['key_id'] and renewed['secret'] != made['secret'], 'the secret is the same')
    world.remember(renewed)
    places += world.anchor(2)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        told = [json.loads(answer.body) for answer in
                pool.map(lambda _: world.ask('POST', f'/{made["id"]}/secret'), range(64))]
    names = {f'{made["id"]}.{number}' for number in range(3, 67)}
    check({one['key_id'] for one in told} == names, f'{len({one["key_id"] for one in told})} of 64 secrets were told')
    for one in told:
        world.remember(one)
    places += world.anchor(2)
    world.wait_for('/rotated', places, 'rotated')
    for root, _, files in os.walk(world.node.home):
        for name in files:
            with open(os.path.join(root, name), 'rb') as file:
                data = file.read()
            for secret in world.sink.secrets.values():
                check(secret not in data and base64.urlsafe_b64encode(secret).rstrip(b'=') not in data,
                      f'{name} holds a secret')


def filtered(world):
    """By type and by the beginning of the key."""
    anchor = max(event['type'] for event in world.events())
    world.subscribe('/anchors', filters=[{'type': anchor}, {'type': anchor}])
    world.subscribe('/keys', filters=[{'type': 258}])
    digits = {f'{i:x}': world.subscribe(f'/digit{i:x}', filters=[{'key_prefix': f'{i:x}{k:x}'} for k in range(16)])
              for i in range(16)}
    places = world.anchor(20)
    got = world.wait_for('/anchors', places, 'by type')
    cairn('key', 'new', '--purpose', 'issue', '--json', directory=world.node.home)
    world.wait(lambda: world.sink.of('/keys'), 'an event of a key')
    check(all(body['data']['type'] == 258 for body, _ in world.sink.of('/keys')), 'other events than were asked for')
    world.wait(lambda: sum(len(world.sink.of(f'/digit{d}')) for d in digits) >= len(places), 'by key')
    for digit in digits:
        for body, _ in world.sink.of(f'/digit{digit}'):
            check(body['data']['key'][0] == digit, f'{body["data"]["key"]} at {digit}')
    check(len(got) == len(places), 'an event came for each of two filters')


def ended(world):
    """Nothing after the end, whether it was deleted or its organisation suspended. One that does not vote is told of
    what names it alone, also when it was behind meanwhile."""
    one, two = world.subscribe('/deleted'), world.subscribe('/suspended', who='other')
    member = os.path.join(world.work, 'member')
    ours = world.anchor(2)
    theirs = world.anchor(3, member)
    world.wait_for('/deleted', [*ours, *theirs], '/deleted')
    world.wait_for('/suspended', theirs, '/suspended')
    world.sink.stop()  # now they wait
    world.anchor(3)
    waiting = world.anchor(3, member)
    check(world.ask('DELETE', '/' + one['id']).status == 204, 'delete')
    cairn('org', 'suspend', world.other, '--json', directory=world.node.home)
    world.anchor(3)
    time.sleep(1)
    before = [len(world.sink.of(path)) for path in ('/deleted', '/suspended')]
    world.sink.start()
    world.restart(signal.SIGKILL)
    after = world.subscribe('/after')
    places = world.anchor(5)
    world.wait_for('/after', places, 'after')
    time.sleep(3)
    check(before == [len(world.sink.of(path)) for path in ('/deleted', '/suspended')], 'something came after the end')
    told = {body['data']['index'] for body, _ in world.sink.of('/suspended')}
    check(set(theirs) <= told <= {*theirs, *waiting}, f'told of {told - {*theirs, *waiting}}, which do not name it')
    check(world.ask('GET', '/' + after['id']).status == 200, 'another one')
    cairn('org', 'resume', world.other, '--json', directory=world.node.home)
    world.bearers.clear()
    check(world.ask('GET', '/' + two['id'], who='other').status == 404, 'a suspension ends subscriptions for good')


def private(world):
    """Names and addresses inside: dead at once, and nobody is called."""
    world.node.stop()
    world.node.configure(**{'outbox.allowed': ''})
    world.node.start()
    world.bearers.clear()
    seen = world.sink.seen
    port = world.sink.port
    urls = [f'https://127.0.0.1:{port}/private', f'https://localhost:{port}/private', f'https://[::1]:{port}/private',
            f'https://[::ffff:127.0.0.1]:{port}/private', f'https://2130706433:{port}/private', f'https://127.1:{port}/private']
    made = []
    for url in urls:
        answer = world.ask('POST', body={'sink': url, 'filters': [{'type': 258}]})
        check(answer.status == 201, f'{url}: {answer}')
        made.append(json.loads(answer.body)['id'])
    cairn('key', 'new', '--purpose', 'encrypt', '--json', directory=world.node.home)

    def dead():
        text = world.node.get('/metrics').body.decode()
        return int(re.search(r'^cairn_outbox_died(?:_total)?(?:\{[^}]*\})? (\d+)', text, re.M)[1])
    world.wait(lambda: dead() >= len(urls), 'private addresses die')
    check(world.sink.seen == seen, 'a private address was called')


def run(world, work):
    world.node.start()
    facts = cairn('init', os.path.join(work, 'member'), '--org', 'Other', '--node', world.node.url, '--node-ca',
                  os.path.join(world.node.home, 'tls', 'node.pem'), '--json')
    world.other = facts['organisation_id']
    cairn('org', 'request', os.path.join(work, 'request'), '--org', 'Other', '--json', directory=os.path.join(work, 'member'))
    cairn('org', 'admit', os.path.join(work, 'request'), '--role', 'insurer', '--json', directory=world.node.home)
    maker = cairn('org', 'list', '--json', directory=world.node.home)['organisations'][0]['id']
    world.grant('shop', maker)
    world.grant('other', world.other)
    world.grant('stranger', f'{7:064x}')
    world.grant('blind', maker, 'metrics.read')
    for part in (subscriptions, moods, down, rotation, filtered, ended, private):
        say(f'- {part.__name__}')
        part(world)
        world.node.is_well(part.__name__)
    world.node.stop()
    world.sink.stop()


def main():
    world = World(sys.argv[1])
    try:
        run(world, sys.argv[1])
    finally:
        if world.node.process is not None and world.node.alive():
            world.node.process.kill()
    sys.exit(1 if failures else 0)


main()
