"""A seeded generator of malformed requests against a live node.

  malformed.py WORK COUNT SEED tls|plain

Each is sent on a connection of its own, whose sending side then ends: the node must answer or close, never
hang, never say 5xx but 501 and 505, and each refusal is a problem document. At the end it runs, is ready,
and holds neither memory nor files for what it met."""
import json
import random
import sys
import time

from node import CODES, PROBLEM, Node, check, fail, failures, is_problem, say
from peer import Broken, Hang

MEANT = {501, 505}
NASTY = [b'\0', b'\r', b'\n', b'\r\n', b'\n\n', b'\r\n\r\n', b' ', b'\t', b'\x0b', b'\x7f', b'\x80', b'\xff', b'\xc3\x28',
         b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xc0\xaf', b':', b';', b',', b'"', b'\\', b'%', b'%00', b'%0d%0a', b'%2e%2e',
         b'%2F', b'..', b'//', b'?', b'#', b'@', b'[', b']', b'{', b'HTTP/1.1', b'HTTP/2.0', b'0', b'-1', b'+1', b'0x10',
         b'99999999999999999999', b'18446744073709551616', b'9223372036854775807', b'chunked', b'Content-Length: 0\r\n',
         b'Transfer-Encoding: chunked\r\n', b'Host: x\r\n', b'\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n', b'A' * 300]
METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'PRI', 'get', 'G\tT', '', 'GET ',
           'A' * 40, 'BREW']
VERSIONS = ['HTTP/1.1', 'HTTP/1.0', 'HTTP/0.9', 'HTTP/2.0', 'HTTP/1.2', 'HTTP/1.10', 'http/1.1', 'HTTP/1.', 'HTTP/', '', 'HTTP/1.1 ',
            'HTTP/99999999999.1', 'XTTP/1.1']


