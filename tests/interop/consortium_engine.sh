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
# shellcheck source=tests/support/consortium.sh
. "$here/tests/support/consortium.sh"
client=$("$here/tools/install-cometbft" "$version" abci-cli)

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
for k in 0 1 2 3; do reach "$k" 1; done
send 1 100 6000
echo "members that were killed come back"

last=$(height 0)
for k in 0 1 2 3; do reach "$k" "$last"; done
sleep 1
compare_members
echo "four members have one log: height, size and root $(cat "$work/0.stand")"
