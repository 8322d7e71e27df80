#!/usr/bin/env bash
# The life of a consortium on the real engine: members prepare, begin, run, and show where they stand. BUILD
# is the build directory, VERSION the engine's.
#
#   tests/interop/consortium_life.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-build}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
cairn=$build/cairn
engine=$("$here/tools/install-cometbft" "$version") || { status=$?; echo "$engine"; exit "$status"; }
work=$(mktemp -d /tmp/life.XXXXXX) # a short path: that of a socket has its bound
net=127.$((RANDOM % 200 + 20)).$((RANDOM % 250))
units=()
# shellcheck disable=SC2317 # called by trap
clean_up() {
    local status=$?
    [ "$status" = 0 ] || tail -n 5 "$work"/*.log >&2
    kill ${units[@]+"${units[@]}"} 2>/dev/null || true
    wait 2>/dev/null || true
    [ "$status" = 0 ] || [ -z "${KEEP:-}" ] || exit "$status"
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    echo "FAIL $*" >&2
    exit 1
}

on() { # MEMBER WORDS…
    local k=$1
    shift
    "$cairn" -C "$work/$k" "$@"
}

fact() { # KEY of the JSON on standard input; keys with dots go down
    python3 -c '
import json, sys
at = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    at = at[int(key) if key.isdigit() else key]
print(at if not isinstance(at, list) else len(at))' "$1"
}

within() { # SECONDS COMMAND…
    local end=$((SECONDS + $1))
    shift
    until "$@" >"$work/within.out" 2>&1; do
        [ "$SECONDS" -lt "$end" ] || { cat "$work/within.out" >&2; fail "not in time: $*"; }
        sleep 0.2
    done
}

prepare() { # MEMBER
    "$cairn" consortium prepare "$work/$1" --org "Org $1" --listen "$net.$1:26656" \
        --rpc "http://$net.$1:26657" --address "$net.$1" >/dev/null
    sed -i "s|^consortium:|consortium:\n  engine: \"$engine\"|" "$work/$1/cairn.yaml"
}

run() { # MEMBER
    "$cairn" consortium run "$work/$1" >>"$work/run-$1.log" 2>&1 &
    units[$1]=$!
}

takes_part() { # MEMBER
    [ "$(on "$1" consortium status --json | fact catching_up)" = False ]
}

# --- prepared apart, put together, begun ---

for k in 1 2 3 4; do prepare "$k"; done
! "$cairn" consortium prepare "$work/1" --org "Org 1" --listen "$net.1:26656" 2>/dev/null ||
    fail "a key for votes was made twice"
"$cairn" consortium new "$work"/[1-4]/consortium/member.json --output "$work/chain.json" >/dev/null
for k in 1 2 3 4; do "$cairn" consortium begin "$work/$k" "$work/chain.json" >/dev/null; done
"$cairn" consortium begin "$work/1" "$work/chain.json" >/dev/null # the same again is no harm
for k in 1 2 3 4; do run "$k"; done
for k in 1 2 3 4; do within 40 takes_part "$k"; done
[ "$(on 2 consortium status --json | fact power)" = 4 ] || fail "four members have not the power 4"
echo "four members run"

echo one >"$work/one"
on 1 anchor "$work/one" >/dev/null
echo "a record is written"
