#!/usr/bin/env bash
# How fast a follower catches up over HTTPS with a node on the same machine: every signature verified,
# every block computed again and durable. The baseline is what the embedded engine took for the same
# transactions. BUILD is the build directory.
#
#   bench/follow.sh [BUILD [TRANSACTIONS [ROUNDS]]]
set -eu -o pipefail

build=${1:-build}
count=${2:-200000}
rounds=${3:-3}
work=$(mktemp -d)
node=
trap '[ -z "$node" ] || kill "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
"$build/cairn" init "$work/ledger" --org Bench >/dev/null
printf 'node:\n  port: "0"\napi:\n  public: "entries"\n' >>"$work/ledger/cairn.yaml"
echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg)"
"$build/bench/load-ledger" "$work/ledger" "$count"
"$build/cairn" -C "$work/ledger" trust export "$work/trust" >/dev/null
"$build/cairn" node "$work/ledger" >"$work/out" 2>"$work/err" &
node=$!
while [ ! -s "$work/ledger/node.url" ]; do sleep 0.1; done
url=$(cat "$work/ledger/node.url")
# node_cpu: what the node has used, in ticks.
node_cpu() {
    awk '{ print $14 + $15 }' "/proc/$node/stat"
}
for ((round = 1; round <= rounds; round++)); do
    rm -rf "$work/replica"
    before=$(node_cpu)
    began=$(date +%s.%N)
    TIMEFORMAT='%U %S'
    cpu=$({ time "$build/cairn" follow "$url" "$work/replica" --trust "$work/trust" \
        --node-ca "$work/ledger/tls/node.pem" --once --json >"$work/facts" 2>"$work/err"; } 2>&1) || {
        cat "$work/err"
        exit 1
    }
    python3 - "$count" "$began" "$(date +%s.%N)" "$cpu" \
        "$(($(node_cpu) - before))" "$(getconf CLK_TCK)" <<'PYTHON'
import sys
count, began, ended = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
cpu = sum(map(float, sys.argv[4].split()))
node = int(sys.argv[5]) / int(sys.argv[6])
print(f'caught up: {count / (ended - began):,.0f} transactions/s; CPU each: {cpu / count * 1e6:.1f} us of the follower, '
      f'{node / count * 1e6:.1f} us of the node')
PYTHON
done
echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg)"
