#!/usr/bin/env bash
# A node under load, in front of it a client with a certificate: small reads and writes each second
# over kept connections, idle connections, and how late the feed of events is; node and load on the
# same machine. BUILD is the build directory.
#
#   bench/node.sh [BUILD [TRANSACTIONS [SECONDS [IDLE [FEED_SECONDS]]]]]
set -eu -o pipefail

build=${1:-build}
count=${2:-60000}
seconds=${3:-6}
idle=${4:-10000}
feed_seconds=${5:-5}
work=$(mktemp -d)
node=
trap '[ -z "$node" ] || kill "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -gt $((idle + 1000)) ] || idle=0
ulimit -Sn "$(ulimit -Hn)"
"$build/cairn" init "$work/ledger" --org Bench >/dev/null
printf 'node:\n  port: "0"\n  connections: "20000"\n  rate: "100000"\n  burst: "100000"\n' >>"$work/ledger/cairn.yaml"
"$build/cairn" -C "$work/ledger" key new --purpose tls >/dev/null
openssl req -x509 -new -key "$work/ledger/keys/tls-1.pem" -subj /CN=bench -days 2 -out "$work/client.pem" \
    -addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE 2>/dev/null
"$build/cairn" node "$work/ledger" >"$work/out" 2>"$work/err" &
node=$!
while [ ! -s "$work/ledger/node.url" ]; do sleep 0.1; done
url=$(cat "$work/ledger/node.url")
ledger=$(curl -sS --cacert "$work/ledger/tls/node.pem" "$url/v1/ledgers" | grep -o '"id":"[0-9a-f]*' | head -n 1 | cut -c 7-)
# processes PID: it, then those that it has started, and theirs.
processes() {
    local child
    echo "$1"
    # shellcheck disable=SC2013 # numbers
    for child in $(cat "/proc/$1/task/"*/children); do processes "$child"; done
}
transactions() {
    "$build/tests/transactions" "$work/ledger/keys/sign-1.pem" "$ledger" "$1" 580000 >"$work/transactions"
}

transactions "$count"
echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg)"
load() { # PROGRAM ARGUMENT...
    local program=$1
    shift
    # shellcheck disable=SC2046 # one word each
    "$build/bench/$program" "${url##*:}" "$work/client.pem" "$work/ledger/keys/tls-1.pem" "$ledger" \
        "$work/transactions" "$@" $(processes "$node")
    echo "load average: $(cut -d ' ' -f 1-3 /proc/loadavg)"
}
[ "$count" = 0 ] || load load-node "$seconds" "$idle"
for rate in 1000 3000 6000; do
    transactions $((rate * feed_seconds))
    load load-feed "$rate"
done
