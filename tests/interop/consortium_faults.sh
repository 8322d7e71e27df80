#!/usr/bin/env bash
# Four members as their operators run them, `cairn consortium run`, each in a network of its own, and what can
# go wrong: programs that are killed, a member that stands still, a network cut off one of four and into
# halves, a clock that is wrong, a key for votes in two places. A client of each member writes at all times.
# Whoever is a quorum goes on; who is not stands still; all come back to one log, which holds every record
# that was acknowledged where its client was told. tests/long/consortium_faults.sh has more of it, over the
# application alone. Needs root.
#
#   tests/interop/consortium_faults.sh [BUILD [VERSION]]
#
# CONSORTIUM_PARTS chooses among the faults; CONSORTIUM_AHEAD says by how many seconds a clock is wrong.
set -eu -o pipefail

build=$(cd "${1:-${CAIRN_BUILD:-build}}" && pwd)
version=${2:-0.38.25}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/support/networks.sh
. "$here/tests/support/networks.sh"
# shellcheck source=tests/support/members.sh
. "$here/tests/support/members.sh"
skewed=$("$here/tools/install-cometbft" "$version" cometbft-skewed)
use_networks 1 2 3 4 5

# --- clients: a line "COMMITMENT HEIGHT INDEX" for each record that a member said is on the ledger ---

client() { # MEMBER
    local n=0
    while [ -e "$work/writing" ]; do
        n=$((n + 1))
        echo "$1 $n" >"$work/client-$1"
        rm -f "$work/client-$1.receipt"
        on "$1" anchor "$work/client-$1" --json 2>/dev/null | python3 -c '
import json, sys
text = sys.stdin.read()
for row in json.loads(text)["anchored"] if text else []:
    print(row["commitment"], row["height"], row["index"])' >>"$work/$1.acknowledged" || true
        sleep 0.3
    done
}

acknowledged() { # MEMBER
    wc -l <"$work/$1.acknowledged"
}
is_written() { # MEMBER COUNT
    [ "$(acknowledged "$1")" -ge "$2" ]
}
go_on() { # MEMBER…: each has more records acknowledged than now
    local k before=()
    for k in "$@"; do before[k]=$(acknowledged "$k"); done
    for k in "$@"; do within 60 is_written "$k" $((before[k] + 2)); done
}

# --- members ---

engine_says() { # MEMBER KEY of its sync_info
    (inside "$1" curl -sf --max-time 2 "http://$(address "$1"):26657/status") | fact "result.sync_info.$2"
}
height() { # MEMBER: 0 while its engine is not there
    engine_says "$1" latest_block_height 2>/dev/null || echo 0
}
has_caught_up() { # MEMBER HEIGHT
    [ "$(height "$1")" -ge "$2" ] && [ "$(engine_says "$1" catching_up)" = False ]
}
catch_up() { # MEMBER: to where another is
    within 60 has_caught_up "$1" "$(height $(($1 % 4 + 1)))"
}

# Heights stay, whatever clients send; what was decided just before may still come.
stand_still() {
    local before
    sleep 2
    before=$(for k in 1 2 3 4; do height "$k"; done)
    sleep 3
    [ "$before" = "$(for k in 1 2 3 4; do height "$k"; done)" ] || fail "blocks without a quorum"
}

# --- faults ---

kills() {
    local k
    kill -KILL "$(pid_of 1 engine)"
    kill -KILL "$(pid_of 2 node)"
    go_on 3 4
    catch_up 1
    catch_up 2
    go_on 1 2
    for k in 1 2 3 4; do
        kill -KILL "${units[k]}"
        wait "${units[k]}" 2>/dev/null || true
        run "$k"
    done
    go_on 1 2 3 4
    echo "programs that are killed come back, all of them too"
}

pause() {
    local pids
    pids=$(pid_of 1 node; pid_of 1 engine)
    # shellcheck disable=SC2086 # two words
    kill -STOP $pids
    go_on 2 3 4
    # shellcheck disable=SC2086
    kill -CONT $pids
    catch_up 1
    go_on 1
    echo "a member that stands still for a while comes back"
}

partition() {
    move right 3
    go_on 1 2 4
    move left 3
    catch_up 3
    go_on 3
    move right 2 3
    stand_still
    move left 2 3
    go_on 1 2 3 4
    echo "one of four is cut off: the others go on; two halves: none decides, and together they go on"
}

