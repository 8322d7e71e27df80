#!/usr/bin/env bash
# A fifth member joins four by state sync while they take transactions: from a snapshot, since the others'
# engines have thrown the first blocks away. Then its engine loses its directory, and it joins again with the
# ledger that it has. BUILD is the build directory, VERSION the engine's.
#
#   tests/interop/consortium_statesync.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-build}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/members.sh
. "$here/tests/support/members.sh"

prepare_few() { # MEMBER: one that keeps few blocks
    prepare "$1"
    sed -i 's|^consortium:|consortium:\n  snapshots: "10"\n  retain: "40"|' "$work/$1/cairn.yaml"
}

first_block() { # MEMBER: the first that its engine still has
    curl -sf "http://$(address "$1"):26657/status" | fact result.sync_info.earliest_block_height
}

begin_synced() { # WORDS…: member 5, by the engines of others
    "$cairn" consortium begin "$work/5" "$work/chain.json" "$@" --json
}
synced=(--state-sync "http://$(address 1):26657" --state-sync "http://$(address 2):26657")

joined() { # TIMES: its application took a snapshot to its end
    [ "$(grep -c '"event":"consortium.joined"' "$work/run-5.log")" = "$1" ]
}

for k in 1 2 3 4; do prepare_few "$k"; done
begin_chain 1 2 3 4
for k in 1 2 3 4; do run "$k"; done
for k in 1 2 3 4; do within 40 takes_part "$k"; done
pruned() {
    write 1
    write 2
    [ "$(first_block 1)" -gt 1 ] && [ "$(first_block 2)" -gt 1 ]
}
within 60 pruned
echo "four members have no longer the first block"

# --- a fifth joins, under load ---

touch "$work/loading"
load() {
    while [ -e "$work/loading" ]; do
        write 3
        sleep 0.5 # a snapshot is offered for 20 blocks
    done
}
load &
loader=$!
prepare_few 5
! begin_synced --state-sync "http://$(address 1):26657" >/dev/null 2>&1 || fail "one engine was believed"
! begin_synced "${synced[@]}" --state-sync "http://$(address 5):26657" >/dev/null 2>&1 || fail "an engine that is not there was believed"
begin_synced "${synced[@]}" >"$work/begun"
height=$(fact trusted_height <"$work/begun")
[ "$(curl -sf "http://$(address 3):26657/commit?height=$height" | fact result.signed_header.commit.block_id.hash | tr A-F a-f)" = \
    "$(fact trusted_header <"$work/begun")" ] || fail "another header than member 3 has"
begin_synced "${synced[@]}" >/dev/null # a newer header takes the place of the old one
[ "$(grep -c '^\[statesync\]' "$work/5/engine/config/config.toml")" = 1 ] || fail "two sections"
run 5
within 60 takes_part 5
joined 1 || fail "member 5 did not join by a snapshot"
[ "$(first_block 5)" -gt 1 ] || fail "member 5 began at the first block"
rm "$work/loading"
wait "$loader"
written=1000 # beyond those of the load
on 5 org request "$work/5.request" --org "Org 5" >/dev/null # its directory can be looked at then
approve "$(on 1 org admit "$work/5.request" --member --json | fact approval)" 2 3 4
echo "a fifth member joins under load"

# --- its engine loses all it has; the ledger is there ---

stop 5
rm -r "$work/5/engine"
prepare_again() { "$cairn" consortium prepare "$work/5" --org "Org 5" --listen "$(address 5):26656" >/dev/null; }
prepare_again
for k in 1 2 3 4 1 2 3 4; do write "$k"; done # a snapshot beyond what it has
begin_synced "${synced[@]}" >/dev/null
run 5
within 60 takes_part 5
joined 2 || fail "member 5 did not join again by a snapshot"
echo "a member whose engine lost its directory joins again, with the ledger that it has"

all_alike() { for k in 2 3 4 5; do [ "$(size_of "$k")" = "$(size_of 1)" ] || return 1; done; }
within 20 all_alike
stop 1 2 3 4 5
for k in 1 5; do on "$k" log check --json >"$work/$k.check"; done
cmp "$work/1.check" "$work/5.check" || fail "member 5 has another log"
echo "five members have one log"
