"""A foreign issuer of tokens over HTTPS that rotates, stumbles and lies, and whoever would pass for it.

  issuers.py WORK"""
import hashlib
import hmac
import http.server
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time

from node import CAIRN, Node, cairn, check, failures, say
from p256 import Key, b64

ENTRIES = '/entries?from=0&count=1'
# What the node is told: tried again after a second, fetched again after four, trusted for twelve.
TIMES = {'node.issuer_retry': '1s', 'node.issuer_refresh': '4s', 'node.issuer_stale': '12s', 'node.issuer_timeout': '2s'}


class Rsa:
    """RS256 and PS256 by openssl."""

    def __init__(self, work, name):
        self.path = os.path.join(work, name)
        subprocess.run(['openssl', 'genrsa', '-out', self.path, '2048'], check=True, capture_output=True)
        text = subprocess.run(['openssl', 'rsa', '-in', self.path, '-noout', '-modulus'], check=True, capture_output=True, text=True).stdout
        self.n = bytes.fromhex(text.strip().split('=')[1])
        self.pem = subprocess.run(['openssl', 'rsa', '-in', self.path, '-pubout'], check=True, capture_output=True).stdout

    def jwk(self, kid, **more):
        return {'kty': 'RSA', 'n': b64(self.n), 'e': 'AQAB', 'kid': kid, 'use': 'sig', **more}

    def token(self, header, claims):
        text = f'{b64(header)}.{b64(claims)}'
        more = ['-sigopt', 'rsa_padding_mode:pss', '-sigopt', 'rsa_pss_saltlen:32'] if header['alg'] == 'PS256' else []
        done = subprocess.run(['openssl', 'dgst', '-sha256', '-sign', self.path, *more], input=text.encode(), capture_output=True, check=True)
        return f'{text}.{b64(done.stdout)}'


class Issuer:
    """Serves `keys` at /jwks, as `answer` says; counts who asks."""

    def __init__(self, work):
        self.certificate, private = os.path.join(work, 'issuer.pem'), os.path.join(work, 'issuer.key')
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', private,
                        '-out', self.certificate, '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
                       check=True, capture_output=True)
        self.keys, self.answer, self.asked, issuer = [], self.publish, 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # pylint: disable=invalid-name
                issuer.asked += 1
                try:
                    issuer.answer(self)
                except OSError:
                    pass  # the node has had enough

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, private)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f'https://localhost:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def publish(self, handler, content_type='application/json', status=200, text=None, fields=()):
        body = (json.dumps({'keys': self.keys}) if text is None else text).encode()
        handler.send_response(status)
        for name, value in (('Content-Type', content_type), ('Content-Length', str(len(body))), *fields):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    def slow(self, handler):
        handler.send_response(200)
        handler.send_header('Content-Type', 'application/json')
        handler.end_headers()
        for _ in range(100):
            handler.wfile.write(b' ')
            handler.wfile.flush()
            time.sleep(0.1)


class World:
    def __init__(self, work):
        self.issuer, self.keys = Issuer(work), [Key(), Key(), Key()]
        self.rsa = Rsa(work, 'rsa.key')
        self.node = Node(work, **{'api.public': 'proofs', **TIMES})
        organisation = cairn('org', 'show', '--json', directory=self.node.home)['id']
        self.write({'issuer': self.issuer.url, 'jwks_url': self.issuer.url + '/jwks', 'audience': 'cairn', 'ca_file': self.issuer.certificate,
                    'organisation': organisation, 'scopes': 'ledger.read'})

    def write(self, row):
        with open(os.path.join(self.node.home, 'issuers.json'), 'w', encoding='utf-8') as file:
            json.dump({'issuers': [row]}, file)

    def claims(self, **changes):
        now = int(time.time())
        claims = {'iss': self.issuer.url, 'sub': 'ann', 'aud': 'cairn', 'scope': 'ledger.read', 'iat': now, 'exp': now + 300, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key=0, header=None, **changes):
        signer = self.keys[key] if isinstance(key, int) else key
        head = {'alg': 'ES256', 'typ': 'JWT', 'kid': f'k{key}', **(header or {})}
        return signer.token({name: value for name, value in head.items() if value is not None}, self.claims(**changes))

    def ask(self, token):
        return self.node.get(self.node.base + ENTRIES, [('Authorization', f'Bearer {token}')])

    def status(self, token):
        return self.ask(token).status

    def wait(self, token, status, seconds=8):
        """Until the node answers so; what it answered at last."""
        end = time.monotonic() + seconds
        got = self.status(token)
        while got != status and time.monotonic() < end:
            time.sleep(0.1)
            got = self.status(token)
        return got

    def publish(self, *keys):
        self.issuer.keys, self.issuer.answer = list(keys), self.issuer.publish

    def failed(self):
        return len(re.findall(r'auth\.keys_failed', self.node.log()))


