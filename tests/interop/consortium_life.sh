#!/usr/bin/env bash
# The life of a consortium on the real engine: members prepare, begin, run, and show where they stand. BUILD
# is the build directory, VERSION the engine's.
#
#   tests/interop/consortium_life.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-build}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/members.sh
. "$here/tests/support/members.sh"

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
# Out of the box as many of them sign as are needed to be believed.
vouched() { # MEMBER
    rm -f "$work/members.proof"
    on "$1" state get members --output "$work/members.proof" >/dev/null &&
        "$cairn" verify --state "$work/members.proof" --trust "$work/trust" >/dev/null
}
on 4 trust export "$work/trust" >/dev/null
[ "$("$cairn" trust show "$work/trust" --json | fact needed)" = 3 ] || fail "not three of four are needed"
for k in 1 2 3 4; do within 20 vouched "$k"; done
echo "a record is written, and members sign for each other"

# --- what the validators alone vouch for ---

for what in "commit?height=2" "validators?height=2&per_page=100"; do
    curl -sS -m 10 "http://$net.1:26657/$what" >"$work/${what%%\?*}.json"
done
"$cairn" trust anchor "$work/trust" "$work/anchored" --commit "$work/commit.json" \
    --validators "$work/validators.json" >/dev/null
on 2 state get members --commit "$work/anchored" --output "$work/members.commit" >/dev/null
proved=$("$cairn" verify --state "$work/members.commit" --trust "$work/anchored" --json)
[ "$(fact verdict <<<"$proved")" = yes ] || fail "members by a commit: $proved"
[ "$(fact commit.header_height <<<"$proved")" = $(($(fact as_of_height <<<"$proved") + 1)) ] || fail "the header: $proved"
echo committed >"$work/committed"
on 3 anchor "$work/committed" --commit "$work/anchored" >/dev/null
"$cairn" verify "$work/committed" --trust "$work/anchored" --json | fact commit.chain | grep -q "^cairn-" ||
    fail "a file by a commit"
echo more >>"$work/committed"
! "$cairn" verify "$work/committed" --trust "$work/anchored" >/dev/null || fail "a changed file by a commit"
on 3 state get raw/00 --commit "$work/anchored" --output "$work/absent.commit" >/dev/null
[ "$("$cairn" verify --state "$work/absent.commit" --trust "$work/anchored" --json | fact present)" = False ] ||
    fail "absence by a commit"
! on 3 state get members --commit "$work/trust" 2>/dev/null || fail "a commit proof from no header"
# The same commitment twice: a block refuses the second, for good.
ledger=$("$cairn" trust show "$work/trust" --json | fact ledger)
api() { # PATH WORDS…
    local path=$1
    shift
    curl -sS -m 20 --cacert "$work/1/tls/node.pem" "$@" "$(cat "$work/1/node.url")/v1/ledgers/$ledger/$path"
}
for end in 60000 61000; do
    "$build/tests/transactions" "$work/1/keys/sign-1.pem" "$ledger" 1 "$end" "$(printf '%064d' 7)" | tail -c +5 >"$work/tx"
    api "transactions?wait=commit" -H 'Content-Type: application/cose' --data-binary "@$work/tx" >"$work/sent"
done
grep -q '"code":"EXISTS"' "$work/sent" || fail "the second is not refused: $(cat "$work/sent")"
refused=$(python3 - "$work/tx" <<'PYTHON'
import hashlib, sys
tx = open(sys.argv[1], 'rb').read() # d2 84, protected, a0, payload, signature of 64 bytes
size = tx[3]
protected, rest = tx[2:4 + size], tx[4 + size:]
assert tx[:2] == b'\xd2\x84' and tx[2] == 0x58 and rest[0] == 0xa0
structure = b'\x84\x6aSignature1' + protected + b'\x40' + rest[1:-66] # Sig_structure
print(hashlib.sha256(structure).hexdigest())
PYTHON
)
api "transactions/$refused?commit_from=2" >"$work/status"
[ "$(fact status <"$work/status")" = rejected ] || fail "status: $(cat "$work/status")"
fact proof <"$work/status" | base64 -d >"$work/refusal"
proved=$("$cairn" verify --refusal "$work/refusal" --trust "$work/anchored" --json)
[ "$(fact verdict <<<"$proved")" = yes ] || fail "a refusal by a commit: $proved"
! "$cairn" verify --refusal "$work/refusal" --trust "$work/trust" >/dev/null || fail "a refusal by no anchor"
echo "a state, an absence, a file and a refusal are proved by the validators"

# --- a fifth joins ---

