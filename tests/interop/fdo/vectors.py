"""Makes tests/support/fdo_vectors.h: vouchers and a to1d by an implementation that shares nothing with
ours (cbor2, cryptography). Run by hand: vectors.py >tests/support/fdo_vectors.h"""
import datetime
import hashlib
import hmac

import cbor2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

GUID = bytes(range(16))
SECRET = bytes(range(0x40, 0x60))
RV_INFO = [
    [[2, cbor2.dumps(bytes([192, 0, 2, 7]))], [3, cbor2.dumps(8041)], [4, cbor2.dumps(8042)],
     [5, cbor2.dumps("rv.example")], [12, cbor2.dumps(2)], [13, cbor2.dumps(90)]],
    [[0], [5, cbor2.dumps("fallback.example")], [6, cbor2.dumps([-16, bytes(32)])], [14]],
    [[200, cbor2.dumps("unknown")], [15, cbor2.dumps(["ledger", 1])], [9, cbor2.dumps("ssid")]],
]


class Suite:
    def __init__(self, name, key_type, encoding, hash_bits, make, sign, alg):
        self.name, self.type, self.encoding, self.make, self.sign, self.alg = \
            name, key_type, encoding, make, sign, alg
        self.hash = hashlib.sha256 if hash_bits == 256 else hashlib.sha384
        self.hash_alg = -16 if hash_bits == 256 else -43
        self.hmac_alg = 5 if hash_bits == 256 else 6


def ecdsa(digest, half):
    def sign(key, message):
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(digest)))
        return r.to_bytes(half, "big") + s.to_bytes(half, "big")
    return sign


def pss(key, message):
    return key.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())


def pkcs(key, message):
    return key.sign(message, padding.PKCS1v15(), hashes.SHA384())


SUITES = [
    Suite("p256", 10, 1, 256, lambda: ec.generate_private_key(ec.SECP256R1()), ecdsa(hashes.SHA256(), 32), -7),
    Suite("p384", 11, 3, 384, lambda: ec.generate_private_key(ec.SECP384R1()), ecdsa(hashes.SHA384(), 48), -35),
    Suite("x5chain", 10, 2, 256, lambda: ec.generate_private_key(ec.SECP256R1()), ecdsa(hashes.SHA256(), 32), -7),
    Suite("pss", 6, 1, 256, lambda: rsa.generate_private_key(65537, 2048), pss, -37),
    Suite("pkcs", 5, 1, 384, lambda: rsa.generate_private_key(65537, 3072), pkcs, -258),
]


def certificate(subject, key, issuer, issuer_key):
    day = datetime.datetime(2026, 1, 1)
    name = lambda text: x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
    made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)) \
        .public_key(key.public_key()).serial_number(7).not_valid_before(day) \
        .not_valid_after(day + datetime.timedelta(days=3650)).sign(issuer_key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)


def public_key(suite, key):
    public = key.public_key()
    if suite.encoding == 2:
        return [suite.type, 2, [certificate("owner", key, "owner", key)]]
    if suite.encoding == 3:
        n = public.public_numbers()
        return [suite.type, 3, {1: 2, -1: 2, -2: n.x.to_bytes(48, "big"), -3: n.y.to_bytes(48, "big")}]
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return [suite.type, 1, spki]


def sign1(suite, key, payload):
    protected = cbor2.dumps({1: suite.alg})
    to_sign = cbor2.dumps(["Signature1", protected, b"", payload])
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, suite.sign(key, to_sign)]))


def define(name, value):
    text = value.hex()
    lines = [text[i:i + 88] for i in range(0, len(text), 88)]
    print(f"#define FDO_{name.upper()}" + " \\\n    " + " \\\n    ".join(f'"{line}"' for line in lines))


def voucher(suite, entries):
    curve = ec.SECP256R1() if suite.hash_alg == -16 else ec.SECP384R1()
    device, ca = ec.generate_private_key(curve), ec.generate_private_key(ec.SECP256R1())
    chain = [certificate("device", device, "device ca", ca), certificate("device ca", ca, "device ca", ca)]
    chain = chain[:1 if suite.type < 10 else 2]  # a C literal has at most 4,095 characters
    owner = suite.make()
    chain_hash = suite.hash(b"".join(chain)).digest()
    header = cbor2.dumps([101, GUID, RV_INFO, "vector", public_key(suite, owner), [suite.hash_alg, chain_hash]])
    mac = [suite.hmac_alg, hmac.new(SECRET, header, suite.hash).digest()]
    info = [suite.hash_alg, suite.hash(GUID + b"vector").digest()]
    before = header + cbor2.dumps(mac)
    made = []
    for i in range(entries):
        following = suite.make()
        extra = cbor2.dumps({-5: b"\1\2"}) if i == 1 else None
        encoded = public_key(suite, following)
        payload = cbor2.dumps([[suite.hash_alg, suite.hash(before).digest()], info, extra, encoded])
        before = sign1(suite, owner, payload)
        made.append(before)
        owner = following
    whole = cbor2.dumps([101, header, mac, chain, []])[:-1]
    head = bytes([0x80 + len(made)]) + b"".join(made)
    define(f"voucher_{suite.name}", whole + head)
    define(f"head_{suite.name}", suite.hash(before).digest())
    define(f"owner_{suite.name}", cbor2.dumps(encoded))
    return owner, chain[-1]


print("/* Made by tests/interop/fdo/vectors.py with cbor2 and cryptography. */")
print("#ifndef FDO_VECTORS_H\n#define FDO_VECTORS_H\n")
define("secret", SECRET)
define("rv_info", cbor2.dumps(RV_INFO))
for each in SUITES:
    last, root = voucher(each, 3 if each.name == "p256" else 1)
    if each.name == "p256":
        define("root_p256", root)
        define("scalar_p256", last.private_numbers().private_value.to_bytes(32, "big"))
        addresses = [[bytes([192, 0, 2, 9]), None, 8043, 3], [None, "owner.example", 443, 5]]
        define("to1d_p256", sign1(each, last, cbor2.dumps([addresses, [-16, hashlib.sha256(b"to0d").digest()]])))
print("\n#endif")
