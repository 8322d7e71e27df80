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

# Keys in a token: an init that is run again takes back those of the one that was ended, and no others.
module=
for candidate in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
    [ -f "$candidate" ] && module=$candidate
done

# token_init [DIR]: with the keys in the token.
token_init() {
    "$cairn" init "${1:-$work/home}" --org Test --pkcs11 "$module" --token cairn --pin-file "$work/pin" \
        >"$work/out" 2>&1
}

# new_token: one that holds nothing.
new_token() {
    rm -rf "${work:?}/tokens" "${work:?}/home"
    cp -r "$work/empty" "$work/tokens"
}

objects() {
    find "$work/tokens" -name '*.object' ! -name token.object | wc -l
}

if [ -n "$module" ] && command -v softhsm2-util >/dev/null; then
    echo 1234 >"$work/pin"
    mkdir "$work/tokens"
    printf 'directories.tokendir = %s\nlog.level = ERROR\n' "$work/tokens" >"$work/softhsm.conf"
    export SOFTHSM2_CONF=$work/softhsm.conf
    softhsm2-util --init-token --free --label cairn --pin 1234 --so-pin 5678 >"$work/out" 2>&1 ||
        die "softhsm2-util: $(cat "$work/out")"
    cp -r "$work/tokens" "$work/empty"
    steps=0 torn=0
    for ((n = 1; n < 500; n++)); do
        new_token
        { KILL_AT=$n LD_PRELOAD="$work/kill_at.so" token_init; } 2>/dev/null
        code=$?
        [ "$code" = 0 ] && break
        [ "$code" = 137 ] || die "token, step $n: init ended by $code: $(cat "$work/out")"
        steps=$((steps + 1))
        [ -e "$work/home/cairn.yaml" ] && continue
        [ "$(objects)" = 0 ] || torn=$((torn + 1))
        token_init || fail "token, step $n: not made anew: $(cat "$work/out")"
        [ "$(objects)" = 6 ] || fail "token, step $n: holds $(objects) objects"
        usable "token, step $n"
    done
    if [ "$steps" -lt 30 ] || [ "$torn" -lt 20 ]; then
        fail "token: $steps steps, $torn with keys"
    fi
    # its keys belong to the ledger now, whoever asks
    token_init "$work/second" && fail "token: an init with another one's keys"
    grep -q 'there is a key named sign-1' "$work/out" || fail "token: $(cat "$work/out")"
    token_init "$work/second" && fail "token: a second try with another one's keys"
    usable "token, after others"
    # a token that is away is waited for
    new_token
    KILL_AT=$((steps - 10)) LD_PRELOAD="$work/kill_at.so" token_init 2>/dev/null
    mv "$work/tokens" "$work/away"
    mkdir "$work/tokens"
    token_init && fail "token: forgets one that is away"
    grep -q 'of an init that was ended' "$work/out" || fail "token, away: $(cat "$work/out")"
    rmdir "$work/tokens"
    mv "$work/away" "$work/tokens"
    token_init || fail "token, back again: $(cat "$work/out")"
    [ "$(objects)" = 6 ] || fail "token, back again: holds $(objects) objects"
else
    echo "SKIP keys in a token (SoftHSM is not installed)"
fi

# What is not an init's is not touched.
mkdir -p "$work/other/keys" && echo secret >"$work/other/keys/mine.pem"
"$cairn" init "$work/other" --org Test >/dev/null 2>&1 && fail "init of a directory in use"
[ "$(cat "$work/other/keys/mine.pem")" = secret ] || fail "a key was removed"
finish
