#!/usr/bin/env bash
# Four members on the loopback address, each with a node that computes the ledger itself: receipts, proofs
# and checkpoints carry a signature of each; what a dead, a lagging and a lying member do to that.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl
cd "$work" || exit 1
names=(maker operator insurer police)
declare -A url pid

# option DIRECTORY SECTION.KEY VALUE: in its cairn.yaml.
option() {
    python3 - "$1/cairn.yaml" "$2" "$3" <<'PYTHON' || die "no option $2"
import re, sys
lines = open(sys.argv[1]).read().split('\n')
section, key = sys.argv[2].split('.')
inside = done = False
for i, line in enumerate(lines):
    head = re.match(r'#? ?([a-z_]+):$', line)
    if head:
        inside = head[1] == section
        if inside:
            lines[i] = section + ':'
    elif inside and not done and re.match(rf'  (# )?{key}: ', line):
        lines[i] = f'  {key}: "{sys.argv[3]}"'
        done = True
open(sys.argv[1], 'w').write('\n'.join(lines))
sys.exit(0 if done else 1)
PYTHON
}

# start NAME
start() {
    : >"$1/node.url"
    "$cairn" node "$1" >>"$1.out" 2>>"$1.log" &
    pid[$1]=$!
    started "$!"
    wait_for 20 test -s "$1/node.url" || die "no node of $1: $(tail -n 2 "$1.log")"
}

end() {
    stop "${pid[$1]}"
}

# on NAME CODE COMMAND...
on() {
    local directory=$1 code=$2
    shift 2
    expect "$code" "$cairn" -C "$directory" --json "$@"
}

# get NAME PATH: what that node answers.
get() {
    curl -sS -m 10 "${url[$1]}/v1/ledgers/$ledger/$2"
}

# whole_note NAME COUNT: its checkpoint has so many signatures.
whole_note() {
    [ "$(get "$1" checkpoint | grep -c '^— ')" -eq "$2" ]
}

# receipts TRANSACTION COUNT [NAME]: so many members signed, as that node has it.
receipts() {
    get "${3:-maker}" "transactions/$1" | python3 -c '
import json, sys
value = json.load(sys.stdin)
sys.exit(len(value.get("receipts", [value["receipt"]])) != int(sys.argv[1]))' "$2"
}

# figure NAME FIGURE
figure() {
    curl -sS "${url[$1]}/metrics" | sed -n "s/^$2 //p"
}

# --- four members ---------------------------------------------------------------------------------

read -r -a ports <<<"$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
print(*[s.getsockname()[1] for s in sockets])')"
for i in 0 1 2 3; do
    url[${names[i]}]=http://127.0.0.1:${ports[i]}
done

# configure NAME: its node, and whom it asks.
configure() {
    local name peers=
    for name in "${names[@]}"; do
        [ "$name" = "$1" ] || peers="$peers ${url[$name]}"
    done
    option "$1" node.plain true
    option "$1" node.port "${url[$1]##*:}"
    option "$1" api.public entries
    option "$1" api.metrics_public true
    option "$1" cosign.peers "${peers# }"
    option "$1" cosign.interval 200ms
    option "$1" cosign.wait 2s
}

expect 0 "$cairn" init maker --org Maker --json
ledger=$(fact ledger)
configure maker
start maker
for name in operator insurer police; do
    expect 0 "$cairn" init "$name" --org "$name" --node "${url[maker]}" --json
    on "$name" 0 org request "$name.request" --org "$name"
    on maker 0 org admit "$name.request" --member
    approval=$(fact approval 2>/dev/null)
    for voter in operator insurer; do
        [ "$(fact status)" = open ] || break
        on "$voter" 0 approval approve "$approval"
    done
    [ "$(fact status)" = executed ] || fail "$name is not admitted: $(fact status)"
    on "$name" 0 key new --purpose cosign
    on "$name" 0 key new --purpose cosign --type ed25519
done
for name in operator insurer police; do
    configure "$name"
    option "$name" follow.sources "${url[maker]}"
    option "$name" follow.interval 20ms
    option "$name" ledger.id "$ledger"
done
on maker 0 trust export trust1
on maker 0 trust export trust3 --threshold 3
on maker 0 trust export trust4 --threshold 4
echo alone >alone
on maker 0 anchor alone # the others' nodes are not there yet
expect 0 "$cairn" verify alone --trust trust1
expect 1 "$cairn" verify alone --trust trust3
for name in operator insurer police; do
    expect 0 "$cairn" follow "$name" --once # its keys are known here from the start
    start "$name"
done

# --- all of them ----------------------------------------------------------------------------------

wait_for 5 whole_note maker 4 || fail "maker's checkpoint: $(get maker checkpoint)"
wait_for 5 whole_note police 4 || fail "police's checkpoint: $(get police checkpoint)"
echo together >together
on maker 0 anchor together
transaction=$(fact anchored.0.transaction)
wait_for 5 receipts "$transaction" 4 || fail "receipts: $(get maker "transactions/$transaction")"
wait_for 5 receipts "$transaction" 4 insurer || fail "receipts at the insurer"
finish
