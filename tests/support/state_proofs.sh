#!/bin/bash
# A ledger with some hundred state records, and proofs about many keys by the real engine, present ones
# as NAME.present and absent ones as NAME.absent in $work/proofs. Sourced after script.sh.
# shellcheck disable=SC2154 # cairn and work come from there

# prove KIND KEY
prove() {
    local name=${2//\//-}
    "$cairn" -C "$work/ledger" state get "$2" --output "$work/proofs/$name.$1" --json \
        >"$work/out" 2>"$work/err" || die "state get $2: $(cat "$work/err")"
    [ "$(fact present)" = "$([ "$1" = present ] && echo True || echo False)" ] ||
        fail "state get $2: present is $(fact present)"
}

random_hex() {
    od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'
}

# make_state_proofs ANCHORS: that many anchors, proofs of 30 of them, of all else, and of 35 absences.
make_state_proofs() {
    local i commitment
    mkdir "$work/files" "$work/proofs"
    for i in $(seq "$1"); do
        echo "frame $i" >"$work/files/$i"
    done
    "$cairn" init "$work/ledger" --org Interop --json >"$work/out" || die "init"
    org=$(fact organisation_id)
    "$cairn" -C "$work/ledger" key new --purpose tls >"$work/out" || die "key new"
    "$cairn" -C "$work/ledger" --json anchor "$work"/files/* >"$work/anchored" || die "anchor"
    commitments=$(sed -n 's/.*"commitment": "\(.*\)".*/\1/p' "$work/anchored" | head -n 30)
    keys=$("$cairn" -C "$work/ledger" --json key show | sed -n 's/.*"key": "\(.*\)".*/\1/p')
    for i in params members "org/$org"; do
        prove present "$i"
    done
    for i in $keys; do
        prove present "key/$i"
    done
    for commitment in $commitments; do
        prove present "anchor/$commitment"
    done
    for i in $(seq 30); do
        prove absent "anchor/$(random_hex)"
    done
    for i in org key approval; do
        prove absent "$i/$(random_hex)"
    done
    prove absent "key/$org" # an id that is there under another prefix
    prove absent policy/none
}
