#!/usr/bin/env bash
# Status lists of a live node: published, served in each form, revoked, an old one found out, checked by proofs alone.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl
home=$work/ledger
ca=$home/tls/node.pem
cd "$work" || die "cd"

# on CODE VERB...: in our directory, its facts in $work/out.
on() {
    local code=$1
    shift
    expect "$code" "$cairn" -C "$home" --json "$@"
}

# get TYPE URL [CURL OPTION...]: the status; head and body lie in $work/head and $work/body.
get() {
    local type=$1 url=$2
    shift 2
    curl -sS --cacert "$ca" -D "$work/head" -o "$work/body" -w '%{http_code}' -H "Accept: $type" "$@" "$url"
}

is() {
    [ "$2" = "$3" ] || fail "$1: $2, not $3"
}

# take LIST: an entry for a new credential, in $entry.
take() {
    on 0 status take "$1" && entry=$(fact taken.0.index)
}

start_node() {
    rm -f "$home/node.url"
    "$cairn" node "$home" --json >"$work/node.out" 2>"$work/node.err" &
    node=$!
    started "$node"
    wait_for 20 test -s "$home/node.url" || die "the node does not start: $(tail -n 2 "$work/node.err")"
}

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$cairn" init "$home" --org Issuer --json >"$work/out" || die "init"
printf 'node:\n  port: "%s"\n' "$port" >>"$home/cairn.yaml"

# --- before anything is served --------------------------------------------------------------------

on 0 key new --purpose issue
on 0 status new badges --format token --bits 2 --ttl 1min && badges=$(fact url)
on 1 status new badges --format token
on 2 status new UPPER --format token
on 0 status new permits --format bitstring && permits=$(fact url)
on 0 status new holds --format bitstring --purpose suspension
on 1 status set badges revoked 7 # given out to nobody
take badges
on 2 status set badges expelled "$entry"
on 2 status set permits suspended "$entry"
is "unpublished" "$("$cairn" -C "$home" status check "$work/none" 1 >/dev/null 2>&1; echo $?)" 4
start_node
is "not published yet" "$(get '*/*' "$badges")" 404
cp "$work/body" "$work/unknown"
is "no such list" "$(get '*/*' "${badges%badges}other")" 404
cmp -s "$work/body" "$work/unknown" || fail "an unpublished list is told from none"

# --- each form ------------------------------------------------------------------------------------

on 0 status publish badges # beside the node, through it
on 0 status publish permits
while read -r list type; do
    url=${badges%badges}$list
    is "$type" "$(get "$type" "$url")" 200
    tr -d '\r' <"$work/head" | grep -Fqx "Content-Type: $type" || fail "$type: $(grep -i '^content-type' "$work/head")"
    cp "$work/body" "$work/$list.${type##*[/+]}"
    etag=$(sed -n 's/^ETag: *\(.*\)\r$/\1/p' "$work/head")
    is "$type: its tag is its hash" "$etag" "\"$(sha256sum <"$work/body" | cut -d' ' -f1)\""
    is "$type: not modified" "$(get "$type" "$url" -H "If-None-Match: $etag")" 304
    is "$type: not modified, in a second field" "$(get "$type" "$url" -H 'If-None-Match: "x"' -H "If-None-Match: W/$etag")" 304
    is "$type: another tag" "$(get "$type" "$url" -H "If-None-Match: \"x$etag\"")" 200
    expect_text "$work/head" '^Vary: Accept' "$type"
    expect 0 "$cairn" -C "$home" status check "$work/$list.${type##*[/+]}" 3 --json
done <<'LISTS'
badges application/statuslist+jwt
badges application/statuslist+cwt
permits application/vc+jwt
permits application/ld+json
LISTS
is "by default" "$(get '' "$badges")" 200
is "another type" "$(get text/html "$badges")" 406
expect_text "$work/body" '"code":"NOT_ACCEPTABLE"' "another type"
is "a time" "$(get '*/*' "$badges?time=1700000000")" 501
expect_text "$work/body" '"code":"NOT_IMPLEMENTED"' "a time"
org=$(sed 's/.*\/status\/\([0-9a-f]*\)\/.*/\1/' <<<"$badges")
is "another organisation's" "$(get '*/*' "${badges/$org/$(printf 'ab%.0s' {1..32})}")" 404
get '' "$badges" >/dev/null
age=$(sed -n 's/^Cache-Control: .*max-age=\([0-9]*\).*/\1/p' "$work/head")
if [ "${age:-0}" -lt 1 ] || [ "$age" -gt 60 ]; then fail "max-age is '$age', for a ttl of a minute"; fi

# --- revoked --------------------------------------------------------------------------------------

take badges
cp "$work/badges.jwt" "$work/old.jwt"
expect 0 "$cairn" -C "$home" status check "$badges" "$entry" --org "$org" --ca "$ca" --json && is status "$(fact status)" valid
on 0 status set badges revoked "$entry"
expect 0 "$cairn" -C "$home" status check "$badges" "$entry" --ca "$ca" --json # not yet published
on 0 status publish badges
expect 1 "$cairn" -C "$home" status check "$badges" "$entry" --ca "$ca" --json && is status "$(fact status)" revoked
on 1 status set badges valid "$entry" # for good
is "the code" "$(grep -c 'revoked for good' "$work/err")" 1
# [X1353-R51] the list of before says that it holds, and is signed and current
expect 1 "$cairn" -C "$home" status check "$work/old.jwt" "$entry" --json && is "an old list" "$(fact code)" MISMATCH
expect 1 "$cairn" -C "$home" status check "$badges" "$entry" --org "$(printf '00%.0s' {1..32})" --ca "$ca" --json &&
    is "another's" "$(fact code)" MISMATCH
