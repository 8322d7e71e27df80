#!/usr/bin/env bash
# Who reads what of a ledger: a member everything, an auditor everything and on the record, another organisation what
# names it, and nobody else anything. What is not for a caller has the bytes of what is not there.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl
cd "$work" || die "cd"

on() {
    local directory=$1 code=$2
    shift 2
    expect "$code" "$cairn" -C "$work/$directory" "$@" --json
}

start() {
    rm -f maker/node.url
    "$cairn" node maker --json >node.out 2>>node.err &
    node=$!
    started "$node"
    wait_for 30 test -s maker/node.url || die "the node does not start: $(tail -n 2 node.err)"
    url=$(cat maker/node.url)
}

# call WHO PATH [CURL OPTION...]: the status, with that client's token (nobody: none).
call() {
    local who=$1 path=$2
    shift 2
    local token=()
    [ "$who" = nobody ] || token=(-H "Authorization: Bearer $(cat "$who.token")")
    curl -sS --cacert maker/tls/node.pem "${token[@]}" -o body -D head -w '%{http_code}' "$@" "$url$path"
}

is() {
    [ "$2" = "$3" ] || fail "$1: $2, not $3: $(head -c 200 body | tr -d '\0')"
}

# hidden WHO PATH: the same head and body as of a ledger that is not here.
hidden() {
    is "$1 $2" "$(call "$1" "/v1/ledgers/$ledger$2")" 404
    grep -vi '^date:' head >its_head
    cmp -s body nothing || fail "$1 $2: other bytes than of what is not there: $(cat body)"
    cmp -s its_head nothing.head || fail "$1 $2: another head than of what is not there: $(cat its_head)"
}

# shown WHO PATH
shown() {
    is "$1 $2" "$(call "$1" "/v1/ledgers/$ledger$2")" 200
}

# seen WHO: the log indices of which the feed tells, in one line, by pages of one event.
seen() {
    python3 - "$url" "$ledger" "$1.token" "${2:-256}" <<'PYTHON'
import json, ssl, sys, urllib.request
url, ledger, token, limit = sys.argv[1:]
context = ssl.create_default_context(cafile='maker/tls/node.pem')
after, indices = '0-0', []
while True:
    request = urllib.request.Request(f'{url}/v1/ledgers/{ledger}/events?after={after}&limit={limit}',
                                     headers={'Authorization': 'Bearer ' + open(token).read().strip()})
    page = json.load(urllib.request.urlopen(request, context=context))
    indices += [event['index'] for event in page['events']]
    if not page['events']:
        break
    assert page['events'][-1]['cursor'] == page['next'] or page['next'].endswith('-4294967295'), page['next']
    after = page['next']
print(*sorted(set(indices)))
PYTHON
}

token() {
    curl -sS --cacert maker/tls/node.pem -u "$1:correct horse battery" -d grant_type=client_credentials \
        "$url/oauth/token" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])' >"$1.token" ||
        die "no token for $1"
}

# join DIRECTORY NAME [ROLE...]: an organisation without a vote; its id is in $joined.
join() {
    local directory=$1 name=$2
    shift 2
    expect 0 "$cairn" init "$directory" --org "$name" --node "$url" --node-ca maker/tls/node.pem --json
    joined=$(fact organisation_id)
    on "$directory" 0 org request "$directory.request" --org "$name"
    on maker 0 org admit "$directory.request" "$@"
}

# anchored DIRECTORY: a fresh anchor of that organisation; its place in the log is in $index.
anchored() {
    head -c 32 /dev/urandom >"$1.file"
    on "$1" 0 anchor "$1.file"
    index=$(fact anchored.0.index)
}

