#!/usr/bin/env bash
# A device of ours is made, finds its owner and is onboarded by services of ours, over HTTP and over TLS: files
# both ways, a certificate for a key that stays on it, and a reset that leaves nothing.
# shellcheck source=tests/support/script.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"

need openssl
cd "$work" || exit 1

# serve [OPTION...]: its URL is in $url.
serve() {
    rm -f served
    "$cairn" -C home onboard serve --listen 127.0.0.1:0 --csr --download firmware="$work/firmware" --upload notes.txt \
        --wget image="$www/firmware" "$@" >served 2>>log &
    server=$!
    started "$server"
    wait_for 20 grep -q '^url' served || die "onboard serve does not start: $(tail -n 3 log)"
    url=$(awk '/^url/ { print $2 }' served)
}

shown() {
    sed -n "s/^$1 *//p" out
}

# born NAME TYPE [OPTION...]: initialised, and its owner has left word.
born() {
    words=$(grep -c '"event":"onboard.done","type":22,' log)
    expect 0 "$cairn" device make "$1" --manufacturer "$url" --model lamp --serial "SN-$1" --type "$2" "${@:3}" ||
        die "$1 is not made: $(tail -n 2 log)"
    [ "$(shown state)" = ready ] || fail "$1 is not ready"
    guid=$(shown guid)
    wait_for 20 spoken || die "no word at the rendezvous: $(tail -n 3 log)"
}
spoken() {
    [ "$(grep -c '"event":"onboard.done","type":22,' log)" -gt "$words" ]
}

# onboarded NAME [OPTION...]: taken over, with all that the owner has for it.
onboarded() {
    mkdir -p notes
    echo "notes of $1" >notes/notes.txt
    expect 0 "$cairn" device run "$1" --attempts 1 --upload-from notes "${@:2}" || die "$1: $(tail -n 2 log)"
    [ "$(shown state)" = onboarded ] || fail "$1 has no owner"
    [ "$(shown guid)" != "$guid" ] || fail "the GUID of $1 did not change"
    cmp -s firmware "$1/owner/firmware" || fail "fdo.download to $1"
    cmp -s firmware "$1/owner/image" || fail "fdo.wget by $1"
    grep -rqxF "notes of $1" home/onboard/uploads || fail "fdo.upload from $1"
    openssl x509 -in "$1/owner/operator.crt.pem" -noout -pubkey >certified 2>/dev/null || fail "$1 has no certificate"
    openssl pkey -in "$1/keys/operator.pem" -pubout 2>/dev/null | cmp -s - certified || fail "the certificate is of another key"
    openssl verify -partial_chain -CAfile "$1/owner/operator.ca.pem" "$1/owner/operator.crt.pem" >/dev/null 2>&1 ||
        fail "the certificate of $1 does not lead to the anchor that came before it"
}

head -c 60000 /dev/urandom >firmware
python3 -u -m http.server --bind 127.0.0.1 --directory . 0 >www.log 2>&1 &
started $!
wait_for 10 grep -q 'port [1-9]' www.log || die "no web server"
www=http://127.0.0.1:$(sed -n 's/.*port \([0-9]*\).*/\1/p' www.log)
expect 0 "$cairn" init home --org 'Example Motors'
expect 0 "$cairn" -C home ca init --realm example.com --url http://ca.example

serve
born small p256
onboarded small
born large p384
onboarded large
# [X1353-R10] after a reset there is nothing of the owner, and nothing by which he could come back
expect 0 "$cairn" device reset small
[ "$(shown state)" = ready ] || fail "after a reset the device does not wait for an owner"
[ "$(ls small/owner small/keys)" = "$(printf 'small/keys:\ndevice.pem\nsecret\n\nsmall/owner:')" ] ||
    fail "after a reset there is something of the owner: $(ls small/owner small/keys)"
# Programs are run for nobody who was not let.
! grep -q 'fdo.command' log || fail "fdo.command without being let"

# [X1353-R01] Keys in a token: nothing secret is in the directory.
if [ -e /usr/lib/softhsm/libsofthsm2.so ]; then
    mkdir softhsm
    export SOFTHSM2_CONF=$work/softhsm2.conf
    echo "directories.tokendir = $work/softhsm" >softhsm2.conf
    softhsm2-util --init-token --free --label lamp --pin 1234 --so-pin 12345678 >/dev/null || die "no token"
    echo 1234 >pin
    token=(--pkcs11 /usr/lib/softhsm/libsofthsm2.so --token lamp --pin-file pin)
    born held p256 "${token[@]}"
    expect 2 "$cairn" device run held --token lamp
    expect 0 "$cairn" device run held --attempts 1 --upload-from notes "${token[@]}" || die "held: $(tail -n 2 log)"
    [ "$(shown state)" = onboarded ] || fail "the device with a token has no owner"
    [ -s held/owner/operator.crt.pem ] || fail "the device with a token has no certificate"
    [ -z "$(ls held/keys)" ] || fail "a key of a token's device is in a file"
fi

stop "$server"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tls.key -out tls.crt -days 2 \
    -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
serve --tls-chain "$work/tls.crt" --tls-key "$work/tls.key" --tls-ca "$work/tls.crt"
expect 4 "$cairn" device make stranger --manufacturer "$url" --model lamp
born safe p256 --ca tls.crt
onboarded safe --ca tls.crt
finish
