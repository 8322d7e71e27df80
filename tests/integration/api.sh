#!/usr/bin/env bash
# A live node against api/openapi.yaml, submissions by each wait mode, and what a tenant may see.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl
python3 -c 'import yaml' 2>/dev/null || skip "python3-yaml is not installed"
transactions=$(dirname "$cairn")/tests/transactions
[ -x "$transactions" ] || skip "there is no $transactions; run ninja -C build"
home=$work/ledger
ca=$home/tls/node.pem

# start [SETTING...]: a node on a free port with these lines in cairn.yaml; its URL is in $url.
start() {
    rm -f "$work/node.out"
    "$cairn" node "$home" --json >"$work/node.out" 2>"$work/node.err" &
    node=$!
    started "$node"
    wait_for 20 test -s "$home/node.url" || die "the node does not start: $(tail -n 2 "$work/node.err")"
    url=$(cat "$home/node.url")
}

# ends PID: within 20 seconds, by itself.
ends() {
    local tries=200
    while kill -0 "$1" 2>/dev/null && [ "$tries" -gt 0 ]; do
        sleep 0.1
        tries=$((tries - 1))
    done
    [ "$tries" -gt 0 ] || fail "the node does not end"
    wait "$1" 2>/dev/null
}

# get PATH [CURL OPTION...]: the status; the body lies in $work/body.
get() {
    local path=$1
    shift
    curl -sS --cacert "$ca" -o "$work/body" -w '%{http_code}' "$@" "$url$path"
}

# submit FILE WAIT: the status.
submit() {
    get "/v1/ledgers/$ledger/transactions?wait=$2" -H 'Content-Type: application/cose' --data-binary "@$1"
}

# make COUNT [VALID_MS]: signed transactions in $work/tx/0, 1, …
make_transactions() {
    rm -rf "$work/tx"
    mkdir "$work/tx"
    "$transactions" "$home/keys/sign-1.pem" "$ledger" "$@" >"$work/tx/all" || die "transactions"
    python3 - "$work/tx" <<'PYTHON'
import struct, sys
data = open(sys.argv[1] + '/all', 'rb').read()
at = number = 0
while at < len(data):
    size, = struct.unpack_from('>I', data, at)
    open(f'{sys.argv[1]}/{number}', 'wb').write(data[at + 4:at + 4 + size])
    at += 4 + size
    number += 1
PYTHON
}

is() {
    [ "$2" = "$3" ] || fail "$1: $2, not $3: $(head -c 200 "$work/body")"
}
body_has() {
    grep -q -- "$2" "$work/body" || fail "$1: no $2 in $(head -c 300 "$work/body")"
}

"$cairn" init "$home" --org Maker --json >"$work/out" || die "init"
ledger=$(fact ledger)
printf 'node:\n  port: "0"\napi:\n  public: "entries"\n  metrics_public: "true"\n' >>"$home/cairn.yaml"
start

# --- each wait mode, replays, expiry --------------------------------------------------------------

make_transactions 5
is "wait=none" "$(submit "$work/tx/0" none)" 202
body_has "wait=none" '"status":"pending"'
is "wait=commit" "$(submit "$work/tx/1" commit)" 200
body_has "wait=commit" '"status":"accepted"'
is "wait=durable" "$(submit "$work/tx/2" durable)" 200
is "a replay" "$(submit "$work/tx/2" commit)" 409
body_has "a replay" TX_REPLAYED
is "a replay that does not wait" "$(submit "$work/tx/2" none)" 409
body_has "a replay that does not wait" TX_REPLAYED
printf 'junk' >"$work/junk"
is "junk" "$(submit "$work/junk" commit)" 400
head -c 100 "$work/tx/3" >"$work/cut"
is "a cut one" "$(submit "$work/cut" commit)" 400
cp "$work/tx/3" "$work/bent"
flip "$work/bent" $(($(stat -c %s "$work/bent") - 3))
code=$(submit "$work/bent" commit)
[ "$code" = 400 ] || fail "a bent signature: $code"
body_has "a bent signature" 'BAD_SIGNATURE\|HIGH_S'
is "another content type" "$(get "/v1/ledgers/$ledger/transactions" -H 'Content-Type: text/plain' \
    --data-binary "@$work/tx/3")" 415
