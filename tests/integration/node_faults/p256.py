"""ECDSA on P-256 and JSON Web Signatures in plain Python, slow and for tests alone: signs what no decent
library would."""
import base64
import hashlib
import json
import re
import secrets
import subprocess

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def add(a, b):
    if a is None or b is None:
        return b if a is None else a
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(k, point=G):
    result = None
    while k:
        if k & 1:
            result = add(result, point)
        point, k = add(point, point), k >> 1
    return result


def b64(data):
    if isinstance(data, (dict, list)):
        data = json.dumps(data, separators=(',', ':'))
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


def unb64(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


class Key:
    def __init__(self, private=None):
        self.private = private or secrets.randbelow(N - 1) + 1
        self.public = multiply(self.private)

    @classmethod
    def of_pem(cls, path):
        text = subprocess.run(['openssl', 'ec', '-in', path, '-noout', '-text'], capture_output=True, check=True, text=True).stdout
        return cls(int(re.search(r'priv:([\s0-9a-f:]+)pub', text)[1].replace(':', '').replace('\n', '').replace(' ', ''), 16))

    def jwk(self, kid, **more):
        return {'kty': 'EC', 'crv': 'P-256', 'x': b64(self.public[0].to_bytes(32, 'big')), 'y': b64(self.public[1].to_bytes(32, 'big')),
                'kid': kid, 'alg': 'ES256', 'use': 'sig', **more}

    def sign(self, message):
        k = secrets.randbelow(N - 1) + 1
        r = multiply(k)[0] % N
        s = pow(k, -1, N) * (int.from_bytes(hashlib.sha256(message).digest(), 'big') + r * self.private) % N
        return r.to_bytes(32, 'big') + s.to_bytes(32, 'big')

    def token(self, header, claims):
        """`header` and `claims`: a dict, or the text as it is to be."""
        text = f'{b64(header)}.{b64(claims)}'
        return f'{text}.{b64(self.sign(text.encode()))}'
