#!/usr/bin/env bash
# Four validators on this machine, with the settings of packaging/consortium/config.toml: transactions a
# second, and how long until one is in a final block; engines, applications and load on the same machine.
# The anchor is CometBFT's own kvstore, in memory, behind a socket as ours is; beside it Cairn, signatures
# checked, blocks durable; and the whole: members as `cairn consortium run` has them, whose nodes take the
# transactions over TLS and answer each with a receipt by every member. BUILD is the build directory, VERSION
# the engine's.
#
#   bench/consortium.sh [BUILD [VERSION [COUNT [ROUNDS [APPLICATION...]]]]]
#
# APPLICATION is kvstore, cairn, members, or alone: members whose nodes ask no other to sign. They take turns, so that both see the same neighbours: in each round each
# begins a new chain, is offered COUNT transactions as fast as WINDOW (1,000) of them under way allow, then as
# many at RATE (1,500) a second, over CONNECTIONS (64) to each engine; members, over one connection for each
# that is under way. No round begins that would as a rule
# end after LIMIT (225) seconds.
set -eu -o pipefail

build=${1:-build}
version=${2:-0.38.25}
count=${3:-6000}
rounds=${4:-5}
shift $(($# < 4 ? $# : 4))
here=$(cd "$(dirname "$0")/.." && pwd)
engine=$("$here/tools/install-cometbft" "$version")
kvstore=$("$here/tools/install-cometbft" "$version" abci-cli)
cairn=$build/tests/interop/consortium-serve
work=$(mktemp -d)
# Addresses of its own, so that the engine's ports are free on each of them.
net=127.$((RANDOM % 200 + 20)).$((RANDOM % 250))
engines=()
applications=()
unit= # cairn consortium run
made=0 # transactions so far
mkfifo "$work/silence" # an input that does not end
exec 3<>"$work/silence"

stop() {
    # An engine that loses its application while it ends may wait for ever; nothing of it is kept.
    [ -z "$unit" ] || kill -KILL "$unit" 2>/dev/null || true
    kill -KILL ${engines[@]+"${engines[@]}"} ${applications[@]+"${applications[@]}"} 2>/dev/null || true
    wait 2>/dev/null
    unit=
    engines=()
    applications=()
}
# shellcheck disable=SC2317 # called by trap
clean_up() {
    stop
    rm -rf "$work"
}
trap clean_up EXIT

# For each application: what serves $work/NUMBER.sock, what its genesis says, its transactions.
serve_kvstore() { # NUMBER
    exec "$kvstore" kvstore --log_level error --address "unix://$work/$1.sock"
}

serve_cairn() { # NUMBER
    exec "$cairn" run "$work/node$1/store" "$work/node$1/config/genesis.json" "$work/$1.sock" \
        "http://$net.$(($1 + 1)):26657" <"$work/silence"
}

begin_kvstore() {
    echo null
}

begin_cairn() { # KEY...: of the validators
    "$cairn" begin "$@"
}

transactions_kvstore() { # COUNT
    python3 - "$1" <<'PYTHON'
import os, struct, sys
for i in range(int(sys.argv[1])):
    tx = os.urandom(32).hex().encode() + b'=' + os.urandom(82).hex().encode() + b'v'
    sys.stdout.buffer.write(struct.pack('>I', len(tx)) + tx)
PYTHON
}

transactions_cairn() { # COUNT
    "$cairn" transactions "$1" "$made" "$work/node0/config/genesis.json"
}

set_genesis() { # FILE APP_STATE
    python3 - "$1" "$2" <<'PYTHON'
import base64, hashlib, json, sys
with open(sys.argv[1]) as file:
    genesis = json.load(file)
state = json.loads(sys.argv[2])
if state is not None:
    genesis['app_state'] = state
    entry = base64.urlsafe_b64decode(state['genesis'] + '==')
    genesis['chain_id'] = 'cairn-' + hashlib.sha256(b'cairn/ledger/1\0' + entry).hexdigest()[:24] + '-0'
genesis['consensus_params']['block']['max_bytes'] = '4194304'
with open(sys.argv[1], 'w') as file:
    json.dump(genesis, file)
PYTHON
}

peers() { # of all
    local k
    for k in 0 1 2 3; do
        echo -n "$("$engine" show-node-id --home "$work/node$k")@$net.$((k + 1)):26656"
        [ "$k" = 3 ] || echo -n ,
    done
}

start_validators() { # APPLICATION
    local k peers state keys
    export GOGC=400 # collecting less often saves a tenth
    rm -rf "$work"/node? "$work"/?.sock # kvstore leaves its socket
    "$engine" testnet --v 4 --o "$work" >/dev/null
    peers=$(peers)
    keys=$(python3 -c 'import json, sys
print(*(v["pub_key"]["value"] for v in json.load(open(sys.argv[1]))["validators"]))' "$work/node0/config/genesis.json")
    # shellcheck disable=SC2086 # a list of words
    state=$("begin_$1" $keys)
    for k in 0 1 2 3; do
        set_genesis "$work/node$k/config/genesis.json" "$state"
        cp "$here/packaging/consortium/config.toml" "$work/node$k/config/config.toml"
        "serve_$1" "$k" >"$work/application-$k.log" 2>&1 &
        applications+=($!)
        "$engine" start --home "$work/node$k" --moniker "member-$k" --proxy_app "unix://$work/$k.sock" \
            --p2p.laddr "tcp://$net.$((k + 1)):26656" --rpc.laddr "tcp://$net.$((k + 1)):26657" \
            --p2p.persistent_peers "$peers" >"$work/engine-$k.log" 2>&1 &
        engines+=($!)
    done
    for k in 0 1 2 3; do
        until curl -sf -m 2 "http://$net.$((k + 1)):26657/status" | grep -q '"latest_block_height": *"[1-9]'; do
            if ! kill -0 "${engines[$k]}" || ! kill -0 "${applications[$k]}"; then
                tail -n 5 "$work/engine-$k.log" "$work/application-$k.log" >&2
                exit 1
            fi
            sleep 0.2
        done
    done
}

load_validators() { # APPLICATION COUNT RATE WINDOW
    "transactions_$1" "$2" >"$work/transactions"
    made=$((made + $2))
    "$build/bench/load-consortium" "$work/transactions" "$3" "$4" "${CONNECTIONS:-64}" "${engines[*]}" \
        "${applications[*]}" "$net.1:26657" "$net.2:26657" "$net.3:26657" "$net.4:26657"
}

# descendants PID: what it has started, and what these have.
descendants() {
    local child
    # shellcheck disable=SC2013 # numbers
    for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do
        echo "$child"
        descendants "$child"
    done
}

members_ready() {
    local k
    for k in 1 2 3 4; do
        "$build/cairn" -C "$work/members/member-$k" consortium status 2>/dev/null | grep -Eq '^height +[1-9]' || return 1
    done
}

start_members() { # APPLICATION
    local k pid
    rm -rf "$work/members"
    "$build/cairn" consortium new --members 4 "$work/members" >"$work/new"
    for k in 1 2 3 4; do
        sed -i 's/^node:$/node:\n  stranger_rate: "0"/' "$work/members/member-$k/cairn.yaml"
        [ "$1" = members ] || : >"$work/members/member-$k/consortium/nodes"
    done
    "$build/cairn" consortium run "$work/members" >"$work/unit.log" 2>&1 &
    unit=$!
    until members_ready; do
        kill -0 "$unit" || { tail -n 5 "$work/unit.log" >&2; exit 1; }
        sleep 0.2
    done
    for pid in $(descendants "$unit"); do
        if [ "$(readlink "/proc/$pid/exe")" = "$(readlink -f "$engine")" ]; then
            engines+=("$pid")
        else
            applications+=("$pid")
        fi
    done
}

load_members() { # APPLICATION COUNT RATE WINDOW
    local k ledger receipts=4 targets=()
    [ "$1" = members ] || receipts=1
    ledger=$(sed -n 's/^ledger *//p' "$work/new")
    for k in 1 2 3 4; do
        "$build/tests/transactions" "$work/members/member-$k/keys/sign-1.pem" "$ledger" $(($2 / 4)) 580000 >"$work/transactions-$k"
        targets+=("$(sed 's#^https://##' "$work/members/member-$k/node.url")=$work/transactions-$k")
    done
    "$build/bench/load-members" "$3" "$4" "$receipts" "${engines[*]}" "${applications[*]}" "$ledger" "${targets[@]}"
}

# Lines of the loads lie in $work/APPLICATION-full and $work/APPLICATION-rate.
report() { # APPLICATION...
    python3 - "$work" "${RATE:-1500}" "$@" <<'PYTHON'
import statistics, sys
directory, rate, *applications = sys.argv[1:]

def columns_of(application, what):
    with open(f'{directory}/{application}-{what}') as file:
        return list(zip(*([float(word) for word in line.split()] for line in file)))

def show(name, columns):
    low = [min(column) for column in columns]
    middle = [statistics.median(column) for column in columns]
    print(f'{name:<22} {max(columns[0]):6.0f}/s best {middle[0]:6.0f}/s median; commit p50 {low[1]:5.0f} ms best '
          f'{middle[1]:5.0f} median, p99 {low[2]:5.0f} best {middle[2]:5.0f} median; CPU {low[3]:.0f} us best '
          f'{middle[3]:.0f} median of the engines, {low[4]:.0f} and {middle[4]:.0f} of the applications; '
          f'{middle[5]:.0f} blocks, {sum(columns[6]):.0f} committed, {sum(columns[7]):.0f} refused, '
          f'{sum(columns[8]):.0f} lost')

for application in applications:
    show(f'{application}, at its fastest', columns_of(application, 'full'))
    show(f'{application}, {rate}/s offered', columns_of(application, 'rate'))
for name in applications if 'kvstore' in applications else ():
    if name == 'kvstore':
        continue
    anchor, ours = (columns_of(application, 'full') for application in ('kvstore', name))
    cpu = [[e + a for e, a in zip(c[3], c[4])] for c in (anchor, ours)]
    by_round = statistics.median(o / a for o, a in zip(ours[0], anchor[0]))
    print(f'{name} to kvstore: {max(ours[0]) / max(anchor[0]):.2f} of the best rate, '
          f'{statistics.median(ours[0]) / statistics.median(anchor[0]):.2f} of the median, {by_round:.2f} in the '
          f'median round; by CPU {min(cpu[0]) / min(cpu[1]):.2f} best, '
          f'{statistics.median(cpu[0]) / statistics.median(cpu[1]):.2f} median')
PYTHON
}

measure() { # APPLICATION
    local kind=validators
    [ "$1" != members ] && [ "$1" != alone ] || kind=members
    "start_$kind" "$1"
    "load_$kind" "$1" 500 0 200 >/dev/null || true # some connect before others
    "load_$kind" "$1" "$count" 0 "${WINDOW:-1000}" >>"$work/$1-full"
    "load_$kind" "$1" "$count" "${RATE:-1500}" 2000 >>"$work/$1-rate"
    stop
}

[ $# -gt 0 ] || set -- kvstore cairn members
for ((round = 1; round <= rounds; round++)); do
    echo "round $round, load average: $(cut -d ' ' -f 1-3 /proc/loadavg)" >&2
    for application in "$@"; do
        measure "$application"
    done
    ((SECONDS * (round + 1) / round <= ${LIMIT:-225})) || break
done
report "$@"
