#!/usr/bin/env bash
# An organisation's certificate authority from its making to a revoked caller, as OpenSSL and curl
# meet it: in a directory alone, and beside a node that holds it.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl openssl
home=$work/ledger
ca=$home/tls/node.pem
cd "$work" || die "cd"

# --- what the tools of others say -----------------------------------------------------------------

# request NAME [OPENSSL OPTION...]: a key and a request in NAME.key and NAME.csr.
request() {
    local name=$1
    shift
    openssl ecparam -genkey -name prime256v1 -noout -out "$name.key" 2>/dev/null || die "openssl ecparam"
    openssl req -new -key "$name.key" -out "$name.csr" "$@" 2>/dev/null || die "openssl req: $*"
}

# issue NAME OPTION...: NAME.csr becomes NAME.crt; its serial number is in $serial.
issue() {
    local name=$1
    shift
    expect 0 "$cairn" -C "$home" ca issue "$name.csr" --output "$name.crt" --json "$@" || return
    serial=$(fact serial)
}

# verify_chain FILE PURPOSE: openssl takes the certificate, its chain and the list that it is on.
verify_chain() {
    openssl verify -x509_strict -crl_check -purpose "$2" -CAfile root.pem -CRLfile list.pem \
        -untrusted issuing.pem "$1" >verify.out 2>&1
}

# ocsp FILE [OPTION...]: what the node answers about a certificate; the verified words in ocsp.out.
ocsp() {
    local file=$1
    shift
    openssl ocsp -issuer issuing.pem -cert "$file" -url "$url/ca/$org/ocsp" -CAfile root.pem \
        -no_cert_checks "$@" >ocsp.out 2>ocsp.err || return 1
    grep -q 'Response verify OK' ocsp.err
}

# call NAME: the status of a call that needs a known caller, with NAME's certificate.
call() {
    curl -sS --cacert "$ca" --cert "$1.crt" --key "$1.key" -o body -w '%{http_code}' "$url/v1/ledgers/$ledger/entries?from=0&count=1"
}

get() {
    curl -sS --cacert "$ca" -o body -w '%{http_code}' "$url$1"
}

is() {
    [ "$2" = "$3" ] || fail "$1: $2, not $3: $(head -c 200 body 2>/dev/null)"
}

# start: a node on the port that the certificates name.
start() {
    "$cairn" node "$home" --json >node.out 2>>node.err &
    node=$!
    started "$node"
    wait_for 20 test -s "$home/node.url" || die "the node does not start: $(tail -n 2 node.err)"
    url=$(cat "$home/node.url")
}

# --- a directory alone ----------------------------------------------------------------------------

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
expect 0 "$cairn" init "$home" --org Maker --json || die "init"
ledger=$(fact ledger)
printf 'node:\n  port: "%s"\n' "$port" >>"$home/cairn.yaml"

expect 2 "$cairn" -C "$home" ca list
sed "s/\"$port\"/\"0\"/" -i "$home/cairn.yaml" # no port that a certificate could name
expect 2 "$cairn" -C "$home" ca init
sed "s/port: \"0\"/port: \"$port\"/" -i "$home/cairn.yaml"
expect 2 "$cairn" -C "$home" ca init --ip 127.0.0.1/8
expect 2 "$cairn" -C "$home" ca init --dns -wrong-
expect 2 "$cairn" -C "$home" ca init --url ftp://127.0.0.1
[ -e "$home/ca" ] && fail "a CA was made by wrong usage"

expect 0 "$cairn" -C "$home" ca init --dns example.test --ip 127.0.0.0/8 --realm realm.test --json || die "ca init"
org=$(basename "$(fact url)")
key=$(fact key.1.key)
expect 1 "$cairn" -C "$home" ca init
expect 0 "$cairn" -C "$home" org show
expect_text out 'purpose +issue' "the ledger does not know who issues"
expect_text out "$key" "the ledger does not know the issuing key"