# --- keys that come and go ------------------------------------------------------------------------

def rotation(world):
    world.publish(world.keys[0].jwk('k0'))
    world.node.start()
    check(world.wait(world.token(), 200) == 200, f'a good token: {world.ask(world.token())}')
    old = world.token()
    # A new kid appears: one fetch for however many tokens, and no sooner than that.
    world.publish(world.keys[0].jwk('k0'), world.keys[1].jwk('k1'))
    time.sleep(1.1)
    asked = world.issuer.asked
    for _ in range(20):
        world.status(world.token(1))
    check(world.wait(world.token(1), 200, 3) == 200, 'a token of a key that is new')
    check(world.issuer.asked - asked <= 3, f'{world.issuer.asked - asked} fetches for one key that was missing')
    # Names that nobody has, from a stranger: a fetch a second at most.
    asked, began, stranger = world.issuer.asked, time.monotonic(), Key()
    for number in range(200):
        check(world.status(stranger.token({'alg': 'ES256', 'kid': f'x{number}'}, world.claims())) == 401, 'a key that nobody has')
    most = time.monotonic() - began + 2
    check(world.issuer.asked - asked <= most, f'{world.issuer.asked - asked} fetches in {most:.0f} s by strangers')
    # The old key goes, and with it what it signed, though the node remembers it.
    check(world.status(old) == 200, 'a token of the old key while it is published')
    world.publish(world.keys[1].jwk('k1'))
    check(world.wait(old, 401, 8) == 401, 'a token of a key that was taken back')
    check(world.status(world.token(1)) == 200, 'a token of the key that stayed')
    # The same name, another key.
    world.publish(world.keys[2].jwk('k1'))
    check(world.wait(world.token(2, {'kid': 'k1'}), 200, 8) == 200, 'a key that took over a name')
    check(world.status(world.token(1)) == 401, 'the key that had the name')


def unnamed(world):
    """Keys without names: each that fits is tried."""
    names = [world.keys[0].jwk('x'), world.keys[1].jwk('x'), world.rsa.jwk('x')]
    for jwk in names:
        del jwk['kid']
    world.publish(*names)
    for key in (0, 1):
        check(world.wait(world.token(key, {'kid': None}), 200) == 200, f'key {key} without a name')
    check(world.status(world.token(2, {'kid': None})) == 401, 'a key that is not there, without a name')
    check(world.status(world.token(0, {'kid': 'k0'})) == 401, 'a name where none is published')
    # One that was rotated is fetched although the old one fitted.
    fresh = world.keys[2].jwk('x')
    del fresh['kid']
    world.publish(fresh)
    check(world.wait(world.token(2, {'kid': None}), 200, 3) == 200, 'a new key without a name')


# --- an issuer that stumbles ----------------------------------------------------------------------

