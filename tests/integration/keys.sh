#!/usr/bin/env bash
# Keys come and go, receipts stay: rotation, revocation, suspicion, state proofs, what trust files say.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
ledger=$work/ledger
cd "$work" || die "cd"

# on CODE VERB...: on our ledger, its facts in $work/out.
on() {
    local code=$1
    shift
    expect "$code" "$cairn" -C "$ledger" --json "$@"
}

# verdict WORD FILE TRUST: yes, or the code of a no.
verdict() {
    if [ "$1" = yes ]; then
        expect 0 "$cairn" verify "$2" --trust "$3" --json
    else
        expect 1 "$cairn" verify "$2" --trust "$3" --json &&
            { [ "$(fact code)" = "$1" ] || fail "$2 with $3: $(fact code), not $1"; }
    fi
}

# anchored FILE: anchors it; its height is in $height.
anchored() {
    echo "$1" >"$1"
    on 0 anchor "$1"
    height=$(fact anchored.0.height)
}

on 0 init "$ledger" --org Interop
org=$(fact organisation_id)
anchored first
on 0 trust export trust.1

# --- rotation -------------------------------------------------------------------------------------

on 0 key new --purpose cosign
[ "$(fact name)" = cosign-2 ] || fail "key new: $(fact name)"
on 0 key new --purpose sign
on 0 key new --purpose cosign --type ed25519
[ "$(fact name)" = note-2 ] || fail "key new: $(fact name)"
on 2 key new --purpose tls --name front # a name says what its key is for
on 2 key new --purpose sign --name cosign-9
on 0 key new --purpose tls --name tls-front

# A key that was registered by such a name before signs nothing; a rotation gives it a good one.
mv "$ledger/keys/cosign-1.pem" "$ledger/keys/back.pem"
mv "$ledger/keys/cosign-2.pem" "$ledger/keys/front.pem"
echo misnamed >misnamed
on 1 anchor misnamed
grep -q 'front does not sign' "$work/err" || fail "a key whose name lies: $(cat "$work/err")"
mv "$ledger/keys/back.pem" "$ledger/keys/cosign-1.pem"
on 0 anchor misnamed
mv "$ledger/keys/front.pem" "$ledger/keys/cosign-2.pem"

anchored second
on 0 trust export trust.2
verdict yes first trust.1
verdict yes first trust.2
verdict yes second trust.2
verdict NOT_TRUSTED second trust.1

on 0 key revoke cosign-1
on 0 key revoke sign-1
on 0 key revoke note-1
anchored third
on 0 trust export trust.3
for file in first second third; do
    verdict yes "$file" trust.3
done
on 1 key revoke cosign-1 # it is over
on 1 key revoke sign-2   # the last one
on 1 key revoke nobody
on 0 log export static
[ "$(wc -l <static/log.vkey)" -eq 1 ] || fail "log.vkey is no line"

# --- suspicion ------------------------------------------------------------------------------------

anchored fourth
stolen=$height
anchored fifth
on 0 key new --purpose cosign
on 0 key revoke cosign-2 --suspect-since "$stolen"
[ "$(fact suspect_since_height)" = "$stolen" ] || fail "suspect_since_height"
on 0 trust export trust.4
verdict yes fifth trust.3
for file in first second third; do
    verdict yes "$file" trust.4
done
verdict DISPUTED fourth trust.4
verdict DISPUTED fifth trust.4

on 0 key new --purpose sign
anchored sixth
on 0 trust export trust.5
verdict yes sixth trust.5
on 0 key new --purpose sign
on 0 key revoke sign-3 --suspect-since "$height"
on 0 trust export trust.6
verdict DISPUTED sixth trust.6
anchored seventh
verdict yes seventh trust.6

# --- what there is to see -------------------------------------------------------------------------

expect 0 "$cairn" trust show trust.6 --json
[ "$(fact member.0.name)" = Interop ] || fail "trust show: $(fact member.0.name)"
fingerprint=$(sha256sum <trust.6 | cut -d ' ' -f 1)
[ "$(fact fingerprint)" = "$fingerprint" ] || fail "the fingerprint is not the file's SHA-256"
"$cairn" -C "$ledger" trust export >trust.stdout || fail "trust export to standard output"
expect 0 "$cairn" trust show trust.stdout
expect 3 "$cairn" trust show first
on 2 trust export trust.7 --days 0
on 2 trust export trust.7 --days 1000000
on 2 trust export trust.7 --days 1e30
on 2 trust export trust.7 --threshold 0
on 2 trust export trust.7 --threshold 2 # one member is not two

on 0 key show tls-front
[ "$(fact key.0.purpose)" = tls ] || fail "key show: $(fact key.0.purpose)"
fact key.0.public_key | grep 'BEGIN PUBLIC KEY' >/dev/null || fail "key show prints no PEM"
on 1 key show nobody
on 0 key show
[ "$(fact key.0.until_height)" -gt 0 ] || fail "key show: the first key has not ended"
on 0 org show
[ "$(fact id)" = "$org" ] || fail "org show: $(fact id)"
on 1 org show "$fingerprint"
on 2 org show short
on 2 key new
on 2 key new --purpose sign --type ed25519
on 2 key new --purpose nothing
grep -rq 'BEGIN PRIVATE KEY' "$ledger/keys" || fail "where are the keys?"
[ -z "$(find "$ledger/keys" -type f -perm /077)" ] || fail "others can read private keys"
grep -rlq 'PRIVATE' "$ledger/store" && fail "a private key in the store"

# --- state proofs ---------------------------------------------------------------------------------

expect 0 "$cairn" verify first --trust trust.6 --json
commitment=$(fact commitment)
# proven WORD KEY: state get, and verify --state of what it wrote.
proven() {
    on 0 state get "$2" --output proof
    [ "$(fact present)" = "$1" ] || fail "state get $2: present is $(fact present)"
    expect 0 "$cairn" verify --state proof --trust trust.6 --json
    [ "$(fact present)" = "$1" ] || fail "verify --state of $2: present is $(fact present)"
}
proven True members
proven True params
proven True "org/$org"
proven True "anchor/$commitment"
proven False "anchor/$org"
proven False "approval/$org"
proven False policy/none
on 1 state get policy/none
on 0 state get "anchor/$org" --proof
fact proof | base64 -d >decoded || fail "the proof is not in base64"
expect 0 "$cairn" verify --state decoded --trust trust.6
expect 1 "$cairn" verify --state decoded --trust trust.1
for kind in present absent; do
    [ "$kind" = absent ] || on 0 state get "anchor/$commitment" --output proof
    [ "$kind" = present ] || on 0 state get "anchor/$org" --output proof
    python3 "$root/tests/support/flips.py" state "$cairn" proof trust.6 ||
        fail "a changed byte of a proof that something is $kind"
done
expect 2 "$cairn" verify first --state proof --trust trust.6
expect 3 "$cairn" verify --state first --trust trust.6
on 2 state get nothing
on 2 state get anchor/12

on 0 log check
finish
