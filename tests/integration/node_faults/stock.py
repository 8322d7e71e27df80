"""curl and openssl s_client, unmodified, in the forms of HTTP/1.1 and TLS that they know.

  stock.py WORK"""
import os
import subprocess
import sys

from node import Node, cairn, check, failures, say


def curl(node, *words, path='/healthz', text=None, trust=True):
    """Exit code, status, and what curl -v says of the exchange with the body behind it."""
    argv = ['curl', '-sv', '--max-time', '20', *(['--cacert', node.ca] if trust else []), *words, node.url + path]
    done = subprocess.run(argv, input=text, capture_output=True, check=False, timeout=60)
    said = done.stderr.decode('latin-1')
    statuses = [line.split()[2] for line in said.splitlines() if line.startswith('< HTTP/')]
    return done.returncode, int(statuses[-1]) if statuses else 0, said, done.stdout


def field(said, name):
    """A field of the answer, as curl -v shows it."""
    lines = [line[2:] for line in said.splitlines() if line.lower().startswith(f'< {name.lower()}:')]
    return lines[-1].split(':', 1)[1].strip() if lines else None


def expect(what, got, want):
    code, status, said, _ = got
    check(code == 0 and status == want, f'{what}: curl {code}, {status}, not {want}: {said[-300:]}')
    return got


def uploads(node, work):
    paths = []
    for number, transaction in enumerate(node.transactions(6)):
        paths.append(os.path.join(work, f'tx-{number}'))
        with open(paths[-1], 'wb') as file:
            file.write(transaction)
    submit = f'{node.base}/transactions?wait=durable'
    kind = ['-H', 'Content-Type: application/cose']
    expect('an upload', curl(node, *kind, '--data-binary', '@' + paths[0], path=submit), 200)
    got = expect('Expect: 100-continue', curl(node, *kind, '-H', 'Expect: 100-continue', '--data-binary', '@' + paths[1], path=submit), 200)
    check('< HTTP/1.1 100' in got[2], 'no 100 for Expect: 100-continue')
    expect('an upload in chunks', curl(node, *kind, '-H', 'Transfer-Encoding: chunked', '--data-binary', '@' + paths[2], path=submit), 200)
    with open(paths[3], 'rb') as file:
        expect('an upload from a pipe', curl(node, *kind, '-X', 'POST', '-T', '-', path=submit, text=file.read()), 200)
    expect('HTTP/1.0', curl(node, *kind, '-0', '--no-alpn', '--data-binary', '@' + paths[4], path=submit), 200)
    large = os.path.join(work, 'large')
    with open(large, 'wb') as file:
        file.write(b'\xd2' * 70000)
    code, status, _, _ = curl(node, *kind, '--data-binary', '@' + large, path=submit)
    check(status == 413, f'70,000 bytes: curl {code}, {status}')
    code, status, said, _ = curl(node, *kind, '-H', 'Expect: 100-continue', '--data-binary', '@' + large, path=submit)
    check(status == 413, f'70,000 bytes, asked before: curl {code}, {status}')
    expect('another expectation', curl(node, '-H', 'Expect: miracles'), 417)
    expect('a wrong type', curl(node, '--data-binary', '@' + paths[5], path=submit), 415)
    code, status, _, _ = curl(node, *kind, '--limit-rate', '200', '--data-binary', '@' + paths[5], path=submit)
    check(status == 200, f'a slow upload: curl {code}, {status}')