def trouble(world):
    """Whatever it answers, its last keys hold for a while, and then nothing does."""
    issuer = world.issuer
    huge = json.dumps({'keys': [], 'x': 'x' * 200000})
    many = json.dumps({'keys': [world.keys[0].jwk(f'k{i}') for i in range(65)]})
    twice = '{"keys":[],"keys":' + json.dumps([world.keys[1].jwk('k1')]) + '}'
    answers = {
        'away': lambda h: issuer.publish(h, status=503),
        'not found': lambda h: issuer.publish(h, status=404),
        'elsewhere': lambda h: issuer.publish(h, status=302, fields=[('Location', issuer.url + '/other')]),
        'a web page': lambda h: issuer.publish(h, 'text/html'),
        'no type': lambda h: issuer.publish(h, ''),
        'huge': lambda h: issuer.publish(h, text=huge),
        'too many keys': lambda h: issuer.publish(h, text=many),
        'no JSON': lambda h: issuer.publish(h, text='<html>'),
        'a list': lambda h: issuer.publish(h, text='[]'),
        'cut off': lambda h: issuer.publish(h, text='{"keys":[', fields=[]),
        'no keys': lambda h: issuer.publish(h, text='{"keys":[]}'),
        'a member twice': lambda h: issuer.publish(h, text=twice),
        'slow': issuer.slow,
    }
    world.publish(world.keys[0].jwk('k0'))
    check(world.wait(world.token(), 200) == 200, 'keys before the trouble')
    for name, answer in answers.items():
        world.publish(world.keys[0].jwk('k0'))
        asked = issuer.asked
        world.wait(world.token(2), 200, 1.5)  # asks for a new set
        issuer.answer, failed, asked = answer, world.failed(), issuer.asked
        end = time.monotonic() + 8
        while world.failed() == failed and time.monotonic() < end:
            world.status(world.token(1))
            time.sleep(0.1)
        check(issuer.asked > asked and world.failed() > failed, f'an issuer whose answer is {name} is not told from a good one')
        check(world.status(world.token()) == 200, f'the last keys do not hold when the answer is {name}')
        check(world.status(world.token(1)) == 401, f'an answer that is {name} brought a key')
    issuer.answer = answers['away']
    began = time.monotonic()
    token = world.token()
    check(world.wait(token, 503, 20) == 503, 'keys of an issuer that is away are trusted for ever')
    check(time.monotonic() - began > 3, 'keys of an issuer that is away are not trusted at all')
    world.publish(world.keys[0].jwk('k0'))
    check(world.wait(token, 200) == 200, 'the issuer is back')


# --- whoever would pass for it --------------------------------------------------------------------

def forgeries(world):
    """Name and text of tokens none of which may open anything."""
    now, key, stranger = int(time.time()), world.keys[0], Key()
    yield 'another audience', world.token(aud='elsewhere')
    yield 'other audiences', world.token(aud=['elsewhere', 'Cairn', 'cairn '])
    yield 'no audience', world.token(aud=None)
    yield 'another issuer', world.token(iss='https://login.example')
    yield 'issuer with a slash', world.token(iss=world.issuer.url + '/')
    yield 'no issuer', world.token(iss=None)
    yield 'the node as issuer', world.token(iss=world.node.url, aud=world.node.url, header={'typ': 'at+jwt'}, jti='1', client_id='x')
    yield 'expired', world.token(exp=now - 31)
    yield 'not yet', world.token(nbf=now + 40)
    yield 'made in the future', world.token(iat=now + 40)
    yield 'for a month', world.token(exp=now + 30 * 86400)
    yield 'no expiry', world.token(exp=None)
    yield 'no subject', world.token(sub=None)
    for alg in ('none', 'NONE', 'HS256', 'HS384', 'RS256', 'PS256', 'ES384', 'EdDSA', 'RS1', 'dir', ''):
        yield f'alg {alg}', world.token(header={'alg': alg})
    head = {'alg': 'none', 'typ': 'JWT', 'kid': 'k0'}
    yield 'alg none without a signature', f'{b64(head)}.{b64(world.claims())}.'
    for name, secret in (('JWK', json.dumps(world.rsa.jwk('r')).encode()), ('PEM', world.rsa.pem), ('PEM, stripped', world.rsa.pem.strip()),
                         ('modulus', world.rsa.n), ('nothing', b'')):
        text = f'{b64({"alg": "HS256", "typ": "JWT", "kid": "r"})}.{b64(world.claims())}'
        yield f'HS256 by the public key as {name}', f'{text}.{b64(hmac.new(secret, text.encode(), hashlib.sha256).digest())}'
    yield 'a key for encryption', world.token(1, {'kid': 'enc'})
    yield 'a key without verify', world.token(1, {'kid': 'ops'})
    yield 'a key for another algorithm', world.token(world.rsa, {'alg': 'RS256', 'kid': 'pss'})
    yield 'crit', world.token(header={'crit': ['exp'], 'exp': now + 300})
    yield 'empty crit', world.token(header={'crit': []})
    yield 'payload as it is', world.token(header={'b64': False, 'crit': ['b64']})
    for name, value in (('jku', world.issuer.url + '/evil'), ('x5u', world.issuer.url + '/evil'), ('jwk', stranger.jwk('k0')), ('x5c', ['AAAA'])):
        yield f'{name} of a stranger', stranger.token({'alg': 'ES256', 'typ': 'JWT', 'kid': 'k0', name: value}, world.claims())
    yield 'a stranger', stranger.token({'alg': 'ES256', 'typ': 'JWT', 'kid': 'k0'}, world.claims())
    yield 'doubled header', key.token('{"alg":"ES256","kid":"k0","alg":"none"}', world.claims())
    yield 'doubled claim', key.token({'alg': 'ES256', 'kid': 'k0'}, json.dumps(world.claims())[:-1] + ',"aud":"elsewhere"}')
    yield 'type of an ID token\'s log-out', world.token(header={'typ': 'logout+jwt'})
    yield 'nested', key.token({'alg': 'ES256', 'kid': 'k0', 'cty': 'JWT'}, world.token())
    yield 'encrypted', f'{b64({"alg": "dir", "enc": "A128GCM", "cty": "JWT"})}..{b64(b"1" * 12)}.{b64(world.token())}.{b64(b"1" * 16)}'