class Generator:
    def __init__(self, seed, node):
        self.random = random.Random(seed)
        self.base = node.base
        zeros = '0' * 64
        self.paths = ['/', '/healthz', '/readyz', '/metrics', '/console', '/v1/ledgers', '/oauth/jwks', '/nothing',
                      '/.well-known/oauth-authorization-server', '/.well-known/did.json', f'/1.0/identifiers/did:cairn:{zeros}:{zeros}',
                      f'/ca/{zeros}/chain', f'/ca/{zeros}/crl/0', f'/ca/{zeros}/ocsp/MAA=',
                      *(self.base + tail for tail in (
                          '', '/checkpoint', '/tile/0/000', '/tile/entries/000', '/entries?from=0&count=2', '/events?limit=3',
                          '/organisations', '/keys', '/approvals', '/blocks?limit=2', '/blocks/0', '/state/members?proof=true',
                          f'/transactions/{zeros}', f'/keys/{zeros}', f'/state/org%2F{zeros}'))]
        self.posts = [(self.base + '/transactions?wait=commit', 'application/cose'),
                      ('/oauth/token', 'application/x-www-form-urlencoded'),
                      ('/oauth/introspect', 'application/x-www-form-urlencoded'),
                      (f'/ca/{zeros}/ocsp', 'application/ocsp-request')]
        self.shapes = [self.line, self.fields, self.lengths, self.chunks, self.bytes, self.absolute, self.counts,
                       self.pipeline, self.credentials, self.query, self.bodies, self.noise]

    # --- parts ---

    def pick(self, values):
        return self.random.choice(values)

    def some(self, size):
        return bytes(self.random.getrandbits(8) for _ in range(size))

    def sane(self):
        if self.random.random() < 0.6:
            return f'GET {self.pick(self.paths)} HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n'.encode()
        path, kind = self.pick(self.posts)
        body = self.pick([b'grant_type=client_credentials&scope=x', b'\xd2\x84\x43\xa1\x01\x26\xa0', b''])
        return (f'POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\n'
                f'Content-Length: {len(body)}\r\n\r\n').encode() + body

    def mutate(self, data, times):
        data = bytearray(data)
        for _ in range(times):
            at = self.random.randrange(len(data) + 1)
            what = self.random.randrange(5)
            if what == 0:
                data[at:at] = self.pick(NASTY)
            elif what == 1:
                data[at:at + self.random.randrange(1, 9)] = self.pick(NASTY)
            elif what == 2 and at < len(data):
                data[at] ^= 1 << self.random.randrange(8)
            elif what == 3:
                del data[at:at + self.random.randrange(1, 40)]
            else:
                end = min(len(data), at + self.random.randrange(1, 60))
                data[at:at] = data[at:end]
        return bytes(data)

    # --- shapes ---

    def line(self):
        gap = self.pick([' ', ' ', ' ', '  ', '\t', '\0', ''])
        end = self.pick(['\r\n', '\r\n', '\r\n', '\n', '\r', ''])
        return (self.pick(METHODS) + gap + self.pick(self.paths + ['*', '', 'x', '/' + 'a' * 9000, '/\x80', '/%', '/%zz', '/%00'])
                + gap + self.pick(VERSIONS) + end + 'Host: h\r\n\r\n').encode('latin-1')

    def fields(self):
        names = ['Host', 'host', 'Content-Length', 'Transfer-Encoding', 'Expect', 'Connection', 'Upgrade', 'TE', 'Trailer', 'Accept',
                 'If-None-Match', 'Range', 'Authorization', 'Last-Event-ID', 'Content-Type', 'X', '', 'X Y', 'X\0', 'X\xff', 'Cookie',
                 'X-Forwarded-For', 'Proxy-Connection', 'Content-Encoding']
        values = ['', 'h', '0', '1', 'chunked', 'gzip, chunked', 'chunked, chunked', '100-continue', 'close', 'keep-alive, close',
                  'h2c', 'websocket', '*', '"', 'bytes=0-', 'bytes=-1,0-0', 'text/event-stream', 'application/cose;q=0', 'a\0b', 'a\rb',
                  'a\nb', '\xff\xfe', 'x' * 5000, ' \t ', '0-0', '9' * 30, ',' * 200, ';' * 200, 'h:99999', 'h h', '[::1', '[::1]:1', 'a@b']
        lines = ['Host: h'] if self.random.random() < 0.8 else []
        for _ in range(self.random.randrange(1, 5)):
            colon = self.pick([': ', ':', ' : ', '', ':\t'])
            lines.append(self.pick(['', '', '', ' ', '\t']) + self.pick(names) + colon + self.pick(values))
        self.random.shuffle(lines)
        method, path = self.pick([('GET', self.pick(self.paths)), ('POST', self.pick(self.posts)[0])])
        return f'{method} {path} HTTP/1.1\r\n{self.pick([chr(13) + chr(10)] * 4 + [chr(10)]).join(lines)}\r\n\r\n'.encode('latin-1')

    def lengths(self):
        path, kind = self.pick(self.posts)
        length = self.pick(['0', '-0', '+5', '05', '5 ', ' 5', '5,5', '5, 6', '0x5', '5.0', '1e1', '', '65535', '65536', '70000', '1048577',
                            '4294967296', '9223372036854775808', '18446744073709551615', '18446744073709551616', '9' * 60, '5\t', '\x35\0'])
        extra = self.pick(['', '', 'Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: identity\r\n'])
        return (f'POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{extra}\r\n').encode() + \
            self.pick([b'', b'hello', b'hello world', self.some(100)])

    def chunks(self):
        path, kind = self.pick(self.posts)
        coding = self.pick(['chunked'] * 6 + ['Chunked', 'chunked ', ' chunked', 'gzip', 'gzip, chunked', 'chunked, gzip', 'xchunked', '"chunked"', ''])
        body = b''
        for _ in range(self.random.randrange(0, 4)):
            size = self.pick([b'5', b'05', b'0005', b'5 ', b' 5', b'5;a=b', b'5;' + b'x' * 3000, b'5;a="\r\n"', b'+5', b'-5', b'0x5', b'5\0', b'G',
                              b'', b'ffffffffffffffff', b'fffffffffffffffff', b'80000000', b'8000000000000000', b'100000', b'0' * 40 + b'5'])
            body += size + self.pick([b'\r\n'] * 6 + [b'\n', b'\r', b'']) + b'hello' + self.pick([b'\r\n'] * 6 + [b'\n', b'', b'X\r\n'])
        body += self.pick([b'0\r\n\r\n'] * 4 + [b'0\r\nA: b\r\n\r\n', b'0\r\nContent-Length: 5\r\n\r\n', b'0\r\n' + b'T: x\r\n' * 200 + b'\r\n',
                                              b'0\r\n X\r\n\r\n', b'0\n\n', b'0', b''])
        version = self.pick(['1.1'] * 6 + ['1.0'])
        return f'POST {path} HTTP/{version}\r\nHost: h\r\nContent-Type: {kind}\r\nTransfer-Encoding: {coding}\r\n\r\n'.encode() + body

    def bytes(self):
        return self.mutate(self.sane(), self.random.randrange(1, 6))

    def absolute(self):
        target = self.pick(['http://h/healthz', 'https://h/healthz', 'http://other/healthz', 'http:///healthz', 'http://h:0/', 'http://h:99999/',
                            'http://u:p@h/', 'ftp://h/', 'file:///etc/passwd', 'h:443', '//h/healthz', 'http:/healthz', 'http://[::1]/healthz',
                            'http://h', 'http://h?x', 'http://h/#f', 'https://h/../healthz', '/../../etc/passwd', '/./healthz', '/%2e%2e/healthz',
                            '/healthz/', '//healthz', '/healthz?', '/healthz#', '/healthz;x', '/heal%74hz', '/HEALTHZ', '/console/../../x', '/console/%2e%2e/x'])
        return f'{self.pick(["GET", "GET", "OPTIONS", "CONNECT", "HEAD"])} {target} HTTP/1.1\r\nHost: {self.pick(["h", "other", "h:443", ""])}\r\n\r\n'.encode()

    def counts(self):
        what = self.random.randrange(5)
        if what == 0:
            lines = b''.join(b'X-%d: y\r\n' % i for i in range(self.pick([60, 99, 100, 101, 128, 129, 500, 3000])))
        elif what == 1:
            lines = b'X: ' + b'a' * self.pick([4000, 8192, 16384, 65536, 300000]) + b'\r\n'
        elif what == 2:
            lines = b'X' * self.pick([300, 8192, 20000]) + b': a\r\n'
        elif what == 3:
            lines = b'Cookie: a\r\n' * self.pick([50, 1000])
        else:
            return b'GET /' + b'a/' * self.pick([200, 4000, 40000]) + b' HTTP/1.1\r\nHost: h\r\n\r\n'
        return b'GET /healthz HTTP/1.1\r\nHost: h\r\n' + lines + b'\r\n'

    def pipeline(self):
        data = b''.join(self.sane() for _ in range(self.random.randrange(1, 12)))
        return data + self.pick([self.mutate(self.sane(), 3), self.some(200), b'\r\n\r\n', b'\0' * 100, self.chunks(), self.lengths()])

    def credentials(self):
        long = self.pick(['', 'a', 'a.b', 'a.b.c', 'a.b.c.d', '....', 'e30.e30.', 'eyJhbGciOiJub25lIn0.e30.', '%', '\xff', 'A' * 7000, 'YTpi', 'Og==', 'YQ==',
                          '=' * 50, '\0'])
        scheme = self.pick(['Bearer', 'bearer', 'Basic', 'BASIC', 'Digest', 'Negotiate', '', 'Bearer Bearer', 'Basic\t'])
        twice = f'Authorization: {scheme} {long}\r\n' * self.pick([1, 1, 1, 2])
        return f'GET {self.pick(self.paths)} HTTP/1.1\r\nHost: h\r\n{twice}\r\n'.encode('latin-1')

    def query(self):
        value = self.pick(['', '0', '-1', '1', '256', '257', '9007199254740991', '9007199254740992', '%30', '%', '%C3%28', '%00', '0' * 500, 'true', 'TRUE', '1&limit=1',
                           '1;limit=2', '+1', '1%20', 'AAAA', '0-0', '9-', '-', '9999999999999999-9999999999', 'none', 'durable'])
        name = self.pick(['limit', 'page', 'after', 'from', 'count', 'before', 'proof', 'valid_until', 'wait', 'x', '', 'limit%00', 'versionId', 'versionTime'])
        path = self.pick([p for p in self.paths if '?' not in p])
        return f'GET {path}?{name}={value} HTTP/1.1\r\nHost: h\r\nAccept: {self.pick(["*/*", "text/event-stream;x", "application/cose", "x"])}\r\n\r\n'.encode()

    def bodies(self):
        path, kind = self.pick(self.posts)
        body = self.pick([self.some(self.random.randrange(1, 300)), b'\xd2\x84' + self.some(100), b'\x9f' * 400, b'\x81' * 5000, b'\x5b' + b'\xff' * 8,
                          b'a=b&' * 2000, b'grant_type=client_credentials&' * 2, b'%' * 50, b'grant_type=%FF', b'client_assertion=' + b'A' * 60000,
                          b'client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&grant_type=client_credentials&client_assertion=a.b.c',
                          b'\x30\x84\xff\xff\xff\xff', b'\x30\x80' * 2000, b'\0' * 65535, b'\0' * 65536])
        kind = self.pick([kind] * 5 + ['', 'text/plain', kind + ';charset=x', kind + ', ' + kind])
        return f'POST {path} HTTP/1.1\r\nHost: h\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n'.encode() + body

    def noise(self):
        return self.pick([self.some(self.random.randrange(1, 2000)), b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + self.some(500),
                          b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + self.some(50), b'\r\n' * 2000, b'\n', b'', b' ' * 20000, b'\0' * 3000,
                          b'SSH-2.0-x\r\n', b'GET', b'GET /', b'A' * 200000])

    def one(self):
        data = self.pick(self.shapes)()
        return self.mutate(data, 2) if self.random.random() < 0.15 else data


