#!/usr/bin/env bash
# A live node against clients that misbehave: tests/integration/node_faults/*.py, each with a node of its own.
#
#   node_faults.sh [PART...]    PART: malformed slow tls tokens issuers loss edges stock; all of them if none is named
#
# FAULTS_SEED (1) chooses the malformed requests, FAULTS_COUNT (3000) says how many of them over TLS and
# how many without; tests/long/node_faults.sh sends 10^5.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 openssl curl
[ -x "$(dirname "$cairn")/tests/transactions" ] || skip "there is no $(dirname "$cairn")/tests/transactions; run ninja"
here=$root/tests/integration/node_faults
seed=${FAULTS_SEED:-1}
count=${FAULTS_COUNT:-3000}
export CAIRN=$cairn

# part PROGRAM [ARGUMENT...]: what it says goes to standard output, then how long it took.
part() {
    local program=$1 began=$SECONDS
    shift
    [ ${#chosen[@]} -eq 0 ] || [[ " ${chosen[*]} " == *" $program "* ]] || return 0
    mkdir -p "$work/$program"
    python3 -B "$here/$program.py" "$work/$program" "$@" 2>&1 || fail "$program ($*)"
    echo "$program $*: $((SECONDS - began)) s"
}

# Most of what the second half does is to wait for the node's own limits of time: it goes on beside the first.
loads() {
    part loss
    part malformed "$count" "$seed" plain
    part malformed "$count" "$seed" tls
    part edges
    [ "$failures" -eq 0 ]
}

waits() {
    for name in issuers tokens slow tls stock; do
        part "$name"
    done
    [ "$failures" -eq 0 ]
}

chosen=("$@")
loads >"$work/loads" &
beside=$!
waits
wait "$beside" || failures=$((failures + 1))
cat "$work/loads"
finish
