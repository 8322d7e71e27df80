#!/usr/bin/env bash
# Our device is initialised and onboarded by the stock services of go-fdo-server.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"
# shellcheck source=tests/support/fdo_peers.sh
. "$root/tests/support/fdo_peers.sh"

need openssl curl
fdo_peers
cd "$work" || exit 1

# key NAME: a key and a certificate of its own.
key() {
    openssl ecparam -name "$curve" -genkey -out "$1.der" -outform der 2>/dev/null
    openssl req -x509 -key "$1.der" -keyform der -out "$1.pem" -days 365 -subj "/O=Example/CN=$1" 2>/dev/null
}

# serve NAME VERB ARGUMENTS...: a service on a port of its own, which goes to $port.
serve() {
    local name=$1 verb=$2
    shift 2
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$fdo_server" "$verb" "127.0.0.1:$port" --db-dsn "file:$name.db" "$@" >"$name.log" 2>&1 &
    started $!
    wait_for 20 curl -fs "http://127.0.0.1:$port/health" || die "$name does not answer: $(tail -n 3 "$name.log")"
}

post() { # URL TYPE FILE
    curl -fsS -H "Content-Type: $2" "$1" --data-binary "@$3" >/dev/null || die "$1 refuses $3"
}

# services CURVE ARGUMENTS...: the three of them, with keys of a curve; arguments are the owner's.
services() {
    curve=$1
    shift
    for who in manufacturer device_ca owner; do key $who; done
    serve rv rendezvous
    rv=$port
    serve mfg manufacturing --manufacturing-key manufacturer.der --device-ca-cert device_ca.pem \
        --device-ca-key device_ca.der --owner-cert owner.pem
    mfg=$port
    serve own owner --device-ca-cert device_ca.pem --owner-key owner.der "$@"
    own=$port
    post "http://127.0.0.1:$rv/api/v1/device-ca" application/x-pem-file device_ca.pem
    echo "[{\"ip\":\"127.0.0.1\",\"device_port\":\"$rv\",\"owner_port\":\"$rv\",\"protocol\":\"http\"}]" >rvinfo
    echo "[{\"dns\":\"localhost\",\"port\":\"$own\",\"protocol\":\"http\",\"ip\":\"127.0.0.1\"}]" >redirect
    post "http://127.0.0.1:$mfg/api/v1/rvinfo" text/plain rvinfo
    post "http://127.0.0.1:$own/api/v1/owner/redirect" text/plain redirect
}

# sold GUID: the voucher goes from the manufacturer to the owner, who tells the rendezvous service.
sold() {
    curl -fsS "http://127.0.0.1:$mfg/api/v1/vouchers/$1" >voucher || die "the manufacturer has no voucher"
    post "http://127.0.0.1:$own/api/v1/owner/vouchers" text/plain voucher
    wait_for 30 grep -q 'successfully registered' own.log || die "the owner does not register: $(tail -n 3 own.log)"
}

state() {
    sed -n 's/^state *//p' "$work/out"
}

services prime256v1
expect 0 "$cairn" device make dev --manufacturer "http://127.0.0.1:$mfg" --model gotest --serial 7 || die "DI"
[ "$(state)" = ready ] || fail "after DI the device is not ready"
guid=$(sed -n 's/^guid *//p' "$work/out")
expect 1 "$cairn" device make dev --manufacturer "http://127.0.0.1:$mfg" --model gotest
sold "$guid"
expect 0 "$cairn" device run dev --attempts 1 || die "TO1 and TO2: $(tail -n 5 own.log)"
[ "$(state)" = onboarded ] || fail "after TO2 the device has no owner"
[ "$(sed -n 's/^guid *//p' "$work/out")" != "$guid" ] || fail "the GUID did not change"
expect 0 "$cairn" device reset dev
[ "$(state)" = ready ] || fail "after a reset the device does not wait for an owner"
finish
