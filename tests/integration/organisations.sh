#!/usr/bin/env bash
# Organisations of one ledger, by their verbs: they join, vote, are suspended and removed, rotate keys; who may call the
# API; the jobs behind it. Each verb through a node and without one, with its exit code and its JSON.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl cc
cc -std=gnu17 -shared -fPIC -o "$work/clock_ahead.so" "$root/tests/support/clock_ahead.c" || die "clock_ahead.c does not compile"
cd "$work" || die "cd"
mkdir said
said=0

# on DIRECTORY CODE VERB...: with --json. What succeeds prints one object, what fails one line on standard error.
on() {
    local directory=$1 code=$2
    shift 2
    expect "$code" "$cairn" -C "$directory" --json "$@" || return
    if [ "$code" -eq 0 ]; then
        said=$((said + 1))
        cp out "said/$said" # whether all of them are JSON is looked at in one go, at the end
        [ -s err ] && fail "$*: $(cat err)"
    else
        [ -s out ] && fail "$*: prints on standard output: $(head -c 200 out)"
        [ "$(wc -l <err)" -eq 1 ] || fail "$*: its failure is not one line: $(cat err)"
    fi
    return 0
}

# value NAME: a member of the last JSON object that is no object itself.
value() {
    sed -n "s/^  \"$1\": \"\{0,1\}\([^\"]*\)\"\{0,1\},\{0,1\}\$/\1/p" out | sed 's/,$//'
}

# is NAME VALUE: of the last JSON.
is() {
    local value
    value=$(value "$1")
    [ "$value" = "$2" ] || fail "$1 is $value, not $2: $(tr -d '\n' <out | head -c 300)"
}

# because TEXT: the last failure says so.
because() {
    grep -q -- "$1" err || fail "not because of '$1': $(cat err)"
}

# start [SECONDS]: the maker's node, its clock so many seconds ahead.
start() {
    rm -f maker/node.url
    CLOCK_AHEAD_S=${1:-0} LD_PRELOAD=$work/clock_ahead.so "$cairn" node maker --json >node.out 2>node.err &
    node=$!
    started "$node"
    wait_for 20 test -s maker/node.url || die "the node does not start: $(tail -n 2 node.err)"
    url=$(cat maker/node.url)
}

end() {
    kill -TERM "$node"
    wait "$node" 2>/dev/null
}

# --- joining --------------------------------------------------------------------------------------

expect 0 "$cairn" init maker --org Maker --json
ledger=$(value ledger)
maker=$(value organisation_id)
printf 'node:\n  port: "0"\napi:\n  public: "entries"\n' >>maker/cairn.yaml
start

# join DIRECTORY NAME: keys of its own, and a request in DIRECTORY.request; its id is in $joined.
join() {
    expect 0 "$cairn" init "$1" --org "$2" --node "$url" --node-ca maker/tls/node.pem --json
    is organisation "$2"
    joined=$(value organisation_id)
    [ -e "$1/store" ] && fail "init --node makes a store"
    (cd / && expect 0 "$cairn" -C "$work/$1" org request "$work/$1.elsewhere" --org "$2") || fail "$1 works from one directory alone"
    on "$1" 0 org request "$1.request" --org "$2"
    is ledger "$ledger"
}

expect 2 "$cairn" init nowhere
expect 0 "$cairn" init far --org Far --node https://127.0.0.1:1 --node-ca "$work/maker/tls/node.pem"
on far 4 org list # there is no node
expect 0 "$cairn" init lost --org Lost --node "$url" --node-ca "$work/maker/tls/node.pem" --ledger "$(printf '%064d' 3)"
on lost 1 org request lost.request --org Lost # the node is there, that ledger is not
[ -e lost.request ] && fail "a request for another ledger than the one that was named"
join operator Operator
operator=$joined
on operator 1 org show
because 'registered'
on operator 1 anchor operator.request
on operator 2 org request again.request
on operator 2 org request again.request --org 'a/b'

# The founder decides alone. What is no request of this ledger is refused.
on maker 2 org admit
on maker 4 org admit nothing.request
on maker 2 org admit operator.request --role king
on maker 2 grant add shop --secret-file secret --scope metrics.read --scope bogus
grep -q 'no scope bogus' err || fail "an unknown scope is not named: $(cat err)"
echo '{"format":"cairn/admission-request/2"}' >wrong
on maker 3 org admit wrong
echo '[]' >wrong
on maker 3 org admit wrong
sed 's/"name": "Operator"/"name": "Operetta"/' operator.request >wrong
on maker 0 org admit wrong --role operator # the name is the member's to give: the key says nothing of it
is status executed
is organisation Operetta
on maker 0 org show "$operator"
is organisation Operetta
on maker 1 org admit operator.request # the same key
sed "s/$ledger/$(printf '%064d' 1)/" operator.request >wrong
on maker 1 org admit wrong
because 'another'
python3 - <<'PYTHON'
import base64, json
request = json.load(open('operator.request'))
proof = bytearray(base64.b64decode(request['proof']))
proof[5] ^= 1
request['proof'] = base64.b64encode(bytes(proof)).decode()
json.dump(request, open('bent.request', 'w'))
PYTHON
on maker 1 org admit bent.request
on operator 0 org show
is id "$operator"
is member false
on operator 1 org suspend "$maker" # it has no vote
because 'TX_FORBIDDEN\|not allowed\|may not'

