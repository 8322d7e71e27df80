"""Verifies a file by its receipt with pycose, cbor2 and hashlib alone (docs/formats/receipt.md, trust.md):

  check.py FILE RECEIPT TRUST

The manifest is recomputed from the file, the root of the log is folded here from the inclusion proof, and
pycose verifies the two signatures: the transaction's, and the receipt's over that root. A changed bit of
file, path, payload or signature is refused. Where scitt-cose is installed it judges the receipt as well.
"""
import hashlib
import sys

import cbor2
from pycose.keys import CoseKey
from pycose.messages import Sign1Message

KID, RECEIPTS, VDS, VDP = 4, 394, 395, 396
RFC9162_SHA256, INCLUSION = 1, -1
SIGN, COSIGN = 1, 3


def sha256(*parts):
    return hashlib.sha256(b''.join(parts)).digest()


def u64(number):
    return number.to_bytes(8, 'big')


def fold(entry, index, size, path):
    """Root of the log by RFC 9162, section 2.1.3.2, or None when the path has another length."""
    node, at, last = sha256(b'\0', entry), index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            node = sha256(b'\1', sibling, node)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = sha256(b'\1', node, sibling)
        at, last = at >> 1, last >> 1
    return node if last == 0 else None


def segment_hashes(data, salt, segment_size):
    hashes = b''
    for index, start in enumerate(range(0, len(data), segment_size)):
        segment = data[start:start + segment_size]
        hashes += sha256(b'cairn/segment/1\0', salt, u64(index), u64(len(segment)), segment)
    return hashes


def thumbprint(encoded_key):
    """Key id: RFC 9679, the required members alone."""
    key = cbor2.loads(encoded_key)
    return sha256(cbor2.dumps({label: key[label] for label in (1, -1, -2, -3)}, canonical=True))


def keys_of(trust, purpose):
    """EC2 keys of all members for a purpose, by key id."""
    return {thumbprint(key[1]): key[1] for member in trust[6] for key in member[2]
            if key[0] == purpose and cbor2.loads(key[1])[1] == 2}


def verifies(encoded, keys, payload=None):
    """pycose's verdict on a COSE_Sign1, with the key that its protected kid names."""
    message = Sign1Message.decode(encoded)
    protected = cbor2.loads(cbor2.loads(encoded).value[0])
    message.key = CoseKey.decode(keys[protected[KID]])
    return message.verify_signature(detached_payload=payload)


def changed(data, bit):
    copy = bytearray(data)
    copy[bit // 8] ^= 1 << bit % 8
    return bytes(copy)


def some_bits(data):
    """Bits all over the bytes, at changing places in them."""
    return range(0, len(data) * 8, 11)


def with_part(encoded, place, value):
    """The Sign1 with another of its four parts."""
    message = cbor2.loads(encoded)
    parts = list(message.value)
    parts[place] = value
    return cbor2.dumps(cbor2.CBORTag(message.tag, parts))


def check_manifest(data, manifest):
    tag, salt, size, segment_size, hashes = cbor2.loads(manifest)
    assert tag == 'cairn/manifest/1' and size == len(data)
    assert hashes == segment_hashes(data, salt, segment_size), 'segment hashes'
    for bit in (0, len(data) * 4, len(data) * 8 - 1) if data else ():
        assert hashes != segment_hashes(changed(data, bit), salt, segment_size), 'a changed file'


def check_transaction(entry, manifest, trust):
    transaction = cbor2.loads(cbor2.loads(entry).value[2])
    assert transaction[1] == trust[1], 'ledger'
    assert transaction[4] == {1: sha256(manifest)}, 'commitment'
    keys = keys_of(trust, SIGN)
    assert verifies(entry, keys), 'pycose refuses the transaction'
    signature = cbor2.loads(entry).value[3]
    for bit in some_bits(signature):
        assert not verifies(with_part(entry, 3, changed(signature, bit)), keys), f'signature bit {bit}'
    payload = cbor2.loads(entry).value[2]
    for bit in some_bits(payload):
        assert not verifies(with_part(entry, 2, changed(payload, bit)), keys), f'payload bit {bit}'


def check_receipt(receipt, entry, trust):
    protected, unprotected, payload, signature = cbor2.loads(receipt).value
    header = cbor2.loads(protected)
    assert header[VDS] == RFC9162_SHA256 and header[15] == {1: trust[2]} and payload is None
    (proof,) = unprotected[VDP][INCLUSION]
    size, index, path = cbor2.loads(proof)
    keys = keys_of(trust, COSIGN)
    root = fold(entry, index, size, path)
    assert verifies(receipt, keys, root), 'pycose refuses the receipt'
    for bit in some_bits(signature):
        assert not verifies(with_part(receipt, 3, changed(signature, bit)), keys, root), f'bit {bit}'
    for bit in some_bits(root):
        assert not verifies(receipt, keys, changed(root, bit)), f'root bit {bit}'
    for place in range(len(path)):
        other = path[:place] + [changed(path[place], 77)] + path[place + 1:]
        assert not verifies(receipt, keys, fold(entry, index, size, other)), f'path {place}'
    assert fold(entry, index, size, path[:-1]) is None, 'a short path'
    check_scitt(receipt, entry, keys[header[KID]])


def check_scitt(receipt, entry, cose_key):
    try:
        import scitt_cose
    except ImportError:
        return
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = cbor2.loads(cose_key)
    point = ec.EllipticCurvePublicNumbers(int.from_bytes(key[-2], 'big'),
                                          int.from_bytes(key[-3], 'big'), ec.SECP256R1())
    pem = point.public_key().public_bytes(serialization.Encoding.PEM,
                                          serialization.PublicFormat.SubjectPublicKeyInfo)

    def judge(candidate, leaf):
        return scitt_cose.verify_receipt(candidate, leaf_entry_hex=leaf.hex(), log_public_key_pem=pem)

    verdict = judge(receipt, entry)
    assert verdict.ok, f'scitt-cose refuses the receipt: {verdict.errors}'
    signature = cbor2.loads(receipt).value[3]
    assert not judge(with_part(receipt, 3, changed(signature, 5)), entry).ok, 'scitt-cose: signature'
    assert not judge(receipt, changed(entry, 900)).ok, 'scitt-cose: entry'
    print('scitt-cose agrees')


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def main(file, receipt_path, trust_path):
    trust = cbor2.loads(read(trust_path))
    tag, manifest, statement = cbor2.loads(read(receipt_path))
    assert (tag, trust[0]) == ('cairn/receipt/1', 'cairn/trust/1')
    receipts = cbor2.loads(statement).value[1][RECEIPTS]
    entry = with_part(statement, 1, {})
    check_manifest(read(file), manifest)
    check_transaction(entry, manifest, trust)
    for receipt in receipts:
        check_receipt(receipt, entry, trust)
    print(f'{file}: pycose agrees, {len(receipts)} receipt')


main(*sys.argv[1:])