# --- what must hold ---

def judge(data, answer, has_body):
    """What is wrong with an answer; None when nothing is. After a HEAD the reader may have taken the next answer
    for the body."""
    if answer.status >= 500 and answer.status not in MEANT:
        return f'{answer.status}'
    if answer.status < 400 or not has_body:
        return None
    kind = answer.field('Content-Type') or ''
    if kind == PROBLEM:
        return None if not answer.body or is_problem(answer) else 'a problem document that the contract does not know'
    if b'/oauth/' in data and kind.startswith('application/json') and 'error' in json.loads(answer.body):
        return None
    if b'/identifiers/' in data and kind == 'application/did-resolution':
        return None
    return f'{answer.status} as {kind}'


def attack(node, data):
    """Sends it, ends our side, reads all. Yields what is wrong."""
    heads = b'HEAD' in data  # an answer without its body is then right
    with node.peer() as peer:
        peer.send(data)
        peer.finish()
        try:
            while True:
                answer = peer.answer()
                if answer is None:
                    return
                wrong = judge(data, answer, not heads)
                if wrong:
                    yield f'{wrong}: {answer}'
                count(answer)
        except Broken as err:
            if not heads:
                yield f'broken answer: {err}'
        except Hang as err:
            yield f'hang: {err}'


seen = {}


