#!/bin/bash
# A factory and a buyer, each with servers of its own: devices of ours are made, sold by their vouchers, find their
# buyer and get certificates for keys that they made.
# shellcheck source=tests/support/script.sh
. "$(dirname "${BASH_SOURCE[0]}")/../support/script.sh"

need openssl
work=$(mktemp -d)
trap clean_up EXIT

# serve NAME OPTION...: its URL is in $url, its process in $server.
serve() {
    rm -f "$work/$1.served"
    "$cairn" -C "$work/$1" onboard serve --listen 127.0.0.1:0 "${@:2}" >"$work/$1.served" 2>>"$work/$1.log" &
    server=$!
    started "$server"
    wait_for 20 grep -q '^url' "$work/$1.served" || die "$1 does not serve: $(tail -n 3 "$work/$1.log")"
    url=$(awk '/^url/ { print $2 }' "$work/$1.served")
}

# run NAME: one pass over its directives.
run() {
    "$cairn" device run "$work/$1" --attempts 1 "${@:2}" >"$work/$1.run" 2>&1
}

# under_way PID: the device that it runs has found its owner, or is through.
under_way() {
    grep -q TO1 "$work/three.run" || ! kill -0 "$1"
}

words() {
    [ "$(grep -c '"event":"onboard.done","type":22,' "$work/factory.log")" -ge "$1" ]
}

for name in factory buyer; do
    expect 0 "$cairn" init "$work/$name" --org "$name"
    expect 0 "$cairn" -C "$work/$name" ca init --realm example.com --url "http://$name.example"
done
expect 0 "$cairn" -C "$work/buyer" onboard keys "$work/keys"
serve factory --roles manufacturer,rendezvous --buyer "$work/keys/owner-p256.pem" --buyer "$work/keys/owner-p384.pem"
factory=$url
expect 0 "$cairn" device make "$work/one" --manufacturer "$factory" --model wheel --serial SN-1
expect 0 "$cairn" device make "$work/two" --manufacturer "$factory" --model wheel --serial SN-2 --type p384
run one && fail "a device is onboarded by nobody"

# The vouchers go to the buyer, and are nobody else's; changed ones are refused.
expect 0 "$cairn" -C "$work/factory" onboard export "$work/vouchers"
[ "$(find "$work/vouchers" -name '*.pem' | wc -l)" -eq 2 ] || fail "the factory exports its vouchers"
expect 0 "$cairn" --json -C "$work/buyer" onboard import "$work"/vouchers/*.pem
[ "$(fact ours)" = 2 ] || fail "the buyer's own: $(fact ours)"
expect 0 "$cairn" --json -C "$work/buyer" onboard import "$work"/vouchers/*.pem
[ "$(fact held_already)" = 2 ] || fail "the same once more"
expect 0 "$cairn" --json -C "$work/factory" onboard import "$work"/vouchers/*.pem
[ "$(fact ours)" = 0 ] || fail "vouchers that were sold are the factory's"
first=$(find "$work/vouchers" -name '*.pem' | head -n 1)
sed '5s/./A/10' "$first" | tr -d '\r' >"$work/changed.pem"
cmp -s "$first" "$work/changed.pem" && sed '5s/./B/10' "$first" >"$work/changed.pem"
"$cairn" -C "$work/buyer" onboard import "$work/changed.pem" >/dev/null 2>&1 && fail "a changed voucher is taken"
expect 0 "$cairn" -C "$work/buyer" onboard export "$work/none"
[ -z "$(find "$work/none" -name '*.pem')" ] || fail "the buyer sold nothing"

head -c 20000 /dev/urandom >"$work/firmware"
mkdir "$work/notes"
echo hello >"$work/notes/notes.txt"
serve buyer --roles owner --csr --download firmware="$work/firmware" --upload notes.txt
wait_for 20 words 2 || die "the buyer leaves no word: $(tail -n 3 "$work/buyer.log")"
run one --upload-from "$work/notes" || fail "one: $(cat "$work/one.run")"
run two --upload-from "$work/notes" || fail "two: $(cat "$work/two.run")"
for name in one two; do
    cmp "$work/firmware" "$work/$name/owner/firmware" || fail "fdo.download to $name"
    # [X1353-R32] issued by the buyer, for a key that is here
    openssl x509 -in "$work/$name/owner/operator.crt.pem" -noout -pubkey >"$work/certified"
    openssl pkey -in "$work/$name/keys/operator.pem" -pubout 2>/dev/null | cmp - "$work/certified" || fail "key of $name"
    openssl verify -partial_chain -trusted "$work/$name/owner/operator.ca.pem" "$work/$name/owner/operator.crt.pem" \
        >/dev/null || fail "certificate of $name"
    openssl x509 -in "$work/$name/owner/operator.crt.pem" -noout -subject | grep -q 'O = buyer, OU = device-service' ||
        fail "subject of $name"
done
[ "$(grep -rlxF hello "$work/buyer/onboard/uploads" | wc -l)" -eq 2 ] || fail "fdo.upload"
# [X1353-R35] The buyer's servers die while a device is with them, again and again: it gets through in the end.
expect 0 "$cairn" device make "$work/three" --manufacturer "$factory" --model wheel # no serial number
expect 0 "$cairn" -C "$work/factory" onboard export "$work/later"
expect 0 "$cairn" -C "$work/buyer" onboard import "$work"/later/*.pem
for _ in 1 2 3; do
    stop "$server"
    serve buyer --roles owner --csr --download firmware="$work/firmware"
    run three &
    running=$!
    wait_for 5 under_way "$running"
    kill -9 "$server"
    wait "$server" "$running" 2>/dev/null
done
serve buyer --roles owner --csr --download firmware="$work/firmware"
wait_for 30 run three || fail "three: $(cat "$work/three.run")"
cmp "$work/firmware" "$work/three/owner/firmware" || fail "fdo.download to three"

# What it left as is not what it came as; a device that has an owner is left alone.
expect 0 "$cairn" -C "$work/buyer" onboard export "$work/after" --all
cmp -s <(ls "$work/vouchers") <(ls "$work/after") && fail "GUIDs do not rotate"
finish
