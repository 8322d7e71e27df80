#!/usr/bin/env bash
# Four members on the loopback address, each with a node that computes the ledger itself: receipts, proofs
# and checkpoints carry a signature of each; what a dead, a lagging and a lying member do to that.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl
export LC_ALL=C.UTF-8
cd "$work" || exit 1
names=(maker operator insurer police)
declare -A url pid

# options DIRECTORY SECTION.KEY=VALUE...: in its cairn.yaml.
options() {
    python3 - "$@" <<'PYTHON' || die "no option among $*"
import re, sys
path = sys.argv[1] + '/cairn.yaml'
lines = open(path).read().split('\n')
wanted = dict(word.split('=', 1) for word in sys.argv[2:])
section = None
for i, line in enumerate(lines):
    head = re.match(r'#? ?([a-z_]+):$', line)
    option = re.match(r'  (?:# )?([a-z_]+): ', line)
    if head:
        section = head[1]
        if any(key.startswith(section + '.') for key in sys.argv[2:]):
            lines[i] = section + ':'
    elif option and f'{section}.{option[1]}' in wanted:
        lines[i] = f'  {option[1]}: "{wanted.pop(f"{section}.{option[1]}")}"'
open(path, 'w').write('\n'.join(lines))
sys.exit(1 if wanted else 0)
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
    local name=$1 path=$2
    shift 2
    curl -sS -m 10 "$@" "${url[$name]}/v1/ledgers/$ledger/$path"
}

# whole_note NAME COUNT: its checkpoint has so many signatures.
whole_note() {
    [ "$(get "$1" "checkpoint?wait=members" | grep -c '^— ')" -eq "$2" ]
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

# The police as the maker meets it: while there is the file `boasting`, it says to have cosigned more than there is.
cat >boaster.py <<'PYTHON'
import http.server, os, sys, urllib.error, urllib.request

class Boaster(http.server.BaseHTTPRequestHandler):
    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get('Content-Length', 0)))
        if self.command == 'POST' and os.path.exists('boasting'):
            open('boasted', 'w').close()
            self.answer(409, 'text/x.tlog.size', b'1152921504606846976\n')
            return
        headers = {'Content-Type': self.headers['Content-Type']} if body else {}
        try:
            with urllib.request.urlopen(urllib.request.Request(sys.argv[1] + self.path, body or None, headers)) as reply:
                self.answer(reply.status, reply.headers['Content-Type'], reply.read())
        except urllib.error.HTTPError as reply:
            self.answer(reply.code, reply.headers['Content-Type'], reply.read())
        except OSError:
            self.close_connection = True

    do_POST = do_GET

    def log_message(self, *words):
        pass

server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Boaster)
with open('boaster.url', 'w') as file:
    file.write(f'http://127.0.0.1:{server.server_address[1]}')
server.serve_forever()
PYTHON
python3 boaster.py "${url[police]}" >boaster.log 2>&1 &
started "$!"
wait_for 10 test -s boaster.url || die "no boaster: $(cat boaster.log)"