make_transactions 1 -1000
is "an expired one" "$(submit "$work/tx/0" commit)" 422
body_has "an expired one" TX_EXPIRED
make_transactions 1 100000000
is "one too far ahead" "$(submit "$work/tx/0" commit)" 422
body_has "one too far ahead" TX_TOO_FAR_AHEAD

# --- status and receipt ---------------------------------------------------------------------------

make_transactions 2
is "submit" "$(submit "$work/tx/0" commit)" 200
id=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["transaction"])' "$work/body")
is "status" "$(get "/v1/ledgers/$ledger/transactions/$id")" 200
body_has "status" '"status":"accepted"'
body_has "status" '"receipt":"'
is "receipt" "$(get "/v1/ledgers/$ledger/transactions/$id" -H 'Accept: application/cose')" 200
[ "$(head -c 1 "$work/body" | od -An -tx1 | tr -d ' ')" = d2 ] || fail "a receipt is no COSE_Sign1"

# What a block refused is proved to a stranger, and nothing of the proof can be changed.
make_transactions 1 60000 "$(printf '%064d' 1)"
is "a commitment" "$(submit "$work/tx/0" durable)" 200
make_transactions 1 70000 "$(printf '%064d' 1)" # of another time, so another transaction
is "the same commitment again" "$(submit "$work/tx/0" none)" 202
id=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["transaction"])' "$work/body")
for ((tries = 200; tries > 0; tries--)); do
    get "/v1/ledgers/$ledger/transactions/$id" >"$work/out" && grep -q '"rejected"' "$work/body" && break
    sleep 0.05
done
body_has "a refusal" '"status":"rejected"'
python3 -c 'import base64,json,sys
open(sys.argv[2], "wb").write(base64.b64decode(json.load(open(sys.argv[1]))["proof"]))' "$work/body" "$work/refusal"
expect 0 "$cairn" -C "$home" trust export "$work/refusal.trust"
refusal=("$cairn" verify --trust "$work/refusal.trust" --json --refusal)
expect 0 "${refusal[@]}" "$work/refusal"
[ "$(fact transaction)" = "$id" ] || fail "the refusal is of $(fact transaction), not $id"
[ "$(fact refused_as)" = EXISTS ] || fail "the refusal says $(fact refused_as)"
for ((at = 0; at < $(stat -c %s "$work/refusal"); at += 7)); do
    cp "$work/refusal" "$work/bent"
    flip "$work/bent" "$at"
    "${refusal[@]}" "$work/bent" >"$work/out" 2>&1
    code=$?
    [ "$code" = 1 ] || [ "$code" = 3 ] || fail "a refusal with byte $at changed: exit $code"
done
head -c 200 "$work/refusal" >"$work/bent"
expect 3 "${refusal[@]}" "$work/bent"
expect 2 "${refusal[@]}" "$work/refusal" "$work/refusal"
expect 2 "${refusal[@]}" "$work/refusal" --state "$work/refusal"
expect 3 "$cairn" verify --trust "$work/refusal.trust" --state "$work/refusal"
nobody=$(printf '%064d' 7)
is "unknown" "$(get "/v1/ledgers/$ledger/transactions/$nobody")" 200
body_has "unknown" '"status":"unknown"'
is "expired" "$(get "/v1/ledgers/$ledger/transactions/$nobody?valid_until=1000")" 200
body_has "expired" '"status":"expired"'

