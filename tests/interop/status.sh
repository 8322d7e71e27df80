#!/usr/bin/env bash
# A stranger (PyJWT, cbor2, cryptography, zlib) reads the status lists that a node serves, and finds their keys by DID.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
here=$root/tests/interop/status
python=$cache/status/bin/python

if ! cmp -s "$here/requirements.txt" "$cache/status/requirements.txt"; then
    python3 -m venv --clear "$cache/status" >"$work/fetch" 2>&1 ||
        skip "python3 makes no virtual environment: $(grep -m 1 . "$work/fetch")"
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" >"$work/fetch" 2>&1 ||
        skip "PyJWT cannot be installed: $(tail -n 1 "$work/fetch")"
    cp "$here/requirements.txt" "$cache/status/requirements.txt"
fi

home=$work/ledger
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$cairn" init "$home" --org Issuer --json >"$work/out" || die "init"
printf 'node:\n  port: "%s"\n' "$port" >>"$home/cairn.yaml"

# list NAME VALUE OPTION...: published with 30 entries, of which every third has VALUE; what is wanted is in $wanted.
list() {
    local name=$1 value=$2
    shift 2
    expect 0 "$cairn" -C "$home" status new "$name" --json "$@" || die "new"
    url=$(fact url)
    expect 0 "$cairn" -C "$home" status take "$name" --count 30 --json || die "take"
    wanted=$(python3 -c '
import json, sys
taken = [t["index"] for t in json.load(open(sys.argv[1]))["taken"]]
print(*(f"{index}={int(sys.argv[2]) if i % 3 == 0 else 0}" for i, index in enumerate(taken)))' "$work/out" "$value")
    # shellcheck disable=SC2046 # one word an index
    expect 0 "$cairn" -C "$home" status set "$name" "$value" $(tr ' ' '\n' <<<"$wanted" | sed -n "s/=$value\$//p")
    expect 0 "$cairn" -C "$home" status publish "$name" --json
}

expect 0 "$cairn" -C "$home" key new --purpose issue --json
"$cairn" node "$home" --json >"$work/node.out" 2>"$work/node.err" &
started $!
wait_for 20 test -s "$home/node.url" || die "the node does not start: $(tail -n 2 "$work/node.err")"

for bits in 1 2 4 8; do
    list "token-$bits" "$(((1 << bits) - 1))" --format token --bits "$bits"
    # shellcheck disable=SC2086 # one word an entry
    expect 0 "$python" "$here/check.py" "$home/tls/node.pem" "$url" token "$bits" $wanted
done
list bitstring 1 --format bitstring
# shellcheck disable=SC2086
expect 0 "$python" "$here/check.py" "$home/tls/node.pem" "$url" bitstring 1 $wanted
finish
