#!/usr/bin/env bash
# Four members on the real engine, each in a network of its own, and what can go wrong: an engine that ends
# at each of its fail points, a member that stands still, a network cut off one of four and into halves, a
# full disk, an application whose clock is wrong. Whoever is a quorum goes on; who is not stands still;
# all come back to one log, which holds every transaction that was acknowledged. Needs root.
#
#   tests/long/consortium_faults.sh [BUILD [VERSION]]
set -eu -o pipefail

build=$(cd "${1:-${CAIRN_BUILD:-build}}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
skip() {
    echo "SKIP $*"
    exit 77
}
command -v ip >/dev/null || skip "ip is not installed"
# In networks and mounts that nobody else sees, and that end with this script.
if [ "${CONSORTIUM_ALONE:-}" = "" ]; then
    unshare --net --mount true 2>/dev/null || skip "networks of one's own need root"
    CONSORTIUM_ALONE=1 exec unshare --net --mount "$0" "$@"
fi
# shellcheck source=tests/support/consortium.sh
. "$here/tests/support/consortium.sh"
first=0
acknowledged=0

# --- networks ---

address() {
    echo "10.77.0.$(($1 + 1))"
}
inside() {
    local k=$1
    shift
    exec ip netns exec "m$k" "$@"
}

make_networks() {
    local k
    mkdir -p /run/netns
    mount -t tmpfs tmpfs /run/netns
    ip link add left type bridge
    ip link add right type bridge
    ip link set left up
    ip link set right up
    for k in 0 1 2 3 4; do
        ip netns add "m$k"
        ip link add "v$k" type veth peer name eth0 netns "m$k"
        ip link set "v$k" master left up
        ip -n "m$k" address add "$(address "$k")/24" dev eth0
        ip -n "m$k" link set eth0 up
        ip -n "m$k" link set lo up
    done
}

# As inside, and the script goes on.
inside_now() { # MEMBER COMMAND...
    (inside "$@")
}

move() { # BRIDGE MEMBER...
    local bridge=$1 k
    shift
    for k in "$@"; do ip link set "v$k" master "$bridge"; done
}

# --- transactions ---

# offer MEMBER COUNT: all are accepted.
offer() {
    send "$1" "$2" "$first"
    first=$((first + $2))
    acknowledged=$((acknowledged + $2))
}

# Nobody accepts anything: heights stand still.
stands_still() { # MEMBER...
    local k before=()
    for k in "$@"; do before[k]=$(height "$k"); done
    sleep 4
    for k in "$@"; do
        [ "$(height "$k")" = "${before[k]}" ] || {
            echo "member $k decides without a quorum" >&2
            exit 1
        }
    done
}

catch_up() { # MEMBER...: to where the furthest of all is
    local k most=0 at
    for k in 0 1 2 3; do
        at=$(height "$k")
        [ "$at" -le "$most" ] || most=$at
    done
    for k in "$@"; do reach "$k" "$most"; done
}

restart() { # MEMBER
    kill_one "${engines[$1]}"
    kill_one "${applications[$1]}"
    start_application "$1"
    start_engine "$1"
}

# --- faults ---

# The engine ends itself at its n-th fail point: between two of the durable steps of a block.
fail_points() {
    local n i
    for n in 0 1 2 3 4 5 6 7 8 9; do
        kill_one "${engines[3]}"
        FAIL_TEST_INDEX=$n start_engine 3
        for ((i = 0; i < 20; i++)); do
            offer 0 5
            kill -0 "${engines[3]}" 2>/dev/null || break
            sleep 0.2
        done
        wait "${engines[3]}" 2>/dev/null || true
        start_engine 3
        catch_up 3
        offer 3 5
    done
    echo "an engine that ends at any of its fail points comes back"
}

pause() {
    kill -STOP "${engines[1]}" "${applications[1]}"
    offer 0 50
    offer 2 50
    kill -CONT "${engines[1]}" "${applications[1]}"
    catch_up 1
    offer 1 20
    kill -STOP "${applications[2]}"
    offer 0 50
    kill -CONT "${applications[2]}"
    catch_up 2
    echo "a member that stands still for a while comes back"
}

partition() {
    move right 3
    offer 0 50
    offer 1 20
    move left 3
    catch_up 3
    offer 3 20
    echo "one of four is cut off: the others go on, it comes back"
    move right 2 3
    stands_still 0 2
    move left 2 3
    for k in 0 1 2 3; do offer "$k" 20; done
    echo "two halves: none decides, and together they go on"
}

swap_store() { # COMMAND...: puts another disk below member 3
    kill_one "${engines[3]}"
    kill_one "${applications[3]}"
    rm -rf "$work/copy"
    cp -a "$work/store3" "$work/copy"
    "$@"
    cp -a "$work/copy/." "$work/store3"
    start_application 3
    start_engine 3
    catch_up 3
}

full_disk() {
    swap_store mount -t tmpfs -o size=64m tmpfs "$work/store3"
    dd if=/dev/zero of="$work/store3/filler" bs=64k 2>/dev/null || true
    for i in 1 2 3 4 5 6; do offer 0 100; done
    rm "$work/store3/filler"
    restart 3
    catch_up 3
    offer 3 20
    swap_store umount "$work/store3"
    echo "a member with a full disk harms nobody, and comes back when there is room"
}

# Of an application; an engine asks the system itself.
wrong_clock() {
    cc -std=gnu17 -shared -fPIC -o "$work/clock_ahead.so" "$here/tests/support/clock_ahead.c"
    kill_one "${engines[2]}"
    kill_one "${applications[2]}"
    CLOCK_AHEAD_S=45 LD_PRELOAD=$work/clock_ahead.so start_application 2
    start_engine 2
    catch_up 2
    offer 0 50
    offer 1 50
    restart 2
    catch_up 2
    offer 2 20
    echo "a member whose clock is ahead proposes nothing, and the others go on"
}

# A second pair of processes signs with the last member's key, and so does that member.
double_sign() {
    local i h found=0
    h=$(height 0)
    kill_one "${engines[3]}"
    kill_one "${applications[3]}"
    cp -a "$work/node3" "$work/node4"
    cp -a "$work/store3" "$work/store4"
    rm -f "$work/node4/config/node_key.json" "$work/node4/config/addrbook.json"
    start_application 3
    start_engine 3
    start_application 4
    start_engine 4
    for ((i = 0; i < 60 && found == 0; i++)); do
        offer $((i % 3)) 10
        for (( ; h <= $(height 0); h++)); do
            inside_now 0 curl -sf "http://$(address 0):26657/block?height=$h" | grep -q DuplicateVoteEvidence || continue
            found=$h
            break
        done
    done
    [ "$found" != 0 ] || {
        echo "no evidence of two votes with one key" >&2
        exit 1
    }
    kill_one "${engines[4]}"
    kill_one "${applications[4]}"
    eval "exec 24>&-"
    ask 1 "convict $found" "evidence OK"
    acknowledged=$((acknowledged + 1))
    sleep 2
    inside_now 0 curl -sf "http://$(address 0):26657/validators" | grep -q '"total": *"3"' || {
        echo "who signed twice is still a validator" >&2
        exit 1
    }
    offer 0 20
    echo "one key used twice: the block shows it, its organisation is suspended, the others go on"
}

make_networks
make_homes
for k in 0 1 2 3; do
    start_application "$k"
    start_engine "$k"
done
for k in 0 1 2 3; do reach "$k" 1; done
offer 0 20
for part in ${CONSORTIUM_PARTS:-fail_points pause partition full_disk wrong_clock double_sign}; do "$part"; done
catch_up 0 1 2 3
sleep 1
compare_members
read -r height size root <"$work/0.stand"
[ "$size" -ge $((acknowledged + 2)) ] || {
    echo "$acknowledged transactions were acknowledged, the log has $size entries" >&2
    exit 1
}
echo "$acknowledged transactions acknowledged, none lost: height $height, $size entries, root $root"
