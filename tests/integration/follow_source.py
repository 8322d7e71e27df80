#!/usr/bin/env python3
"""A source that stands before a true one and may err: follow_source.py URL CA MODE_FILE PORT_FILE

What it does with a call is the word in MODE_FILE at that time: `true` passes it on.
"""
import http.client
import os
import socket
import ssl
import sys
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

target = urllib.parse.urlsplit(sys.argv[1])
context = ssl.create_default_context(cafile=sys.argv[2])
kept = {}  # the first checkpoint: for who rolls back


def fetch(path):
    connection = http.client.HTTPSConnection(target.hostname, target.port, context=context, timeout=20)
    connection.request('GET', path)
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply.status, reply.getheader('Content-Type', ''), body


def flipped(body, at):
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self, status, kind, body, **headers):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def endless(self):
        """More than any answer may have."""
        self.send_response(200)
        self.send_header('Content-Type', 'application/cbor-seq')
        self.send_header('Transfer-Encoding', 'chunked')
        self.end_headers()
        piece = b'\x5a' * 65536
        try:
            while True:
                self.wfile.write(b'%x\r\n%s\r\n' % (len(piece), piece))
        except OSError:
            self.close_connection = True

    def do_GET(self):
        mode = open(sys.argv[3]).read().strip()
        records, tile, note = '/records' in self.path, '/tile/' in self.path, self.path.endswith('/checkpoint')
        if mode == 'garbage':
            return self.answer(200, 'text/html', b'<html>welcome</html>')
        if mode == 'gone':
            return self.answer(503, 'application/problem+json', b'{}')
        if mode == 'redirect':
            return self.answer(302, 'text/plain', b'', Location=sys.argv[1] + self.path)
        if mode == 'huge' or (mode == 'huge-records' and records):
            return self.endless()
        if mode == 'silent' or (mode == 'silent-records' and records):
            time.sleep(30)
            self.close_connection = True
            return None
        status, kind, body = fetch(self.path)
        if note and status == 200:
            kept.setdefault('note', body)
            if mode == 'stale':
                body = kept['note']
        if mode == 'records' and records:
            body = flipped(body, len(body) - 10)  # a root; events are under none and are made anew
        if mode == 'tiles' and tile:
            body = flipped(body, len(body) - 1)
        if mode == 'note' and note:
            body = flipped(body, len(body) - 10)
        if mode == 'cut' and records:
            self.send_response(200)
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body[:len(body) // 2])
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        return self.answer(status, kind, body)


server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
with open(sys.argv[4] + '.new', 'w') as file:
    file.write(str(server.server_address[1]))
os.rename(sys.argv[4] + '.new', sys.argv[4])
server.serve_forever()
