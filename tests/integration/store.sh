#!/usr/bin/env bash
# The store under bad luck: two processes, flipped bits, missing files, a full disk. It says so by name
# and exit code 4, or nothing was lost and every root is what it was.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
ledger=$work/ledger
flips=${FLIPS:-60}
cd "$work" || die "cd"

# roots DIR: what log check finds, on one line.
roots() {
    "$cairn" -C "$1" --json log check >"$work/out" 2>"$work/err" || return
    python3 -c 'import json, sys
facts = json.load(open(sys.argv[1]))
print(*[facts[name] for name in ("height", "log_size", "log_root", "state_root")])' "$work/out"
}

mkdir files
for i in $(seq 60); do
    echo "$i" >"files/$i"
done
expect 0 "$cairn" init "$ledger" --org Interop
expect 0 "$cairn" -C "$ledger" anchor files/*
expect 0 "$cairn" -C "$ledger" key new --purpose tls
whole=$(roots "$ledger") || die "log check: $(cat "$work/err")"
[ -n "$whole" ] || die "log check says nothing"

# --- flipped bits ---------------------------------------------------------------------------------

# rot FILE: one bit at a time in a copy; how often it was refused is printed.
rot() {
    local size offset code found refused=0 i
    size=$(stat -c %s "$ledger/$1")
    for i in $(seq "$flips"); do
        offset=$(((RANDOM << 15 | RANDOM) % size))
        rm -rf copy
        cp -r "$ledger" copy
        flip "copy/$1" "$offset" $((1 << RANDOM % 8))
        code=0
        found=$(roots copy) || code=$?
        case $code in
        0) [ "$found" = "$whole" ] || fail "byte $offset of $1 flipped, other roots: $found" ;;
        4)
            refused=$((refused + 1))
            grep -q 'corrupt' err || fail "byte $offset of $1 flipped: $(cat err)"
            ;;
        *) fail "byte $offset of $1 flipped: exit $code $(tail -n 1 err)" ;;
        esac
    done
    echo "$1: $flips flips, $refused refused"
    last_refused=$refused
}

RANDOM=${STORE_SEED:-1}
rot "store/blocks/$(basename "$ledger"/store/blocks/*.log)"
[ "$last_refused" -eq "$flips" ] || fail "a flipped bit of the block log was overlooked"
rot store/index/data.mdb
[ "$last_refused" -gt 0 ] || fail "no flipped bit of the index was noticed"

# --- missing files --------------------------------------------------------------------------------

# The index can be derived: by whoever opens the ledger next.
rm -rf copy
cp -r "$ledger" copy
rm -r copy/store/index
echo again >again
expect 0 "$cairn" -C copy anchor again
expect 0 "$cairn" -C "$ledger" anchor again --output again.too
[ "$(roots copy | cut -d ' ' -f 1,2)" = "$(roots "$ledger" | cut -d ' ' -f 1,2)" ] ||
    fail "the rebuilt index is at $(roots copy)"
rm -rf copy
cp -r "$ledger" copy
rm -r copy/store/index
expect 0 "$cairn" -C copy org show
[ "$(roots copy)" = "$(roots "$ledger")" ] || fail "the rebuilt index has other roots: $(roots copy)"
whole=$(roots "$ledger")

# gone PATH CODE: without it the ledger is not opened.
gone() {
    rm -rf copy
    cp -r "$ledger" copy
    rm -r "copy/$1"
    expect "$2" "$cairn" -C copy org show
}
gone store/blocks 4
gone "store/blocks/$(basename "$ledger"/store/blocks/*.log)" 4
gone cairn.yaml 2

rm -rf copy
cp -r "$ledger" copy
echo "no: such option" >>copy/cairn.yaml
expect 2 "$cairn" -C copy org show
cp "$ledger/cairn.yaml" copy
echo garbage >copy/keys/sign-1.pem
expect 3 "$cairn" -C copy anchor files/1 --output x.receipt
[ -e x.receipt ] && fail "a receipt without a key"

# --- a full disk ----------------------------------------------------------------------------------

# Files may not grow beyond what the block log has now: the write fails, nothing else happens.
rm -rf copy
cp -r "$ledger" copy
kib=$(($(stat -c %s copy/store/blocks/*.log) / 1024 + 1))
for i in 1 2 3 4 5 6; do
    (
        trap '' XFSZ
        ulimit -f "$kib"
        "$cairn" -C copy anchor "files/$i" --output "full.$i"
    ) >out 2>err
    code=$?
    [ "$code" -eq 0 ] && continue
    [ "$code" -eq 4 ] || fail "a full disk ends in $code: $(cat err)"
    break
done
[ "$code" -eq 4 ] || fail "the disk was not full"
expect_text err 'NO_SPACE|disk is full' "a full disk"
expect 0 "$cairn" -C copy log check
expect 0 "$cairn" -C copy anchor files/9 --output after.receipt
expect 0 "$cairn" -C copy trust export copy.trust
expect 0 "$cairn" verify files/9 --receipt after.receipt --trust copy.trust

# --- two processes --------------------------------------------------------------------------------

truncate -s 16G slow
"$cairn" -C "$ledger" anchor slow >/dev/null 2>&1 &
holder=$!
started "$holder"
wait_for 10 grep -q ":$(stat -c %i "$ledger/store/blocks") " /proc/locks || fail "nobody holds the lock"
expect 4 "$cairn" -C "$ledger" anchor files/1 --output locked.receipt
expect_text err 'another process holds this directory' "two processes"
expect 4 "$cairn" -C "$ledger" org show
stop "$holder"
expect 0 "$cairn" -C "$ledger" log check
finish