expect 0 "$cairn" init maker --org Maker --json
ledger=$(fact ledger)
maker=$(fact organisation_id)
printf 'node:\n  port: "0"\napi:\n  public: "proofs"\n' >>maker/cairn.yaml
start
join shop Shop --role insurer
shop=$joined
join rival Rival --role operator
rival=$joined
join auditor Auditor --role auditor --role insurer
auditor=$joined
echo 'correct horse battery' >secret
grant() {
    local name=$1
    shift
    on maker 0 grant add "$name" --secret-file secret "$@"
}
grant member --organisation "$maker" --scope ledger.read
grant shop --organisation "$shop" --scope ledger.read
grant rival --organisation "$rival" --scope ledger.read
grant auditor --organisation "$auditor" --role auditor --scope ledger.read
grant narrow --organisation "$auditor" --role insurer --scope ledger.read # of the auditor's, without its role
grant wide --organisation "$rival" --role auditor --scope ledger.read     # a role that its organisation has not
grant blind --organisation "$maker" --scope metrics.read
grant stranger --organisation "$(printf '%064d' 7)" --role auditor --scope ledger.read
grant homeless --role auditor --scope ledger.read
clients='member shop rival auditor narrow wide blind stranger homeless'
for name in $clients; do token "$name"; done

is "a ledger that is not here" "$(call shop "/v1/ledgers/$(printf '%064d' 7)/entries")" 404
mv body nothing
grep -vi '^date:' head >nothing.head
anchored maker
ours=$index
anchored shop
its=$index
anchored rival
rivals=$index
size=$((rivals + 2)) # its block's entry is the last one

# --- entries --------------------------------------------------------------------------------------

for who in member auditor; do
    for index in "$ours" "$its" "$rivals"; do shown "$who" "/entries?from=$index&count=1"; done
    shown "$who" "/tile/entries/000.p/$size"
    shown "$who" "/records?from=0"
    shown "$who" "/entries?from=0"
    grep -q "^Cairn-Count: $size"$'\r' head || fail "$who reads not all: $(grep -i count head)"
done
shown shop "/entries?from=$its&count=1"
shown rival "/entries?from=$rivals&count=1"
for who in shop narrow; do hidden "$who" "/entries?from=$rivals&count=1"; done
for who in rival wide; do hidden "$who" "/entries?from=$its&count=1"; done
for who in shop rival narrow wide blind stranger homeless nobody; do
    hidden "$who" "/entries?from=$ours&count=1"
    hidden "$who" "/entries?from=$size&count=1" # beyond the log
    hidden "$who" "/tile/entries/000.p/$size"
    hidden "$who" "/tile/entries/000.p/1"
    hidden "$who" "/records?from=0"
    hidden "$who" "/records?from=1"
done
# What proofs show is shown: the genesis and the blocks' entries; a run ends before what is hidden.
for who in shop rival narrow; do
    shown "$who" "/entries?from=0&count=2"
    grep -q $'^Cairn-Count: 2\r' head || fail "$who: the genesis and its block's entry: $(grep -i count head)"
    shown "$who" "/tile/0/000.p/$size"
    shown "$who" "/state/members?proof=true"
done
shown shop "/entries?from=$its&count=256"
grep -q $'^Cairn-Count: 2\r' head || fail "shop: its entry and its block's, not the rival's: $(grep -i count head)"
for who in blind stranger homeless nobody; do hidden "$who" "/entries?from=0&count=1"; done
# Every place in turn: nobody finds more than what names it.
for index in $(seq 0 $((size + 2))); do
    [ "$(call shop "/v1/ledgers/$ledger/entries?from=$index&count=1")" = 200 ] || continue
    case $(od -An -tx1 -j2 -N1 body) in *d2*) echo "$index" ;; esac
done >found
[ "$(tr '\n' ' ' <found)" = "$(seen shop) " ] || fail "by guessing: $(tr '\n' ' ' <found), by the feed: $(seen shop)"

# --- the feed -------------------------------------------------------------------------------------

