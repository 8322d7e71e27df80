#!/usr/bin/env bash
# The checker of Tessera, Google's implementation of tlog-tiles, reads an exported log: it folds every
# entry again and compares with each tile and with the signed checkpoint. It must also say no.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

go_program tessera github.com/transparency-dev/tessera/cmd/fsck

# A log with full tiles at level 0, hashes at level 1 and partial tiles: 1 + 2 * 290 entries and more.
mkdir "$work/files"
for i in $(seq 290); do
    echo "frame $i" >"$work/files/$i"
done
"$cairn" init "$work/ledger" --org "Interop" >"$work/out" || die "init"
"$cairn" -C "$work/ledger" anchor "$work"/files/* >"$work/out" || die "anchor"

# check DIR: what the stranger says of the log in it: yes, no or nothing. Its exit code is always 0. With
# few workers a wrong tile ends the last of them and it waits forever: there are more than tiles.
check() {
    timeout 60 "$program" -ui=false -N 64 -public_key "$work/export/log.vkey" \
        -storage_url "file://$1/" >"$work/said" 2>&1
    if grep -q "Successfully fsck'd log with size" "$work/said"; then
        verdict=yes
    elif grep -q "fsck failed" "$work/said"; then
        verdict=no
    else
        verdict=nothing
    fi
}

# sound DIR, rotten PATH OFFSET: what it must say of our log, and of a copy with one bit changed.
sound() {
    check "$1"
    [ "$verdict" = yes ] && return
    fail "fsck says $verdict to $1"
    tail -n 5 "$work/said"
}

rotten() {
    rm -rf "$work/copy"
    cp -r "$work/export" "$work/copy"
    [ -f "$work/copy/$1" ] || die "the export has no $1"
    flip "$work/copy/$1" "$2"
    check "$work/copy"
    [ "$verdict" = no ] || fail "fsck says $verdict to a flipped bit in $1"
}

expect 0 "$cairn" -C "$work/ledger" log export "$work/export"
expect 0 "$cairn" -C "$work/ledger" --json org show
size=$(fact log_size)
[ "$size" -gt 512 ] || die "the log has $size entries"
width=$((size % 256))

sound "$work/export"
rotten tile/0/000 0
rotten tile/0/001 8191
rotten "tile/0/002.p/$width" 5
rotten tile/1/000.p/2 63
rotten tile/entries/000 100
rotten "tile/entries/002.p/$width" 2000
rotten checkpoint 80

# The same folder, exported again after the log has grown; what was there before stays true.
echo more >"$work/files/more"
expect 0 "$cairn" -C "$work/ledger" anchor "$work/files/more"
expect 0 "$cairn" -C "$work/ledger" log export "$work/export"
sound "$work/export"
finish
