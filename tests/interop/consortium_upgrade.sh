#!/usr/bin/env bash
# Another application version, on the real engine: three of four members change their program one after the
# other, the members agree on the height, and the fourth, who forgot, stops there by name, forks nothing, and
# goes on with the next program. BUILD is the build directory, VERSION the engine's.
#
#   tests/interop/consortium_upgrade.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-${CAIRN_BUILD:-build}}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/members.sh
. "$here/tests/support/members.sh"
next=$build/tests/interop/cairn-next

decided() { # MEMBER: the last block of its ledger, as its node says
    on "$1" state get params --json | fact height
}
judged_by() { # MEMBER: the version of its next block
    curl -sk --max-time 5 "https://$(address "$1"):8443/v1/ledgers" | fact ledgers.0.app_version
}
height() { # MEMBER: of its application
    on "$1" consortium status --json | fact application_height
}
reaches() { # MEMBER HEIGHT
    [ "$(height "$1")" -ge "$2" ]
}
size() { # MEMBER
    on "$1" org show --json | fact log_size
}
alike() { # MEMBER…
    local k
    for k in "$@"; do [ "$(size "$k")" = "$(size 1)" ] || return 1; done
}

for k in 1 2 3 4; do prepare "$k"; done
begin_chain 1 2 3 4
for k in 1 2 3 4; do run "$k"; done
for k in 1 2 3 4; do within 40 takes_part "$k"; done
write 4
! on 1 consortium upgrade --height 100 2>"$work/refused" || fail "a program announces what it does not know"
grep -q 'knows no newer one' "$work/refused" || fail "another refusal: $(cat "$work/refused")"
echo "four members run, and none of them knows a newer version"

for k in 1 2 3; do
    stop "$k"
    programs[k]=$next
    run "$k"
    within 40 takes_part "$k"
    write 4
done
echo "three have the next program; the chain goes on"

from=$(($(height 1) + 16))
approve "$(on 1 consortium upgrade --height "$from" --json | fact approval)" 2 4 3
until reaches 1 $((from - 2)); do write 2; done
until reaches 1 $((from + 2)); do write 2; done
stopped() { grep -q 'application version 2 is in force, this build knows 1' "$work/run-4.log"; }
within 20 stopped
[ "$(decided 4)" -lt "$from" ] || fail "a member went on without the version"
[ "$(decided 1)" -ge "$from" ] || fail "the others do not go on"
[ "$(judged_by 1)" = 2 ] || fail "judged by version $(judged_by 1)"
write 1
echo "the members' version is another from height $from; who lacks it stopped below, and says why"

stop 4
programs[4]=$next
run 4
within 40 takes_part 4
within 20 reaches 4 "$from"
write 4
within 20 alike 2 3 4
for k in 1 2 3 4; do stop "$k"; done
alike 2 3 4 || fail "the logs differ"
on 4 log check >/dev/null
! "$cairn" -C "$work/4" log check >"$work/old" 2>&1 || fail "an older program takes a newer ledger"
grep -q 'application version 2' "$work/old" || fail "an older program says: $(cat "$work/old")"
echo "with the next program it goes on; all have one log"