def strangers(world):
    world.publish(world.keys[0].jwk('k0'), world.keys[1].jwk('enc', use='enc'), {**world.keys[1].jwk('ops', key_ops=['encrypt'])},
                  world.rsa.jwk('r'), world.rsa.jwk('pss', alg='PS256'))
    check(world.wait(world.token(world.rsa, {'alg': 'RS256', 'kid': 'r'}), 200) == 200, 'a good token by RSA')
    now = int(time.time())
    good = {
        'among audiences': world.token(aud=['elsewhere', 'cairn']),
        'PS256': world.token(world.rsa, {'alg': 'PS256', 'kid': 'pss'}),
        'no type': world.token(header={'typ': None}),
        'an access token': world.token(header={'typ': 'application/at+JWT'}),
        'a clock that is slow': world.token(exp=now - 20, iat=now - 200),
        'a clock that is fast': world.token(nbf=now + 20, iat=now + 20),
        'a key by URL that nobody looks at': world.token(header={'jku': world.issuer.url + '/evil', 'x5u': world.issuer.url + '/evil'}),
    }
    for name, token in good.items():
        check(world.status(token) == 200, f'{name}: {world.ask(token)}')
    asked = world.issuer.asked
    refused = world.ask('x')
    check(refused.status == 401, f'no token: {refused}')
    count = 0
    for name, token in forgeries(world):
        answer = world.ask(token)
        count += 1
        check(answer.bytes_but_date() == refused.bytes_but_date(), f'{name}: {answer}')
    check(world.issuer.asked - asked <= 12, f'{world.issuer.asked - asked} fetches')
    say(f'{count} forged tokens: the same answer to each')


def scopes(world):
    """An issuer's word counts for as much as it was told to, whatever it says."""
    world.publish(world.keys[0].jwk('k0'))
    check(world.wait(world.token(), 200) == 200, 'a good token')
    for scope in ('', 'ledger.write', 'ledger.read.more', 'LEDGER.READ', ['x'], 7, {'ledger.read': 1}):
        check(world.status(world.token(scope=scope)) in (401, 404), f'scope {scope!r} reads')
    check(world.status(world.token(scope=['x', 'ledger.read'])) == 200, 'scopes as a list')


def main(work):
    check(bool(CAIRN), 'CAIRN')
    world = World(work)
    for part in (rotation, unnamed, trouble, strangers, scopes):
        began = time.monotonic()
        part(world)
        world.node.is_well(part.__name__)
        say(f'{part.__name__}: {time.monotonic() - began:.0f} s')
    world.node.stop()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
