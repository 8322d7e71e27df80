#!/usr/bin/env bash
# What a node does by itself: status lists are published before they expire, across an end without a word, and the verbs
# that look at it and change it.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl
cd "$work" || die "cd"

# on CODE VERB...
on() {
    local code=$1
    shift
    expect "$code" "$cairn" -C ledger --json "$@"
}

start() {
    rm -f ledger/node.url
    "$cairn" node ledger --json >node.out 2>>node.err &
    node=$!
    started "$node"
    wait_for 20 test -s ledger/node.url || die "the node does not start: $(tail -n 2 node.err)"
    url=$(cat ledger/node.url)
}

# issued LIST FORM: when the form that is served was signed, in seconds.
issued() {
    curl -sS --cacert ledger/tls/node.pem -H "Accept: application/$2" -o body "$url/status/$org/$1" || return 1
    python3 - <<'PYTHON'
import base64, json
body = open('body', 'rb').read().split(b'.')
claims = json.loads(base64.urlsafe_b64decode(body[1] + b'=' * (-len(body[1]) % 4)))
print(claims.get('iat', 0))
PYTHON
}

# newer THAN LIST FORM
newer() {
    [ "$(issued "$2" "$3")" -gt "$1" ]
}

expect 0 "$cairn" init ledger --org Maker --json
org=$(fact organisation_id)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
printf 'node:\n  port: "%s"\n' "$port" >>ledger/cairn.yaml
on 0 key new --purpose issue
on 0 status new badges --format token --life 9s --ttl 3s
start
on 0 status take badges
on 0 status publish badges || die "publish"
on 0 status new quiet --format bitstring --life 300d
on 0 status publish quiet
wait_for 20 sh -c "'$cairn' -C ledger --json job timers | grep -q status.renew" || fail "no timer is set"
on 0 job timers
python3 - <<'PYTHON' || fail "job timers: $(cat out)"
import json
timers = json.load(open('out'))['timers']
assert len(timers) == 4 and all(t['owner'] == 'status.renew' and len(t['id']) == 64 for t in timers), timers
assert timers == sorted(timers, key=lambda t: t['due']), timers
PYTHON

# Renewed by itself.
echo "no list" >ledger/status/aaa.list # keeps no other from being renewed
first=$(issued badges statuslist+jwt)
wait_for 30 newer "$first" badges statuslist+jwt || fail "the list is not renewed: $(tail -n 3 node.err)"
grep -q '"event":"status.renewed".*"list":"badges"' node.err || fail "the log does not say so"
second=$(issued badges statuslist+jwt)

# Killed, it goes on; ended over its time, it is made good.
kill -KILL "$node"
wait "$node" 2>/dev/null
sleep 10
start
wait_for 30 newer "$second" badges statuslist+jwt || fail "the list is not renewed after a kill: $(tail -n 3 node.err)"
grep -q '"list":"quiet"' node.err && fail "a list that holds long was renewed"

# Without a key that may sign it fails, and is tried again.
on 0 key revoke issue-1
wait_for 30 grep -q '"event":"jobs.timer_failed".*"owner":"status.renew".*NOT_FOUND' node.err || fail "no failure is told"
on 0 key new --purpose issue
third=$(issued badges statuslist+jwt)
kill -HUP "$node" # it reads its keys again
wait_for 60 newer "$third" badges statuslist+jwt || fail "the list is not renewed by the next key: $(tail -n 3 node.err)"

# A list that is gone is forgotten.
rm ledger/status/badges.list ledger/status/aaa.list
gone() {
    [ "$("$cairn" -C ledger --json job timers | grep -c status.renew)" -eq 2 ]
}
wait_for 60 gone || fail "timers of a list that is gone: $("$cairn" -C ledger job timers)"

# --- verbs ------------------------------------------------------------------------------------------

on 0 job messages
[ "$(tr -d ' \n' <out)" = '{"messages":[]}' ] || fail "job messages: $(cat out)"
on 1 job retry 7
on 1 job drop 7
on 2 job retry x
on 2 job drop -1
on 2 job retry
on 2 job drop
on 2 job timers x
on 2 job messages x
kill -TERM "$node"
wait "$node" 2>/dev/null
on 0 job timers # also without a node
on 0 job messages
finish