# configure NAME: its node, and whom it asks.
configure() {
    local name peers=
    for name in "${names[@]}"; do
        if [ "$name $1" = "police maker" ]; then
            peers="$peers $(cat boaster.url)"
        elif [ "$name" != "$1" ]; then
            peers="$peers ${url[$name]}"
        fi
    done
    options "$1" node.plain=true "node.port=${url[$1]##*:}" api.public=entries api.metrics_public=true \
        "cosign.peers=${peers# }" cosign.interval=200ms cosign.wait=2s
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
    options "$name" "follow.sources=${url[maker]}" follow.interval=20ms "ledger.id=$ledger"
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
for k in 1 3 4; do
    expect 0 "$cairn" verify together --trust "trust$k"
done
on maker 0 state get members --proof --output members.proof
expect 0 "$cairn" verify --state members.proof --trust trust4
[ "$(figure maker cairn_cosign_peers_up)" = 3 ] || fail "peers up: $(figure maker cairn_cosign_peers_up)"
[ "$(figure maker cairn_cosign_taken_total)" -gt 0 ] || fail "nothing was taken"

# As COSE: the transaction with all of them in its header, which is what the receipt file holds.
get maker "transactions/$transaction" -H 'Accept: application/cose' >statement
python3 - together.receipt statement composed <<'PYTHON' || fail "no transparent statement"
import sys
def head(data, at):
    kind, low = data[at] >> 5, data[at] & 31
    size = {24: 1, 25: 2, 26: 4}.get(low, 0)
    return kind, int.from_bytes(data[at + 1:at + 1 + size], 'big') if size else low, at + 1 + size
whole, statement = (open(name, 'rb').read() for name in sys.argv[1:3])
at = 1
for _ in range(2): # magic, manifest
    kind, size, at = head(whole, at)
    at += size
kind, size, start = head(whole, at)
assert whole[0] == 0x83 and kind == 2 and start + size == len(whole)
assert statement[0] == 0xd2 and b'\xa1\x19\x01\x8a\x84' in statement # {394: [four]}
open(sys.argv[3], 'wb').write(whole[:at] + b'\x5a' + len(statement).to_bytes(4, 'big') + statement
                              if len(statement) > 65535 else whole[:at] + b'\x59' + len(statement).to_bytes(2, 'big') + statement)
PYTHON
expect 0 "$cairn" verify together --receipt composed --trust trust4
"$(dirname "$cairn")/tests/transactions" maker/keys/sign-1.pem "$ledger" 1 | tail -c +5 >tx || die "transactions"
curl -sS -m 10 -o statement -H 'Content-Type: application/cose' --data-binary @tx "${url[maker]}/v1/ledgers/$ledger/transactions?wait=durable"
python3 -c 'import sys; sys.exit(b"\xa1\x19\x01\x8a" not in open("statement", "rb").read())' || fail "a durable answer is no statement"

# What a member says of itself is not kept: it is asked again when it has done boasting.
touch boasting
echo boast >boast
on maker 0 anchor boast
wait_for 5 test -e boasted || fail "nobody asked the boaster"
wait_for 5 whole_note maker 3 || fail "beside a boaster: $(get maker checkpoint)"
rm boasting
echo modest >modest
on maker 0 anchor modest
wait_for 5 whole_note maker 4 || fail "who boasted is not asked again: $(get maker checkpoint)"

# What others may ask: a boundary, no other size, none to come.
code() {
    curl -sS -m 10 -o body -w '%{http_code}' "$@"
}
base=${url[operator]}/v1/ledgers/$ledger
size=$(get maker "checkpoint?wait=members" | sed -n 2p)
[ "$(code "$base/cosignatures/$size")" = 200 ] || fail "a cosignature: $(cat body)"
[ "$(wc -c <body)" -lt 200 ] || fail "a cosignature has $(wc -c <body) bytes"
[ "$(code "$base/cosignatures/$((size + 100))")" = 503 ] || fail "what is to come: $(cat body)"
[ "$(code "$base/cosignatures/$((size - 1))")" = 400 ] || fail "no boundary: $(cat body)"
[ "$(code "$base/cosignatures/0")" = 400 ] || fail "size 0: $(cat body)"

# add-checkpoint as C2SP says.
ask() {
    code --data-binary "@$1" -H 'Content-Type: text/plain' "$base/add-checkpoint"
}
get maker checkpoint | sed '5,$d' >own # text, empty line
get maker checkpoint | sed -n 5p >>own # the log key's line alone
{ printf 'old 0\n\n'; cat own; } >first
[ "$(ask first)" = 409 ] || fail "the first again: $(cat body)"
[ "$(cat body)" = "$size" ] || fail "the size that was cosigned: $(cat body)"
{ printf 'old %s\n\n' "$size"; cat own; } >again
[ "$(ask again)" = 200 ] || fail "the same again: $(cat body)"
grep -q "^— cairn/$ledger/" body || fail "a cosignature line: $(cat body)"
sed "s/^$size$/$((size + 100))/" again >forged
[ "$(ask forged)" = 403 ] || fail "a checkpoint that nobody signed: $(cat body)"
expect_text body '"code":"BAD_SIGNATURE"' "a checkpoint that nobody signed"
echo junk >junk
[ "$(ask junk)" = 400 ] || fail "junk: $(cat body)"
expect_text body '"code":"BAD_VALUE"' "junk"
sed "s/^cairn\/./cairn\/g/" again >elsewhere
[ "$(ask elsewhere)" = 404 ] || fail "another origin: $(cat body)"
expect_text body '"code":"NOT_FOUND"' "another origin"

# --- one is dead, two are dead --------------------------------------------------------------------

end police
echo three >three
on maker 0 anchor three
expect 0 "$cairn" verify three --trust trust3
expect 1 "$cairn" verify three --trust trust4
end insurer
echo two >two
on maker 0 anchor two
expect 1 "$cairn" verify two --trust trust3
transaction=$(fact anchored.0.transaction 2>/dev/null || true)
start police
options insurer api.public=nothing # from here on it shows the ledger to nobody, and signs all the same
start insurer
wait_for 30 whole_note maker 4 || fail "who came back is not asked"
echo hidden >hidden
on maker 0 anchor hidden
transaction=$(fact anchored.0.transaction)
wait_for 10 receipts "$transaction" 4 || fail "receipts beside one who hides: $(get maker "transactions/$transaction")"
base=${url[insurer]}/v1/ledgers/$ledger
get maker "checkpoint?wait=members" >note
size=$(sed -n 2p note)
root_hex=$(sed -n 3p note | python3 -c 'import base64, sys; print(base64.b64decode(sys.stdin.read()).hex())')
[ "$(code "$base/cosignatures/$size?root=$root_hex")" = 200 ] || fail "a hidden cosignature for who knows the root: $(cat body)"
for query in "" "?root=$(printf '%064d' 0)" "?root=x" "?more=1"; do
    [ "$(code "$base/cosignatures/$size$query")" = 404 ] || fail "a hidden cosignature for $query: $(cat body)"
done
[ "$(code "$base/cosignatures/$((size + 100))?root=$root_hex")" = 404 ] || fail "a hidden one to come: $(cat body)"
[ "$(code "$base/checkpoint")" = 404 ] || fail "a hidden checkpoint: $(cat body)"
base=${url[operator]}/v1/ledgers/$ledger

# --- one has another log --------------------------------------------------------------------------

# The maker's directory, put back and grown otherwise by its own key: its node shows it to the others.
end maker
cp -r maker fork
for i in 1 2 3; do
    echo "fork $i" >"fork$i"
    expect 0 "$cairn" -C fork anchor "fork$i"
    echo "true $i" >"true$i"
    expect 0 "$cairn" -C maker anchor "true$i"
done
start maker
wait_for 20 whole_note maker 4 || fail "the true one is not cosigned"
end maker
url[fork]=${url[maker]}
start fork
evidence() {
    [ -n "$(find "$1/cosign" -name 'evidence-*')" ]
}
wait_for 20 evidence operator || fail "the operator has no evidence of the fork"
wait_for 20 evidence fork || fail "the fork has no evidence of the others"
expect_text operator.log '"event":"cosign.fork"' "the operator's log"
[ "$(figure operator cairn_cosign_forks_total)" -gt 0 ] || fail "no fork is counted"
for file in reason shown; do
    [ -s "$(find operator/cosign -name 'evidence-*' | head -n 1)/$file" ] || fail "evidence without $file"
done
whole_note fork 1 || fail "a fork is cosigned: $(get fork checkpoint)"
{ printf 'old 0\n\n'; get fork checkpoint; } >other
[ "$(ask other)" = 409 ] || fail "another root: $(cat body)"
expect_text body '"code":"MISMATCH"' "another root"
finish
