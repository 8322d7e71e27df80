#!/usr/bin/env bash
# Strangers' clients at the door of a live node: Authlib gets tokens over HTTPS and reads with them what the ledger shows
# to its organisations alone; curl does so by a tls key of the ledger; openssl finds TLS 1.3 and nothing older.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl openssl
here=$root/tests/interop/oauth
cd "$work" || die "cd"

expect 0 "$cairn" init ledger --org Maker --json
ledger=$(fact ledger)
organisation=$(fact organisation_id)
printf 'node:\n  port: "0"\napi:\n  public: "nothing"\n' >>ledger/cairn.yaml
expect 0 "$cairn" -C ledger key new --purpose tls
"$cairn" node ledger --json >node.out 2>node.err &
started $!
wait_for 30 test -s ledger/node.url || die "the node does not start: $(tail -n 2 node.err)"
url=$(cat ledger/node.url)
ca=$work/ledger/tls/node.pem
entries="$url/v1/ledgers/$ledger/entries?from=0&count=1"

# --- curl by mutual TLS ---------------------------------------------------------------------------

# certify KEY NAME: a certificate that the key makes for itself.
certify() {
    expect 0 openssl req -x509 -new -key "$1" -subj "/CN=$2" -days 30 -out "$2.pem" \
        -addext extendedKeyUsage=clientAuth -addext keyUsage=digitalSignature
}

# status [CURL OPTION...]: of the entries.
status() {
    curl -sS --cacert "$ca" -o body -w '%{http_code}' "$@" "$entries"
}

certify ledger/keys/tls-1.pem client
certify ledger/keys/sign-1.pem signer
openssl ecparam -name prime256v1 -genkey -noout -out foreign.key
certify foreign.key foreign
code=$(status --cert client.pem --key ledger/keys/tls-1.pem)
[ "$code" = 200 ] || fail "curl with a tls key: $code $(cat body)"
[ -s body ] || fail "curl with a tls key reads nothing"
code=$(status)
[ "$code" = 404 ] || fail "curl without a certificate: $code"
for name in foreign signer; do
    key=foreign.key
    [ $name = signer ] && key=ledger/keys/sign-1.pem
    code=$(status --cert $name.pem --key $key)
    case $code in 401 | 404) ;; *) fail "curl with the certificate $name: $code" ;; esac
done
code=$(curl -sS --cacert client.pem -o body -w '%{http_code}' "$url/healthz" 2>/dev/null)
[ "$code" = 000 ] || fail "curl trusts a node that is vouched for by another certificate"

# --- openssl s_client -----------------------------------------------------------------------------

# handshake [OPTION...]: its words.
handshake() {
    openssl s_client -connect "${url#https://}" -CAfile "$ca" -verify_return_error "$@" </dev/null >said 2>&1
}

handshake -servername localhost || fail "openssl s_client: $(tail -n 3 said)"
expect_text said 'TLSv1\.3' "s_client"
expect_text said 'Verify return code: 0' "s_client"
expect_text said 'Early data was not sent|No early data' "s_client: early data"
handshake -cert client.pem -key ledger/keys/tls-1.pem || fail "s_client with a certificate: $(tail -n 3 said)"
for old in -tls1_2 -tls1_1; do
    handshake $old -cipher 'ALL:@SECLEVEL=0' && fail "openssl s_client $old gets in"
done
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' |
    openssl s_client -quiet -connect "${url#https://}" -CAfile "$ca" >said 2>/dev/null
expect_text said '^HTTP/1\.1 200' "a request by openssl s_client"

# --- Authlib --------------------------------------------------------------------------------------

if ! python_modules oauth "$here/requirements.txt"; then
    echo "SKIP Authlib at a live node: $why"
    finish
fi
echo 'correct horse battery' >secret
openssl ecparam -name prime256v1 -genkey -noout -out robot.key
openssl pkcs8 -topk8 -nocrypt -in robot.key -out robot.pem
"$python" - robot.pem >robot.jwks <<'PYTHON' || die "no JWK set"
import base64, json, sys
from authlib.jose import JsonWebKey
key = JsonWebKey.import_key(open(sys.argv[1]).read(), {'kty': 'EC'}).as_dict(is_private=False)
for name in ('x', 'y'):  # RFC 7518 6.2.1.2: 32 bytes; Authlib leaves out leading zeros
    number = base64.urlsafe_b64decode(key[name] + '=' * (-len(key[name]) % 4))
    key[name] = base64.urlsafe_b64encode(number.rjust(32, b'\0')).decode().rstrip('=')
print(json.dumps({'keys': [dict(key, kid='r1', alg='ES256', use='sig')]}))
PYTHON
expect 0 "$cairn" -C ledger grant add shop --secret-file secret --organisation "$organisation" --scope ledger.read
expect 0 "$cairn" -C ledger grant add robot --jwks robot.jwks --organisation "$organisation" --scope ledger.read
expect 0 "$python" -B "$here/live.py" "$url" "$ledger" robot.pem "$ca"
finish