prepare 5
"$cairn" consortium begin "$work/5" "$work/chain.json" >/dev/null
run 5
within 40 takes_part 5
on 5 org request "$work/5.request" --org "Org 5" >/dev/null
approve "$(on 1 org admit "$work/5.request" --member --json | fact approval)" 2 3 4
kill -HUP "${units[5]}" # its node looks at its keys again
knows_itself() { on 5 org show "$(on 5 org list --json | python3 -c '
import json, sys
print([o["id"] for o in json.load(sys.stdin)["organisations"] if o["organisation"] == "Org 5"][0])')"; }
within 20 knows_itself
approve "$(on 5 consortium join --json | fact approval)" 1 2 3 4
within 20 power_is 5 5
rm "$work/trust"
on 5 trust export "$work/trust" >/dev/null
within 20 vouched 5
within 20 signed_by 5 5 "$work/of-five"
on 1 consortium meet "$work/5/consortium/member.json" >/dev/null
grep -q "^https://$net.5:8443#" "$work/1/consortium/nodes" || fail "member 1 has not met the fifth"
[ "$(wc -l <"$work/1/consortium/nodes")" = 4 ] || fail "member 1 asks: $(cat "$work/1/consortium/nodes")"
on 1 consortium meet "$work"/[1-5]/consortium/member.json >/dev/null # it knows all of them, and itself
[ "$(wc -l <"$work/1/consortium/nodes")" = 4 ] || fail "member 1 asks: $(cat "$work/1/consortium/nodes")"
[ "$(on 5 consortium status --json | fact peers)" -ge 3 ] || fail "the fifth has too few peers"
echo "a fifth member validates"

# --- keys, power, leaving ---

key_of() { # MEMBER: its engine's
    fact pub_key.value <"$work/$1/engine/config/priv_validator_key.json"
}

before=$(key_of 2)
on 2 consortium rotate >/dev/null
took_it() { [ "$(key_of 2)" != "$before" ] && takes_part 2; }
within 20 took_it
within 30 signs 2
power_is 1 5 || fail "a rotated key has another power"
echo "a key for votes is rotated, its power stays"

approve "$(on 3 consortium power "$(org_id 1)" --power 2 --json | fact approval)" 1 2 4 5
within 20 power_is 1 6
approve "$(on 3 consortium power "$(org_id 1)" --power 1 --json | fact approval)" 1 2 4 5
within 20 power_is 1 5
on 5 consortium leave >/dev/null
within 20 power_is 1 4
! on 5 consortium leave >/dev/null 2>&1 || fail "it left twice"
approve "$(on 5 consortium join --json | fact approval)" 1 2 3 4 2>"$work/again.log" &&
    fail "a key that was revoked validates again"
echo "power is set, a member leaves"

# Who is suspended loses power at once; the quorum of members goes on without it.
approve "$(on 1 org suspend "$(org_id 4)" --json | fact approval)" 2 3 5
within 20 power_is 1 3
approve "$(on 1 org resume "$(org_id 4)" --json | fact approval)" 2 3 5
approve "$(on 4 consortium join --json | fact approval)" 1 2 3 5
within 20 power_is 1 4
echo "a member is suspended, and comes back"

# --- a key that ended, and a member that did ---

on 2 org rotate cosign-1 >/dev/null
approve "$(on 1 org remove "$(org_id 5)" --json | fact approval)" 2 3 4
on 1 trust export "$work/trust" --json | fact fingerprint >/dev/null
[ "$(vouching "$work/of-five" "$work/trust")" = 5 ] || fail "receipts of before count no more"
within 20 signed_by 4 2 "$work/of-four" # by its new key, too
echo "what a rotated key and a member that is none any more have signed stays good"

# --- one unit ---

node=$(pid_of 3 node)
old_engine=$(pid_of 3 engine)
kill -KILL "$node"
started_anew() { [ "$(pid_of 3 engine)" != "$old_engine" ] && [ "$(pid_of 3 node)" != "$node" ] && takes_part 3; }
within 60 started_anew
within 30 signs 3
echo "a node that dies takes its engine along, and both come back"

# --- a member that lost its disk, and its key with it ---

curl -sk "https://$net.1:8443/metrics" >/dev/null # not everybody's: the next start shows them
sed -i 's|^# api:|api:\n  metrics_public: true|' "$work/2/cairn.yaml"
printf 'a passphrase of some length\n' >"$work/passphrase"
on 2 backup "$work/2.backup" --passphrase-file "$work/passphrase" >/dev/null
stop 2
lost=$(key_of 2)
rm -rf "${work:?}/2"
"$cairn" restore "$work/2.backup" "$work/2" --passphrase-file "$work/passphrase" >/dev/null
[ ! -e "$work/2/engine" ] || fail "a backup holds an engine's home"
! on 2 anchor "$work/one" --output "$work/alone" >/dev/null 2>&1 || fail "a member wrote a block of its own"
rm -rf "$work/2/store"
"$cairn" consortium prepare "$work/2" --org "Org 2" --listen "$net.2:26656" >/dev/null
"$cairn" consortium begin "$work/2" "$work/chain.json" >/dev/null
[ "$(key_of 2)" != "$lost" ] || fail "a key for votes came back"
run 2
within 60 takes_part 2
on 2 consortium rotate >/dev/null
within 40 signs 2
power_is 1 4 || fail "a member that came back has another power"
metrics_of() { curl -s --cacert "$work/2/tls/node.pem" "https://$net.2:8443/metrics" | grep -E "^$1"; }
within 20 metrics_of 'cairn_engine_up 1'
within 20 metrics_of 'cairn_consortium_power 4'
within 20 metrics_of 'cairn_cosign_peers_up 3'
echo "a member that lost its disk comes back with another key"

all_alike() { for k in 2 3 4; do [ "$(size_of "$k")" = "$(size_of 1)" ] || return 1; done; }
within 20 all_alike
stop 1 2 3 4 5
all_alike || fail "the logs differ"
on 1 log check >/dev/null
echo "all end well, with one log"
