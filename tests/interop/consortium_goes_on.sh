#!/usr/bin/env bash
# A ledger that one organisation kept for four goes on as theirs, on the real engine: its id, log, state and
# receipts stay. BUILD is the build directory, VERSION the engine's.
#
#   tests/interop/consortium_goes_on.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-build}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/members.sh
. "$here/tests/support/members.sh"

# --- four organisations at one node ---

listen_there() { # MEMBER: its node; it shows entries, so that others may copy them
    sed -i "s|^# node:|node:\n  address: \"$(address "$1")\"|; s|^# api:|api:\n  public: \"entries\"|" "$work/$1/cairn.yaml"
}

"$cairn" init "$work/1" --org "Org 1" >/dev/null
listen_there 1
"$cairn" node "$work/1" >"$work/node.out" 2>"$work/node-1.log" &
units[1]=$!
url=https://$(address 1):8443
answers() { [ -s "$work/1/node.url" ]; }
within 20 answers
ledger=$(on 1 org show --json | fact ledger)
for k in 2 3 4; do
    "$cairn" init "$work/$k" --org "Org $k" --node "$url" --node-ca "$work/1/tls/node.pem" >/dev/null
    listen_there "$k"
    on "$k" org request "$work/$k.request" --org "Org $k" >/dev/null
    approve "$(on 1 org admit "$work/$k.request" --member --json | fact approval)" 2 3
done
echo old >"$work/old"
on 2 anchor "$work/old" --output "$work/old.receipt" --json >"$work/old.json"
on 1 trust export "$work/old.trust" >/dev/null

# --- who is to validate ---

parts=()
for k in 1 2 3 4; do
    "$cairn" consortium prepare "$work/$k" --org "Org $k" --listen "$(address "$k"):26656" >/dev/null
    parts+=("$work/$k/consortium/member.json")
    read -r -a others <<<"$(echo 1 2 3 4 | tr -d "$k")"
    approve "$(on "$k" consortium join --power "$k" --json | fact approval)" "${others[@]}"
done
height=$(on 1 org show --json | fact height)

# Copies of the ledger as it stands: two that were followed and verified, one from a backup.
for k in 2 3; do "$cairn" follow "$url" "$work/copy-$k" --ledger "$ledger" --node-ca "$work/1/tls/node.pem" --once >/dev/null; done
on 1 backup "$work/backup" >/dev/null
"$cairn" restore "$work/backup" "$work/copy-4" >/dev/null
! "$cairn" consortium new --from "$work/1" "${parts[@]}" --output "$work/chain.json" 2>"$work/said" ||
    fail "a chain of a ledger that a node writes on"
kill "${units[1]}"
wait "${units[1]}" || fail "the node ends with $?"
unset 'units[1]'
"$cairn" consortium new --from "$work/1" "${parts[@]}" --output "$work/chain.json" >/dev/null
[ "$(fact genesis.initial_height <"$work/chain.json")" = "$((height + 1))" ] || fail "the chain begins elsewhere"

# --- each begins ---

! "$cairn" consortium begin "$work/2" "$work/chain.json" 2>"$work/said" || fail "a member began without the ledger"
grep -q "begins after $height" "$work/said" || fail "what is missing: $(cat "$work/said")"
for k in 2 3 4; do mv "$work/copy-$k/store" "$work/$k/store"; done
for k in 1 2 3 4; do
    "$cairn" consortium begin "$work/$k" "$work/chain.json" --rpc "http://$(address "$k"):26657" >/dev/null
    sed -i "s|^consortium:|consortium:\n  engine: \"$engine\"|" "$work/$k/cairn.yaml"
    run "$k"
done
for k in 1 2 3 4; do within 40 takes_part "$k"; done
[ "$(on 3 consortium status --json | fact power)" = 10 ] || fail "the ledger's power is not the chain's"
for k in 1 2 3 4; do
    [ "$(on "$k" org show --json | fact ledger)" = "$ledger" ] || fail "member $k has another ledger"
done

# What was signed by one then stays so; today all of them say it.
[ "$(vouching "$work/old" "$work/old.trust")" = 1 ] || fail "an old receipt does not hold"
on 3 trust export "$work/trust" >/dev/null
[ "$("$cairn" trust show "$work/trust" --json | fact needed)" = 3 ] || fail "not three of four are needed"
transaction=$(fact anchored.0.transaction <"$work/old.json")
all_say_it() { # as member 4 has it
    [ "$(curl -sk "https://$(address 4):8443/v1/ledgers/$ledger/transactions/$transaction" | fact receipts)" = 4 ]
}
within 20 all_say_it
within 20 signed_by 4 3 "$work/new"
for k in 1 2 3 4; do on "$k" state get "anchor/$(fact anchored.0.commitment <"$work/old.json")" >/dev/null; done
all_alike() { for k in 2 3 4; do [ "$(size_of "$k")" = "$(size_of 1)" ] || return 1; done; }
within 20 all_alike
stop 1 2 3 4
for k in 1 2 3 4; do on "$k" log check --json >"$work/$k.check"; done
for k in 2 3 4; do cmp "$work/1.check" "$work/$k.check" || fail "member $k has another log"; done
echo "a ledger of four organisations goes on as their consortium's, with its id, state and receipts"