def forms(node):
    whole = expect('GET', curl(node, path='/console'), 200)
    head = expect('HEAD', curl(node, '-I', path='/console'), 200)
    for name in ('Content-Length', 'Content-Type', 'ETag'):
        check(field(whole[2], name) == field(head[2], name), f'HEAD: {name} {field(head[2], name)}, not {field(whole[2], name)}')
    tag = field(whole[2], 'ETag')
    check(bool(tag), 'the console has no ETag')
    if tag:
        for value, want in ((tag, 304), (f'"x", {tag}', 304), (f'W/{tag}', 304), ('*', 304), ('"x"', 200), (tag.strip('"'), 200)):
            got = expect(f'If-None-Match: {value}', curl(node, '-H', f'If-None-Match: {value}', path='/console'), want)
            check(want == 200 or not got[3], f'If-None-Match: {value}: a body')
    for value in ('0-9', '0-', '-5', '5-2', '99999999-', '0-0,5-6', 'x'):
        code, status, said, body = curl(node, '-H', f'Range: bytes={value}', path='/console')
        good = (status == 200 and body == whole[3]) or (status == 206 and field(said, 'Content-Range')) or status == 416
        check(code == 0 and good, f'Range: bytes={value}: {status}, {len(body)} bytes')
    got = expect('two on one connection', curl(node, node.url + '/healthz'), 200)
    check('Re-using existing connection' in got[2], 'a kept connection is not used again')
    got = expect('HTTP/1.0', curl(node, '-0', '--no-alpn'), 200)
    check('Connection: close' in got[2] or '* Closing connection' in got[2], 'HTTP/1.0 is kept')
    code, _, _, _ = curl(node, '-0')  # it offers http/1.0 alone, and the node speaks http/1.1
    check(code == 35, f'HTTP/1.0 by ALPN: curl {code}')
    got = expect('HTTP/2 if there is any', curl(node, '--http2'), 200)
    check('< HTTP/1.1 200' in got[2], 'HTTP/2')
    expect('compressed', curl(node, '--compressed', path='/console'), 200)
    expect('a bundle of fields', curl(node, *[word for i in range(60) for word in ('-H', f'X-{i}: y')]), 200)
    expect('a fragment', curl(node, path='/healthz#x'), 200)
    for method, wanted in (('TRACE', (405, 501)), ('OPTIONS', (405, 501, 200, 204)), ('DELETE', (405,)), ('PUT', (405,)), ('BREW', (501,)), ('CONNECT', (400, 405, 501))):
        code, status, _, _ = curl(node, '-X', method)
        check(status in wanted, f'{method}: curl {code}, {status}')
    for path, want in (('/../healthz', None), ('/./healthz', None), ('/healthz/', None), ('//healthz', None), ('/%2e%2e/healthz', None), ('/console/../../etc/passwd', None)):
        code, status, said, body = curl(node, '--path-as-is', path=path)
        check(status in (400, 404) and b'root:' not in body, f'{path}: curl {code}, {status}')
    code, status, _, _ = curl(node, '--tls-max', '1.2')
    check(code == 35 and status == 0, f'curl with TLS 1.2: {code}, {status}')
    code, status, _, _ = curl(node, trust=False)
    check(code == 60, f'curl without the trust: {code}')
    code, _, _, _ = curl(node, '--limit-rate', '20000', path='/console')
    check(code == 0, f'a slow download: curl {code}')
    code, _, _, body = curl(node, '-N', '--max-time', '2', '-H', 'Accept: text/event-stream', path=f'{node.base}/events?after=0-0')
    check(code == 28 and b'data:' in body, f'an event stream: curl {code}, {body[:100]!r}')


def client(node, *words, text):
    argv = ['openssl', 's_client', '-connect', f'{node.address[0]}:{node.address[1]}', '-tls1_3', '-quiet', '-CAfile', node.ca,
            '-verify_return_error', *words]
    done = subprocess.run(argv, input=text, capture_output=True, check=False, timeout=30)
    return done.returncode, done.stdout


def certificates(work):
    """Mutual TLS by stock tools: a tls key of the ledger in a certificate of its own."""
    node = Node(work, 'mutual', **{'api.public': 'proofs'})
    cairn('key', 'new', '--purpose', 'tls', '--json', directory=node.home)
    node.start()
    key, chain = os.path.join(node.home, 'keys', 'tls-1.pem'), os.path.join(work, 'client.pem')
    subprocess.run(['openssl', 'req', '-x509', '-new', '-key', key, '-subj', '/CN=client', '-days', '30', '-out', chain],
                   check=True, capture_output=True)
    path = f'{node.base}/entries?count=1'
    expect('curl without a certificate', curl(node, path=path), 404)
    expect('curl --cert', curl(node, '--cert', chain, '--key', key, path=path), 200)
    request = node.request('GET', path, [('Connection', 'close')])
    code, out = client(node, '-cert', chain, '-key', key, text=request)
    check(code == 0 and out.startswith(b'HTTP/1.1 200'), f's_client -cert: {code} {out[:100]!r}')
    code, out = client(node, text=request)
    check(code == 0 and out.startswith(b'HTTP/1.1 404'), f's_client without one: {code} {out[:100]!r}')
    node.stop()


def main(work):
    node = Node(work, 'stock').start()
    uploads(node, work)
    forms(node)
    node.is_well('after stock clients')
    node.stop()
    certificates(work)
    say('curl and openssl s_client: asked')
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