def count(answer):
    seen[answer.status] = seen.get(answer.status, 0) + 1


def show(data):
    return repr(data if len(data) <= 400 else data[:300] + b'...%d bytes' % len(data))


def campaign(node, total, seed):
    generator = Generator(seed, node)
    wrongs = 0
    for number in range(total):
        data = generator.one()
        try:
            for wrong in attack(node, data):
                wrongs += 1
                if wrongs <= 20:
                    fail(f'request {number} of seed {seed}: {wrong}\n  {show(data)}')
        except (ConnectionError, OSError) as err:
            if not node.alive():
                fail(f'request {number} of seed {seed} ends the node ({err})\n  {show(data)}')
                return
            # refused while it answered: a reset is a close
        if wrongs > 200:
            break


def splits(node, step):
    """Cut in two at every byte, and byte by byte: the answer is that of the whole."""
    body = b'grant_type=client_credentials&scope=x'
    samples = [node.request('GET', '/healthz', [('Accept', '*/*'), ('X-Long', 'y' * 30)]),
               node.request('POST', '/oauth/token', [('Content-Type', 'application/x-www-form-urlencoded')], body),
               node.request('POST', '/oauth/token', [('Content-Type', 'application/x-www-form-urlencoded'),
                                                     ('Transfer-Encoding', 'chunked')]) +
               b'5\r\ngrant\r\n20\r\n_type=client_credentials&scope=x\r\n0\r\n\r\n']
    for sample in samples:
        with node.peer() as peer:
            whole = peer.ask(sample).bytes_but_date()
            for at in range(1, len(sample), step):
                peer.send(sample[:at])
                peer.send(sample[at:])
                got = peer.answer()
                if not check(got is not None and got.bytes_but_date() == whole, f'split at {at}: {got}\n  {show(sample)}'):
                    break
        with node.peer() as peer:
            for at in range(len(sample)):
                peer.send(sample[at:at + 1])
            got = peer.answer()
            check(got is not None and got.bytes_but_date() == whole, f'byte by byte: {got}\n  {show(sample)}')


def main(work, total, seed, way):
    node = Node(work, f'malformed-{way}', **{'node.plain': 'true' if way == 'plain' else 'false'}).start()
    for wait in ('durable', 'commit'):
        node.submit(node.transactions(1)[0], wait)
    splits(node, 1 if total >= 1500 else 3)
    campaign(node, min(200, total // 10), seed + 1)  # warm
    memory, files = node.rss(), node.files()
    started = time.monotonic()
    campaign(node, total, seed)
    seconds = time.monotonic() - started
    if node.alive():
        time.sleep(0.5)
        node.is_well('after malformed requests')
        grown = node.rss() - memory
        check(grown < 48 + total / 2000, f'memory grew by {grown:.0f} MiB')
        check(node.comes_down_to(files + 4, 40), f'{files} files were open, now {node.files()}')
        check('"INTERNAL"' not in node.log(), 'the log tells of an internal error')
        say(f'{way}: {total} malformed requests in {seconds:.0f} s, answers {dict(sorted(seen.items()))}, '
            f'memory {memory:.0f} + {grown:.0f} MiB')
        node.stop()
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]))
