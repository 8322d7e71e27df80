#!/usr/bin/env bash
# A node under load, in front of it a client with a certificate: small reads and durable writes each
# second over kept connections, node and load on the same machine. BUILD is the build directory.
#
#   bench/node.sh [BUILD [TRANSACTIONS [SECONDS]]]
set -eu -o pipefail

build=${1:-build}
count=${2:-40000}
seconds=${3:-5}
work=$(mktemp -d)
node=
trap '[ -z "$node" ] || kill "$node" 2>/dev/null || true; rm -rf "$work"' EXIT
"$build/cairn" init "$work/ledger" --org Bench >/dev/null
printf 'node:\n  port: "0"\n' >>"$work/ledger/cairn.yaml"
"$build/cairn" -C "$work/ledger" key new --purpose tls >/dev/null
openssl req -x509 -new -key "$work/ledger/keys/tls-1.pem" -subj /CN=bench -days 2 -out "$work/client.pem" \
    -addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE 2>/dev/null
"$build/cairn" node "$work/ledger" >"$work/out" 2>"$work/err" &
node=$!
while [ ! -s "$work/ledger/node.url" ]; do sleep 0.1; done
url=$(cat "$work/ledger/node.url")
ledger=$(curl -sS --cacert "$work/ledger/tls/node.pem" "$url/v1/ledgers" | grep -o '"id":"[0-9a-f]*' | head -n 1 | cut -c 7-)
"$build/tests/transactions" "$work/ledger/keys/sign-1.pem" "$ledger" "$count" 580000 >"$work/transactions"
"$build/bench/load-node" "${url##*:}" "$work/client.pem" "$work/ledger/keys/tls-1.pem" "$ledger" \
    "$work/transactions" "$seconds"
