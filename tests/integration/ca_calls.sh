#!/usr/bin/env bash
# Certificates issued, renewed and revoked over the API, as curl and OpenSSL meet it; and what a hostile
# caller tries there.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl openssl
python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
home=$work/ledger
ca=$home/tls/node.pem
cd "$work" || die "cd"

# request NAME [OPENSSL OPTION...]: a key and a request in NAME.key and NAME.csr.
request() {
    local name=$1
    shift
    openssl ecparam -genkey -name prime256v1 -noout -out "$name.key" 2>/dev/null || die "openssl ecparam"
    openssl req -new -key "$name.key" -out "$name.csr" "$@" 2>/dev/null || die "openssl req: $*"
}

# body REQUEST-FILE NAME=JSON...: a body with the request and these members in body.json.
body() {
    python3 - "$@" >body.json <<'PYTHON'
import json, sys
made = {'request': open(sys.argv[1]).read()} if sys.argv[1] else {}
made.update((name, json.loads(value)) for name, value in (word.split('=', 1) for word in sys.argv[2:]))
print(json.dumps(made))
PYTHON
}

# post USER PATH: the status of a call with body.json; what was answered is in answer.
post() {
    curl -sS --cacert "$ca" -u "$1:$1-has-a-password" -H 'Content-Type: application/json' \
        --data-binary @body.json -o answer -w '%{http_code}' "$url/v1/ca/$2"
}

is() {
    [ "$2" = "$3" ] || fail "$1: $2, not $3: $(head -c 300 answer 2>/dev/null)"
}

# member NAME: of the answer.
member() {
    python3 -c 'import json, sys; print(json.load(open("answer"))[sys.argv[1]], end="")' "$1"
}

start() {
    rm -f "$home/node.url"
    "$cairn" node "$home" --json >node.out 2>>node.err &
    node=$!
    started "$node"
    wait_for 20 test -s "$home/node.url" || die "the node does not start: $(tail -n 2 node.err)"
    url=$(cat "$home/node.url")
}

