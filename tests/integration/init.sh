#!/bin/bash
# `cairn init` ended at each of its steps: before cairn.yaml is there init makes the ledger anew, from
# then on all of it is there.
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

command -v cc >/dev/null || skip "needs a C compiler"
work=$(mktemp -d "${TMPDIR:-/tmp}/cairn-init-XXXXXX")
trap 'rm -rf "$work"' EXIT
cc -std=gnu17 -shared -fPIC -o "$work/kill_at.so" "$root/tests/support/kill_at.c" || die "kill_at.c"
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0

# init_killed N [AFTER]: an init that is ended at step N; its exit code.
init_killed() {
    KILL_AT=$1 ${2:+env KILL_AFTER=1} env LD_PRELOAD="$work/kill_at.so" \
        "$cairn" init "$work/home" --org Test >"$work/out" 2>&1
}

# usable: the directory holds a whole ledger and nothing else.
usable() {
    "$cairn" -C "$work/home" log check >"$work/out" 2>&1 || fail "$1: $(cat "$work/out")"
    "$cairn" -C "$work/home" anchor "$0" --output "$work/receipt" >"$work/out" 2>&1 ||
        fail "$1: $(cat "$work/out")"
    rm -f "$work/receipt"
}

steps=0
for after in "" after; do
    for ((n = 1; n < 500; n++)); do
        rm -rf "${work:?}/home"
        { init_killed "$n" $after; } 2>/dev/null # bash says that it was killed
        code=$?
        [ "$code" = 0 ] && break
        [ "$code" = 137 ] || die "step $n: init ended by $code: $(cat "$work/out")"
        steps=$((steps + 1))
        if [ -e "$work/home/cairn.yaml" ]; then
            "$cairn" init "$work/home" --org Test >/dev/null 2>&1 &&
                fail "step $n $after: init of a whole directory"
        else
            "$cairn" -C "$work/home" log check >/dev/null 2>&1 && fail "step $n $after: half a ledger"
            "$cairn" init "$work/home" --org Test >"$work/out" 2>&1 ||
                fail "step $n $after: not made anew: $(cat "$work/out")"
            [ ! -e "$work/home/.cairn-init" ] || fail "step $n $after: leaves its folder"
        fi
        usable "step $n $after"
    done
done
[ "$steps" -ge 40 ] || fail "only $steps steps"

# What is not an init's is not touched.
mkdir -p "$work/other/keys" && echo secret >"$work/other/keys/mine.pem"
"$cairn" init "$work/other" --org Test >/dev/null 2>&1 && fail "init of a directory in use"
[ "$(cat "$work/other/keys/mine.pem")" = secret ] || fail "a key was removed"
finish