# The median of the votes is a right clock's, whatever one of four says.
right_time() {
    python3 -c '
import sys, time, datetime
text = sys.argv[1].split(".")[0].rstrip("Z") + "+00:00"
late = time.time() - datetime.datetime.fromisoformat(text).timestamp()
sys.exit(0 if -2 < late < 10 else f"a block whose time is {late:.1f} s behind")' "$(engine_says 1 latest_block_time)"
}

# Of the engine, which signs times, and of the node, which leaves its proposals empty when they seem old.
clocks() {
    local ahead
    cc -std=gnu17 -shared -fPIC -o "$work/clock_ahead.so" "$here/tests/support/clock_ahead.c"
    sed -i "s|  engine: .*|  engine: \"$skewed\"|" "$work/4/cairn.yaml"
    for ahead in ${CONSORTIUM_AHEAD:-90}; do # seconds
        while [ $((SECONDS + ahead)) -le "$begun" ]; do sleep 1; done # an engine awaits its chain's genesis
        stop 4
        CMT_CLOCK_AHEAD_MS=$((ahead * 1000)) CLOCK_AHEAD_S=$ahead LD_PRELOAD=$work/clock_ahead.so run 4
        # Blocks that seem to come from over a minute ahead an engine does not take.
        [ "$ahead" -lt -50 ] || within 60 has_caught_up 4 "$(height 1)"
        go_on 1 2 3
        right_time
        go_on 1 2 3
        right_time
    done
    stop 4
    run 4
    catch_up 4
    go_on 4
    echo "a member whose clock is wrong harms nobody: blocks come, at the others' time"
}

signers() { # the organisations that validate
    on 1 consortium status --json | python3 -c '
import json, sys
print(*sorted(row.get("organisation", "?") for row in json.load(sys.stdin)["validator"]), sep=",")'
}
are_signers() { # NAMES
    [ "$(signers)" = "$1" ]
}

# A fifth one with all that is of member 2. Last, since one is suspended for it.
double_sign() {
    stop 2
    cp -a "$work/2" "$work/5"
    rm "$work/5/engine/config/node_key.json"
    sed -i "s|$(address 2)|$(address 5)|g" "$work/5/cairn.yaml"
    run 2
    run 5
    within 120 are_signers "Org 1,Org 3,Org 4"
    stop 5
    go_on 1 3 4
    echo "who signed twice is suspended by evidence, and the others go on"
}

# --- the end ---

# One log, and in it each record where it was said to be.
compare() {
    local k
    for k in 1 2 3 4; do
        "$cairn" -C "$work/$k" log export "$work/log-$k" --quiet >/dev/null
        diff -r "$work/log-1/tile" "$work/log-$k/tile" >/dev/null || fail "the logs differ"
    done
    "$cairn" -C "$work/1" log check >/dev/null
    python3 - "$work/log-1/tile/entries" "$work"/?.acknowledged <<'PYTHON'
import glob, os, re, sys
entries = {}
for path in glob.glob(sys.argv[1] + '/**', recursive=True):
    found = re.fullmatch(r'((?:x\d{3}/)*\d{3})(?:\.p/\d+)?', os.path.relpath(path, sys.argv[1]))
    if not found or not os.path.isfile(path):
        continue
    index, data = int(re.sub(r'[x/]', '', found[1])) * 256, open(path, 'rb').read()
    while data:
        size = int.from_bytes(data[:2], 'big')
        entries[index], data, index = data[2:2 + size], data[2 + size:], index + 1
count = 0
for path in sys.argv[2:]:
    for line in open(path):
        commitment, height, index = line.split()
        if bytes.fromhex(commitment) not in entries.get(int(index), b''):
            sys.exit(f'{path}: what was acknowledged at {index} is not there: {commitment}')
        count += 1
print(f'{count} records acknowledged, and all of them in the one log of {len(entries)} entries')
PYTHON
}

for k in 1 2 3 4; do
    prepare "$k"
    : >"$work/$k.acknowledged"
done
begin_chain 1 2 3 4
begun=$SECONDS
for k in 1 2 3 4; do run "$k"; done
for k in 1 2 3 4; do within 40 takes_part "$k"; done
touch "$work/writing"
clients=()
for k in 1 2 3 4; do
    client "$k" &
    clients+=($!)
done
go_on 1 2 3 4
for part in ${CONSORTIUM_PARTS:-kills pause partition clocks double_sign}; do
    "$part"
    echo "    $SECONDS s"
done
rm "$work/writing"
wait "${clients[@]}"
for k in 1 2 3 4; do catch_up "$k"; done
for k in 1 2 3 4; do stop "$k"; done
compare