expect 1 "$cairn" -C "$home" status check "$badges" 5000000 --ca "$ca" --json && is "beyond it" "$(fact code)" NOT_FOUND
expect 1 "$cairn" -C "$home" status check "$badges" 1 --ca "$ca" --at 2040-01-01T00:00:00Z --json &&
    is "long after" "$(fact code)" EXPIRED
get '' "$badges" >/dev/null
cp "$work/body" "$work/new.jwt"
python3 - "$work/new.jwt" "$work/forged.jwt" <<'PYTHON'
import sys
token = open(sys.argv[1]).read()
flipped = 'A' if token[-20] != 'A' else 'B'
open(sys.argv[2], 'w').write(token[:-20] + flipped + token[-19:])
PYTHON
expect 1 "$cairn" -C "$home" status check "$work/forged.jwt" 1 --json && is "a forged one" "$(fact code)" BAD_SIGNATURE

# --- suspended, and back --------------------------------------------------------------------------

take holds
on 0 status set holds suspended "$entry"
on 0 status publish holds
expect 1 "$cairn" -C "$home" status check "${badges%badges}holds" "$entry" --ca "$ca" --json && is status "$(fact status)" suspended
on 0 status set holds valid "$entry"
on 0 status publish holds
expect 0 "$cairn" -C "$home" status check "${badges%badges}holds" "$entry" --ca "$ca" --json

# --- by proofs alone ------------------------------------------------------------------------------

kid=$("$cairn" -C "$home" key show --json | python3 -c '
import json, sys
print(next(k["key"] for k in json.load(sys.stdin)["key"] if k["purpose"] == "issue"))')
list=$("$cairn" -C "$home" status show badges --json | python3 -c '
import json, sys
print(next(p["list_id"] for p in json.load(sys.stdin)["published"] if p["type"].endswith("jwt")))')
on 0 state get "raw/$(printf 'list/' | od -An -tx1 | tr -d ' \n')$org$list" --output "$work/anchor.proof"
on 0 state get "key/$kid" --output "$work/key.proof"
on 0 state get "org/$org" --output "$work/org.proof"
on 0 trust export "$work/trust"
offline() {
    local code=$1 file=$2
    shift 2
    expect "$code" env CAIRN_DIR=/nowhere "$cairn" status check "$file" 1 --trust "$work/trust" --json "$@"
}
offline 0 "$work/new.jwt" --state "$work/anchor.proof" --state "$work/key.proof" --state "$work/org.proof"
offline 1 "$work/old.jwt" --state "$work/anchor.proof" --state "$work/key.proof" --state "$work/org.proof" && is "old, offline" "$(fact code)" MISMATCH
offline 1 "$work/new.jwt" --state "$work/anchor.proof" --state "$work/key.proof" && is "no proof of its organisation" "$(fact code)" NOT_TRUSTED
offline 1 "$work/new.jwt" --state "$work/anchor.proof" && is "a proof is missing" "$(fact code)" NOT_TRUSTED
offline 2 "$work/new.jwt"

# --- an issuer that the members suspend [X1353-R23] -----------------------------------------------

url=$(cat "$home/node.url")
at() {
    local code=$1
    shift
    expect "$code" "$cairn" -C "$work/guest" --json "$@"
}
expect 0 "$cairn" init "$work/guest" --org Guest --node "$url" --node-ca "$ca" --json
guest=$(fact organisation_id)
at 0 org request "$work/guest.request" --org Guest
on 0 org admit "$work/guest.request"
at 0 key new --purpose issue && guest_key=$(fact name)
at 0 status new passes --format token --url "https://guest.example/passes"
at 0 status take passes && pass=$(fact taken.0.index)
at 0 status publish passes
python3 - "$work/guest/status/passes.list" "$work/passes.jwt" <<'PYTHON' || fail "no token in the guest's list"
import re, sys
data = open(sys.argv[1], 'rb').read()
tokens = re.findall(rb'eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{86}', data)
open(sys.argv[2], 'wb').write(tokens[0])
PYTHON
judged() {
    expect "$1" "$cairn" -C "$home" status check "$work/passes.jwt" "$pass" --org "$guest" --json && is "$2" "$(fact "$3")" "$4"
}
judged 0 "of another organisation" status valid
on 0 org suspend "$guest"
judged 1 "of a suspended one" code TX_SUSPENDED_SIGNER
on 0 org resume "$guest"
judged 0 "of one that is back" status valid
at 0 key revoke "$guest_key"
judged 0 "whose key has ended since" status valid
on 0 org remove "$guest"
judged 1 "of a removed one" code TX_SUSPENDED_SIGNER

# --- an old directory -----------------------------------------------------------------------------

cp "$home/status/permits.list" "$work/permits.list"
on 0 status publish permits
cp "$work/permits.list" "$home/status/permits.list"
is "put back from a backup" "$(get '*/*' "$permits")" 503
on 0 status publish permits
is "mended" "$(get '*/*' "$permits")" 200
expect 0 "$cairn" -C "$home" status check "$permits" 1 --ca "$ca" --json && is "its version" "$(fact version)" 3

# --- without the node -----------------------------------------------------------------------------

stop "$node"
on 0 status publish badges
on 0 status show && is "lists" "$(fact lists | grep -o "'list'" | wc -l)" 3
kid=$("$cairn" -C "$home" key show --json | python3 -c '
import json, sys
print(next(k["name"] for k in json.load(sys.stdin)["key"] if k["purpose"] == "issue"))')
on 0 key revoke "$kid"
on 1 status publish badges # no key
finish
