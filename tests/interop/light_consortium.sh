#!/usr/bin/env bash
# A ledger that the real engine runs, proved by its validators: a member's state proof with a commit proof
# is verified by a trust file that holds nothing but the chain's first header, offline.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need curl python3
build=$(dirname "$cairn")
serve=$build/tests/interop/consortium-serve
engine=$("$root/tools/install-cometbft")
case $? in
0) ;;
77) skip "${engine#SKIP }" ;;
*) die "install-cometbft" ;;
esac
home=$work/engine
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port

"$engine" init --home "$home" >"$work/init" 2>&1 || die "cometbft init: $(tail -n 3 "$work/init")"
cp "$root/packaging/consortium/config.toml" "$home/config/config.toml"
key=$(python3 -c 'import json, sys
print(json.load(open(sys.argv[1]))["validators"][0]["pub_key"]["value"])' "$home/config/genesis.json")
"$serve" begin "$key" >"$work/app_state" || die "begin"
python3 - "$home/config/genesis.json" "$work/app_state" <<'PY' || die "genesis"
import base64, hashlib, json, sys
with open(sys.argv[1]) as file:
    genesis = json.load(file)
with open(sys.argv[2]) as file:
    genesis["app_state"] = json.load(file)
entry = base64.urlsafe_b64decode(genesis["app_state"]["genesis"] + "==")
genesis["chain_id"] = "cairn-" + hashlib.sha256(b"cairn/ledger/1\0" + entry).hexdigest()[:24] + "-0"
genesis["validators"][0]["power"] = "1" # as founders have
with open(sys.argv[1], "w") as file:
    json.dump(genesis, file)
PY
mkfifo "$work/in"
"$serve" run "$work/store" "$home/config/genesis.json" "$work/socket" "$url" <"$work/in" >"$work/accepted" 2>"$work/log" &
started $!
exec 7>"$work/in"
wait_for 20 test -S "$work/socket" || die "the application does not serve"
"$engine" start --home "$home" --proxy_app "unix://$work/socket" --rpc.laddr "tcp://127.0.0.1:$port" \
    --p2p.laddr tcp://127.0.0.1:0 >"$work/engine.log" 2>&1 &
started $!

height() { curl -s --max-time 5 "$url/status" | python3 -c 'import json, sys; print(json.load(sys.stdin)["result"]["sync_info"]["latest_block_height"])' 2>/dev/null; }
above() { [ "$(height)" -gt "$1" ]; }
wait_for 60 above 1 || die "the chain does not grow: $(tail -n 3 "$work/engine.log")"
for first in 0 1000 2000; do
    echo "20 $first" >&7
    sleep 1
done
sent() { [ "$(grep -c '^20 OK' "$work/accepted")" = 3 ]; }
wait_for 60 sent || die "not accepted: $(cat "$work/accepted" "$work/log")"
# Of a copy of the store, once the header after its last block is there.
prove() {
    rm -rf "$work/copy"
    cp -r "$work/store" "$work/copy"
    mkdir -p "$work/out.d"
    "$build/tests/interop/light-consortium" "$url" "$work/copy" "$work/out.d" >"$work/made" 2>"$work/unmade"
}
wait_for 30 prove || die "no proof is made: $(cat "$work/unmade")"
read -r size blocks <"$work/made"
echo "state and commit proof: $size bytes, $blocks blocks"

expect 0 "$cairn" verify --state "$work/out.d/state" --trust "$work/out.d/trust" --json
[ "$(fact verdict)" = yes ] || fail "verdict is $(fact verdict)"
[ "$(fact present)" = True ] || fail "members are not there"
[ "$(fact commit.blocks)" = "$blocks" ] || fail "blocks"
[ "$(fact commit.header_height)" = $(($(fact as_of_height) + 1)) ] || fail "the header is not the next one"
later=$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%SZ)
expect 1 "$cairn" verify --state "$work/out.d/state" --trust "$work/out.d/trust" --at "$later" --json
[ "$(fact code)" = TRUST_EXPIRED ] || fail "code is $(fact code)"
cp "$work/out.d/state" "$work/changed"
flip "$work/changed" 60
"$cairn" verify --state "$work/changed" --trust "$work/out.d/trust" >/dev/null 2>&1 && fail "a changed proof is believed"
exec 7>&-
finish
