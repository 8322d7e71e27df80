#!/usr/bin/env bash
# Four validators on this machine, with the settings of packaging/consortium/config.toml: transactions a
# second, and how long until one is in a finalized block; engines, applications and load on the same
# machine. BUILD is the build directory, VERSION the engine's.
#
#   bench/consortium.sh [BUILD [VERSION [COUNT [ROUNDS]]]]
#
# The application is CometBFT's own kvstore, in memory, behind a socket as ours is: the anchor for
# docs/performance.md. Each round offers COUNT transactions of 230 bytes as fast as 1,000 of them under
# way allow, then as many at a rate of 1,500 a second. WINDOW, RATE and CONNECTIONS change that.
set -eu -o pipefail

build=${1:-build}
version=${2:-0.38.25}
count=${3:-6000}
rounds=${4:-5}
here=$(cd "$(dirname "$0")/.." && pwd)
engine=$("$here/tools/install-cometbft" "$version")
kvstore=$("$here/tools/install-cometbft" "$version" abci-cli)
work=$(mktemp -d)
# Addresses of its own, so that the engine's ports are free on each of them.
net=127.$((RANDOM % 200 + 20)).$((RANDOM % 250))
engines=()
applications=()
# shellcheck disable=SC2317 # called by trap
clean_up() {
    kill ${engines[@]+"${engines[@]}"} ${applications[@]+"${applications[@]}"} 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap clean_up EXIT

application() { # NUMBER: serves $work/NUMBER.sock
    "$kvstore" kvstore --log_level error --address "unix://$work/$1.sock" >"$work/application-$1.log" 2>&1 &
    applications+=($!)
}

make_transactions() { # COUNT: each behind its size in four bytes
    python3 - "$1" <<'PYTHON'
import os, struct, sys
for i in range(int(sys.argv[1])):
    tx = os.urandom(32).hex().encode() + b'=' + os.urandom(82).hex().encode() + b'v'
    sys.stdout.buffer.write(struct.pack('>I', len(tx)) + tx)
PYTHON
}

peers() { # of all
    local k
    for k in 0 1 2 3; do
        echo -n "$("$engine" show-node-id --home "$work/node$k")@$net.$((k + 1)):26656"
        [ "$k" = 3 ] || echo -n ,
    done
}

start() {
    local k peers
    export GOGC=400 # as `cairn consortium run` starts its engine: collecting less often saves a tenth
    "$engine" testnet --v 4 --o "$work" >/dev/null
    peers=$(peers)
    for k in 0 1 2 3; do
        application "$k"
        cp "$here/packaging/consortium/config.toml" "$work/node$k/config/config.toml"
        "$engine" start --home "$work/node$k" --moniker "member-$k" --proxy_app "unix://$work/$k.sock" \
            --p2p.laddr "tcp://$net.$((k + 1)):26656" --rpc.laddr "tcp://$net.$((k + 1)):26657" \
            --p2p.persistent_peers "$peers" >"$work/engine-$k.log" 2>&1 &
        engines+=($!)
    done
    for k in 0 1 2 3; do
        until curl -sf "http://$net.$((k + 1)):26657/status" | grep -q '"latest_block_height": *"[1-9]'; do sleep 0.2; done
    done
}

load() { # COUNT RATE WINDOW
    make_transactions "$1" >"$work/transactions"
    "$build/bench/load-consortium" "$work/transactions" "$2" "$3" "${CONNECTIONS:-64}" "${engines[*]}" \
        "${applications[*]}" "$net.1:26657" "$net.2:26657" "$net.3:26657" "$net.4:26657"
}

table() { # NAME FILE: of lines of load-consortium
    python3 - "$1" "$2" <<'PYTHON'
import statistics, sys
rows = [[float(word) for word in line.split()] for line in open(sys.argv[2])]
columns = list(zip(*rows))
middle = [statistics.median(column) for column in columns]
print(f'{sys.argv[1]:<22} {max(columns[0]):6.0f}/s best {middle[0]:6.0f}/s median; commit p50 {min(columns[1]):5.0f} ms '
      f'best {middle[1]:5.0f} median, p99 {min(columns[2]):5.0f} best {middle[2]:5.0f} median; CPU {min(columns[3]):.0f} us '
      f'best {middle[3]:.0f} median of the engines, {min(columns[4]):.0f} and {middle[4]:.0f} of the applications; '
      f'{middle[5]:.0f} blocks, {sum(columns[6]):.0f} committed, {sum(columns[7]):.0f} refused, {sum(columns[8]):.0f} lost')
PYTHON
}

start
load 500 0 200 >/dev/null
for ((round = 0; round < rounds; round++)); do
    echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg)" >&2
    load "$count" 0 "${WINDOW:-1000}" >>"$work/full"
    load "$count" "${RATE:-1500}" 4000 >>"$work/rate"
done
table "as fast as it goes" "$work/full"
table "${RATE:-1500}/s offered" "$work/rate"
