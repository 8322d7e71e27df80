#!/usr/bin/env bash
# A follower of a live node: catches up, serves, refuses writes, says how old it is; and what a source
# that errs, a killed process and a full disk do to it.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl openssl
transactions=$(dirname "$cairn")/tests/transactions
[ -x "$transactions" ] || skip "there is no $transactions; run ninja -C build"
home=$work/ledger

# node_of DIRECTORY COMMAND...: runs it until it has a URL, which is in $url.
node_of() {
    local directory=$1
    shift
    : >"$directory/node.url"
    "$@" >"$work/node.out" 2>>"$work/node.err" &
    node=$!
    started "$node"
    wait_for 20 test -s "$directory/node.url" || die "no node: $(tail -n 2 "$work/node.err")"
    url=$(cat "$directory/node.url")
}

# grow COUNT: so many transactions, sent to the source over one connection.
grow() {
    "$transactions" "$home/keys/sign-1.pem" "$ledger" "$1" >"$work/txs" || die "transactions"
    python3 - "$source" "$home/tls/node.pem" "$ledger" "$work/txs" <<'PYTHON' || die "the source takes no transactions"
import http.client, ssl, struct, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
connection = http.client.HTTPSConnection(url.hostname, url.port, context=ssl.create_default_context(cafile=sys.argv[2]))
data, at = open(sys.argv[4], 'rb').read(), 0
while at < len(data):
    size, = struct.unpack_from('>I', data, at)
    last = at + 4 + size == len(data)
    connection.request('POST', f'/v1/ledgers/{sys.argv[3]}/transactions?wait={"commit" if last else "none"}',
                       data[at + 4:at + 4 + size], {'Content-Type': 'application/cose'})
    reply = connection.getresponse()
    reply.read()
    assert reply.status in (200, 202), reply.status
    at += 4 + size
PYTHON
}

# member URL CA FIELD: what a node says of the ledger.
member() {
    curl -sS --cacert "$2" "$1/v1/ledgers/$ledger" | python3 -c '
import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    value = value[name]
print(value)' "$3"
}

# same_as URL CA: that node has what the source has.
same_as() {
    local field
    for field in log_size log_root state_root config_root; do
        [ "$(member "$1" "$2" "$field")" = "$(member "$source" "$home/tls/node.pem" "$field")" ] || return 1
    done
}

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

"$cairn" init "$home" --org Maker --json >"$work/out" || die "init"
ledger=$(fact ledger)
maker=$(fact organisation_id)
option "$home" node.port 0
option "$home" api.public entries
expect 0 "$cairn" -C "$home" trust export "$work/trust"
node_of "$home" "$cairn" node "$home"
source=$url
source_node=$node
ca=$home/tls/node.pem
grow 300

# --- once -----------------------------------------------------------------------------------------

expect 2 "$cairn" follow
expect 2 "$cairn" follow "$work/none"
expect 2 "$cairn" follow nowhere "$work/none"
expect 2 "$cairn" follow "$source" "$home" --trust "$work/trust"
[ -e "$work/none" ] && fail "a wrong use makes a directory"
expect 2 "$cairn" follow "$source" "$work/a" --node-ca "$ca" # which ledger?
rm -rf "$work/a"
expect 0 "$cairn" follow "$source/" "$work/a" --trust "$work/trust" --node-ca "$ca" --once --json
[ "$(fact state)" = current ] || fail "once: $(fact state)"
[ "$(fact state_root)" = "$(member "$source" "$ca" state_root)" ] || fail "once: another state"
expect 2 "$cairn" follow "https://other" "$work/a" --once
grow 20
expect 0 "$cairn" follow "$work/a" --once --json
[ "$(fact log_root)" = "$(member "$source" "$ca" log_root)" ] || fail "once more: another log"
expect 0 "$cairn" -C "$work/a" log check
expect 0 "$cairn" -C "$work/a" state get members
echo content >"$work/file"
expect 1 "$cairn" -C "$work/a" anchor "$work/file" # no key of ours is on the ledger
expect 0 "$cairn" follow "$source" "$work/b" --ledger "$ledger" --node-ca "$ca" --once
other=$(printf '%064d' 7)
expect 4 "$cairn" follow "$source" "$work/c" --ledger "$other" --node-ca "$ca" --once
expect 4 "$cairn" follow "https://127.0.0.1:1" "$work/d" --ledger "$ledger" --once

# --- served ---------------------------------------------------------------------------------------

