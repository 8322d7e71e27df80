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

# --- a fifth joins ---

# A change of validators counts two blocks later, and a quiet chain makes one in 30 s.
written=0
write() { # MEMBER
    written=$((written + 1))
    echo "$written" >"$work/written-$written"
    on "$1" anchor "$work/written-$written" --quiet >/dev/null
}

power_is() { # MEMBER POWER
    write "$1"
    [ "$(on "$1" consortium status --json | fact power)" = "$2" ]
}

approve() { # APPROVAL MEMBER…: as many as are needed
    local id=$1 k
    shift
    for k in "$@"; do
        within 20 on "$k" approval show "$id"
        [ "$(on "$k" approval show "$id" --json | fact status)" != executed ] || return 0
        on "$k" approval approve "$id" >/dev/null
    done
}

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
[ "$(on 5 consortium status --json | fact peers)" -ge 3 ] || fail "the fifth has too few peers"
echo "a fifth member validates"

# --- keys, power, leaving ---

org_id() { # MEMBER
    on 1 org list --json | python3 -c '
import json, sys
print([o["id"] for o in json.load(sys.stdin)["organisations"] if o["organisation"] == "Org " + sys.argv[1]][0])' "$1"
}

signs() { # MEMBER
    write 1
    on 1 consortium status --json | python3 -c '
import json, sys
for v in json.load(sys.stdin)["validator"]:
    if v.get("organisation") == "Org " + sys.argv[1]:
        sys.exit(0 if v["signed"] else 1)
sys.exit(1)' "$1"
}

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

# --- one unit ---

pid_of() { # MEMBER PROGRAM
    grep "\"program\":\"$work/$1 $2\"" "$work/run-$1.log" | tail -n 1 | sed 's/.*"pid":\([0-9]*\).*/\1/'
}

node=$(pid_of 3 node)
old_engine=$(pid_of 3 engine)
kill -KILL "$node"
started_anew() { [ "$(pid_of 3 engine)" != "$old_engine" ] && [ "$(pid_of 3 node)" != "$node" ] && takes_part 3; }
within 60 started_anew
within 30 signs 3
echo "a node that dies takes its engine along, and both come back"

size_of() { on "$1" org show "$(org_id 1)" --json | fact log_size; }
all_alike() { for k in 2 3 4; do [ "$(size_of "$k")" = "$(size_of 1)" ] || return 1; done; }
within 20 all_alike
for k in 1 2 3 4 5; do
    kill "${units[k]}"
    wait "${units[k]}" || fail "unit $k ends with $?"
done
units=()
all_alike || fail "the logs differ"
on 1 log check >/dev/null
echo "all end well, with one log"
