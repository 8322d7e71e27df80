#!/usr/bin/env bash
# One key for votes in two places. The members whose engines find the evidence tell the ledger by themselves:
# the organisation is suspended and validates no more, its node signs no root from there on, nobody counts
# what it signs, and what it signed before stays good. BUILD is the build directory, VERSION the engine's.
#
#   tests/interop/consortium_evidence.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-build}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/members.sh
. "$here/tests/support/members.sh"

status_of() { # MEMBER, as member 1 knows it
    on 1 org show "$(org_id "$1")" --json | fact status
}

for k in 1 2 3 4; do prepare "$k"; done
begin_chain 1 2 3 4
cp -a "$work/4" "$work/9" # its engine's key with all else, at another address
rm "$work/9/engine/config/node_key.json"
sed -i "s|$net\.4\b|$net.9|" "$work/9/cairn.yaml"
for k in 1 2 3 4; do run "$k"; done
for k in 1 2 3 4; do within 40 takes_part "$k"; done
on 1 trust export "$work/trust" >/dev/null
within 20 signed_by 4 4 "$work/before"

run 9
caught() {
    write 1
    write 2
    [ "$(status_of 4)" = suspended ]
}
within 60 caught
grep -h '"event":"consortium.told"' "$work"/run-[123].log >/dev/null || fail "who told the ledger?"
kill "${units[9]}" # its engine takes its time
within 20 power_is 1 3
echo "who signed twice is suspended, without any hand"

# --- what it signs from there on ---

# The others have one another's signatures, and none of its.
within 20 signed_by 3 1 "$work/after"
size=$(size_of 1)
code=$(curl -sk -o "$work/answer" -w '%{http_code}' "https://$net.4:8443/v1/ledgers/$(fact ledger <<<"$(on 1 org show --json)")/cosignatures/$size")
[ "$code" = 503 ] || fail "it signs a root: $code $(cat "$work/answer")"
! on 4 state get members --output "$work/proof" >"$work/answer" 2>&1 || fail "it proves a state"
kill "${units[4]}"
# Whoever gets a trust file now has its keys, with their end: what it signed until then is good.
on 1 trust export "$work/fresh" >/dev/null
[ "$(vouching "$work/before" "$work/fresh")" = 4 ] || fail "what it signed before does not count"
"$cairn" trust show "$work/fresh" --json | python3 -c '
import json, sys
trust = json.load(sys.stdin)
for member in trust["member"]:
    ended = [key for key in member["key"] if "until_height" in key]
    if len(ended) != (3 if member["name"] == "Org 4" else 0):
        sys.exit("the keys of %s: %s" % (member["name"], member["key"]))
sys.exit(0 if (trust["needed"], trust["of"]) == (2, 3) else "k of n: %s of %s" % (trust["needed"], trust["of"]))'
echo "its node signs no root from there on; what it signed before stays good"

# --- a member that ended before it told ---

evidence_height() {
    local h
    for ((h = $(on 1 consortium status --json | fact height); h > 0; h--)); do
        ! curl -sf "http://$net.1:26657/block?height=$h" | grep -q '"tendermint/DuplicateVoteEvidence"' || {
            echo "$h"
            return
        }
    done
}
height=$(evidence_height)
[ "$height" != "" ] || fail "no block has the evidence"
stop 1
echo "$height" >"$work/1/consortium/offences"
run 1
told() { [ ! -s "$work/1/consortium/offences" ]; }
within 40 told
! grep -h '"event":"consortium.not_told"' "$work"/run-[123].log || fail "evidence was not told"
echo "a member tells when it is back"

# --- it comes back, with another key ---

stop 4 9
rm -r "$work/4/engine" "$work/4/store"
"$cairn" consortium prepare "$work/4" --org "Org 4" --listen "$net.4:26656" >/dev/null
"$cairn" consortium begin "$work/4" "$work/chain.json" >/dev/null
run 4
within 60 takes_part 4
approve "$(on 1 org resume "$(org_id 4)" --json | fact approval)" 2 3
approve "$(on 4 consortium join --json | fact approval)" 1 2 3
within 30 signs 4
within 20 signed_by 4 4 "$work/again"
stop 1 2 3 4
echo "it comes back with another key, and signs again"
