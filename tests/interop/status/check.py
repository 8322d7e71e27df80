"""A stranger reads our status lists: by HTTP, the issuer's DID document, PyJWT, cbor2, cryptography and zlib alone.

  check.py CA URL FORMAT BITS INDEX=VALUE...

Gets every form of the list at URL, finds the key that it names in the DID document that the same host resolves,
verifies the signature, unpacks the entries as the drafts say, and compares those that are named.
"""
import base64
import gzip
import json
import ssl
import sys
import time
import urllib.parse
import urllib.request
import zlib

import cbor2
import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

CA, URL, FORMAT, BITS = sys.argv[1:5]
BITS = int(BITS)
WANTED = {int(i): int(v) for i, v in (arg.split('=') for arg in sys.argv[5:])}
TLS = ssl.create_default_context(cafile=CA)
HOST = '{0.scheme}://{0.netloc}'.format(urllib.parse.urlsplit(URL))


def get(url, accept):
    request = urllib.request.Request(url, headers={'Accept': accept})
    with urllib.request.urlopen(request, context=TLS) as reply:
        assert reply.headers['Content-Type'] == accept, reply.headers['Content-Type']
        return reply.read()


def document(did):
    found = json.loads(get(f'{HOST}/1.0/identifiers/{did}', 'application/did'))
    assert found['id'] == did
    return found


def key_of(url):
    """The JWK of a verification method that may assert."""
    found = document(url.partition('#')[0])
    assert url in found['assertionMethod'], url
    method = next(m for m in found['verificationMethod'] if m['id'] == url)
    return method['publicKeyJwk']


def unpad(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def claims_of(token, kind):
    header = jwt.get_unverified_header(token)
    assert header['typ'] == kind, header
    key = jwt.PyJWK.from_dict({**key_of(header['kid']), 'alg': header['alg']})
    return jwt.decode(token, key.key, algorithms=['ES256']), header['kid']


# --- IETF: entry 0 at the least significant bits, ZLIB ----------------------------------------------

def token_entry(packed, index):
    entries = zlib.decompress(packed)
    return entries[index * BITS // 8] >> index * BITS % 8 & (1 << BITS) - 1


def check_claims(sub, iat, exp, ttl):
    assert sub == URL, sub
    assert iat <= time.time() + 5 < exp and ttl > 0, (iat, exp, ttl)


def token_jwt():
    claims, kid = claims_of(get(URL, 'application/statuslist+jwt').decode(), 'statuslist+jwt')
    check_claims(claims['sub'], claims['iat'], claims['exp'], claims['ttl'])
    assert claims['status_list']['bits'] == BITS
    packed = unpad(claims['status_list']['lst'])
    return lambda index: token_entry(packed, index), kid


def token_cwt(issuer):
    tag = cbor2.loads(get(URL, 'application/statuslist+cwt'))
    assert tag.tag == 18, tag
    protected, unprotected, payload, signature = tag.value
    head = cbor2.loads(protected)
    assert head == {1: -7, 16: 'application/statuslist+cwt'}, head
    jwk = key_of(f'{issuer}#{unprotected[4].hex()}')
    point = ec.EllipticCurvePublicNumbers(int.from_bytes(unpad(jwk['x']), 'big'),
                                          int.from_bytes(unpad(jwk['y']), 'big'), ec.SECP256R1())
    der = encode_dss_signature(int.from_bytes(signature[:32], 'big'), int.from_bytes(signature[32:], 'big'))
    message = cbor2.dumps(['Signature1', protected, b'', payload])
    point.public_key().verify(der, message, ec.ECDSA(hashes.SHA256()))
    claims = cbor2.loads(payload)
    check_claims(claims[2], claims[6], claims[4], claims[65534])
    assert claims[65533]['bits'] == BITS
    return lambda index: token_entry(claims[65533]['lst'], index)


# --- W3C: entry 0 at the most significant bit, GZIP, multibase ----------------------------------------

def credential_entry(credential):
    subject = credential['credentialSubject']
    assert credential['@context'][0] == 'https://www.w3.org/ns/credentials/v2'
    assert {'VerifiableCredential', 'BitstringStatusListCredential'} <= set(credential['type'])
    assert credential['id'] == URL and subject['type'] == 'BitstringStatusList'
    assert subject['encodedList'][0] == 'u'
    entries = gzip.decompress(unpad(subject['encodedList'][1:]))
    assert len(entries) >= 16384
    return lambda index: entries[index // 8] >> 7 - index % 8 & 1


def credential_jwt():
    claims, kid = claims_of(get(URL, 'application/vc+jwt').decode(), 'vc+jwt')
    assert kid.startswith(claims['issuer'] + '#')
    return credential_entry(claims)


def compare(name, entry):
    for index, value in WANTED.items():
        assert entry(index) == value, f'{name}: entry {index} is {entry(index)}, not {value}'
    print(f'{name}: {len(WANTED)} entries')


def main():
    if FORMAT == 'token':
        entry, kid = token_jwt()
        compare('statuslist+jwt', entry)
        compare('statuslist+cwt', token_cwt(kid.partition('#')[0]))
    else:
        compare('vc+jwt', credential_jwt())
        compare('ld+json', credential_entry(json.loads(get(URL, 'application/ld+json'))))


main()
