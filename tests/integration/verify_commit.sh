#!/usr/bin/env bash
# cairn verify with a commit proof: a file and a state proof by the validators of a consortium, to whom the
# anchor of the trust file leads; and the anchor, from what a node of the chain answers.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
"$(dirname "$cairn")/tests/light-proofs" "$work" || die "light-proofs"
cd "$work" || die "cd"
at=2026-09-21T14:20:00Z

# verdict CODE WORD...: of verify, at that time.
verdict() {
    local code=$1
    shift
    expect "$code" "$cairn" verify "$@" --at "$at" --json
}

is() {
    [ "$(fact "$1")" = "$2" ] || fail "$1 is $(fact "$1"), not $2"
}

# --- a yes ------------------------------------------------------------------------------------------

verdict 0 file --trust trust
is verdict yes
expect 0 "$cairn" trust show trust --json
chain=cairn-$(fact ledger | cut -c 1-24)-0
verdict 0 file --trust trust
is commit.chain "$chain"
is commit.header_height 101
is commit.validators 4
is height 100
is signer "Fleet A"
verdict 0 --state state --trust trust
is present False
is as_of_height 100
is commit.blocks 1

# --- a no -------------------------------------------------------------------------------------------

verdict 1 file --trust trust.plain
is code NOT_TRUSTED
verdict 1 --state state --trust trust.plain
is code NOT_TRUSTED
at=2026-09-22T14:20:00Z # a day later
verdict 1 file --trust trust
is code TRUST_EXPIRED
at=2026-09-21T14:10:00Z # before the header
verdict 1 file --trust trust
is code EARLY
at=2026-09-21T14:20:00Z
cp file changed
flip changed 5000
verdict 1 changed --receipt file.receipt --trust trust
is code MISMATCH
is difference.from_byte 4096
# The last of the four votes is not needed; no other change goes through.
size=$(stat -c %s file.receipt)
for offset in $(seq 60 97 $((size - 100))); do
    cp file.receipt flipped
    flip flipped "$offset"
    "$cairn" verify file --receipt flipped --trust trust --at "$at" >out.flipped 2>&1 &&
        fail "a change at byte $offset of $size goes through"
done

# --- the anchor -------------------------------------------------------------------------------------

expect 0 "$cairn" trust anchor trust.plain trust.made --commit commit --validators validators --days 1 --json
is chain "$chain"
is height 10
header=$(fact header)
cmp trust trust.made || fail "another trust file"
expect 0 "$cairn" trust show trust.made --json
is anchor.header "$header"
is anchor.validators 4
is anchor.convinces_until 2026-09-22T14:13:30.500Z
expect 0 "$cairn" trust show trust.plain --json
! grep -q anchor "$work/out" || fail "an anchor where there is none"
expect 2 "$cairn" trust anchor trust.plain trust.made --commit commit
expect 3 "$cairn" trust anchor trust.plain trust.made --commit commit --validators commit
sed 's/"voting_power": "10"/"voting_power": "11"/' validators >other
expect 1 "$cairn" trust anchor trust.plain trust.other --commit commit --validators other
[ ! -e trust.other ] || fail "validators who are not the header's"
expect 4 "$cairn" trust anchor trust.plain trust.other --commit nowhere --validators validators

# --- the ledger that the chain's id names -------------------------------------------------------------

expect 0 "$cairn" init elsewhere --org Elsewhere
expect 0 "$cairn" -C elsewhere trust export trust.elsewhere
expect 1 "$cairn" trust anchor trust.elsewhere trust.mixed --commit commit --validators validators
expect_text "$work/err" "another ledger" "an anchor of another ledger's chain"
[ ! -e trust.mixed ] || fail "an anchor of another ledger's chain"
finish