# --- two and three that vote ----------------------------------------------------------------------

join insurer Insurer
insurer=$joined
join police Police
police=$joined
on maker 0 org admit insurer.request --member --role insurer
is status executed
is needed 1

# proposal STATUS APPROVALS NEEDED OF: what the last output says of it; its id is in $id.
proposal() {
    id=$(value approval)
    is status "$1"
    is approvals "$2"
    is needed "$3"
    is of "$4"
}

# Both of two are needed.
on maker 0 org admit police.request --member --role investigator --role regulator
proposal open 1 2 2
admission=$id
on insurer 0 approval list
grep -q "\"approval\": \"$admission\"" out || fail "approval list lacks what is open"
on insurer 0 approval show "$admission"
proposal open 1 2 2
is act identity.org.admit
is proposer "$maker"
on operator 1 approval approve "$admission" # no elector
on operator 1 approval withdraw "$admission"
on insurer 0 approval approve "$admission"
proposal executed 2 2 2
on insurer 1 approval approve "$admission" # it was decided
on maker 1 approval withdraw "$admission"
on maker 0 approval list
is approvals '[]' # nothing is open
on police 0 org show "$police"
is member true

# Two of three; the third is not asked any more. A vote counts once.
on police 0 org suspend "$operator"
proposal open 1 2 3
on police 1 approval approve "$id"
on maker 0 approval approve "$id"
proposal executed 2 2 3
on insurer 1 approval approve "$id"
on operator 1 anchor operator.request --output refused.receipt
on operator 0 org show
is status suspended
on maker 0 org resume "$operator"
on insurer 0 approval approve "$(value approval)"
is status executed
on operator 0 anchor operator.request

# All roles at once are taken by that word alone.
on maker 2 org roles "$operator"
on maker 2 org roles "$operator" --role operator --none
on maker 0 org roles "$operator" --none
on maker 0 approval withdraw "$(value approval)"

# Who proposed takes it back for all; who only voted, his vote.
on maker 0 org roles "$operator" --role operator --role cloud
proposal open 1 2 3
on maker 0 approval withdraw "$id"
is status withdrawn
on insurer 1 approval approve "$id"
join judge Judge
on maker 0 org admit judge.request --member
on police 0 approval approve "$(value approval)"
is status executed
on maker 0 org roles "$operator" --role operator --role cloud
proposal open 1 3 4
on police 0 approval approve "$id"
proposal open 2 3 4
on police 0 approval withdraw "$id"
proposal open 1 3 4
on insurer 0 approval approve "$id"
proposal open 2 3 4

# A suspended organisation has no voice, and what it said before counts no more.
roles=$id
on maker 0 org suspend "$insurer"
on police 0 approval approve "$(value approval)"
on judge 0 approval approve "$(value approval)"
is status executed
on insurer 1 approval approve "$roles"
on insurer 1 org suspend "$maker"
on police 0 approval approve "$roles"
is status open
on judge 0 approval approve "$roles"
is status executed
on operator 0 org list
python3 - "$operator" "$insurer" <<'PYTHON' || fail "org list: $(tr -d '\n' <out)"
import json, sys
rows = {row['id']: row for row in json.load(open('out'))['organisations']}
assert set(rows[sys.argv[1]]['roles'].split()) == {'operator', 'cloud'}
assert rows[sys.argv[2]]['status'] == 'suspended' and rows[sys.argv[2]]['member'] is True
PYTHON

# Removed is removed.
on maker 0 org remove "$insurer"
proposal open 1 2 3
on judge 0 approval approve "$id"
is status executed
on insurer 1 anchor operator.request --output refused.receipt
on maker 0 org resume "$insurer" # the act fails with the last vote
on judge 0 approval approve "$(value approval)"
is status failed
[ -n "$(value code)" ] || fail "a failed act has no code"
on maker 0 org roles "$operator" --role operator # for later: it will have expired
proposal open 1 2 3
late=$id

# Words that are none.
for verb in "org suspend" "org resume" "org remove" "org roles --none" "approval show" "approval approve" "approval withdraw"; do
    # shellcheck disable=SC2086 # two words
    on maker 2 $verb
    # shellcheck disable=SC2086
    on maker 2 $verb xyz
    # shellcheck disable=SC2086
    on maker 1 $verb "$(printf '%064d' 5)"
