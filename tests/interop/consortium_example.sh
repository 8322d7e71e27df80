#!/usr/bin/env bash
# examples/consortium on the real engine: its verdict is good, and it has shown what it promises.
#
#   tests/interop/consortium_example.sh [BUILD]
set -eu -o pipefail

build=$(cd "${1:-${CAIRN_BUILD:-build}}" && pwd)
here=$(cd "$(dirname "$0")/../.." && pwd)
engine=$("$here/tools/install-cometbft") || { status=$?; echo "$engine"; exit "$status"; }
CAIRN_BUILD=$build "$here/examples/consortium/run" | tee "$build/consortium-example.out"
for line in "4 of 4 members signed" "the record, by member 3's proof: yes" "one byte of the file changed: no"; do
    tr '\n' ' ' <"$build/consortium-example.out" | tr -s ' ' | grep -qF "$line" || {
        echo "it did not say: $line" >&2
        exit 1
    }
done
