#!/usr/bin/env bash
# Four members on the real engine: what is sent to one is the same log at all; members that are killed,
# application or engine or both, come back and have it too. BUILD is the build directory, VERSION the
# engine's.
#
#   tests/interop/consortium_engine.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-build}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
serve=$build/tests/interop/consortium-serve
engine=$("$here/tools/install-cometbft" "$version") || { status=$?; echo "$engine"; exit "$status"; }
client=$("$here/tools/install-cometbft" "$version" abci-cli)
work=$(mktemp -d)
net=127.$((RANDOM % 200 + 20)).$((RANDOM % 250))
applications=()
engines=()
# shellcheck disable=SC2317 # called by trap
clean_up() {
    local status=$?
    [ "$status" = 0 ] || tail -n 3 "$work"/*.log >&2
    kill -KILL ${applications[@]+"${applications[@]}"} ${engines[@]+"${engines[@]}"} 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

start_application() { # MEMBER
    local k=$1
    # A pipe that nobody else writes into: its end is the member's.
    [ -p "$work/$k.in" ] || mkfifo "$work/$k.in"
    "$serve" run "$work/store$k" "$work/node$k/config/genesis.json" "$work/$k.sock" \
        "http://$net.$((k + 1)):26657" <"$work/$k.in" >>"$work/$k.out" 2>>"$work/application-$k.log" \
        20>&- 21>&- 22>&- 23>&- &
    applications[k]=$!
    eval "exec $((20 + k))>\"$work/$k.in\""
    for ((i = 0; i < 100; i++)); do
        [ ! -S "$work/$k.sock" ] || return 0
        sleep 0.1
    done
    echo "member $k does not serve" >&2
    exit 1
}

start_engine() { # MEMBER
    local k=$1
    "$engine" start --home "$work/node$k" --moniker "member-$k" --proxy_app "unix://$work/$k.sock" \
        --p2p.laddr "tcp://$net.$((k + 1)):26656" --rpc.laddr "tcp://$net.$((k + 1)):26657" \
        --p2p.persistent_peers "$peers" >>"$work/engine-$k.log" 2>&1 20>&- 21>&- 22>&- 23>&- &
    engines[k]=$!
}

make_homes() {
    local k keys
    "$engine" testnet --v 4 --o "$work" >/dev/null
    keys=$(python3 -c 'import json, sys
print(*(v["pub_key"]["value"] for v in json.load(open(sys.argv[1]))["validators"]))' "$work/node0/config/genesis.json")
    # shellcheck disable=SC2086 # a list of words
    "$serve" begin $keys >"$work/app_state"
    for k in 0 1 2 3; do
        cp "$here/packaging/consortium/config.toml" "$work/node$k/config/config.toml"
        python3 - "$work/node$k/config/genesis.json" "$work/app_state" <<'PYTHON'
import json, sys
genesis = json.load(open(sys.argv[1]))
genesis['app_state'] = json.load(open(sys.argv[2]))
json.dump(genesis, open(sys.argv[1], 'w'))
PYTHON
    done
    peers=
    for k in 0 1 2 3; do
        peers+="${peers:+,}$("$engine" show-node-id --home "$work/node$k")@$net.$((k + 1)):26656"
    done
}

height() { # MEMBER: of its engine once that takes part, 0 until then
    curl -sf --max-time 2 "http://$net.$(($1 + 1)):26657/status" | python3 -c '
import json, sys
text = sys.stdin.read()
at = json.loads(text)["result"]["sync_info"] if text else {"catching_up": True}
print(0 if at["catching_up"] else at["latest_block_height"])' || true
}

reach() { # MEMBER HEIGHT
    for ((i = 0; i < 300; i++)); do
        [ "$(height "$1")" -lt "$2" ] || return 0
        sleep 0.2
    done
    echo "member $1 does not come to height $2, it is at $(height "$1")" >&2
    exit 1
}

send() { # MEMBER COUNT FIRST: all of them are accepted
    local before
    before=$(wc -l <"$work/$1.out")
    echo "$2 $3" >&"$((20 + $1))"
    for ((i = 0; i < 400; i++)); do
        [ "$(wc -l <"$work/$1.out")" = "$before" ] || break
        sleep 0.1
    done
    [ "$(tail -n 1 "$work/$1.out")" = "$2 OK" ] || {
        echo "member $1 was sent $2 transactions: $(tail -n 1 "$work/$1.out") accepted" >&2
        exit 1
    }
}

kill_one() { # PROCESS
    kill -KILL "$1"
    wait "$1" 2>/dev/null || true
}

# The application alone, asked by the engine's own test client.
smoke() {
    start_application 0
    "$client" --address "unix://$work/0.sock" --abci socket echo hello | grep 'data: hello' >/dev/null
    "$client" --address "unix://$work/0.sock" info | grep 'cairn' >/dev/null
    printf 'echo one\ninfo\n' | "$client" --address "unix://$work/0.sock" batch | grep 'data: one' >/dev/null
}

make_homes
smoke
echo "the engine's client is answered"
start_engine 0
for k in 1 2 3; do
    start_application "$k"
    start_engine "$k"
done
for k in 0 1 2 3; do reach "$k" 1; done
send 0 300 0
send 3 50 1000
echo "four members take what one is sent"

# A member's engine dies: the other three go on, and it comes back.
kill_one "${engines[1]}"
send 0 50 2000
start_engine 1
reach 1 "$(height 0)"
send 1 20 3000
# Its application dies. The engine stops taking part, but does not always end: who looks after the two
# ends it. Both start again, and the engine delivers what is lacking.
kill_one "${applications[2]}"
kill_one "${engines[2]}"
send 0 50 4000
start_application 2
start_engine 2
reach 2 "$(height 0)"
send 2 20 5000
# All at once.
for k in 0 1 2 3; do kill_one "${applications[k]}"; kill -KILL "${engines[k]}" 2>/dev/null || true; done
for k in 0 1 2 3; do wait "${engines[k]}" 2>/dev/null || true; start_application "$k"; start_engine "$k"; done
send 1 100 6000
echo "members that were killed come back"

last=$(height 0)
for k in 0 1 2 3; do reach "$k" "$last"; done
sleep 1
for k in 0 1 2 3; do
    kill_one "${engines[k]}"
    eval "exec $((20 + k))>&-"
    wait "${applications[k]}" || { echo "member $k ends badly" >&2; exit 1; }
    "$serve" stand "$work/store$k" >"$work/$k.stand"
done
for k in 1 2 3; do
    cmp -s "$work/0.stand" "$work/$k.stand" || { echo "members differ:" >&2; cat "$work"/*.stand >&2; exit 1; }
done
echo "four members have one log: height, size and root $(cat "$work/0.stand")"