done
on maker 2 org show xyz
on maker 1 org show "$(printf '%064d' 5)"
on maker 2 org roles "$operator" --role king

# --- keys -----------------------------------------------------------------------------------------

on operator 0 org rotate sign-1
is name sign-2
is in_place_of sign-1
on operator 0 anchor operator.request --output rotated.receipt
on operator 1 org rotate sign-1 # has ended
on operator 1 org rotate nothing
on operator 2 org rotate
on operator 2 org rotate sign-2 --until 0
on operator 0 org rotate sign-2 --until 100000 # both are good until then
is name sign-3
on operator 0 key show
python3 - <<'PYTHON' || fail "key show: $(tr -d '\n' <out)"
import json
keys = {key['name']: key for key in json.load(open('out'))['key']}
assert 'until_height' in keys['sign-1'] and keys['sign-2']['until_height'] == 100000
assert 'until_height' not in keys['sign-3']
PYTHON

# --- grants ---------------------------------------------------------------------------------------

echo 'correct horse battery' >secret
echo 'short' >short
hash=$(printf '%064d' 9)
on maker 2 grant add shop
on maker 2 grant add shop --secret-file short
on maker 4 grant add shop --secret-file nothing
on maker 2 grant add shop --secret-file secret --certificate "$hash"
on maker 2 grant add shop --certificate xyz
on maker 2 grant add shop --secret-file secret --days 0
on maker 2 grant add shop --secret-file secret --role king
on maker 0 grant add shop --secret-file secret --scope metrics.read --days 30
is by secret
is scopes metrics.read
on maker 1 grant add shop --secret-file secret # is there
on maker 0 grant add auditor --user --secret-file secret --scope metrics.read --organisation "$maker" --role insurer
on maker 0 grant add device --certificate "$hash"
on maker 0 grant list
python3 - <<'PYTHON' || fail "grant list: $(tr -d '\n' <out)"
import json
rows = {(row['kind'], row['name']): row for row in json.load(open('out'))['grants']}
assert set(rows) == {('client', 'shop'), ('client', 'device'), ('user', 'auditor')}
assert 'expires' in rows['client', 'shop'] and 'expires' not in rows['client', 'device']
PYTHON
grep -q 'correct horse' out && fail "grant list tells a secret"

# call PATH [CURL OPTION...]: the status.
call() {
    local path=$1
    shift
    curl -sS --cacert maker/tls/node.pem -o body -w '%{http_code}' "$@" "$url$path"
}

# answers WANTED GOT WHAT
answers() {
    [ "$1" = "$2" ] || fail "$3: $2, not $1: $(head -c 200 body)"
}

token() {
    call /oauth/token -u 'shop:correct horse battery' -d grant_type=client_credentials "$@"
}

answers 404 "$(call /metrics)" "metrics without a token"
answers 200 "$(token)" "a token"
bearer=$(python3 -c 'import json; print(json.load(open("body"))["access_token"])')
answers 200 "$(call /metrics -H "Authorization: Bearer $bearer")" "metrics with a token"
answers 200 "$(call /metrics -u 'auditor:correct horse battery')" "metrics with a password"
answers 401 "$(call /metrics -u 'auditor:wrong horse')" "metrics with another password"
answers 200 "$(call /oauth/revoke -u 'shop:correct horse battery' -d "token=$bearer")" "revoke"
answers 401 "$(call /metrics -H "Authorization: Bearer $bearer")" "metrics with a revoked token"
answers 400 "$(token -d scope=ledger.submit)" "a scope that was not granted"
on maker 0 grant revoke shop
is revoked shop
on maker 1 grant revoke shop
on maker 1 grant revoke auditor # is no client
on maker 0 grant revoke auditor --user
on maker 2 grant revoke
answers 401 "$(token)" "a token after the grant was revoked"
answers 401 "$(call /metrics -u 'auditor:correct horse battery')" "a password after the grant was revoked"

# --- own keys rotate, while the node serves -------------------------------------------------------

# note_key: of the ledger, as the node tells it; empty while it has none.
note_key() {
    call "/v1/ledgers/$ledger" >/dev/null
    python3 -c 'import json; print(json.load(open("body")).get("vkey", ""))'
}
# shellcheck disable=SC2317 # called by wait_for
gives() { [ "$(call "$1")" = "$2" ]; }
# shellcheck disable=SC2317 # called by wait_for
signs_anew() { local now && now=$(note_key) && [ -n "$now" ] && [ "$now" != "$noted" ]; }

