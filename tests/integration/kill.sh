#!/bin/bash
# Ends the real command by SIGKILL under load, KILLS times (default 40), at moments drawn from
# KILL_SEED, some of them while it still recovers. Afterwards every receipt that was written
# verifies offline, what it anchors is on the ledger, the log has not become shorter, and an audit
# of the whole ledger finds nothing. What this cannot lose is what the page cache holds; loss of
# power is for tests/sim.
set -u -o pipefail

cairn=${CAIRN:-build/cairn}
kills=${KILLS:-40}
RANDOM=${KILL_SEED:-1}
work=$(mktemp -d "${TMPDIR:-/tmp}/cairn-kill-XXXXXX")
trap 'rm -rf "$work"' EXIT
home=$work/ledger
trust=$work/trust
killed=0
receipts=0
last_size=0

fail() {
    echo "kill.sh: $* (KILL_SEED=${KILL_SEED:-1})"
    exit 1
}

# number NAME: a number from the JSON on standard input.
number() {
    sed -n "s/^ *\"$1\": \([0-9]*\),*$/\1/p" | head -n 1
}

# word NAME: a string from the JSON on standard input.
word() {
    sed -n "s/^ *\"$1\": \"\([^\"]*\)\",*$/\1/p" | head -n 1
}

# Anchors the files of a round, one after the other, until it is killed.
anchor_until_killed() {
    local delay pid
    delay=$(printf '0.%03d' $((RANDOM % 4 == 0 ? RANDOM % 20 : RANDOM % 300)))
    "$cairn" -C "$home" --quiet anchor "$@" >"$work/out" 2>&1 &
    pid=$!
    sleep "$delay"
    if kill -KILL "$pid" 2>/dev/null; then
        killed=$((killed + 1))
    fi
    wait "$pid" 2>/dev/null
    local code=$?
    [ "$code" = 137 ] || [ "$code" = 0 ] || fail "anchor ended with $code: $(cat "$work/out")"
}

# A receipt is an acknowledgement: it verifies, and its commitment is in the state.
check_receipt() {
    local facts commitment
    facts=$("$cairn" verify --json "$1" --receipt "$1.receipt" --trust "$trust") ||
        fail "the receipt of $1 does not verify: $facts"
    receipts=$((receipts + 1))
    [ "$2" = newest ] || return 0
    commitment=$(word commitment <<<"$facts")
    "$cairn" -C "$home" state get "anchor/$commitment" >/dev/null ||
        fail "$1 has a receipt, but the ledger lost it"
}

check_round() {
    local file newest=
    for file in "$@"; do
        if [ -e "$file.receipt" ]; then
            check_receipt "$file" any
            newest=$file
        fi
    done
    if [ -n "$newest" ]; then
        check_receipt "$newest" newest
    fi
}

check_ledger() {
    local facts size
    facts=$("$cairn" -C "$home" log check --json) || fail "log check: $facts"
    size=$(number log_size <<<"$facts")
    [ "$size" -ge "$last_size" ] || fail "the log had $last_size entries and has $size"
    last_size=$size
}

if [ ! -x "$cairn" ]; then
    echo "SKIP $cairn is not built"
    exit 77
fi
"$cairn" init "$home" --org Maker >/dev/null || fail "init"
"$cairn" -C "$home" trust export "$trust" >/dev/null || fail "trust export"

for ((round = 0; round < kills; round++)); do
    files=()
    for ((i = 0; i < 120; i++)); do
        files+=("$work/file-$round-$i")
        echo "round $round, file $i" >"$work/file-$round-$i"
    done
    anchor_until_killed "${files[@]}"
    check_round "${files[@]}"
    if ((round % 8 == 7)); then
        check_ledger
    fi
done
check_ledger

[ "$killed" -ge $((kills / 2)) ] || fail "only $killed of $kills were killed in time"
[ "$receipts" -gt "$kills" ] || fail "only $receipts receipts: it was killed too early to tell"
echo "$killed kills, $receipts receipts verified, $last_size log entries"