request client -subj /CN=client-1
request server -subj /CN=server-1 -addext 'subjectAltName=DNS:a.example.test,IP:127.0.0.1'
request device -subj /CN=dev/serialNumber=D-7
issue server --profile tls-server --dns a.example.test --ip 127.0.0.1
issue device --profile device-service --device D-7 --uri urn:example:device:7
device=$serial
issue client --profile tls-client
client=$serial
openssl x509 -in client.crt -noout -text >text 2>&1
expect_text text "URI:cairn://org/$org" "a client's certificate does not name its organisation"

# --- refusals, by name ----------------------------------------------------------------------------

# refused CODE WORDS COMMAND...: exit code and words of the one line.
refused() {
    local code=$1 words=$2
    shift 2
    expect "$code" "$cairn" -C "$home" ca "$@" && expect_text err "$words" "ca $*"
}

request other -subj /CN=other
request wide -subj /CN=wide -addext 'subjectAltName=DNS:b.example.test'
request foreign -subj '/O=Another/CN=foreign'
openssl req -new -newkey rsa:2048 -nodes -keyout rsa.key -out rsa.csr -subj /CN=rsa 2>/dev/null
head -c 200 client.csr >cut.csr
refused 2 'wrong usage' issue other.csr
refused 2 'profile' issue other.csr --profile root
refused 2 'profile' issue other.csr --profile ocsp-responder
refused 2 'no address' issue other.csr --profile tls-server --ip 127.0.0.0/8
refused 2 'dns' issue other.csr --profile tls-server --dns '*.example.test'
refused 2 'needs one' issue other.csr --profile tls-server
refused 2 'does not fit' issue other.csr --profile tls-client --device D-1
refused 2 'does not fit' issue other.csr --profile tls-client --days 91
refused 1 'constraints' issue other.csr --profile tls-server --dns www.example.org
refused 1 'constraints' issue other.csr --profile tls-server --ip 10.0.0.1
refused 1 "not the caller's" issue wide.csr --profile tls-server --dns a.example.test
refused 1 "not the caller's" issue foreign.csr --profile tls-client
refused 1 "not the caller's" issue client.csr --profile tls-client --name somebody-else
openssl req -new -key client.key -out taken.csr -subj /CN=somebody-else 2>/dev/null
refused 1 'another subject' issue taken.csr --profile tls-client
refused 3 'algorithm' issue rsa.csr --profile tls-client
refused 3 'PEM' issue cut.csr --profile tls-client
refused 3 'PEM' issue client.key --profile tls-client
refused 2 'serial' show 12
refused 1 'serial' show 4000000000000000000000000000000000000000
refused 1 'serial' revoke 4000000000000000000000000000000000000000 --reason superseded
refused 2 'reason' revoke "$client" --reason certificateHold
refused 2 'SERIAL, or' revoke --reason superseded
refused 1 'no certificate' revoke --device D-8 --reason superseded
refused 1 'renewal opens' renew "$client" client.csr
[ -e other.csr.crt ] && fail "what was refused left a file"

# --- beside a node that shows nobody its ledger ---------------------------------------------------

