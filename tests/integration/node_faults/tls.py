"""TLS, from clients that do not mean well, and certificates read again under load.

  tls.py WORK"""
import os
import random
import signal
import ssl
import subprocess
import sys
import threading
import time

from node import Node, cairn, check, fail, failures, say
from peer import Broken, Hang, Peer, context
from stream import Stream, wait_until

GONE = (OSError, Broken, Hang)


def openssl(*words, text=b'', seconds=20):
    done = subprocess.run(['openssl', *words], input=text, capture_output=True, check=False, timeout=seconds)
    return done.returncode, (done.stdout + done.stderr).decode(errors='replace')


def make(*words):
    code, text = openssl(*words)
    if code != 0:
        raise SystemExit(f'FAILED openssl {" ".join(words)}: {text[-300:]}')


def certificate(work, name, key=None, subject='/CN=x', begins=None, ends=None, issuer=None, extensions=()):
    """A certificate with the named key (made if None); its own, or signed by the issuer's (chain, key)."""
    chain = os.path.join(work, name + '.pem')
    if key is None:
        key = os.path.join(work, name + '.key')
        make('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', key)
    request, settings = os.path.join(work, name + '.csr'), os.path.join(work, name + '.cnf')
    with open(settings, 'w', encoding='utf-8') as file:
        file.write('[req]\ndistinguished_name=dn\n[dn]\n[ext]\n' + '\n'.join(extensions or ['basicConstraints=CA:FALSE']))
    make('req', '-new', '-key', key, '-subj', subject, '-out', request, '-config', settings)
    signer = ['-signkey', key] if issuer is None else ['-CA', issuer[0], '-CAkey', issuer[1], '-CAcreateserial']
    words = ['x509', '-req', '-in', request, *signer, '-out', chain, '-extfile', settings, '-extensions', 'ext']
    if begins is None:
        make(*words, '-days', '30')
    else:  # faketime is nothing that everybody has: openssl ca writes any dates
        base = os.path.join(work, name + '.ca')
        os.makedirs(base, exist_ok=True)
        with open(os.path.join(base, 'index.txt'), 'w', encoding='utf-8'):
            pass
        with open(os.path.join(base, 'ca.cnf'), 'w', encoding='utf-8') as file:
            file.write(f'[ca]\ndefault_ca=c\n[c]\ndatabase={base}/index.txt\nnew_certs_dir={base}\nrand_serial=yes\n'
                       'default_md=sha256\npolicy=p\nx509_extensions=ext\n[p]\ncommonName=supplied\n[ext]\n' +
                       '\n'.join(extensions or ['basicConstraints=CA:FALSE']))
        make('ca', '-batch', '-selfsign', '-keyfile', key, '-in', request, '-out', chain, '-notext', '-config', os.path.join(base, 'ca.cnf'),
             '-startdate', begins, '-enddate', ends)
    return chain, key


def handshake_fails(node, words, want=None):
    address = f'{node.address[0]}:{node.address[1]}'
    code, text = openssl('s_client', '-connect', address, *words)
    check(code != 0 and 'New, TLS' not in text, f's_client {" ".join(words)} is let in: {text[-300:]}')
    if want:
        check(any(word in text for word in want), f's_client {" ".join(words)}: no {want}: {text[-300:]}')


def versions(node):
    """Nothing but TLS 1.3, its ciphers, our groups, and HTTP/1.1."""
    for version in ('-tls1', '-tls1_1', '-tls1_2', '-no_tls1_3'):
        handshake_fails(node, [version, '-cipher', 'ALL@SECLEVEL=0'], ['alert', 'no protocols', 'unsupported'])
    handshake_fails(node, ['-tls1_3', '-groups', 'P-521'], ['alert'])
    handshake_fails(node, ['-tls1_3', '-alpn', 'h2'], ['alert'])
    handshake_fails(node, ['-tls1_3', '-sigalgs', 'RSA-PSS+SHA256'], ['alert'])
    address = f'{node.address[0]}:{node.address[1]}'
    code, text = openssl('s_client', '-connect', address, '-tls1_3', '-alpn', 'h2,http/1.1', '-CAfile', node.ca, '-verify_return_error')
    check(code == 0 and 'ALPN protocol: http/1.1' in text and 'Verification: OK' in text, f's_client: {text[-300:]}')
    check('Max Early Data: 0' in text or 'New Session Ticket' not in text.replace('Post-Handshake ', ''), 'a session ticket')


