#!/usr/bin/env bash
# Devices on the ledger by their verbs: from the factory over sales to a claim, onboarding, resale and their end; each
# verb with its exit code; the audit as text, JSON and a picture.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 openssl curl
work=$(mktemp -d)
trap clean_up EXIT
cd "$work" || die "cd"
home=$work/home

on() {
    local code=$1
    shift
    expect "$code" "$cairn" -C "$home" "$@"
}

# state VOUCHER STATE: what the ledger says of it.
state() {
    on 0 device show "$1" --json
    [ "$(fact state)" = "$2" ] || fail "$1 is $(fact state), not $2"
}

# device NAME KEY: certificates of a new device.
device() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=$1" -keyout "$1.key" \
        -CA authority.pem -CAkey authority.key -outform DER -out "$1.der" -days 30 2>>log || die "openssl: $(tail -n 2 log)"
}

# voucher FILE DEVICE MAKER [BUYER]: its voucher as it leaves the factory.
voucher() {
    "$(dirname "$cairn")/tests/make-voucher" "$3" "$2.der" authority.der "${@:4}" >"$1" || die "make-voucher"
}

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=authority -keyout authority.key \
    -out authority.pem -days 30 2>log || die "openssl: $(cat log)"
openssl x509 -in authority.pem -outform DER -out authority.der
expect 0 "$cairn" init "$home" --org 'Example Motors' --json
org=$(fact organisation_id)
ledger=$(fact ledger)
for key in maker owner buyer; do
    on 0 key new --purpose owner --name "owner-$key"
    openssl pkey -in "$home/keys/owner-$key.pem" -pubout -out "$key.pem" || die "no key $key"
done
device one
device two
device three
voucher one.ov one maker.pem
voucher two.ov two maker.pem

# --- registration ---
on 1 device register one.ov
expect_text err 'signer may not do this' "registration without the role"
cp one.ov.passport first
on 0 org roles "$org" --role manufacturer --role provider
on 0 device register one.ov --model 'Sensor 7' --json
index=$(fact index)
on 1 device register one.ov
expect_text err 'is on the ledger already' "registered twice"
cmp -s one.ov.passport first || fail "a registration that was refused is not gone on with"
voucher copy.ov one maker.pem
on 1 device register copy.ov # [X1353-R01] another voucher for the same key
expect_text err 'already exists' "a key on two vouchers"
state one.ov registered
[ "$(stat -c %a one.ov.passport)" = 600 ] || fail "others can read the passport"
on 0 device list --json
[ "$(fact devices.0.index)" = "$index" ] || fail "list does not tell the device"

# A registration that was cut short before its sale is gone on with.
device four
voucher four.ov four "$home/keys/owner-maker.pem" owner.pem
python3 - four.ov bare.ov <<'PYTHON' || die "no voucher without its entry"
import base64, sys
lines = open(sys.argv[1]).read().split()
raw = base64.b64decode(''.join(line for line in lines if not line.startswith('-') and not line.endswith('-') and line not in ('OWNERSHIP',)))
at = raw.rindex(b'\x81\xd2\x84')
open(sys.argv[2], 'w').write('-----BEGIN OWNERSHIP VOUCHER-----\n' + base64.encodebytes(raw[:at] + b'\x80').decode() + '-----END OWNERSHIP VOUCHER-----\n')
PYTHON
on 0 device register bare.ov
cp bare.ov.passport four.ov.passport
state four.ov registered
on 0 device register four.ov
state four.ov unclaimed
on 1 device register four.ov

# --- sales ---
on 2 device transfer one.ov --to owner.pem
on 3 device transfer one.ov --to authority.der --output sold.ov
on 1 device transfer two.ov --to owner.pem --output sold.ov
expect_text err 'without its passport' "a sale without a passport"
on 0 device transfer one.ov --to owner.pem --output sold.ov
on 1 device transfer one.ov --to buyer.pem --output again.ov # [X1353-R08] the same voucher to another one
[ ! -e again.ov ] || fail "a voucher that was not sold is written"
state sold.ov unclaimed
on 1 device resell sold.ov --to buyer.pem --output again.ov
expect_text err 'device transfer' "resale of what was never in use"
on 1 device suspend sold.ov
expect_text err 'signer may not do this' "nobody's device"

# --- life ---
on 0 device claim sold.ov --platform mqtts://plant.example --policy default --json
state sold.ov claimed
on 0 device suspend sold.ov
state sold.ov suspended
[ "$(fact served)" != yes ] || fail "a suspended device is served"
on 1 device claim sold.ov
on 0 device resume "$index"
state "$index" claimed
[ "$(fact served)" = yes ] || fail "a claimed device is not served: $(fact served)"
on 0 device release sold.ov
state sold.ov unclaimed
on 0 device claim sold.ov
voucher new.ov one owner.pem
on 1 device onboarded sold.ov two.ov
on 0 device onboarded sold.ov new.ov --json
[ "$(fact index)" != "$index" ] || fail "the index does not rotate"
state sold.ov replaced
state new.ov onboarded
on 0 device list --state onboarded --json
[ "$(fact devices.0.state)" = onboarded ] || fail "list --state: $(cat out)"
on 2 device list --state broken
on 1 device transfer new.ov --to buyer.pem --output resold.ov
on 0 device resell new.ov --to buyer.pem --output resold.ov
state resold.ov unclaimed
on 0 device claim resold.ov

