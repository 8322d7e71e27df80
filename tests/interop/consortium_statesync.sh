#!/usr/bin/env bash
# A fifth member joins four by state sync while they take transactions: from a snapshot, since the others'
# engines have thrown the first blocks away. Then its engine loses its directory, and it
# joins again with the ledger that it has. And a member's application comes from a backup that is older than
# the blocks that its engine still has: the engine refuses it, and it joins like a new one. BUILD is the build directory, VERSION the engine's.
#
#   tests/interop/consortium_statesync.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-build}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
export CONSORTIUM_SNAPSHOTS=10 CONSORTIUM_RETAIN=40
# shellcheck source=tests/support/consortium.sh
. "$here/tests/support/consortium.sh"

# The height and hash of a block that a member knows: what an operator is told by somebody he trusts.
trusted() { # MEMBER
    curl -sf "http://$(address "$1"):26657/commit" | python3 -c '
import json, sys
signed = json.load(sys.stdin)["result"]["signed_header"]
print(signed["header"]["height"], signed["commit"]["block_id"]["hash"])'
}

first_block() { # MEMBER: the first that its engine still has
    curl -sf "http://$(address "$1"):26657/status" | python3 -c '
import json, sys
print(json.load(sys.stdin)["result"]["sync_info"]["earliest_block_height"])'
}

# A home without a vote, told to begin by state sync.
make_joiner() { # MEMBER
    local k=$1 height hash
    rm -rf "${work:?}/node$k"
    "$engine" init --home "$work/node$k" >/dev/null 2>&1
    cp "$work/node0/config/genesis.json" "$work/node$k/config/genesis.json"
    read -r height hash < <(trusted 0)
    sed -e '/^\[statesync\]/,/^\[/{/^enable/d}' "$work/node0/config/config.toml" >"$work/node$k/config/config.toml"
    cat >>"$work/node$k/config/config.toml" <<TOML

[statesync]
enable = true
rpc_servers = "http://$(address 0):26657,http://$(address 1):26657"
trust_height = $height
trust_hash = "$hash"
trust_period = "1h0m0s"
discovery_time = "5s"
chunk_request_timeout = "5s"
TOML
}

load() { # COUNT FIRST: while a file is there
    local first=$2
    while [ -e "$work/loading" ]; do
        send 1 "$1" "$first"
        first=$((first + $1))
        sleep 0.2
    done
}

joined() { # MEMBER: its application took a snapshot to its end
    grep -c '"event":"consortium.joined"' "$work/application-$1.log" || true
}

make_homes
for k in 0 1 2 3; do
    start_application "$k"
    start_engine "$k"
done
for k in 0 1 2 3; do reach "$k" 1; done
kill_one "${engines[3]}"
kill_one "${applications[3]}"
cp -a "$work/store3" "$work/backup"
start_application 3
start_engine 3
for ((n = 0; n < 25; n++)); do
    send 0 30 $((n * 30))
    sleep 0.3 # the blocks after it
done
for k in 0 1 2 3; do reach "$k" 50; done
[ "$(first_block 0)" -gt 1 ] || {
    echo "member 0 still has the first block" >&2
    exit 1
}
echo "four members have $(height 0) blocks, and no longer the first"

touch "$work/loading"
load 20 100000 &
loader=$!
make_joiner 4
start_application 4
start_engine 4
reach 4 "$(height 0)"
[ "$(joined 4)" = 1 ] || {
    echo "member 4 did not join by a snapshot" >&2
    exit 1
}
echo "a fifth member joins under load, at height $(height 4)"
rm "$work/loading"
wait "$loader"
send 0 20 900000
reach 4 "$(height 0)"

# Its engine loses all it has; the ledger is there.
kill_one "${engines[4]}"
kill_one "${applications[4]}"
for ((n = 0; n < 15; n++)); do
    send 0 5 $((910000 + n * 5))
    sleep 0.3
done
make_joiner 4
start_application 4
start_engine 4
reach 4 "$(height 0)"
[ "$(joined 4)" = 2 ] || {
    echo "member 4 did not join again by a snapshot" >&2
    exit 1
}
echo "a member whose engine lost its directory joins again, with the ledger that it has"

# Its application is put back to before the first block that its engine has: nobody can bring it forward.
kill_one "${engines[3]}"
kill_one "${applications[3]}"
rm -rf "$work/store3"
cp -a "$work/backup" "$work/store3"
start_application 3
start_engine 3
wait "${engines[3]}" && {
    echo "an engine starts above an application whose blocks it no longer has" >&2
    exit 1
}
grep -q 'app block height ([0-9]*) is too far below block store base ([0-9]*)' "$work/engine-3.log" || {
    echo "the engine of member 3 ended otherwise" >&2
    exit 1
}
kill_one "${applications[3]}"
send 0 5 920000
make_joiner 3
start_application 3
start_engine 3
reach 3 "$(height 0)"
[ "$(joined 3)" = 1 ] || {
    echo "member 3 did not join by a snapshot" >&2
    exit 1
}
echo "an application below its engine's blocks is refused, and joins by a snapshot with the ledger that it has"

last=$(height 0)
for k in 0 1 2 3 4; do reach "$k" "$last"; done
sleep 1
compare_members
echo "five members have one log: height, size and root $(cat "$work/0.stand")"
