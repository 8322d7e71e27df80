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

# part NAME PROGRAM [ARGUMENT...]: what it says goes to standard output, after its time.
part() {
    local name=$1 program=$2 began=$SECONDS
    shift 2
    [ ${#chosen[@]} -eq 0 ] || [[ " ${chosen[*]} " == *" $name "* ]] || return 0
    mkdir -p "$work/$program"
    python3 -B "$here/$program.py" "$work/$program" "$@" 2>&1 || fail "$name ($*)"
    echo "$name $*: $((SECONDS - began)) s"
}

chosen=("$@")
part malformed malformed "$count" "$seed" plain
part malformed malformed "$count" "$seed" tls
for name in slow tls tokens issuers loss edges stock; do
    part "$name" "$name"
done
finish
