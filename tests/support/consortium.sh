#!/bin/bash
# For scripts that run four members on the real engine: homes, processes, transactions. Sourced by bash,
# which has set $here, $build, $version and -eu -o pipefail. $serve is a member's application,
# tests/interop/consortium_serve.c; when $load is set, each sends transactions at all times, and notes in
# $work/MEMBER.acknowledged which were accepted.

# shellcheck disable=SC2154 # those of the script
serve=$build/tests/interop/consortium-serve
# shellcheck disable=SC2154
engine=$("$here/tools/install-cometbft" "$version") || {
    status=$?
    echo "$engine"
    exit "$status"
}
work=$(mktemp -d)
net=127.$((RANDOM % 200 + 20)).$((RANDOM % 250))
load=${load:-}
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

# Where a member's ports are, and how its programs are run: as the last thing of a process.
address() { # MEMBER
    echo "$net.$(($1 + 1))"
}
inside() { # MEMBER COMMAND...
    shift
    exec "$@"
}

begin_application() { # MEMBER
    local k=$1
    # A pipe that nobody else writes into: its end is the member's.
    [ -p "$work/$k.in" ] || mkfifo "$work/$k.in"
    rm -f "$work/$k.sock" # of one that was killed
    inside "$k" "$serve" run "$work/store$k" "$work/node$k/config/genesis.json" "$work/$k.sock" \
        "http://$(address "$k"):26657" ${load:+"$work/$k.acknowledged"} <"$work/$k.in" \
        >>"$work/$k.out" 2>>"$work/application-$k.log" 20>&- 21>&- 22>&- 23>&- 24>&- &
    applications[k]=$!
    eval "exec $((20 + k))>\"$work/$k.in\""
}

start_application() { # MEMBER
    local i
    begin_application "$1"
    for ((i = 0; i < 200; i++)); do
        [ ! -S "$work/$1.sock" ] || return 0
        sleep 0.1
    done
    echo "member $1 does not serve" >&2
    exit 1
}

start_engine() { # MEMBER
    local k=$1
    inside "$k" "$engine" start --home "$work/node$k" --moniker "member-$k" --proxy_app "unix://$work/$k.sock" \
        --p2p.laddr "tcp://$(address "$k"):26656" --rpc.laddr "tcp://$(address "$k"):26657" \
        --p2p.persistent_peers "$peers" >>"$work/engine-$k.log" 2>&1 20>&- 21>&- 22>&- 23>&- 24>&- &
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
import base64, hashlib, json, sys
genesis = json.load(open(sys.argv[1]))
state = genesis['app_state'] = json.load(open(sys.argv[2]))
entry = base64.urlsafe_b64decode(state['genesis'] + '==')
genesis['chain_id'] = 'cairn-' + hashlib.sha256(b'cairn/ledger/1\0' + entry).hexdigest()[:24] + '-0'
json.dump(genesis, open(sys.argv[1], 'w'))
PYTHON
    done
    peers=
    for k in 0 1 2 3; do
        peers+="${peers:+,}$("$engine" show-node-id --home "$work/node$k")@$(address "$k"):26656"
    done
}

height() { # MEMBER: of its engine once that takes part, 0 until then
    (inside "$1" curl -sf --max-time 2 "http://$(address "$1"):26657/status") | python3 -c '
import json, sys
text = sys.stdin.read()
at = json.loads(text)["result"]["sync_info"] if text else {"catching_up": True}
print(0 if at["catching_up"] else at["latest_block_height"])' || true
}

reach() { # MEMBER HEIGHT
    local i
    for ((i = 0; i < 300; i++)); do
        [ "$(height "$1")" -lt "$2" ] || return 0
        sleep 0.2
    done
    echo "member $1 does not come to height $2, it is at $(height "$1")" >&2
    exit 1
}

ask() { # MEMBER LINE ANSWER: its application answers so
    local before i
    before=$(wc -l <"$work/$1.out")
    echo "$2" >&"$((20 + $1))"
    for ((i = 0; i < 400; i++)); do
        [ "$(wc -l <"$work/$1.out")" = "$before" ] || break
        sleep 0.1
    done
    [ "$(tail -n 1 "$work/$1.out")" = "$3" ] || {
        echo "member $1 was told '$2' and says: $(tail -n 1 "$work/$1.out")" >&2
        exit 1
    }
}

send() { # MEMBER COUNT FIRST: all of them are accepted
    ask "$1" "$2 $3" "$2 OK"
}

kill_one() { # PROCESS, which may have ended by itself
    kill -KILL "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# All have one log, once they have ended in peace.
compare_members() {
    local k
    for k in "${!applications[@]}"; do
        kill_one "${engines[k]}"
        eval "exec $((20 + k))>&-"
        wait "${applications[k]}" || {
            echo "member $k ends badly" >&2
            exit 1
        }
        "$serve" stand "$work/store$k" >"$work/$k.stand"
    done
    for k in "${!applications[@]}"; do
        cmp -s "$work/0.stand" "$work/$k.stand" || {
            echo "members differ:" >&2
            cat "$work"/*.stand >&2
            exit 1
        }
    done
}