def early_data(node, work):
    """There is no session to send early data in; a made-up one is not taken either."""
    address = f'{node.address[0]}:{node.address[1]}'
    session, early = os.path.join(work, 'session'), os.path.join(work, 'early')
    with open(early, 'wb') as file:
        file.write(node.request('GET', '/healthz'))
    openssl('s_client', '-connect', address, '-tls1_3', '-sess_out', session, text=node.request('GET', '/healthz', [('Connection', 'close')]))
    words = ['s_client', '-connect', address, '-tls1_3', '-early_data', early, '-ign_eof']
    if os.path.exists(session):
        words += ['-sess_in', session]
    _, text = openssl(*words, text=node.request('GET', '/healthz', [('Connection', 'close')]))
    check('Early data was accepted' not in text, f'early data is taken: {text[-200:]}')
    check('HTTP/1.1 200' in text, f'early data: no answer to what came after it: {text[-200:]}')
    check('Reused' not in text, 'a session is resumed')


def renegotiation(node):
    """`R` asks for what TLS 1.3 does not have; key updates are, and many of them harm nobody."""
    address = f'{node.address[0]}:{node.address[1]}'
    _, text = openssl('s_client', '-connect', address, '-tls1_3', text=b'R\n')
    check('HTTP/1.1 200' not in text, 'renegotiation')
    request = node.request('GET', '/healthz', [('Connection', 'close')]).replace(b'\r\n', b'\n')
    with subprocess.Popen(['openssl', 's_client', '-connect', address, '-tls1_3', '-crlf', '-CAfile', node.ca], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
        try:
            for number in range(200):
                client.stdin.write(b'K\n' if number % 2 else b'k\n')
                client.stdin.flush()
                time.sleep(0.002)
            client.stdin.write(request)
            client.stdin.flush()
            time.sleep(1)
        except OSError:
            pass
        text, _ = client.communicate(timeout=20)
    check(text.count(b'KEYUPDATE') > 100, f's_client sent {text.count(b"KEYUPDATE")} key updates')
    check(b'HTTP/1.1 200' in text, f'after key updates: {text[-300:]!r}')


def garbage(node, seed, rounds):
    """Bytes that are no TLS, or no more: each connection is closed, with at most an alert."""
    drawn = random.Random(seed)
    hello = client_hello()
    for number in range(rounds):
        kind = number % 6
        if kind == 0:
            data = drawn.randbytes(drawn.randrange(1, 400))
        elif kind == 1:
            data = node.request('GET', '/healthz')
        elif kind == 2:
            bent = bytearray(hello)
            for _ in range(drawn.randrange(1, 6)):
                bent[drawn.randrange(len(bent))] ^= 1 << drawn.randrange(8)
            data = bytes(bent)
        elif kind == 3:
            data = bytes([drawn.choice([20, 21, 22, 23, 24, 99])]) + b'\x03' + drawn.randbytes(1) + b'\xff\xff' + drawn.randbytes(300)
        elif kind == 4:
            data = hello + drawn.randbytes(drawn.randrange(1, 300))
        else:
            data = hello[:drawn.randrange(1, len(hello))]
        peer = Peer(node.address)
        peer.send(data)
        peer.finish()
        text, at_end = b'', False
        try:
            while True:
                more = peer.receive()
                if not more:
                    at_end = True
                    break
                text += more
        except Hang as err:
            fail(f'garbage {number}: {err}: {data[:60].hex()}')
        check(not at_end or not text.startswith(b'HTTP') and (not text or text[0] in (21, 22)),
              f'garbage {number} is answered by {text[:60]!r}')
        peer.close()
    for number in range(rounds // 4):  # within a connection that stands
        with node.peer() as peer:
            check(peer.ask(node.request('GET', '/healthz')).status == 200, 'before garbage')
            peer.socket.sendall(drawn.choice([drawn.randbytes(50), b'\x17\x03\x03\x00\x20' + drawn.randbytes(32), b'\x17\x03\x03\x00\x00' * 50,
                                              b'\x15\x03\x03\x00\x02\x01\x00', b'\x14\x03\x03\x00\x01\x01', b'\x16\x03\x03\x00\x04\x01\0\0\0']))
            check(peer.ends_within(12) is not None, 'garbage within a connection: it goes on')
    # A handshake in pieces of one byte is slow, not wrong.
    with Peer(node.address) as peer:
        for at in range(len(hello)):
            peer.send(hello[at:at + 1])
        check(peer.receive()[:1] == b'\x16', 'a hello byte by byte has no answer')


def client_hello():
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context().wrap_bio(incoming, outgoing).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def client_certificates(work):
    """One certificate is good; each other is a stranger, whose answers are those of nobody."""
    node = Node(work, 'certificates', **{'api.public': 'proofs', 'api.metrics_public': 'false'})
    cairn('key', 'new', '--purpose', 'tls', '--json', directory=node.home)
    node.start()
    key = os.path.join(node.home, 'keys', 'tls-1.pem')
    client = ['basicConstraints=CA:FALSE', 'keyUsage=digitalSignature', 'extendedKeyUsage=clientAuth']
    good = certificate(work, 'good', key, extensions=client)
    foreign_ca = certificate(work, 'foreign-ca', extensions=['basicConstraints=critical,CA:TRUE'])
    bad = {
        'expired': certificate(work, 'expired', key, begins='20200101000000Z', ends='20200201000000Z'),
        'not yet valid': certificate(work, 'early', key, begins='20400101000000Z', ends='20400201000000Z'),
        'self-signed by a stranger': certificate(work, 'stranger', extensions=client),
        'foreign': certificate(work, 'foreign', issuer=foreign_ca, extensions=client),
        'foreign with an organisation': certificate(work, 'claims', issuer=foreign_ca, extensions=client + [f'subjectAltName=URI:urn:cairn:org:{"0" * 64}']),
        'a CA itself': foreign_ca,
        'another key of the ledger': certificate(work, 'sign', os.path.join(node.home, 'keys', 'sign-1.pem'), extensions=client),
    }
    path = node.base + '/entries'
    nobody = node.get(path)
    check(nobody.status == 404, f'nobody sees entries: {nobody}')
    answer = node.get(path, tls=context(node.ca, *good))
    check(answer.status == 200, f'the good certificate: {answer}')
    for name, pair in bad.items():
        try:
            answer = node.get(path, tls=context(node.ca, *pair))
            check(answer is None or answer.bytes_but_date() == nobody.bytes_but_date(), f'certificate {name}: {answer}')
        except OSError:
            pass  # refused in the handshake
    # A certificate without its key.
    address = f'{node.address[0]}:{node.address[1]}'
    code, text = openssl('s_client', '-connect', address, '-tls1_3', '-cert', good[0], '-key', bad['foreign'][1])
    check(code != 0, f'a certificate with another key: {text[-200:]}')
    # On a kept connection: a revoked key ends what it gave.
    stream = Stream(node, tls=context(node.ca, *good))
    with node.peer(context(node.ca, *good)) as peer:
        check(peer.ask(node.request('GET', path)).status == 200, 'before the revocation')
        cairn('key', 'revoke', 'tls-1', '--json', directory=node.home)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            answer = peer.ask(node.request('GET', path))
            if answer.status == 404:
                break
            time.sleep(0.1)
        check(answer.bytes_but_date() == nobody.bytes_but_date(), f'after the revocation, on a kept connection: {answer}')
    check(wait_until(lambda: stream.ended, 5) is not None, 'a stream outlives the key that opened it')
    check(stream.events() == 0, f'a stream tells that its key was revoked: {stream.text}')
    stream.close()
    node.is_well('after client certificates')
    node.stop()


# --- certificates read again ---------------------------------------------------------------------

def replace(source, target):
    """As a renewal does: the new file in the place of the old one."""
    with open(source, 'rb') as file, open(target + '.new', 'wb') as out:
        out.write(file.read())
    os.replace(target + '.new', target)


def serial(node):
    code, text = openssl('s_client', '-connect', f'{node.address[0]}:{node.address[1]}', '-tls1_3', '-showcerts')
    check(code == 0, f'a new connection: {text[-200:]}')
    return text[text.index('-----BEGIN'):text.index('-----END')]


def reload_under_load(work):
    """SIGHUP again and again, with another certificate each time and sometimes no certificate at all, while
    clients come and stay: none of them fails."""
    names = ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth', 'subjectAltName=IP:127.0.0.1']
    pairs = [certificate(work, f'served-{number}', extensions=names) for number in range(3)]
    room = os.path.join(work, 'served')  # a folder beside the ledger directory: the node sees what is new in it
    os.makedirs(room)
    chain, key = os.path.join(room, 'now.pem'), os.path.join(room, 'now.key')
    replace(pairs[0][0], chain)
    replace(pairs[0][1], key)
    node = Node(work, 'reload', **{'node.certificate': chain, 'node.certificate_key': key})
    node.start()
    over, counts = threading.Event(), {'kept': 0, 'new': 0}

    def kept():
        with node.peer() as peer:
            while not over.is_set():
                answer = peer.ask(node.request('GET', f'{node.base}/checkpoint'))
                if not check(answer is not None and answer.status in (200, 503), f'kept, while certificates change: {answer}'):
                    return
                counts['kept'] += 1

    def new():
        while not over.is_set():
            try:
                answer = node.get('/healthz')
                check(answer is not None and answer.status == 200, f'new, while certificates change: {answer}')
                counts['new'] += 1
            except GONE as err:
                fail(f'new, while certificates change: {err!r}')
                return
    threads = [threading.Thread(target=act) for act in (kept, kept, new, new)]
    for thread in threads:
        thread.start()
    for number in range(1, 7):
        before = node.log().count('node.reloaded') + node.log().count('node.not_reloaded')
        if number == 3:  # rubbish: what was goes on
            with open(chain, 'w', encoding='utf-8') as file:
                file.write('nothing\n')
        elif number == 5:  # a certificate whose key is another
            replace(pairs[2][0], chain)
            replace(pairs[1][1], key)
        else:
            replace(pairs[number % 3][0], chain)
            replace(pairs[number % 3][1], key)
            served = number % 3
        node.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 15
        while node.log().count('node.reloaded') + node.log().count('node.not_reloaded') == before and time.monotonic() < end:
            time.sleep(0.05)
        check(time.monotonic() < end, f'SIGHUP {number}: nothing is said')
        with open(pairs[served][0], encoding='utf-8') as file:
            text = file.read()
        check(serial(node) in text, f'SIGHUP {number}: it is not the certificate that was put there')
    for _ in range(20):  # faster than anybody reloads
        node.process.send_signal(signal.SIGHUP)
        time.sleep(0.01)
    time.sleep(1)
    over.set()
    for thread in threads:
        thread.join()
    check(node.log().count('node.not_reloaded') == 2, f'{node.log().count("node.not_reloaded")} reloads failed, not 2')
    say(f'certificates changed under {counts["kept"]} calls of kept connections and {counts["new"]} new ones')
    node.wait_well('after SIGHUP')
    node.stop()


def reload_with_the_signer(work):
    """The same where the signer holds the key: no handshake and no submission fails for it."""
    node = Node(work, 'signer').start()
    over, told = threading.Event(), []

    def new():
        while not over.is_set():
            try:
                answer = node.get('/healthz')
                told.append(answer is not None and answer.status == 200)
            except GONE:
                told.append(False)
    def submit():
        transactions = node.transactions(3000)
        with node.peer() as peer:
            while not over.is_set() and transactions:
                answer = node.submit(transactions.pop(), 'durable', peer)
                if not check(answer is not None and answer.status == 200, f'a submission beside SIGHUP: {answer}'):
                    return
    threads = [threading.Thread(target=act) for act in (new, new, submit)]
    for thread in threads:
        thread.start()
    for _ in range(6):
        node.process.send_signal(signal.SIGHUP)
        time.sleep(0.7)
    over.set()
    for thread in threads:
        thread.join()
    bad = told.count(False)
    say(f'SIGHUP with the key at the signer: {bad} of {len(told)} new connections failed')
    check(told and bad == 0, f'SIGHUP with the key at the signer: {bad} of {len(told)} new connections failed')
    check(node.log().count('node.reloaded') >= 5, 'SIGHUP with the key at the signer: not read again')
    node.wait_well('after SIGHUP')
    node.stop()


def main(work):
    node = Node(work, 'tls').start()
    files = node.files()
    versions(node)
    early_data(node, work)
    renegotiation(node)
    garbage(node, 3, 600)
    node.is_well('after bad TLS')
    check(node.comes_down_to(files + 4, 40), f'{files} files were open, now {node.files()}')
    node.stop()
    client_certificates(work)
    reload_under_load(work)
    reload_with_the_signer(work)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
