#!/bin/bash
# The stock FDO client (go-fdo-client) is made, finds its owner and is onboarded by `cairn onboard serve`, in both
# profiles, again after a restart of the servers, and not by its old credential once that is replaced.
# shellcheck source=tests/support/script.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"
# shellcheck source=tests/support/fdo_peers.sh
. "$root/tests/support/fdo_peers.sh"

work=$(mktemp -d)
trap clean_up EXIT
fdo_peers

# serve PORT [OPTION...]: its URL is in $url.
serve() {
    rm -f "$work/served"
    "$cairn" -C "$work/home" onboard serve --listen 127.0.0.1:"$1" --csr --download firmware="$work/firmware" \
        --upload notes.txt "${@:2}" >"$work/served" 2>>"$work/log" &
    server=$!
    started "$server"
    wait_for 20 grep -q '^url' "$work/served" || die "onboard serve does not start: $(tail -n 3 "$work/log")"
    url=$(awk '/^url/ { print $2 }' "$work/served")
}

# make NAME KEY [OPTION...]: a device with its credential in NAME.
make() {
    expect 0 "$fdo_client" device-init "$url" --device-info gotest --serial-number "SN-$1" --key "$2" --blob "$work/$1" "${@:3}"
}

guid() {
    "$fdo_client" print --blob "$work/$1" | grep -m 1 -oE '[0-9a-fA-F]{32}'
}

# onboard NAME KEY KEX CIPHER [OPTION...]: it ends by itself when it is through; else the client would try for ever.
onboard() {
    mkdir -p "$work/files-$1"
    echo "notes of $1" >"$work/files-$1/notes.txt"
    timeout 60 "$fdo_client" onboard --key "$2" --kex "$3" --cipher "$4" --blob "$work/$1" \
        --default-working-dir "$work/files-$1" --download "$work/files-$1" "${@:5}" >"$work/$1.log" 2>&1
    grep -qF 'FIDO Device Onboard Complete' "$work/$1.log"
}

# A word at the rendezvous is there before the device asks: it would wait for minutes otherwise.
words() {
    [ "$(grep -c '"event":"onboard.done","type":22,' "$work/log")" -ge "$1" ]
}

head -c 100000 /dev/urandom >"$work/firmware"
expect 0 "$cairn" init "$work/home" --org 'Example Motors'
expect 2 "$cairn" -C "$work/home" onboard serve --listen 127.0.0.1:0
expect_text "$work/err" 'cairn ca init' "onboard serve without an authority"
expect 2 "$cairn" -C "$work/home" onboard serve --roles thief
expect 2 "$cairn" -C "$work/home" onboard serve --download nothing
expect 2 "$cairn" -C "$work/home" onboard serve --upload ../..
expect 2 "$cairn" -C "$work/home" onboard serve --rendezvous ftp://a:1
expect 0 "$cairn" -C "$work/home" ca init --realm example.com --url http://ca.example
serve 0

make one ec256
make two ec384
wait_for 20 words 2 || die "no word at the rendezvous: $(tail -n 3 "$work/log")"
before=$(guid one)
onboard one ec256 ECDH256 A128GCM || fail "profile A: $(tail -n 3 "$work/one.log" "$work/log")"
onboard two ec384 ECDH384 A256GCM || fail "profile B: $(tail -n 3 "$work/two.log" "$work/log")"
# [X1353-R31] it knows fdo.download and fdo.upload, and nothing of fdo.csr
for name in one two; do
    cmp "$work/firmware" "$work/files-$name/firmware" || fail "fdo.download to $name"
    grep -rqxF "notes of $name" "$work/home/onboard/uploads" || fail "fdo.upload from $name"
done
# [X1353-R26] the GUID that it came by is not the one that it leaves by
[ "$(guid one)" != "$before" ] || fail "the GUID does not rotate"

# [X1353-R36] A device that missed message 71 comes with its old credential, also after a restart of the servers.
make three ec256
cp "$work/three" "$work/again"
wait_for 20 words 3 || die "no word at the rendezvous: $(tail -n 3 "$work/log")"
onboard three ec256 ECDH256 A256GCM || fail "A256GCM: $(tail -n 3 "$work/three.log" "$work/log")"
stop "$server"
serve "${url##*:}"
onboard again ec256 ECDH256 A128GCM || fail "lost 71: $(tail -n 3 "$work/again.log" "$work/log")"

# The same over TLS: what the servers say of themselves says so.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/tls.key" -out "$work/tls.crt" -days 2 \
    -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2>/dev/null
stop "$server"
expect 2 "$cairn" -C "$work/home" onboard serve --tls-chain "$work/tls.crt"
serve 0 --tls-chain "$work/tls.crt" --tls-key "$work/tls.key" --tls-ca "$work/tls.crt"
words_before=$(grep -c '"event":"onboard.done","type":22,' "$work/log")
make four ec256 --insecure-tls
wait_for 20 words $((words_before + 1)) || die "no word over TLS: $(tail -n 3 "$work/log")"
onboard four ec256 ECDH256 A128GCM --insecure-tls || fail "over TLS: $(tail -n 3 "$work/four.log" "$work/log")"
grep -q '^https:' <<<"$url" || fail "no https: $url"

# A certificate or a GUID is nowhere in clear: neither in the log nor on the disk.
for name in one two three; do
    ! grep -q "$(guid "$name")" "$work/log" || fail "a GUID is in the log"
    ! grep -rlaP "$(guid "$name" | sed 's/../\\x&/g')" "$work/home/onboard" || fail "a GUID is on the disk"
done
! grep -rlF gotest "$work/home/onboard" || fail "device info is on the disk in clear"
finish