# grant NAME [OPTION...]: a user whose password follows from his name.
grant() {
    local name=$1
    shift
    printf '%s-has-a-password\n' "$name" >password
    expect 0 "$cairn" -C "$home" grant add "$name" --user --secret-file password "$@"
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
expect 0 "$cairn" init "$home" --org Maker --json || die "init"
ledger=$(fact ledger)
printf 'node:\n  port: "%s"\napi:\n  public: "entries"\n' "$port" >>"$home/cairn.yaml"
expect 0 "$cairn" -C "$home" ca init --dns example.test --ip 127.0.0.0/8 --realm realm.test --json || die "ca init"
org=$(basename "$(fact url)")
other=${org//[0-9]/a}
grant both --scope ca.issue --scope ca.revoke --organisation "$org"
grant issuer --scope ca.issue --organisation "$org"
grant reader --scope ledger.read --organisation "$org"
grant stranger --scope ca.issue --scope ca.revoke --organisation "$other"
grant nobodys --scope ca.issue --scope ca.revoke
start

# --- issued, used, renewed, revoked ---------------------------------------------------------------

request client -subj /CN=client-1
body client.csr 'profile="tls-client"'
is "issue" "$(post both "$org/certificates")" 201
member certificate >client.crt
member issuer >>client.crt
serial=$(member serial)
openssl x509 -in client.crt -noout -text >text
expect_text text "URI:cairn://org/$org" "a client's certificate does not name its organisation"
curl -sS --cacert "$ca" -o chain.pem "$url/ca/$org/chain"
csplit -s -f chain- chain.pem '/BEGIN CERTIFICATE/' '{*}' && cp chain-02 root.pem
openssl verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted chain-01 client.crt >verify.out 2>&1 ||
    fail "openssl verify: $(cat verify.out)"

# call NAME: the status of a call for which a certificate must be known.
call() {
    curl -sS --cacert "$ca" --cert "$1.crt" --key "$1.key" -o answer -w '%{http_code}' \
        -H 'Content-Type: application/json' --data-binary '{}' "$url/v1/ca/$org/certificates"
}
is "a certificate has no such scope" "$(call client)" 403
is "the same again" "$(post both "$org/certificates")" 200
is "the same serial" "$(member serial)" "$serial"

body client.csr "serial=\"$serial\""
is "too early" "$(post both "$org/renewals")" 409
body client.csr "serial=\"$serial\"" early=true
is "renew" "$(post issuer "$org/renewals")" 201
is "renew again" "$(post issuer "$org/renewals")" 200

body '' "serial=\"$serial\"" 'reason="superseded"'
is "who may only issue" "$(post issuer "$org/revocations")" 403
is "revoke" "$(post both "$org/revocations")" 200
is "revoke again" "$(post both "$org/revocations")" 200
is "a revoked caller" "$(call client)" 401
openssl ocsp -issuer chain-01 -cert client.crt -url "$url/ca/$org/ocsp" -CAfile root.pem -no_cert_checks >ocsp.out 2>ocsp.err
expect_text ocsp.out 'client.crt: revoked' "a revoked certificate"
body client.csr 'profile="tls-client"'
is "the request once more" "$(post both "$org/certificates")" 409

# --- what a hostile caller tries ------------------------------------------------------------------

request bad -subj /CN=bad
body bad.csr 'profile="tls-client"'
for who in stranger nobodys; do
    is "$who" "$(post "$who" "$org/certificates")" 404
    cp answer first
    is "$who: his own" "$(post "$who" "$other/certificates")" 404
    cmp -s first answer || fail "$who learns whose CA is here"
    is "$who: no CA at all" "$(post "$who" "$(printf '%064d' 7)/certificates")" 404
    cmp -s first answer || fail "$who learns whose CA is here"
done
is "without the scope" "$(post reader "$org/certificates")" 403
for profile in root issuing ocsp-responder '' none; do
    body bad.csr "profile=\"$profile\""
    is "profile '$profile'" "$(post issuer "$org/certificates")" 400
done
body bad.csr 'profile="tls-server"' 'dns=["www.example.org"]'
is "outside the constraints" "$(post issuer "$org/certificates")" 403
body bad.csr 'profile="tls-client"' "uri=[\"cairn://org/$other\"]"
is "another organisation's name is not heard" "$(post issuer "$org/certificates")" 201
member certificate >bad.crt
openssl x509 -in bad.crt -noout -ext subjectAltName >text
grep -q "$other" text && fail "a certificate names another organisation"
request named -subj /CN=named -addext "subjectAltName=URI:cairn://org/$other"
body named.csr 'profile="tls-client"'
is "nor in the request" "$(post issuer "$org/certificates")" 403
request ca -subj /CN=ca -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=keyCertSign'
body ca.csr 'profile="tls-client"'
is "extensions are a wish" "$(post issuer "$org/certificates")" 201
member certificate | openssl x509 -noout -ext basicConstraints,keyUsage >text
expect_text text 'CA:FALSE' "a caller was made a CA"
grep -q 'Certificate Sign' text && fail "a caller may sign certificates"
python3 - bad.csr bent.csr <<'PYTHON' # the signature of another hand
import base64, sys
lines = open(sys.argv[1]).read().split('\n')
der = bytearray(base64.b64decode(''.join(lines[1:-2])))
der[-5] ^= 1
open(sys.argv[2], 'w').write('\n'.join([lines[0], base64.b64encode(der).decode(), lines[-2], '']))
PYTHON
body bent.csr 'profile="tls-client"'
is "a bent signature" "$(post issuer "$org/certificates")" 400
expect_text answer BAD_SIGNATURE "a bent signature"
request stolen -subj /CN=client-1
openssl req -new -key client.key -out stolen.csr -subj /CN=somebody-else 2>/dev/null
body stolen.csr 'profile="tls-client"'
is "a key of somebody else's" "$(post issuer "$org/certificates")" 409
head -c 40000 /dev/zero | tr '\0' A >body.json
is "40,000 bytes" "$(post issuer "$org/certificates")" 413
head -c 2000000 /dev/zero | tr '\0' A >body.json
is "two million bytes" "$(post issuer "$org/certificates")" 413
body '' 'serial="4000000000000000000000000000000000000000"' 'reason="superseded"'
is "revoke what is not there" "$(post both "$org/revocations")" 404
expect 0 "$cairn" -C "$home" ca list --json
for own in root issuing ocsp-responder; do
    serial=$(python3 -c 'import json, sys; print([c["serial"] for c in json.load(open("out"))["certificate"]
        if c["profile"] == sys.argv[1]][0])' "$own")
    body '' "serial=\"$serial\"" 'reason="superseded"'
    is "revoke the CA's own $own" "$(post both "$org/revocations")" 400
done
python3 -B "$root/tests/integration/api_contract.py" "$root/api/openapi.yaml" "$url" "$ca" "$ledger" \
    both:both-has-a-password bad.csr || fail "the contract"

# --- the key process dies, and the node -----------------------------------------------------------

keyd=$(pgrep -P "$(pgrep -P "$node" | head -n 1)" | head -n 1)
request under -subj /CN=under
body under.csr 'profile="tls-client"'
if [ -n "$keyd" ]; then
    kill -KILL "$keyd"
    code=$(post both "$org/certificates" 2>/dev/null)
    case $code in 201 | 503 | 000) ;; *) fail "the key process is dead: $code" ;; esac # 000: no handshake without it
    issued() { case $(post both "$org/certificates" 2>/dev/null) in 200 | 201) ;; *) false ;; esac; }
    wait_for 20 issued || fail "nothing is issued after the key process is back"
    is "and the same again" "$(post both "$org/certificates")" 200