start
is "chain" "$(get "/ca/$org/chain")" 200
csplit -s -f chain- body '/BEGIN CERTIFICATE/' '{*}' && cp chain-01 issuing.pem && cp chain-02 root.pem
is "list" "$(get "/ca/$org/crl/0")" 200
openssl crl -inform DER -in body -out list.pem 2>/dev/null || fail "openssl does not read the list"
is "root's list" "$(get "/ca/$org/crl/root")" 200
openssl crl -inform DER -in body >>list.pem 2>/dev/null
is "a list that is not there" "$(get "/ca/$org/crl/9")" 404
is "another organisation's" "$(get "/ca/${org//[0-9]/a}/crl/0")" 404
verify_chain client.crt sslclient || fail "client: $(cat verify.out)"
verify_chain server.crt sslserver || fail "server: $(cat verify.out)"
verify_chain device.crt sslclient || fail "device: $(cat verify.out)"
verify_chain client.crt sslserver && fail "a client's certificate is good for a server"

ocsp client.crt || fail "ocsp: $(cat ocsp.out ocsp.err)"
expect_text ocsp.out 'client.crt: good' "a good certificate"
ocsp client.crt -no_nonce || fail "ocsp without a nonce: $(cat ocsp.out ocsp.err)"
expect_text ocsp.out 'client.crt: good' "a good certificate, from stock"

is "a caller by an issued certificate" "$(call client)" 200
is "a device is no organisation" "$(call device)" 404
is "nobody" "$(get /metrics)" 404

# issued beside the node, by another process
request second -subj /CN=client-2
issue second --profile tls-client
second=$serial
is "issued beside the node" "$(call second)" 200
ocsp second.crt || fail "ocsp: $(cat ocsp.out ocsp.err)"
expect_text ocsp.out 'second.crt: good' "issued beside the node"

# a certificate that says the same but is of another CA
openssl ecparam -genkey -name prime256v1 -noout -out forged-ca.key 2>/dev/null
openssl req -x509 -new -key forged-ca.key -out forged-ca.pem -subj "/O=Maker/CN=Issuing CA" -days 30 2>/dev/null
request forged -subj /CN=client-1
printf 'subjectAltName=URI:cairn://org/%s\nextendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n' "$org" >forged.ext
openssl x509 -req -in forged.csr -CA forged-ca.pem -CAkey forged-ca.key -CAcreateserial -days 30 \
    -extfile forged.ext -out forged.crt 2>/dev/null || die "forged"
is "another CA's certificate" "$(call forged 2>/dev/null)" 000

# --- revoked --------------------------------------------------------------------------------------

expect 0 "$cairn" -C "$home" ca revoke "${client^^}" --reason keyCompromise
is "at once after its revocation" "$(call client)" 404
is "another is not touched" "$(call second)" 200
ocsp client.crt || fail "ocsp: $(cat ocsp.out ocsp.err)"
expect_text ocsp.out 'client.crt: revoked' "a revoked certificate"
expect_text ocsp.out 'Reason: keyCompromise' "the reason"
get "/ca/$org/crl/0" >/dev/null
openssl crl -inform DER -in body -noout -text >text 2>/dev/null
expect_text text "Serial Number: ${client^^}" "the list does not have the revoked one"
openssl crl -inform DER -in body -out list.pem 2>/dev/null
verify_chain client.crt sslclient && fail "openssl takes a revoked certificate"
verify_chain second.crt sslclient || fail "second: $(cat verify.out)"
refused 1 'compromised' issue client.csr --profile tls-client
refused 1 'revoked' renew "$client" client.csr --early
expect 0 "$cairn" -C "$home" ca revoke --device D-7 --reason cessationOfOperation --json
is "the device's certificate" "$(fact certificate.0.serial)" "$device"
expect 0 "$cairn" -C "$home" ca list --revoked --json
is "revoked ones" "$(python3 -c 'import json; print(len(json.load(open("out"))["certificate"]))')" 2

# --- renewed --------------------------------------------------------------------------------------

expect 0 "$cairn" -C "$home" ca renew "$second" second.csr --early --output again.crt --json
cp second.key again.key
is "the successor" "$(call again)" 200
is "beside its predecessor" "$(call second)" 200
expect 0 "$cairn" -C "$home" ca due --within 3650 --json
grep -q "$second" out && fail "a renewed certificate is due"

# --- another key issues ---------------------------------------------------------------------------

expect 0 "$cairn" -C "$home" ca rollover --json
is "the next key" "$(fact name)" issue-ca-2
key=$(fact key)
expect 0 "$cairn" -C "$home" org show
expect_text out "$key" "the ledger does not know the new key"
request third -subj /CN=client-3
issue third --profile tls-client
known() { [ "$(call third)" = 200 ]; }
wait_for 30 known || fail "the node does not find the key that was made beside it: $(call third)"
grep -q '"event":"node.reloaded"' node.err && fail "somebody told it"
is "issued by the old one" "$(call again)" 200
get "/ca/$org/chain" >/dev/null
is "certificates in the chain" "$(grep -c 'BEGIN CERTIFICATE' body)" 3
csplit -s -f part- third.crt '/BEGIN CERTIFICATE/' '{*}' && cp part-02 issuing-2.pem
cmp -s issuing.pem issuing-2.pem && fail "the same issuing certificate"
openssl x509 -in third.crt -noout -ext crlDistributionPoints >text
partition=$(sed -n 's|.*/crl/\([0-9]*\)$|\1|p' text)
[ "$partition" -gt 0 ] || fail "two issuers share a list"
for number in 0 "$partition"; do
    get "/ca/$org/crl/$number" >/dev/null
    openssl crl -inform DER -in body 2>/dev/null
done >list.pem
verify_chain again.crt sslclient || fail "issued by the old key: $(cat verify.out)"
openssl verify -x509_strict -crl_check -purpose sslclient -CAfile root.pem -CRLfile list.pem -untrusted issuing-2.pem \
    third.crt >verify.out 2>&1 || fail "issued by the new key: $(cat verify.out)"
openssl verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted issuing.pem third.crt >verify.out 2>&1 &&
    fail "the old key's certificate is taken for the new one's"
ocsp again.crt || fail "ocsp about the old key's: $(cat ocsp.out ocsp.err)"
expect_text ocsp.out 'again.crt: good' "a good certificate of the old key"
ocsp again.crt -no_nonce || fail "ocsp about the old key's, from stock: $(cat ocsp.out ocsp.err)"
cp issuing.pem issuing-1.pem && cp issuing-2.pem issuing.pem
ocsp third.crt || fail "ocsp about the new key's: $(cat ocsp.out ocsp.err)"
expect_text ocsp.out 'third.crt: good' "a good certificate of the new key"
ocsp third.crt -no_nonce || fail "ocsp about the new key's, from stock: $(cat ocsp.out ocsp.err)"
openssl ocsp -issuer issuing.pem -serial "0x$(openssl x509 -in again.crt -noout -serial | cut -d= -f2)" \
    -url "$url/ca/$org/ocsp" -CAfile root.pem -no_cert_checks >ocsp.out 2>ocsp.err
expect_text ocsp.out ': unknown' "a serial of the other issuer is unknown to this one"
cp issuing-1.pem issuing.pem
expect 0 "$cairn" -C "$home" ca revoke "$(openssl x509 -in again.crt -noout -serial | cut -d= -f2)" --reason superseded
is "the old key's is revoked as ever" "$(call again)" 404
ocsp again.crt
expect_text ocsp.out 'again.crt: revoked' "a revoked certificate of the old key"

# --- another root ---------------------------------------------------------------------------------

expect 0 "$cairn" -C "$home" ca rollover --root --json
is "the next root's key" "$(fact name)" issue-root-2
key=$(fact key)
fact certificate >root-2.pem
expect 0 "$cairn" -C "$home" org show
expect_text out "$key" "the ledger does not know the new root's key"
request fourth -subj /CN=client-4
issue fourth --profile tls-client
known() { [ "$(call fourth)" = 200 ]; }
wait_for 30 known || fail "the node does not find the root that was made beside it: $(call fourth)"
is "issued before" "$(call third)" 200
get "/ca/$org/chain" >/dev/null && cp body chain.pem
is "certificates in the chain" "$(grep -c 'BEGIN CERTIFICATE' chain.pem)" 7
is "a root's list that is not there" "$(get "/ca/$org/crl/root-3")" 404
for number in root root-2 "$partition"; do
    is "list $number" "$(get "/ca/$org/crl/$number")" 200
    openssl crl -inform DER -in body 2>/dev/null
done >list.pem
# by_root ROOT SENT CERTIFICATE: by that root alone, and what its holder sends.
by_root() {
    openssl verify -x509_strict -crl_check_all -purpose sslclient -CAfile "$1" -CRLfile list.pem -untrusted "$2" "$3" \
        >verify.out 2>&1
}
csplit -s -f part- fourth.crt '/BEGIN CERTIFICATE/' '{*}' && cat part-0[2-9] >sent.pem
for anchor in root.pem root-2.pem; do
    by_root $anchor sent.pem fourth.crt || fail "issued by both, to $anchor: $(cat verify.out)"
    by_root $anchor chain.pem third.crt || fail "issued before, to $anchor: $(cat verify.out)"
done
by_root root.pem issuing-2.pem third.crt || fail "with what was sent before: $(cat verify.out)"
by_root root-2.pem issuing-2.pem third.crt && fail "the old root's issuing certificate leads to the new root"
openssl ocsp -issuer part-02 -cert fourth.crt -url "$url/ca/$org/ocsp" -CAfile root-2.pem >ocsp.out 2>ocsp.err || fail "ocsp under the new root: $(cat ocsp.out ocsp.err)"
expect_text ocsp.out 'fourth.crt: good' "a good certificate under the new root"
expect 0 "$cairn" -C "$home" key revoke issue-root # as when it was stolen
is "after the end of the old root's key" "$(call fourth)" 200

# --- what the ledger says -------------------------------------------------------------------------

# The node's next round anchors the list as it is served, and each act's commitment. SIGHUP brings the round
# at once.
kill -HUP "$node"
# shellcheck disable=SC2016 # the inner shell's
wait_for 20 sh -c '[ "$(grep -c "\"event\":\"node.reloaded\"" node.err)" -ge 1 ]' || fail "the node does not reload"
stop "$node"
grep -E '"event":"ca\.(failed|not_kept)"' node.err | grep -qv UNAVAILABLE && fail "the CA was not kept: $(grep '"ca\.' node.err | tail -n 1)"

list=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(b"cairn/list/1" + sys.argv[1].encode()).hexdigest())' "$url/ca/$org/crl/0")
expect 0 "$cairn" -C "$home" ca crl --json
hash=$(fact sha256)
expect 0 "$cairn" -C "$home" state get "raw/6c6973742f$org$list" --json
grep -q "$hash" out || fail "the ledger does not have the list that is served"

# salt and certificate give the commitment (docs/formats/ca.md), which is anchored
expect 0 "$cairn" -C "$home" ca show "$second" --json
commitment=$(python3 - "$(fact salt)" second.crt <<'PYTHON'
import hashlib, ssl, sys
der = ssl.PEM_cert_to_DER_cert(open(sys.argv[2]).read().split('-----END')[0] + '-----END CERTIFICATE-----\n')
print(hashlib.sha256(b'cairn/ca/issued/1\0' + bytes.fromhex(sys.argv[1]) + hashlib.sha256(der).digest()).hexdigest())
PYTHON
)
expect 0 "$cairn" -C "$home" state get "anchor/$commitment" --json
expect 1 "$cairn" -C "$home" state get "anchor/${list}" --json

# --- a backup has it ------------------------------------------------------------------------------

printf 'a passphrase of some length\n' >passphrase
expect 0 "$cairn" -C "$home" backup "$work/backup" --passphrase-file passphrase
expect 0 "$cairn" restore "$work/backup" "$work/restored" --passphrase-file passphrase
expect 0 "$cairn" -C "$home" ca list --json && cp out before
expect 0 "$cairn" -C "$work/restored" ca list --json && cp out after
cmp -s before after || fail "the restored CA is another one"

finish
