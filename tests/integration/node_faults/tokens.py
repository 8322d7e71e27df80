"""Tokens, assertions, passwords and page tokens that must not be good, and what a stranger may not learn.

  tokens.py WORK"""
import base64
import hashlib
import json
import os
import shutil
import sys
import threading
import time

from node import CAIRN, Node, cairn, check, failures, is_problem, say
from p256 import Key, b64, unb64
from stream import Stream, wait_until

FORM = [('Content-Type', 'application/x-www-form-urlencoded')]
ASSERTION = 'urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer'
ENTRIES = '/entries?from=0&count=1'


class World:
    """A node that shows proofs to all and entries to its organisations; clients robot and rover by key, shop by
    secret, the user ann; `other` acts for nobody."""

    def __init__(self, work):
        self.node = Node(work, 'tokens', **{'api.public': 'proofs', 'api.metrics_public': 'false'})
        self.home, self.key, self.work = self.node.home, Key(), work
        self.node.start()
        self.organisation = cairn('org', 'show', '--json', directory=self.home)['id']
        secret, password, jwks = (os.path.join(work, name) for name in ('secret', 'password', 'jwks'))
        for path, text in ((secret, 'correct horse battery'), (password, 'battery staple horse'),
                           (jwks, json.dumps({'keys': [self.key.jwk('r1')]}))):
            with open(path, 'w', encoding='utf-8') as file:
                file.write(text)
        ours = ['--organisation', self.organisation, '--scope', 'ledger.read']
        for name, *words in (('robot', '--jwks', jwks, *ours), ('rover', '--jwks', jwks, *ours), ('shop', '--secret-file', secret, *ours),
                             ('ann', '--user', '--secret-file', password, *ours), ('other', '--jwks', jwks, '--scope', 'ledger.read')):
            cairn('grant', 'add', name, *words, '--json', directory=self.home)

    def assertion(self, client='robot', header=None, key=None, **changes):
        now = int(time.time())
        claims = {'iss': client, 'sub': client, 'aud': self.node.url + '/oauth/token', 'exp': now + 60, 'iat': now,
                  'jti': b64(os.urandom(12)), **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return (key or self.key).token(header or {'alg': 'ES256', 'typ': 'JWT', 'kid': 'r1'}, claims)

    def ask_token(self, assertion, more=''):
        body = f'grant_type=client_credentials&client_assertion_type={ASSERTION}&client_assertion={assertion}{more}'
        return self.node.call('POST', '/oauth/token', FORM, body.encode())

    def token(self, client='robot'):
        answer = self.ask_token(self.assertion(client))
        check(answer.status == 200, f'a good assertion: {answer}')
        return json.loads(answer.body).get('access_token', '')

    def get(self, token, path=ENTRIES):
        return self.node.get(self.node.base + path, [('Authorization', f'Bearer {token}')])


# --- access tokens -------------------------------------------------------------------------------

def forgeries(world, good):
    """Name and text of tokens none of which may open anything. The node's own key signs most of them."""
    key = Key.of_pem(os.path.join(world.home, 'keys', 'token-1.pem'))
    header, claims = (json.loads(unb64(part)) for part in good.split('.')[:2])
    now = int(time.time())
    stranger = Key()

    def made(signer=key, head=None, **changes):
        new = {name: value for name, value in {**claims, **changes}.items() if value is not None}
        return signer.token({**header, **(head or {})}, new)
    check(world.get(made()).status == 200, 'a token made anew by the same key is no token: then this test tests nothing')
    yield 'another audience', made(aud='https://elsewhere.example')
    yield 'no audience', made(aud=None)
    yield 'empty audiences', made(aud=[])
    yield 'another issuer', made(iss='https://elsewhere.example')
    yield 'issuer with a slash', made(iss=claims['iss'] + '/')
    yield 'expired', made(exp=now - 60, iat=now - 300)
    yield 'no expiry', made(exp=None)
    yield 'expiry as text', made(exp=str(now + 60))
    yield 'expiry of 1e400', key.token(header, json.dumps({**claims, 'exp': 7}).replace('"exp": 7', '"exp": 1e400'))
    yield 'expiry in a thousand years', made(exp=now + 31536000000)
    yield 'negative expiry', made(exp=-1)
    yield 'not yet valid', made(nbf=now + 600)
    yield 'issued tomorrow', made(iat=now + 86400, exp=now + 86700)
    yield 'no subject', made(sub=None)
    yield 'no id', made(jti=None)
    yield 'bound to a certificate', made(cnf={'x5t#S256': b64(hashlib.sha256(b'x').digest())})
    yield 'bound by an unknown way', made(cnf={'jkt': 'x'})
    yield 'type of an assertion', made(head={'typ': 'JWT'})
    yield 'no type', key.token({name: value for name, value in header.items() if name != 'typ'}, claims)
    yield 'foreign key, right kid', made(signer=stranger)
    yield 'foreign key in the header', made(signer=stranger, head={'jwk': stranger.jwk('x'), 'kid': 'x'})
    yield 'key by URL', made(signer=stranger, head={'jku': world.node.url + '/oauth/jwks', 'kid': 'x'})
    yield 'unknown kid', made(head={'kid': 'x'})
    yield 'no kid', key.token({name: value for name, value in header.items() if name != 'kid'}, claims)
    yield 'crit', made(head={'crit': ['exp']})
    yield 'payload as it is', made(head={'b64': False, 'crit': ['b64']})
    for algorithm in ('none', 'None', 'NONE', 'nOnE', 'HS256', 'ES384', 'ES256K', 'EdDSA', 'RS256', '', 'es256'):
        yield f'alg {algorithm}', made(head={'alg': algorithm})
    text = f'{b64({**header, "alg": "none"})}.{b64(claims)}'
    yield 'alg none, no signature', text + '.'
    yield 'alg none, two parts', text
    public = key.public[0].to_bytes(32, 'big') + key.public[1].to_bytes(32, 'big')
    mac = f'{b64({**header, "alg": "HS256"})}.{b64(claims)}'
    import hmac
    yield 'MAC by the public key', f'{mac}.{b64(hmac.new(public, mac.encode(), hashlib.sha256).digest())}'
    first, second, third = good.split('.')
    for name, forged in (('no signature', ''), ('zeros', b64(bytes(64))), ('short', b64(unb64(third)[:63])), ('long', b64(unb64(third) + b'\0')),
                         ('ones', b64(b'\xff' * 64)), ('r = 0', b64(bytes(32) + unb64(third)[32:])), ('DER', b64(b'\x30\x44' + unb64(third)))):
        yield f'signature: {name}', f'{first}.{second}.{forged}'
    yield 'padding', good + '='
    yield 'blank', f'{first}. {second}.{third}'
    yield 'four parts', good + '.' + third
    yield 'trailing bits', good[:-1] + chr(ord(good[-1]) + 1)
    doubled = json.dumps(claims)[:-1] + f', "aud": {json.dumps(claims["aud"])}}}'
    yield 'doubled member', key.token(header, doubled)
    yield 'doubled header', key.token(json.dumps(header)[:-1] + ', "alg": "ES256"}', claims)
    yield 'doubled by an escape', key.token(header, json.dumps(claims)[:-1] + f', "\\u0065xp": {now + 60}}}')
    yield 'payload is a list', key.token(header, [claims])
    yield 'payload is empty', key.token(header, '')
    yield 'bad UTF-8', f'{first}.{b64(json.dumps(claims).encode().replace(b"robot", b"rob" + bytes([0xff, 0xfe])))}.{third}'
    yield 'deep', key.token(header, '{"a":' + '[' * 2000 + ']' * 2000 + '}')
    yield 'NUL in a name', key.token(header, json.dumps(claims)[:-1] + ', "a\\u0000b": 1}')


def tokens(world):
    good = world.token()
    check(world.get(good).status == 200, f'a good token: {world.get(good)}')
    refused = world.get('x')
    check(refused.status == 401 and is_problem(refused), f'no token at all: {refused}')
    challenge = refused.field('WWW-Authenticate') or ''
    check('Bearer' in challenge, f'no challenge: {challenge}')
    count = 0
    for name, forged in forgeries(world, good):
        answer = world.get(forged)
        count += 1
        if answer.status == 431 and len(forged) > 7000:
            continue
        check(answer.bytes_but_date() == refused.bytes_but_date(), f'token with {name}: {answer}')
    answer = world.node.get(world.node.base + ENTRIES, [('Authorization', f'Bearer {good}')] * 2)
    check(answer.bytes_but_date() == refused.bytes_but_date(), f'a token twice: {answer}')
    answer = world.get('a' * 70000)
    check(answer is None or answer.status == 431, f'a huge token: {answer}')
    answer = world.node.get(world.node.base + f'{ENTRIES}&access_token={good}')
    check(answer.status in (400, 404), f'a token in the query: {answer}')
    # Revoked, it ends; another client cannot revoke it.
    other = world.ask_revoke(good, 'rover')
    check(other.status == 200 and world.get(good).status == 200, f'revoked by another: {other}')
    other = world.ask_revoke(good, 'robot')
    check(other.status == 200 and world.get(good).bytes_but_date() == refused.bytes_but_date(), f'a revoked token: {world.get(good)}')
    say(f'{count} forged tokens: the same answer to each')


def ask_revoke(world, token, client):
    body = f'token={token}&client_assertion_type={ASSERTION}&client_assertion={world.assertion(client)}'
    return world.node.call('POST', '/oauth/revoke', FORM, body.encode())


World.ask_revoke = ask_revoke


# --- clients and users ---------------------------------------------------------------------------

def assertions(world):
    """private_key_jwt: each assertion once, and the same bytes for every other."""
    now = int(time.time())
    once = world.assertion()
    check(world.ask_token(once).status == 200, 'an assertion')
    refused = world.ask_token(once)
    check(refused.status == 401 and json.loads(refused.body) == {'error': 'invalid_client'}, f'an assertion again: {refused}')
    bad = {
        'nobody': world.assertion('nobody'),
        'by another key': world.assertion(key=Key()),
        'another audience': world.assertion(aud='https://elsewhere.example/token'),
        'expired': world.assertion(exp=now - 120, iat=now - 200),
        'for a day': world.assertion(exp=now + 86400),
        'issued tomorrow': world.assertion(iat=now + 86400, exp=now + 86460),
        'not yet': world.assertion(nbf=now + 600),
        'another subject': world.assertion(sub='rover'),
        'another issuer': world.assertion(iss='rover', sub='robot'),
        'no id': world.assertion(jti=None),
        'no expiry': world.assertion(exp=None),
        'alg none': world.assertion(header={'alg': 'none', 'kid': 'r1'}),
        'alg HS256': world.assertion(header={'alg': 'HS256', 'kid': 'r1'}),
        'unknown kid': world.assertion(header={'alg': 'ES256', 'kid': 'r2'}),
        'type of an access token': world.assertion(header={'alg': 'ES256', 'typ': 'at+jwt', 'kid': 'r1'}),
        'a client by secret': world.assertion('shop'),
        'garbage': 'a.b.c',
        'an access token': world.token(),
    }
    for name, assertion in bad.items():
        answer = world.ask_token(assertion)
        check(answer.bytes_but_date() == refused.bytes_but_date(), f'assertion {name}: {answer}')
    answer = world.ask_token(world.assertion(), '&client_id=rover')
    check(answer.bytes_but_date() == refused.bytes_but_date(), f'client_id of another: {answer}')
    # The same one from many at once is good for one.
    race, got = world.assertion(), []
    threads = [threading.Thread(target=lambda: got.append(world.ask_token(race).status)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(sorted(got) == [200] + [401] * 15, f'one assertion from 16 at once: {sorted(got)}')
    # It stays used when the node is started again.
    kept = world.assertion()
    check(world.ask_token(kept).status == 200, 'before a restart')
    time.sleep(1.1)  # `iat` is in whole seconds
    world.node.stop()
    world.node.configure(**{'node.port': str(world.node.address[1])})
    world.node.start()
    answer = world.ask_token(kept)
    check(answer.bytes_but_date() == refused.bytes_but_date(), f'an assertion again after a restart: {answer}')
    check(world.ask_token(world.assertion()).status == 200, 'a new assertion after a restart')


def passwords(world):
    """A wrong password and an unknown name are the same bytes, and about the same work."""
    def basic(text, path=world.node.base + ENTRIES, scheme='Basic'):
        return world.node.get(path, [('Authorization', f'{scheme} {base64.b64encode(text).decode()}')])
    check(basic(b'ann:battery staple horse').status == 200, f'the right password: {basic(b"ann:battery staple horse")}')
    began = time.monotonic()
    wrong = basic(b'ann:battery staple hors')
    middle = time.monotonic()
    unknown = basic(b'bob:battery staple horse')
    end = time.monotonic()
    say(f'a wrong password takes {(middle - began) * 1000:.0f} ms, an unknown name {(end - middle) * 1000:.0f} ms')
    check(wrong.status == 401 and is_problem(wrong), f'a wrong password: {wrong}')
    texts = [b'ann:', b':', b'', b'ann', b'ann:battery staple horse\0', b'ann:battery staple horse ', b'ANN:battery staple horse',
             b'ann\0:x', b'\xff\xfe:\xff', b'shop:correct horse battery', b'a' * 200 + b':x', b'ann:' + b'x' * 3000]
    for text, answer in [(b'unknown', unknown), *((text, basic(text)) for text in texts)]:
        check(answer.bytes_but_date() == wrong.bytes_but_date(), f'Basic {text[:40]!r}: {answer}')
    for value in ('Basic', 'Basic !', 'Basic YW5u', 'Basic YW5uOng', 'Basic YW5uOng==', 'Basic  YW5uOng=', 'Digest x', 'x', ''):
        answer = world.node.get(world.node.base + ENTRIES, [('Authorization', value)])
        check(answer.bytes_but_date() == wrong.bytes_but_date(), f'Authorization {value!r}: {answer}')

    def secret(text):
        return world.node.call('POST', '/oauth/token', FORM + [('Authorization', f'Basic {base64.b64encode(text).decode()}')],
                               b'grant_type=client_credentials')
    check(secret(b'shop:correct horse battery').status == 200, f'a client\'s secret: {secret(b"shop:correct horse battery")}')
    wrong = secret(b'shop:incorrect')
    check(wrong.status == 401, f'a wrong secret: {wrong}')
    for text in (b'nobody:incorrect', b'robot:incorrect', b'ann:battery staple horse', b'shop:', b'shop'):
        check(secret(text).bytes_but_date() == wrong.bytes_but_date(), f'secret {text!r}: {secret(text)}')


# --- page tokens ---------------------------------------------------------------------------------

def admit(world, count):
    for number in range(count):
        home = os.path.join(world.work, f'org-{number}')
        request = os.path.join(world.work, f'request-{number}')
        cairn('init', home, '--org', f'Org {number}', '--node', world.node.url, '--node-ca', world.node.ca, '--json')
        cairn('org', 'request', request, '--org', f'Org {number}', '--json', directory=home)
        cairn('org', 'admit', request, '--role', 'operator', '--json', directory=world.home)


def pages(world):
    admit(world, 4)
    node, path = world.node, world.node.base + '/organisations?limit=1'
    robot, rover = world.token('robot'), world.token('rover')

    def page(token, page_token=None, where=path):
        fields = [('Authorization', f'Bearer {token}')] if token else []
        return node.get(where + (f'&page={page_token}' if page_token else ''), fields)
    first = page(robot)
    mine = json.loads(first.body).get('next')
    if not check(bool(mine), f'no next page: {first}'):
        return
    check(page(robot, mine).status == 200, f'its own token: {page(robot, mine)}')
    check(page(world.token('robot'), mine).status == 200, 'its own token, with another access token')
    refused = page(robot, 'A' * len(mine))
    check(refused.status == 400 and json.loads(refused.body)['code'] == 'PAGE_TOKEN', f'no page token: {refused}')
    public = json.loads(page(None).body)['next']
    bad = {'another caller': (rover, mine), 'nobody': (None, mine), 'nobody\'s': (robot, public), 'a user': (world.token('other'), mine)}
    for at in range(0, len(mine), max(1, len(mine) // 40)):
        bad[f'bent at {at}'] = (robot, mine[:at] + ('A' if mine[at] != 'A' else 'B') + mine[at + 1:])
    for size in (1, 10, len(mine) - 1):
        bad[f'cut to {size}'] = (robot, mine[:size])
    bad['longer'] = (robot, mine + 'A')
    bad['longest'] = (robot, 'A' * 512)
    for name, (token, page_token) in bad.items():
        answer = page(token, page_token)
        check(answer.bytes_but_date() == refused.bytes_but_date(), f'page token, {name}: {answer}')
    answer = page(robot, mine, node.base + '/approvals?limit=1')
    check(answer.bytes_but_date() == refused.bytes_but_date(), f'page token of another list: {answer}')
    # It outlives the node, and ends with the tables that it was for.
    node.stop()
    node.start()
    check(page(world.token('robot'), mine).status == 200, 'a page token after a restart')
    node.stop()
    shutil.rmtree(os.path.join(node.home, 'jobs'))
    node.start()
    end = time.monotonic() + 10
    while page(None).status == 503 and time.monotonic() < end:
        time.sleep(0.1)
    answer = page(world.token('robot'), mine)
    check(answer.bytes_but_date() == refused.bytes_but_date(), f'a page token of other tables: {answer}')


# --- streams of events ---------------------------------------------------------------------------

def streams(world):
    """A stream ends with the token that opened it; no event comes behind it. A token is taken for 30 s beyond its
    end, as clocks may differ: these have 5 of them left."""
    node = world.node
    key = Key.of_pem(os.path.join(world.home, 'keys', 'token-1.pem'))
    header, claims = (json.loads(unb64(part)) for part in world.token().split('.')[:2])
    transactions = node.transactions(3)
    short = key.token(header, {**claims, 'exp': int(time.time()) - 25})
    stays = Stream(node, [('Authorization', f'Bearer {world.token()}')])
    ends = Stream(node, [('Authorization', f'Bearer {short}')])
    check(node.submit(transactions[0], 'commit').status == 200, 'a submission beside streams')
    check(wait_until(lambda: ends.events() == 1 and stays.events() == 1, 3), 'an event does not come')
    while world.get(short).status == 200:
        time.sleep(0.1)
    check(node.submit(transactions[1], 'commit').status == 200, 'a submission beside streams')
    check(wait_until(lambda: ends.ended, 5) is not None, 'a stream outlives its token')
    check(ends.events() == 1, f'a stream goes on behind its token: {ends.text}')
    check(wait_until(lambda: stays.events() == 2, 3), 'another stream ends too')
    # Nobody writes: the time alone ends it.
    idle = Stream(node, [('Authorization', f'Bearer {key.token(header, {**claims, "exp": int(time.time()) - 25})}')])
    check(wait_until(lambda: idle.ended, 20) is not None, 'an idle stream outlives its token')
    check(stays.ended is None, 'another stream ends too')
    for stream in (stays, ends, idle):
        stream.close()


# --- what is there and what is not --------------------------------------------------------------

def strangers(world):
    """A ledger that shows nothing: for whoever is none of its organisations it is as if it were not there."""
    node = world.node
    node.stop()
    node.configure(**{'api.public': 'nothing'})
    node.start()
    transactions = node.transactions(2)
    no_such, organisation = '5' * 64, world.organisation
    kid = json.loads(node.get(node.base + '/keys', [('Authorization', f'Bearer {world.token()}')]).body)['keys'][0]['id']
    elsewhere = Node(world.work, 'elsewhere')
    foreign = elsewhere_transaction(elsewhere)
    cose = [('Content-Type', 'application/cose')]
    calls = [('GET', tail, [], None) for tail in (
        '', '/checkpoint', '/entries', '/events', '/organisations', '/keys', '/approvals', '/blocks', '/blocks/0', '/blocks/x', '/state/members',
        '/state/x', '/state/members?proof=x', '/tile/0/000.p/1', '/tile/x', f'/organisations/{organisation}', f'/keys/{kid}', '/keys/x',
        f'/transactions/{no_such}', '/transactions/x', '/entries?from=x', '/organisations?page=x', '/events?after=x', '/organisations?x=y')]
    calls += [('GET', '/events', [('Accept', 'text/event-stream')], None), ('HEAD', '', [], None), ('OPTIONS', '', [], None), ('DELETE', '', [], None),
              ('POST', '/checkpoint', [], b'x')]
    for wait in ('none', 'commit', 'durable', 'x'):
        for body in (b'', b'junk', foreign, transactions[0][:60], b'\xd2' * 70000):
            calls.append(('POST', f'/transactions?wait={wait}', cose, body))
    calls.append(('POST', '/transactions', [('Content-Type', 'text/plain')], foreign))
    callers = {'nobody': [], 'a client of no organisation': [('Authorization', f'Bearer {world.token("other")}')],
               'a bad token': [('Authorization', 'Bearer x')]}
    for caller, fields in callers.items():
        for method, tail, more, body in calls:
            there = node.call(method, node.base + tail, fields + more, body)
            away = node.call(method, f'/v1/ledgers/{no_such}{tail}', fields + more, body)
            check(there.bytes_but_date() == away.bytes_but_date(),
                  f'{caller}, {method} {tail} {(body or b"")[:4]!r}: {there}, and of what does not exist: {away}')
        for path in ('/1.0/identifiers/did:cairn:{}:' + organisation, '/orgs/{}/' + organisation + '/did.json',
                     '/1.0/identifiers/did:cairn:{}:' + organisation + '?versionId=0'):
            there, away = node.get(path.format(node.ledger), fields), node.get(path.format(no_such), fields)
            check(there.bytes_but_date().replace(node.ledger, no_such) == away.bytes_but_date(), f'{caller}, {path}: {there}, {away}')
        listed = node.get('/v1/ledgers', fields)
        check(node.ledger.encode() not in listed.body, f'{caller} is told of the ledger: {listed}')
    # Figures: of what he may see, whoever asks; of all, who runs the node.
    for client, scopes, seen in (('watch', ('metrics.read',), False), ('member', ('metrics.read', 'ledger.read'), True), ('all', ('metrics.all',), True)):
        ours = ['--organisation', organisation] if client == 'member' else []
        cairn('grant', 'add', client, '--jwks', os.path.join(world.work, 'jwks'), *ours,
              *[word for scope in scopes for word in ('--scope', scope)], '--json', directory=world.home)
        answer = node.get('/metrics', [('Authorization', f'Bearer {world.token(client)}')])
        check(answer.status == 200 and b'cairn_http_half_sent_total' in answer.body, f'figures for {client}: {answer}')
        check((node.ledger.encode() in answer.body) == seen, f'figures for {client} {"lack" if seen else "show"} the ledger')
    answer = node.get('/metrics', [('Authorization', f'Bearer {world.token()}')])
    check(answer.status == 404, f'figures for one without the scope: {answer}')
    answer = node.submit(transactions[1], 'commit')
    check(answer.status == 200, f'who may speak on it is not heard: {answer}')
    answer = node.get(node.base, [('Authorization', f'Bearer {world.token()}')])
    check(answer.status == 200, f'its own organisation: {answer}')


def elsewhere_transaction(other):
    """Well-formed, of a key that nobody here knows."""
    return other.transactions(1)[0]


def main(work):
    check(bool(CAIRN), 'CAIRN')
    world = World(work)
    for part in (tokens, assertions, passwords, pages, streams, strangers):
        began = time.monotonic()
        part(world)
        world.node.is_well(part.__name__)
        say(f'{part.__name__}: {time.monotonic() - began:.0f} s')
    world.node.stop()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