noted=$(note_key)
[ -n "$noted" ] || fail "the node has no note key"
on maker 0 org rotate note-1
wait_for 10 signs_anew || fail "the node does not take the rotated note key into use: $(note_key)"
answers 200 "$(call "/v1/ledgers/$ledger/checkpoint")" "the checkpoint after its key was rotated"
on maker 0 org rotate cosign-1
wait_for 10 gives /readyz 200 || fail "the node has no key for receipts after a rotation: $(cat body)"
on operator 0 anchor operator.request --output turned.receipt
expect 0 "$cairn" -C maker trust export turned.trust
expect 0 "$cairn" verify operator.request --receipt turned.receipt --trust turned.trust

# --- jobs, while the node serves ------------------------------------------------------------------

# served HEIGHT: the directory's projection serves, and has come so far.
# shellcheck disable=SC2317 # called by wait_for
served() {
    "$cairn" -C maker job list --json >jobs.json && python3 - "$1" <<'PYTHON'
import json, sys
job = next(job for job in json.load(open('jobs.json'))['jobs'] if job['name'] == 'node.directory')
sys.exit(job['state'] != 'served' or job['height'] < int(sys.argv[1]))
PYTHON
}

on maker 0 org show
height=$(value height)
wait_for 10 served "$height" || fail "the directory does not come to height $height: $(tr -d '\n' <jobs.json)"
on maker 0 org list
cp out list.before
on maker 0 job rebuild node.directory
is ordered node.directory
on maker 1 job rebuild nothing
on maker 2 job rebuild
on maker 0 job resume node.directory # an order for one that is not parked does no harm
on maker 1 job resume nothing
wait_for 10 served "$height" || fail "a rebuild does not end: $(tr -d '\n' <jobs.json)"
on maker 0 org list
cmp -s out list.before || fail "after a rebuild org list says something else"

# --- the same through the node and without it -----------------------------------------------------

# reads FOLDER: what each verb that reads says.
reads() {
    local verb
    mkdir "$1"
    for verb in "org show" "org show $operator" "org list" "approval list --all" "approval show $admission" \
        "state get members" "state get org/$police" "key show" "grant list" "trust export"; do
        # shellcheck disable=SC2086 # words
        on maker 0 $verb
        # The trust file says when it was made: its members are compared below.
        [ "$verb" = "trust export" ] || cp out "$1/${verb//[ \/]/_}"
    done
    on maker 1 state get "org/$(printf '%064d' 5)"
    on maker 0 state get "org/$(printf '%064d' 5)" --proof
    is present false
    on maker 0 checkpoint
    on maker 0 anchor cairn.file --output "$1/receipt"
    expect 0 "$cairn" -C maker trust export "$1/trust"
    expect 0 "$cairn" verify cairn.file --receipt "$1/receipt" --trust "$1/trust"
}

echo content >cairn.file
reads there
on maker 4 log check
because 'a node holds'
on maker 4 log export static
end
[ -s maker/node.url ] && fail "a node that has ended leaves its address"
on operator 4 org show # no node
# The anchor of before has moved the ledger on; nothing else differs.
moves='"height"\|"log_size"\|"time"'
reads here
for one in there/*; do
    case $one in */receipt | */trust) continue ;; esac
    diff <(grep -v "$moves" "$one") <(grep -v "$moves" "here/${one#there/}") >difference ||
        fail "${one#there/} is told differently without the node: $(head -n 4 difference)"
done
on maker 0 log check
on maker 0 job list
on maker 0 job rebuild node.directory
on maker 0 grant revoke device
on maker 0 org suspend "$operator"
proposal open 1 2 3
on maker 0 approval withdraw "$id"
is status withdrawn
on maker 0 org rotate sign-1
is name sign-2
on maker 0 org admit bent.request # to be refused when it is approved
is status open

# --- what expires ---------------------------------------------------------------------------------

start $((8 * 86400))
sed -i "s|https://127.0.0.1:[0-9]*|$url|" judge/cairn.yaml police/cairn.yaml operator/cairn.yaml
wait_for 10 served 1 || fail "the rebuild that was ordered without a node is not carried out"
# A block of that time, after which those whose clocks are behind go by the ledger's.
expect 0 env CLOCK_AHEAD_S=$((8 * 86400)) LD_PRELOAD="$work/clock_ahead.so" "$cairn" -C judge anchor cairn.file --output late.receipt
on judge 1 approval approve "$late"
because 'EXPIRED\|expired\|passed'
on maker 1 approval withdraw "$late"
on judge 0 approval show "$late"
is status open
end

python3 - said <<'PYTHON' || fail "an output with --json is no JSON object"
import json, os, sys
for name in os.listdir(sys.argv[1]):
    with open(os.path.join(sys.argv[1], name), encoding='utf-8') as file:
        assert isinstance(json.load(file), dict), name
PYTHON
finish