# What the node signs, a stranger verifies: anchored through the node, checked without it.
echo content >"$work/file"
expect 0 "$cairn" -C "$home" anchor "$work/file" --json
anchored=$(fact anchored.0.transaction)
expect 0 "$cairn" -C "$home" trust export "$work/trust"
expect 0 "$cairn" verify "$work/file" --trust "$work/trust"
is "state proof" "$(get "/v1/ledgers/$ledger/state/members?proof=true")" 200
cp "$work/body" "$work/members.proof"
expect 0 "$cairn" verify --state "$work/members.proof" --trust "$work/trust"
is "state with %2F" "$(get "/v1/ledgers/$ledger/state/org%2F$nobody")" 404
is "absence" "$(get "/v1/ledgers/$ledger/state/org/$nobody?proof=true")" 200
cp "$work/body" "$work/absent.proof"
expect 0 "$cairn" verify --state "$work/absent.proof" --trust "$work/trust"
# Who is no consortium's member has no commit proofs.
for what in state/members "transactions/$anchored"; do
    is "a commit of $what" "$(get "/v1/ledgers/$ledger/$what?commit_from=1")" 501
    body_has "a commit of $what" NOT_IMPLEMENTED
    is "a commit of $what from nowhere" "$(get "/v1/ledgers/$ledger/$what?commit_from=0")" 400
done
is "a commit of what is not decided" "$(get "/v1/ledgers/$ledger/transactions/$nobody?commit_from=1")" 200
expect 2 "$cairn" -C "$home" state get members --commit "$work/trust" # has no anchor

# --- the feed: pages and a stream say the same ----------------------------------------------------

is "events" "$(get "/v1/ledgers/$ledger/events?limit=256")" 200
cp "$work/body" "$work/page"
curl -sSN --cacert "$ca" --max-time 3 -H 'Accept: text/event-stream' \
    "$url/v1/ledgers/$ledger/events?after=0-0" >"$work/stream" 2>/dev/null
python3 - "$work/page" "$work/stream" <<'PYTHON' || fail "page and stream differ"
import json, sys
page = json.load(open(sys.argv[1]))['events']
stream = [json.loads(line[5:]) for line in open(sys.argv[2]) if line.startswith('data:')]
assert page and page == stream[:len(page)], (len(page), len(stream))
assert [e['cursor'] for e in page] == [line[3:].strip() for line in open(sys.argv[2])
                                       if line.startswith('id:')][:len(page)]
PYTHON

# --- the contract ---------------------------------------------------------------------------------

python3 -B "$root/tests/integration/api_contract.py" "$root/api/openapi.yaml" "$url" "$ca" "$ledger" ||
    fail "the contract"

# --- SIGTERM under load: what was acknowledged is there -------------------------------------------

make_transactions 400 600000
(
    for number in $(seq 0 399); do
        code=$(submit "$work/tx/$number" durable 2>/dev/null)
        [ "$code" = 200 ] && echo "$number"
    done >"$work/acknowledged"
) &
load=$!
sleep 1
kill -TERM "$node"
ends "$node"
wait "$load" 2>/dev/null
[ -s "$work/acknowledged" ] || fail "nothing was acknowledged before SIGTERM"
start
while read -r number; do
    code=$(submit "$work/tx/$number" commit)
    [ "$code" = 409 ] || fail "SIGTERM: transaction $number was acknowledged and is gone ($code)"
done <"$work/acknowledged"

# --- kill -9 under load ---------------------------------------------------------------------------

make_transactions 400 600000
(
    for number in $(seq 0 399); do
        code=$(submit "$work/tx/$number" durable 2>/dev/null)
        [ "$code" = 200 ] && echo "$number"
    done >"$work/acknowledged"
) &
load=$!
sleep 1
kill -KILL "$node"
wait "$node" 2>/dev/null
wait "$load" 2>/dev/null
[ -s "$work/acknowledged" ] || fail "nothing was acknowledged before SIGKILL"
rm -f "$home/node.url"
start
while read -r number; do
    code=$(submit "$work/tx/$number" commit)
    [ "$code" = 409 ] || fail "SIGKILL: transaction $number was acknowledged and is gone ($code)"
