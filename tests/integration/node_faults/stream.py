"""A follower of a ledger's events."""
import threading
import time

from node import check
from peer import Hang


class Stream:
    """Follows the ledger's events in the caller's name; .text is what came, .ended when it ended."""

    def __init__(self, node, fields=(), tls='own'):
        self.peer, self.text, self.ended = node.peer(tls, patience=40), b'', None
        self.peer.send(node.request('GET', node.base + '/events', [('Accept', 'text/event-stream'), *fields]))
        self.thread = threading.Thread(target=self.follow)
        self.thread.start()
        wait_until(lambda: b'\r\n\r\n' in self.text or self.ended, 5)
        check(b' 200 ' in self.text.split(b'\r\n')[0], f'a stream: {self.text}')

    def follow(self):
        try:
            while not self.text.endswith(b'\r\n0\r\n\r\n') and (more := self.peer.receive()):
                self.text += more
        except (OSError, Hang):
            pass
        self.ended = time.monotonic()

    def events(self):
        return self.text.count(b'data: {')

    def close(self):
        self.peer.reset()
        self.thread.join()


def wait_until(holds, seconds):
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    return holds()
