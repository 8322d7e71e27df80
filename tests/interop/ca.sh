#!/usr/bin/env bash
# Strangers and our certificate authority: openssl verifies chains, purposes and lists, asks for status over
# HTTP with and without a nonce, by POST and by GET; Go's crypto/x509 builds the same chains and reads the
# lists. Each must also say no: expired, revoked, foreign, too long a path, a name outside the constraints.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need openssl curl
serve=$(dirname "$cairn")/tests/interop/ca-serve
[ -x "$serve" ] || skip "there is no $serve"
mkdir "$work/ca"
"$serve" "$work/ca" 2>"$work/serve" &
started $!
wait_for 20 test -f "$work/ca/port" || die "ca-serve: $(cat "$work/serve")"
cd "$work/ca" || exit 1
base=http://127.0.0.1:$(cat port)/ca/abab

# --- chain and lists ---

expect 0 curl -sf "$base/chain" -o chain.pem
[ "$(grep -c BEGIN chain.pem)" -eq 2 ] || fail "the chain has not two certificates"
for partition in root 0; do
    expect 0 curl -sf "$base/crl/$partition" -o "$partition.der"
    expect 0 openssl crl -inform DER -in "$partition.der" -out "$partition.crl"
done
expect 22 curl -sf "$base/crl/1" -o /dev/null
expect 22 curl -sf "http://127.0.0.1:$(cat port)/ca/cdcd/chain" -o /dev/null
cat root.crl 0.crl >lists.pem

# verify PURPOSE CERTIFICATE [MORE...]
# shellcheck disable=SC2317 # called by expect
verify() {
    local purpose=$1 certificate=$2
    shift 2
    openssl verify -x509_strict -crl_check_all -CAfile root.pem -untrusted issuing.pem -CRLfile lists.pem \
        -purpose "$purpose" "$@" "$certificate"
}

# refused CODE PURPOSE CERTIFICATE [MORE...]: openssl says no, and for that reason.
refused() {
    local code=$1
    shift
    expect 2 verify "$@" && expect_text "$work/err" "error $code at" "openssl on $2"
}

expect 0 verify sslserver server.pem -verify_hostname node.example.com -verify_ip 10.1.2.3
expect 0 verify sslclient client.pem
for name in bootstrap network service; do
    expect 0 verify sslclient "$name.pem"
done
expect 0 verify sslclient network.pem -verify_email d-17@operator.example
refused 26 sslclient server.pem   # unsuitable certificate purpose
refused 26 sslserver network.pem
refused 10 sslserver expired.pem  # has expired
refused 23 sslserver revoked.pem  # revoked
refused 47 sslserver broken.pem   # permitted subtree violation
refused 20 sslserver foreign.pem  # no issuer
refused 25 sslserver long.pem -untrusted below.pem # path length
expect 0 openssl x509 -in network.pem -noout -ext extendedKeyUsage
expect_text "$work/out" "1.3.6.1.5.5.7.3.14" "EAP over LAN"

# --- status ---

# status CERTIFICATE [MORE...]: what openssl's client makes of our answer.
# shellcheck disable=SC2317 # called by expect
status() {
    local certificate=$1
    shift
    openssl ocsp -issuer issuing.pem -CAfile root.pem -cert "$certificate" -url "$base/ocsp" "$@"
}

for digest in sha1 sha256; do
    for nonce in -nonce -no_nonce; do
        expect 0 openssl ocsp "-$digest" -issuer issuing.pem -CAfile root.pem -cert server.pem \
            -url "$base/ocsp" "$nonce"
        expect_text "$work/out" "server.pem: good" "$digest $nonce"
        expect_text "$work/err" "Response verify OK" "$digest $nonce"
        grep -q WARNING "$work/err" && fail "openssl warns: $(grep WARNING "$work/err")"
    done
done
expect 0 status revoked.pem -nonce
expect_text "$work/out" "revoked.pem: revoked" "status"
expect_text "$work/out" "Reason: keyCompromise" "status"
expect 0 status revoked.pem -no_nonce
expect_text "$work/out" "revoked.pem: revoked" "status"
expect 0 status below.pem # never committed, so nobody knows its serial
expect_text "$work/out" "below.pem: unknown" "status"
expect 0 status server.pem -cert revoked.pem -cert client.pem
expect_text "$work/out" "client.pem: good" "three in one request"
expect 1 openssl ocsp -issuer foreign-issuing.pem -CAfile root.pem -cert foreign.pem -url "$base/ocsp"
expect_text "$work/out" "unauthorized" "a foreign issuer"

# By GET (RFC 6960 appendix A.1), kept as a file.
expect 0 openssl ocsp -issuer issuing.pem -cert server.pem -no_nonce -reqout request.der
encoded=$(base64 -w 0 request.der | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g')
expect 0 curl -sfD headers "$base/ocsp/$encoded" -o answer.der
expect_text headers "^Content-Type: application/ocsp-response" "GET"
expect_text headers "^Cache-Control: public, max-age=300" "GET"
expect 0 openssl ocsp -issuer issuing.pem -CAfile root.pem -cert server.pem -respin answer.der
expect_text "$work/out" "server.pem: good" "GET"
flip answer.der 150
expect 1 openssl ocsp -issuer issuing.pem -CAfile root.pem -cert server.pem -respin answer.der
expect 0 curl -sf "$base/ocsp/bm90" -o answer.der
[ "$(od -An -tx1 answer.der)" = " 30 03 0a 01 01" ] || fail "a request that is none is not malformedRequest"
expect 22 curl -sf -H "Content-Type: text/plain" --data-binary @request.der "$base/ocsp" -o /dev/null

# --- Go ---

if command -v go >/dev/null; then
    go_program ca_go .
    "$program" . >"$work/said" 2>&1 || fail "Go disagrees"
    tail -n 12 "$work/said"
else
    echo "SKIP go is not installed: only openssl was asked"
fi
finish
