#!/usr/bin/env bash
# A stock client that cannot sign: curl posts a commitment with a token, the node signs in the name of the client's
# pseudonym, the ledger says on whose behalf, and the trail says that it was asked. And everybody who may not.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl
cd "$work" || die "cd"
expect 0 "$cairn" init ledger --org Maker --json
ledger=$(fact ledger)
printf 'node:\n  port: "0"\napi:\n  public: "proofs"\n' >>ledger/cairn.yaml
expect 0 "$cairn" -C ledger key new --purpose sign --json
service=$(fact name)
echo 'correct horse battery' >secret
for name in shop till; do
    expect 0 "$cairn" -C ledger grant add $name --secret-file secret --scope record.anchor
done
expect 0 "$cairn" -C ledger grant add reader --secret-file secret --scope ledger.read
expect 0 "$cairn" -C ledger grant add ann --user --secret-file secret --scope record.anchor
"$cairn" node ledger --json >node.out 2>node.err &
started $!
wait_for 30 test -s ledger/node.url || die "the node does not start: $(tail -n 2 node.err)"
url=$(cat ledger/node.url)

# call PATH [CURL OPTION...]: the status.
call() {
    local path=$1
    shift
    curl -sS --cacert ledger/tls/node.pem -o body -D head -w '%{http_code}' "$@" "$url$path"
}

# bearer CLIENT
bearer() {
    call /oauth/token -u "$1:correct horse battery" -d grant_type=client_credentials >/dev/null
    python3 -c 'import json; print(json.load(open("body"))["access_token"])'
}

# anchor WAIT [CURL OPTION...]: of a fresh commitment, which then lies in the file `commitment`.
anchor() {
    local wait=$1
    shift
    head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >commitment
    call "/v1/ledgers/$ledger/anchors?wait=$wait" -H 'Content-Type: application/json' \
        -d "{\"commitment\":\"$(cat commitment)\"}" "$@"
}

# answers WANTED GOT WHAT
answers() {
    [ "$1" = "$2" ] || fail "$3: $2, not $1: $(head -c 200 body)"
}

# missing STATUS WHAT: the same bytes as of a ledger that is not here.
missing() {
    answers 404 "$1" "$2"
    cmp -s body nothing || fail "$2: other bytes than of what is not there: $(cat body)"
}

# refused REASON: the last refusal in the node's log.
refused() {
    grep -q "\"reason\":\"$1\"" node.err || fail "no refusal for $1"
}

shop=$(bearer shop)
till=$(bearer till)
reader=$(bearer reader)
code=$(call "/v1/ledgers/$(printf '%064d' 7)/anchors" -H "Authorization: Bearer $shop" -H 'Content-Type: application/json' -d '{}')
answers 404 "$code" "a ledger that is not here"
cp body nothing

# --- nobody has granted anything ------------------------------------------------------------------

missing "$(anchor commit -H "Authorization: Bearer $shop")" "without a delegation"
refused delegation_missing
answers 401 "$(anchor commit)" "without credentials"
answers 403 "$(anchor commit -H "Authorization: Bearer $reader")" "without the scope"

# --- granted --------------------------------------------------------------------------------------

expect 2 "$cairn" -C ledger grant delegate shop
expect 2 "$cairn" -C ledger grant delegate shop --key "$service" --pseudonym xyz
expect 1 "$cairn" -C ledger grant delegate shop --key nothing
expect 1 "$cairn" -C ledger grant delegate nobody --key "$service"
expect 1 "$cairn" -C ledger grant delegate shop --end
expect 0 "$cairn" -C ledger grant delegate shop --key "$service" --json
pseudonym=$(fact pseudonym)
answers 200 "$(anchor commit -H "Authorization: Bearer $shop")" "a commitment by a token"
grep -q '"status":"accepted"' body || fail "no status: $(cat body)"
commitment=$(cat commitment)
expect 0 "$cairn" -C ledger state get "anchor/$commitment" --json
grep -q "$pseudonym" out || fail "the ledger does not say on whose behalf: $(cat out)"
grep -q shop out && fail "the ledger names the client"
answers 202 "$(anchor none -H "Authorization: Bearer $shop")" "without waiting"
answers 200 "$(anchor durable -H "Authorization: Bearer $shop" -H 'Accept: application/cose')" "a receipt"
grep -qi '^content-type: application/cose' head || fail "no receipt: $(cat head)"
code=$(call "/v1/ledgers/$ledger/anchors" -H "Authorization: Bearer $shop" -H 'Content-Type: application/json' \
    -d "{\"commitment\":\"$commitment\"}")
answers 409 "$code" "the same again"
for bad in '{}' '[]' '{"commitment":1}' '{"commitment":"00"}' "{\"commitment\":\"$commitment\",\"x\":1}" \
    "{\"commitment\":\"$commitment\",\"commitment\":\"$commitment\"}" 'x' ''; do
    code=$(call "/v1/ledgers/$ledger/anchors" -H "Authorization: Bearer $shop" -H 'Content-Type: application/json' -d "$bad")
    answers 400 "$code" "the body $bad"
done
code=$(call "/v1/ledgers/$ledger/anchors" -H "Authorization: Bearer $shop" -H 'Content-Type: text/plain' -d '{}')
answers 415 "$code" "a body that is no JSON"
answers 400 "$(anchor never -H "Authorization: Bearer $shop")" "a wait that is none"
missing "$(anchor commit -H "Authorization: Bearer $till")" "another client, same scope"
expect 0 "$cairn" -C ledger grant delegate ann --user --person --key "$service"
answers 200 "$(anchor commit -u 'ann:correct horse battery')" "a commitment by a password"
ls ledger/audit/*/ >/dev/null 2>&1 || fail "there is no trail"
strings -a ledger/audit/*/* 2>/dev/null | grep -q anchorOnBehalf || fail "the trail does not know of it"
strings -a ledger/audit/*/* 2>/dev/null | grep -q delegation_missing || fail "the trail does not know of a refusal"

# --- and taken back -------------------------------------------------------------------------------

expect 0 "$cairn" -C ledger grant delegate shop --end
missing "$(anchor commit -H "Authorization: Bearer $shop")" "a delegation that was taken back"
expect 0 "$cairn" -C ledger grant delegate shop --key "$service" --pseudonym "$pseudonym"
answers 200 "$(anchor commit -H "Authorization: Bearer $shop")" "a delegation that was renewed"
# The key is ended: what stands here in the client's name is worth nothing.
expect 0 "$cairn" -C ledger org rotate "$service"
missing "$(anchor commit -H "Authorization: Bearer $shop")" "a key that has ended"
refused grant_ended
expect 0 "$cairn" -C ledger grant revoke ann --user
answers 401 "$(anchor commit -u 'ann:correct horse battery')" "a user who is gone"
finish