else
    fail "there is no key process"
fi

# Whatever was handed out is known, and asked again is the same.
mkdir many
for i in $(seq 0 39); do
    request "many/$i" -subj "/CN=many-$i"
done
(
    for i in $(seq 0 39); do
        body "many/$i.csr" 'profile="tls-client"' "name=\"many-$i\""
        cp body.json "many/$i.json"
        [ "$(post both "$org/certificates" 2>/dev/null)" = 201 ] && member serial >"many/$i.serial"
    done
) &
load=$!
wait_for 20 test -s many/5.serial || fail "nothing is issued"
kill -KILL "$node"
wait "$node" 2>/dev/null
wait "$load" 2>/dev/null
start
for i in $(seq 0 39); do
    cp "many/$i.json" body.json
    code=$(post both "$org/certificates" 2>/dev/null)
    if [ -s "many/$i.serial" ]; then
        is "handed out before SIGKILL" "$code" 200
        is "the same serial" "$(member serial)" "$(cat "many/$i.serial")"
    else
        case $code in 200 | 201) ;; *) fail "after SIGKILL: $code" ;; esac
    fi
done

# --- the trail, and the ledger --------------------------------------------------------------------

stop "$node"
python3 - "$home/audit" <<'PYTHON' || fail "the trail"
import pathlib, sys
trail = b''.join(p.read_bytes() for p in sorted(pathlib.Path(sys.argv[1]).rglob('*.log')))
for name in (b'issueCertificate', b'renewCertificate', b'revokeCertificates', b'other_organisation', b'scope_missing'):
    assert name in trail, name
PYTHON
grep -Eq '"event":"ca\.(failed|not_kept)"' node.err && fail "the CA was not kept: $(grep '"ca\.' node.err | tail -n 1)"
expect 0 "$cairn" -C "$home" log check

# Suspended by its own ledger, or without its key, it issues nothing.
expect 0 "$cairn" -C "$home" key revoke issue-ca
start
request late -subj /CN=late
body late.csr 'profile="tls-client"'
is "the ledger has ended its key" "$(post both "$org/certificates")" 409
expect_text answer CLOSED "the ledger has ended its key"
stop "$node"

finish