contains() { case " $1 " in *" $2 "*) ;; *) fail "$3: $1 lacks $2" ;; esac; }
lacks() { case " $1 " in *" $2 "*) fail "$3: $1 has $2" ;; esac; }
for who in member auditor; do for index in "$ours" "$its" "$rivals"; do contains "$(seen $who)" "$index" "the feed of $who"; done; done
for limit in 1 256; do
    contains "$(seen shop $limit)" "$its" "the shop's feed"
    lacks "$(seen shop $limit)" "$ours" "the shop's feed"
    lacks "$(seen shop $limit)" "$rivals" "the shop's feed"
    lacks "$(seen wide $limit)" "$its" "a feed by a role that the organisation has not"
    lacks "$(seen narrow $limit)" "$its" "a feed without the role"
done
[ "$(seen shop | wc -w)" = 2 ] || fail "the shop's feed is its admission and its anchor: $(seen shop)"
for who in blind stranger homeless nobody; do
    hidden "$who" /events
    hidden "$who" "/events?after=0-0&limit=1"
done

# stream WHO: the indices of what its stream shows from the beginning, within two seconds.
stream() {
    call "$1" "/v1/ledgers/$ledger/events?after=0-0" -N --max-time 2 -H 'Accept: text/event-stream' >/dev/null 2>&1
    python3 -c '
import json
print(*sorted({json.loads(line[5:])["index"] for line in open("body") if line.startswith("data:")}))'
}
for who in member shop rival; do
    [ "$(stream $who)" = "$(seen $who)" ] || fail "stream and pages of $who: $(stream $who) and $(seen $who)"
done

# --- blocks ---------------------------------------------------------------------------------------

# told WHO HEIGHT: how many of the block's transactions are shown to him, and how many it has.
told() {
    shown "$1" "/blocks/$2"
    python3 -c '
import json
block = json.load(open("body"))
print(len(block["transactions"]) if "transactions" in block else "none", block["count"])'
}
shown member "/events?limit=256"
height=$(python3 -c '
import json, sys
print(next(e["height"] for e in json.load(open("body"))["events"] if e["index"] == int(sys.argv[1])))' "$its")
is "the shop's block, for the shop" "$(told shop "$height")" "1 1"
is "the shop's block, for a member" "$(told member "$height")" "1 1"
is "the shop's block, for an auditor" "$(told auditor "$height")" "1 1"
is "the shop's block, for another" "$(told rival "$height")" "0 1"
is "the shop's block, for nobody" "$(told nobody "$height")" "none 1"

# --- what is recorded, and rights that end --------------------------------------------------------

rows() { strings -a maker/audit/*/* 2>/dev/null | grep -o 'listEntries\|listRecords\|getTile\|listEvents\|getBlock' | sort | uniq -c | tr -s ' \n' ' '; }
before=$(rows)
for operation in listEntries listRecords getTile listEvents getBlock; do
    case $before in *"$operation"*) ;; *) fail "the trail does not know of an auditor's $operation: $before" ;; esac
done
shown member "/entries?from=$its&count=1"
shown shop "/entries?from=$its&count=1"
shown auditor "/tile/0/000.p/$size"
hidden wide "/entries?from=$its&count=1"
[ "$(rows)" = "$before" ] || fail "what needs no role, and what is no entry, is not recorded: $before, $(rows)"
shown auditor "/entries?from=$its&count=1"
[ "$(rows)" != "$before" ] || fail "an auditor's reading is not recorded"

on maker 0 org roles "$auditor" --role insurer
hidden auditor "/entries?from=$its&count=1"
hidden auditor "/records?from=0"
lacks "$(seen auditor)" "$its" "the feed of one that was an auditor"
on maker 0 org suspend "$shop"
is "a suspended organisation's token" "$(call shop "/v1/ledgers/$ledger/entries?from=$its&count=1")" 401
is "a suspended organisation's feed" "$(call shop "/v1/ledgers/$ledger/events")" 401
on maker 0 org resume "$shop"
shown shop "/entries?from=$its&count=1"

# Where entries are public they are everybody's.
stop "$node"
sed -i 's/public: "proofs"/public: "entries"/' maker/cairn.yaml
start
for index in "$ours" "$rivals"; do shown nobody "/entries?from=$index&count=1"; done
finish
