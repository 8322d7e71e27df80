#!/bin/bash
# For scripts that run members of a consortium as their operators do: `cairn consortium run`, a unit of node
# and engine for each, on addresses of their own. Sourced by bash, which has set $here, $build, $version and
# -eu -o pipefail. Members are numbers from 1 on; $work/MEMBER is a member's directory.

# shellcheck disable=SC2154 # those of the script
cairn=$build/cairn
# shellcheck disable=SC2154
engine=$("$here/tools/install-cometbft" "$version") || { status=$?; echo "$engine"; exit "$status"; }
work=$(mktemp -d /tmp/members.XXXXXX) # a short path: that of a socket has its bound
net=127.$((RANDOM % 200 + 20)).$((RANDOM % 250))
units=()
programs=() # of a member whose program is not $cairn
# shellcheck disable=SC2317 # called by trap
clean_up() {
    local status=$?
    [ "$status" = 0 ] || tail -n 5 "$work"/*.log >&2
    # shellcheck disable=SC2046 # units, and what else the script began
    kill $(jobs -p) 2>/dev/null || true
    wait 2>/dev/null || true
    [ "$status" = 0 ] || [ -z "${KEEP:-}" ] || exit "$status"
    rm -rf "$work"
}
trap clean_up EXIT

fail() {
    echo "FAIL $*" >&2
    exit 1
}

# Where a member listens, and how its programs are run: as the last thing of a process.
address() { # MEMBER
    echo "$net.$1"
}
inside() { # MEMBER COMMAND…
    shift
    exec "$@"
}

on() { # MEMBER WORDS…
    local k=$1
    shift
    (inside "$k" "${programs[k]:-$cairn}" -C "$work/$k" "$@")
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
    local at
    at=$(address "$1")
    "$cairn" consortium prepare "$work/$1" --org "Org $1" --listen "$at:26656" --rpc "http://$at:26657" \
        --address "$at" >/dev/null
    sed -i "s|^consortium:|consortium:\n  engine: \"$engine\"|" "$work/$1/cairn.yaml"
}

begin_chain() { # MEMBER…: prepared apart, put together, begun
    local k parts=()
    for k in "$@"; do parts+=("$work/$k/consortium/member.json"); done
    "$cairn" consortium new "${parts[@]}" --output "$work/chain.json" >/dev/null
    for k in "$@"; do "$cairn" consortium begin "$work/$k" "$work/chain.json" >/dev/null; done
}

run() { # MEMBER
    local cairn=${programs[$1]:-$cairn}
    inside "$1" "$cairn" consortium run "$work/$1" >>"$work/run-$1.log" 2>&1 &
    units[$1]=$!
}

stop() { # MEMBER…: all end well
    local k
    for k in "$@"; do kill "${units[k]}" 2>/dev/null || true; done # one may have been told before
    for k in "$@"; do
        wait "${units[k]}" || fail "unit $k ends with $?"
        unset "units[k]"
    done
}

takes_part() { # MEMBER
    [ "$(on "$1" consortium status --json | fact catching_up)" = False ]
}

pid_of() { # MEMBER PROGRAM: node or engine, of its unit
    grep "\"program\":\"$work/$1 $2\"" "$work/run-$1.log" | tail -n 1 | sed 's/.*"pid":\([0-9]*\).*/\1/'
}

written=0
write() { # MEMBER: a record, and so two blocks
    written=$((written + 1))
    echo "$written" >"$work/written-$written"
    on "$1" anchor "$work/written-$written" --quiet >/dev/null
}

# A change of validators counts two blocks later, and a quiet chain makes one in 30 s.
power_is() { # MEMBER POWER
    write "$1"
    [ "$(on "$1" consortium status --json | fact power)" = "$2" ]
}

vouching() { # FILE TRUST: how many members do
    "$cairn" verify "$1" --trust "$2" --json | fact vouching
}

signed_by() { # COUNT MEMBER FILE: a new file, anchored at that member, has so many members' receipts
    date +%s%N >"$3"
    rm -f "$3.receipt"
    on "$2" anchor "$3" >/dev/null
    [ "$(vouching "$3" "$work/trust")" = "$1" ]
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

org_id() { # MEMBER
    on 1 org list --json | python3 -c '
import json, sys
print([o["id"] for o in json.load(sys.stdin)["organisations"] if o["organisation"] == "Org " + sys.argv[1]][0])' "$1"
}

size_of() { # MEMBER: of its log
    on "$1" org show "$(org_id 1)" --json | fact log_size
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
