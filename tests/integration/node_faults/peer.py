"""A client that is not polite: raw bytes over TCP or TLS, and a strict reader of what comes back."""
import select
import socket
import ssl
import struct
import time

PATIENCE = 15  # seconds without any byte, after which a peer hangs


class Hang(Exception):
    """The node neither answered nor closed."""


class Broken(Exception):
    """What came back is no HTTP."""


class Answer:
    def __init__(self, status, fields, body):
        self.status, self.fields, self.body = status, fields, body

    def field(self, name):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return values[0] if values else None

    def bytes_but_date(self):
        return repr((self.status, [f for f in self.fields if f[0].lower() != 'date'], self.body))

    def __repr__(self):
        return f'{self.status} {self.body[:160]!r}'


def context(ca=None, chain=None, key=None):
    """A TLS context that trusts `ca` (None: does not look) and shows a client certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    if ca:
        made.load_verify_locations(ca)
    if chain:
        made.load_cert_chain(chain, key)
    return made


class Peer:
    """One connection. With a TLS context it speaks TLS through memory, so that it can end its side and go
    on reading, cut records, and leave without a word."""

    def __init__(self, address, tls=None, receive_buffer=None, patience=PATIENCE):
        self.patience = patience
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(patience)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.tls, self.ended, self.data = None, False, b''
        if tls is not None:
            self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = tls.wrap_bio(self.incoming, self.outgoing)
            self._handshake()

    def _handshake(self):
        while True:
            try:
                self.tls.do_handshake()
                self._flush()
                return
            except ssl.SSLWantReadError:
                self._flush()
                if not self._more():
                    raise ConnectionResetError('closed in the handshake') from None

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.socket.sendall(data)

    def _more(self):
        """Bytes from the network to TLS; False at the end."""
        try:
            data = self.socket.recv(65536)
        except (TimeoutError, socket.timeout):
            raise Hang(f'no byte in {self.patience} s') from None
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()
        return bool(data)

    def send(self, data):
        """True if all of it was taken; False if the node has closed."""
        try:
            if self.tls is None:
                self.socket.sendall(data)
            else:
                self.tls.write(data)
                self._flush()
            return True
        except (TimeoutError, socket.timeout):
            raise Hang('takes no bytes') from None
        except (ConnectionError, ssl.SSLError):
            return False

    def receive(self):
        """What is there, or b'' at the end."""
        if self.tls is None:
            try:
                return self.socket.recv(65536)
            except (TimeoutError, socket.timeout):
                raise Hang(f'no byte in {self.patience} s') from None
            except ConnectionError:
                return b''
        while True:
            try:
                return self.tls.read(65536)
            except ssl.SSLWantReadError:
                try:
                    self._more()
                    self._flush()
                except ConnectionError:
                    return b''
            except (ssl.SSLError, ConnectionError):
                return b''

    def finish(self):
        """Ends our side, as a client that half-closes; reading goes on."""
        try:
            if self.tls is not None:
                try:
                    self.tls.unwrap()
                except ssl.SSLError:
                    pass
                self._flush()
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def reset(self):
        """Leaves by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        self.socket.close()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- answers ---

    def _line(self):
        while b'\r\n' not in self.data:
            more = self.receive()
            if not more:
                if self.data:
                    raise Broken(f'cut answer: {self.data[:80]!r}')
                return None
            self.data += more
        line, self.data = self.data.split(b'\r\n', 1)
        return line

    def _exactly(self, count):
        while len(self.data) < count:
            more = self.receive()
            if not more:
                raise Broken(f'body of {len(self.data)} bytes, not {count}')
            self.data += more
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def _chunks(self):
        body = b''
        while True:
            size = int(self._line(), 16)
            body += self._exactly(size)
            if self._exactly(2) != b'\r\n':
                raise Broken('chunk without its end')
            if size == 0:
                return body

    def answer(self, no_body=False):
        """The next answer, without interim ones; None at the end of the connection."""
        while True:
            line = self._line()
            if line is None:
                return None
            if not line.startswith(b'HTTP/1.1 ') or len(line) < 13 or not line[9:12].isdigit():
                raise Broken(f'status line {line[:80]!r}')
            status, fields = int(line[9:12]), []
            while True:
                line = self._line()
                if line is None:
                    raise Broken('cut head')
                if not line:
                    break
                name, colon, value = line.partition(b':')
                if not colon or not name or name != name.strip():
                    raise Broken(f'field {line[:80]!r}')
                fields.append((name.decode(), value.strip().decode('latin-1')))
            if status < 200:
                continue
            got = Answer(status, fields, b'')
            if no_body or status in (204, 304):
                return got
            if (got.field('Transfer-Encoding') or '').lower() == 'chunked':
                got.body = self._chunks()
            else:
                got.body = self._exactly(int(got.field('Content-Length')))
            return got

    def ask(self, data, no_body=False):
        self.send(data)
        return self.answer(no_body)

    def is_quiet(self, seconds):
        """Nothing comes in this time, and the connection stays."""
        ready, _, _ = select.select([self.socket], [], [], seconds)
        return not ready

    def ends_within(self, seconds):
        """Reads on until the end; the seconds that it took, or None."""
        end = time.monotonic() + seconds
        self.socket.settimeout(seconds)
        self.patience = seconds
        try:
            while time.monotonic() < end:
                if not self.receive():
                    return seconds - (end - time.monotonic())
        except Hang:
            pass
        return None