option "$work/a" node.port 0
option "$work/a" api.metrics_public true
option "$work/a" follow.interval 50ms
grow 50
node_of "$work/a" "$cairn" follow "$source" "$work/a"
replica=$url
replica_ca=$work/a/tls/node.pem
wait_for 20 same_as "$replica" "$replica_ca" || fail "the follower does not come up"
grow 50
wait_for 20 same_as "$replica" "$replica_ca" || fail "the follower does not keep up"
[ "$(member "$replica" "$replica_ca" follows.state)" = current ] || fail "its age is not told"
curl -sS --cacert "$replica_ca" "$replica/metrics" >"$work/metrics"
expect_text "$work/metrics" '^cairn_follow_current 1$' "metrics"
expect_text "$work/metrics" '^cairn_follow_success_seconds 1[0-9]{9}$' "metrics"
[ "$(curl -sS --cacert "$replica_ca" -o "$work/body" -w '%{http_code}' "$replica/readyz")" = 200 ] || fail "readyz: $(cat "$work/body")"

# Its checkpoint is the source's, its tiles lead there, and its state is the one that is proved.
curl -sS --cacert "$replica_ca" "$replica/v1/ledgers/$ledger/checkpoint" >"$work/note"
curl -sS --cacert "$ca" "$source/v1/ledgers/$ledger/checkpoint" >"$work/note.source"
cmp -s "$work/note" "$work/note.source" || fail "another checkpoint"
curl -sS --cacert "$replica_ca" "$replica/v1/ledgers/$ledger/state/members" >"$work/state"
expect_text "$work/state" '"value":"' "state"
"$transactions" "$home/keys/sign-1.pem" "$ledger" 1 >"$work/txs"
tail -c +5 "$work/txs" >"$work/tx"
code=$(curl -sS --cacert "$replica_ca" -o "$work/body" -w '%{http_code}' -H 'Content-Type: application/cose' \
    --data-binary "@$work/tx" "$replica/v1/ledgers/$ledger/transactions?wait=commit")
[ "$code" = 421 ] || fail "a write to a follower: $code $(cat "$work/body")"
expect_text "$work/body" FOLLOWER "a write to a follower"
expect_text "$work/body" "$source" "where to write"

expect 4 "$cairn" -C "$work/a" state get members # through the follower, which has no key to sign a proof
expect_text "$work/err" 'UNAVAILABLE|no key|not available' "a proof of a follower without keys"

# A follower of the follower.
expect 4 "$cairn" follow "$replica" "$work/e" --ledger "$ledger" --node-ca "$replica_ca" --once # shows no entries
stop "$node"
option "$work/a" api.public entries
node_of "$work/a" "$cairn" node "$work/a"
replica=$url
expect 0 "$cairn" follow "$replica" "$work/f" --ledger "$ledger" --node-ca "$replica_ca" --once --json
[ "$(fact state_root)" = "$(member "$source" "$ca" state_root)" ] || fail "the follower of a follower has another state"

# --- killed, again and again, while it grows ------------------------------------------------------

stop "$node"
grow 2000
for i in 1 2 3 4 5 6 7 8; do
    "$cairn" follow "$work/b" --once >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$i"
    kill -9 "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    [ "$i" -eq 4 ] && grow 500
done
expect 0 "$cairn" follow "$work/b" --once --json
[ "$(fact state_root)" = "$(member "$source" "$ca" state_root)" ] || fail "killed: another state"
expect 0 "$cairn" -C "$work/b" log check

# --- the source is started again ------------------------------------------------------------------

node_of "$work/a" "$cairn" follow "$work/a"
replica=$url
replica_node=$node
stop "$source_node"
waiting() {
    [ "$(member "$replica" "$replica_ca" follows.state)" = waiting ]
}
wait_for 20 waiting || fail "a source that is away: $(member "$replica" "$replica_ca" follows.state)"
[ "$(curl -sS --cacert "$replica_ca" -o "$work/body" -w '%{http_code}' "$replica/readyz")" = 503 ] || fail "readyz without a source"
[ "$(curl -sS --cacert "$replica_ca" -o "$work/body" -w '%{http_code}' "$replica/v1/ledgers/$ledger/state/members")" = 200 ] || fail "reads without a source"
stop "$replica_node"
option "$home" node.port "${source##*:}"
node_of "$home" "$cairn" node "$home"
[ "$url" = "$source" ] || die "the source is elsewhere now"
grow 50
expect 0 "$cairn" follow "$work/a" --once --json
[ "$(fact log_root)" = "$(member "$source" "$ca" log_root)" ] || fail "after the source's restart: another log"