done <"$work/acknowledged"
kill -TERM "$node"
ends "$node"
expect 0 "$cairn" -C "$home" log check

# --- a full disk: 503, and what was acknowledged stays --------------------------------------------

make_transactions 800 600000
used=$(python3 -c 'import sys; print(len(open(sys.argv[1], "rb").read().rstrip(b"\0")))' \
    "$(find "$home/store/blocks" -name '*.log' | sort | tail -n 1)")
limit=$((used / 1024 + 60)) # KiB
rm -r "$home/audit" # the trail of the bad requests is longer than that
(
    ulimit -f "$limit"
    exec "$cairn" node "$home" >"$work/node.out" 2>"$work/node.err"
) &
node=$!
started "$node"
wait_for 20 test -s "$home/node.url" || die "the node does not start with little room"
url=$(cat "$home/node.url")
: >"$work/acknowledged"
refused=
for number in $(seq 0 799); do
    code=$(submit "$work/tx/$number" commit)
    if [ "$code" != 200 ]; then
        refused=$code
        break
    fi
    echo "$number" >>"$work/acknowledged"
done
if [ -n "$refused" ]; then
    is "a full disk" "$refused" 503
    is "a full disk, again" "$(submit "$work/tx/799" commit)" 503
    body_has "a full disk, again" NO_SPACE
    is "a full disk: readiness" "$(get /readyz)" 503
    is "a full disk: reads" "$(get "/v1/ledgers/$ledger/state/members")" 200
else
    echo "SKIP a full disk (there was room for all)"
fi
kill -TERM "$node"
ends "$node"
start
while read -r number; do
    code=$(submit "$work/tx/$number" commit)
    [ "$code" = 409 ] || fail "full disk: transaction $number was acknowledged and is gone ($code)"
done <"$work/acknowledged"
kill -TERM "$node"
ends "$node"

# --- a backup taken beside a running node has the same roots elsewhere ----------------------------

start
expect 0 "$cairn" -C "$home" backup "$work/backup"
get "/v1/ledgers/$ledger" >/dev/null
expect 0 "$cairn" restore "$work/backup" "$work/restored" --json
for root in log_root state_root; do
    grep -q "$(fact "$root")" "$work/body" || fail "restore: another $root"
done
expect 0 "$cairn" -C "$work/restored" log check
cp "$work/backup" "$work/bad"
flip "$work/bad" $(($(stat -c %s "$work/bad") / 2))
expect 1 "$cairn" restore "$work/bad" "$work/nothing"
kill -TERM "$node"
ends "$node"

# --- a ledger that is nobody's business: unknown and forbidden are the same bytes -----------------

sed -i 's/public: "entries"/public: "nothing"/; s/metrics_public: "true"/metrics_public: "false"/' "$home/cairn.yaml"
start
for path in "" /checkpoint /entries /events /organisations /keys /blocks /blocks/1 /state/members /tile/0/000.p/1 \
    "/transactions/$id"; do
    get "/v1/ledgers/$ledger$path" >"$work/code1"
    cp "$work/body" "$work/forbidden"
    get "/v1/ledgers/$nobody$path" >"$work/code2"
    cmp -s "$work/code1" "$work/code2" || fail "$path: $(cat "$work/code1") and $(cat "$work/code2")"
    cmp -s "$work/forbidden" "$work/body" || fail "$path: unknown and forbidden differ"
    [ "$(cat "$work/code1")" = 404 ] || fail "$path: $(cat "$work/code1")"
done
is "ledgers" "$(get /v1/ledgers)" 200
[ "$(cat "$work/body")" = '{"ledgers":[]}' ] || fail "a hidden ledger is listed"
is "metrics" "$(get /metrics)" 404
kill -TERM "$node"
ends "$node"
finish