# --- audit: [X1353-R03] [X1353-R11] [X1353-R48] ---
on 0 device audit resold.ov.passport --svg life.svg --json
[ "$(fact lives)" = 2 ] || fail "lives: $(fact lives)"
python3 - "$work/out" "$org" <<'PYTHON' || fail "the audit tells another story"
import json, sys
steps = json.load(open(sys.argv[1]))['steps']
acts = [(s['life'], s['act'], s['state']) for s in steps]
assert acts == [
    (1, 'register', 'registered'), (1, 'transfer', 'unclaimed'), (1, 'claim', 'claimed'), (1, 'suspend', 'suspended'),
    (1, 'resume', 'claimed'), (1, 'reset', 'unclaimed'), (1, 'claim', 'claimed'), (1, 'onboarded', 'replaced'),
    (2, 'renew', 'onboarded'), (2, 'transfer', 'unclaimed'), (2, 'claim', 'claimed')], acts
assert [s['sold_by'] for s in steps if s['act'] == 'transfer'] == [sys.argv[2]] * 2
assert all(s['signed_by'] == sys.argv[2] for s in steps)
PYTHON
python3 -c 'import sys, xml.etree.ElementTree as t; r = t.parse(sys.argv[1]).getroot(); assert len(r.findall(".//{*}circle")) == 11' \
    life.svg || fail "the picture is none"
on 0 device audit resold.ov
expect_text out 'onboarded' "the audit as text"
on 0 device audit sold.ov.passport --json # who sold it sees to his own life's end
[ "$(fact lives)" = 1 ] || fail "an earlier owner sees on"
flip resold.ov.passport 80
on 1 device audit resold.ov.passport
expect_text err 'knows no device' "a passport that was changed"
flip resold.ov.passport 80
on 1 device audit two.ov
expect_text err 'passport is not there' "an audit without a passport"

# --- through a node: lists and histories are for the owner, and for auditors ---
printf 'node:\n  port: "0"\n' >>"$home/cairn.yaml"
head -c 24 /dev/urandom | base64 >secret
on 0 grant add mine --user --secret-file secret --scope ledger.read --organisation "$org"
on 0 grant add other --user --secret-file secret --scope ledger.read --organisation "$(printf '0%.0s' {1..64})"
"$cairn" node "$home" --json >node.out 2>node.err &
node=$!
started "$node"
wait_for 20 test -s "$home/node.url" || die "the node does not start: $(tail -n 2 node.err)"

# ask USER PATH: the status; the answer in out.
ask() {
    curl -s --cacert "$home/tls/node.pem" -o out -w '%{http_code}' -u "$1:$(cat secret)" \
        "$(cat "$home/node.url")/v1/ledgers/$ledger/devices$2"
}
last=$("$cairn" -C "$home" device show resold.ov --json | sed -n 's/^  "index": "\(.*\)",$/\1/p')
all_seen() { [ "$(ask mine '?state=claimed')" = 200 ] && grep -q "$last" out; }
wait_for 20 all_seen || die "the list has not the device: $(cat out)"
[ "$(ask mine "/$last/history")" = 200 ] || fail "its owner does not get its history: $(cat out)"
[ "$(fact steps.1.act)" = transfer ] || fail "history: $(cat out)"
# [X1353-R11] for others there is none, and it looks like none
[ "$(ask other "/$last/history")" = 404 ] || fail "a stranger gets a history"
cp out refused
[ "$(ask other "/${last//[0-9a-f]/0}/history")" = 404 ]
cmp -s out refused || fail "a stranger is told that it is there"
[ "$(ask other "")" = 200 ] || fail "a stranger has no list"
grep -q "\"index\"" out && fail "a stranger has devices: $(cat out)"
[ "$(ask mine "/$index/history")" = 200 ] || fail "the life before: $(cat out)"
on 0 device suspend resold.ov # the verbs go through the node
state resold.ov suspended
on 0 device resume resold.ov
on 4 device list

# --- an operator serves by contract [X1353-R17] ---
expect 0 "$cairn" init op --org Operator --node "$(cat "$home/node.url")" --node-ca "$home/tls/node.pem" --json
operator=$(fact organisation_id)
expect 0 "$cairn" -C op org request op.request --org Operator
on 0 org admit op.request
on 1 contract propose --provider "$org" --operator "$operator" --batch buyer.pem
expect_text err 'signer may not do this' "an operator without the role"
on 0 org roles "$operator" --role operator
on 0 contract propose --provider "$org" --operator "$operator" --batch buyer.pem --terms 'Tariff 7' --days 30 --json
contract=$(fact transaction)
on 1 device claim resold.ov --contract "$contract"
on 1 contract accept "$contract"
expect 0 "$cairn" -C op contract accept "$contract"
on 0 contract show "$contract" --json
[ "$(fact status) $(fact in_force)" = 'live yes' ] || fail "contract: $(cat out)"
on 0 device claim resold.ov --contract "$contract"
on 0 device show resold.ov --json
[ "$(fact contract)" = "$contract" ] || fail "the device is not bound"
expect 0 "$cairn" -C op contract end "$contract"
state resold.ov claimed
expect_text out 'contract.status: is ended' "a device whose contract has ended"
on 1 contract show "${contract//[0-9a-f]/0}"
kill -TERM "$node" && wait "$node"

# --- the end ---
on 0 device register two.ov
on 0 device bar two.ov
state two.ov revoked
on 1 device retire two.ov
on 0 device retire resold.ov
voucher three.ov three "$home/keys/owner-maker.pem" owner.pem # signed over at the factory
on 0 device register three.ov --json
[ "$(fact sales.0.height)" -gt 0 ] || fail "a sale at the factory is not on the ledger"
state three.ov unclaimed
on 0 device claim three.ov
on 0 device revoke three.ov
state three.ov revoked
state resold.ov retired
on 1 device show 0000000000000000000000000000000000000000000000000000000000000000
finish