# --- a source that errs ---------------------------------------------------------------------------

echo true >"$work/mode"
python3 "$root/tests/integration/follow_source.py" "$source" "$ca" "$work/mode" "$work/port" &
started $!
wait_for 10 test -s "$work/port" || die "no lying source"
liar=http://127.0.0.1:$(cat "$work/port")
expect 0 "$cairn" follow "$liar" "$work/g" --ledger "$ledger" --once
option "$work/g" follow.timeout 2s
grow 400
for mode in garbage gone redirect huge huge-records silent silent-records records tiles note cut; do
    echo "$mode" >"$work/mode"
    grow 20
    if "$cairn" follow "$work/g" --once >"$work/out" 2>"$work/err"; then
        fail "$mode: is believed"
    fi
    [ -n "$(find "$work/g/follow" -name 'evidence-*')" ] && fail "$mode: evidence against who did nothing"
    expect 0 "$cairn" -C "$work/g" log check
done
echo stale >"$work/mode" # less than others have claimed, and did not serve
expect 0 "$cairn" follow "$work/g" --once
echo true >"$work/mode"
expect 0 "$cairn" follow "$work/g" --once --json
[ "$(fact state_root)" = "$(member "$source" "$ca" state_root)" ] || fail "after lies: another state"
echo stale >"$work/mode"
expect 0 "$cairn" follow "$work/g" --once
# With a true source beside it no lie matters.
option "$work/g" follow.sources "$liar $source"
option "$work/g" follow.ca "$ca"
for mode in garbage records tiles stale; do
    echo "$mode" >"$work/mode"
    grow 30
    expect 0 "$cairn" follow "$work/g" --once --json
    [ "$(fact log_root)" = "$(member "$source" "$ca" log_root)" ] || fail "$mode beside a true one: another log"
done

# --- entries for organisations alone --------------------------------------------------------------

stop "$node"
option "$home" api.public proofs
expect 0 "$cairn" -C "$home" key new --purpose tls
openssl req -x509 -new -key "$home/keys/tls-1.pem" -subj /CN=follower -days 2 -out "$work/client.pem" \
    -addext extendedKeyUsage=clientAuth -addext basicConstraints=critical,CA:FALSE 2>/dev/null
printf 'correct horse battery' >"$work/secret"
expect 0 "$cairn" -C "$home" grant add reader --secret-file "$work/secret" --scope ledger.read --organisation "$maker"
node_of "$home" "$cairn" node "$home"
expect 4 "$cairn" follow "$source" "$work/h" --ledger "$ledger" --node-ca "$ca" --once
expect_text "$work/err" 404 "entries for strangers"
expect 0 "$cairn" follow "$source" "$work/i" --ledger "$ledger" --node-ca "$ca" --once \
    --certificate "$work/client.pem" --certificate-key "$home/keys/tls-1.pem"
expect 2 "$cairn" follow "$source" "$work/j" --ledger "$ledger" --node-ca "$ca" --once --certificate "$work/client.pem"
printf 'none' >"$work/token"
expect 4 "$cairn" follow "$source" "$work/k" --ledger "$ledger" --node-ca "$ca" --once --token-file "$work/token"
curl -sS --cacert "$ca" -u 'reader:correct horse battery' -d grant_type=client_credentials "$source/oauth/token" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])' >"$work/token"
expect 0 "$cairn" follow "$work/k" --once --json
[ "$(fact log_root)" = "$(member "$source" "$ca" log_root)" ] || fail "by a token: another log"

# --- another history by the same key --------------------------------------------------------------

stop "$node"
option "$home" api.public entries
cp -r "$home" "$work/fork"
option "$work/fork" node.port 0
expect 0 "$cairn" -C "$home" anchor "$work/file"
echo other >"$work/file2"
expect 0 "$cairn" -C "$work/fork" anchor "$work/file2"
node_of "$home" "$cairn" node "$home"
expect 0 "$cairn" follow "$work/b" --once
stop "$node"
node_of "$work/fork" "$cairn" node "$work/fork"
option "$work/b" follow.sources "$url"
option "$work/b" follow.ca "$work/fork/tls/node.pem"
expect 1 "$cairn" follow "$work/b" --once
expect_text "$work/err" 'evidence-' "a fork"
evidence=$(find "$work/b/follow" -name 'evidence-*')
for file in reason held shown; do
    [ -s "$evidence/$file" ] || fail "a fork without its $file"
done
expect 1 "$cairn" follow "$work/b" --once
expect 0 "$cairn" -C "$work/b" log check

finish
