#!/usr/bin/env bash
# The command as a person and a script meet it: usage errors, exit codes, JSON, help, man page,
# completion, keys in a token.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
ledger=$work/ledger
cd "$work" || die "cd"

# --- usage: exit 2, one line, nothing on standard output ------------------------------------------

wrong() {
    expect 2 "$cairn" "$@" || return
    [ -s out ] && fail "a usage error prints on standard output: $*"
    [ "$(wc -l <err)" -eq 1 ] || fail "a usage error is not one line: $*"
}

wrong nothing
wrong key
wrong key old
wrong -C
wrong --nothing
wrong -x org show
wrong init
wrong init dir
wrong init dir --org
wrong init dir --org ''
wrong init dir --org a/b
wrong init dir --org a --org b
wrong init dir more --org a
wrong init dir --org a --pkcs11 module
wrong anchor
wrong anchor a b --output c
wrong anchor --nothing a
wrong anchor a --json=yes
wrong verify a
wrong verify --trust b
wrong verify a b --trust c
wrong verify a --trust b --at yesterday
wrong verify a --trust b --at 2026-02-30T00:00:00
wrong trust show
wrong state get
wrong log export
wrong log check more
wrong witness
wrong help nothing
wrong version more
[ -e dir ] && fail "a usage error makes a directory"

# --- exit codes: 0 yes, 1 no, 2 usage (above), 3 bad input, 4 environment -------------------------

# on CODE VERB...: JSON from our ledger.
on() {
    local code=$1
    shift
    expect "$code" "$cairn" -C "$ledger" --json "$@"
}

expect 0 "$cairn" init "$ledger" --org Interop
expect 1 "$cairn" init "$ledger" --org Interop
echo content >file
echo other >file2
on 0 anchor file
on 0 trust export trust
expect 0 "$cairn" verify file --trust trust
cp file.receipt file2.receipt
expect 1 "$cairn" verify file2 --trust trust
[ -s err ] && fail "a no is told twice"
expect_text out '^verdict +no$' "a no"
expect_text out '^code +MISMATCH$' "a no"
expect 3 "$cairn" verify file --trust file
expect 3 "$cairn" witness --name w --log notakey
expect 4 "$cairn" verify file --trust missing
for verb in "org show" "trust export" help man completion version; do
    code=0
    # shellcheck disable=SC2086 # one word or two
    "$cairn" -C "$ledger" $verb >/dev/full 2>err || code=$?
    [ "$code" -eq 4 ] || fail "$verb on a full disk: exit $code"
done

# A directory by -C, by CAIRN_DIR, or the current one.
CAIRN_DIR=$ledger expect 0 "$cairn" org show
(cd ledger && "$cairn" org show >/dev/null) || fail "the current directory is not taken"
CAIRN_DIR=/nowhere expect 0 "$cairn" -C "$ledger" org show
expect 2 "$cairn" org show # there is none here

# --- JSON -----------------------------------------------------------------------------------------

# keys KEY...: the last output is one JSON object with these keys, the first ones in this order.
keys() {
    python3 - out "$@" <<'PYTHON' || fail "JSON: $(head -c 300 out)"
import json, sys
facts = json.load(open(sys.argv[1]))
assert list(facts)[:len(sys.argv) - 2] == sys.argv[2:], list(facts)
PYTHON
}

expect 0 "$cairn" init second --org Second --json
keys directory organisation organisation_id ledger
on 0 anchor file2 --output file2.again
keys anchored
expect 0 "$cairn" verify file --trust trust --json
keys checked verdict ledger member vouching needed of log_index log_size height \
    on_the_ledger_since commitment transaction signer_key signer
expect 1 "$cairn" verify file2 --trust trust --json
keys checked verdict code because detail difference
on 0 trust export trust.2
keys trust fingerprint
on 0 trust export
keys trust_base64 fingerprint
python3 -c 'import base64, hashlib, json
facts = json.load(open("out"))
assert hashlib.sha256(base64.b64decode(facts["trust_base64"])).hexdigest() == facts["fingerprint"]' ||
    fail "trust export in base64 is not the file of its fingerprint"
expect 0 "$cairn" version --json
keys version
expect 0 "$cairn" trust show trust --json
keys fingerprint ledger origin needed of issued expires member
on 0 key new --purpose tls
keys name key purpose type since_height
on 0 key show
keys key
on 0 key revoke tls-1
keys name key until_height
on 0 org show
keys organisation id status member admitted_height ledger height log_size key
on 0 state get members
keys key present value height time
on 0 state get members --proof
keys key present value height time proof_size proof
on 0 log check
keys verdict ledger blocks transactions height log_size log_root state_root
on 0 log export static
keys directory origin log_size log_root vkey
on 0 checkpoint
keys cosigned_by origin log_size log_root height witnesses checkpoint

# --- help, man page, completion -------------------------------------------------------------------

"$cairn" help >help.txt || fail "help"
sed -n 's/^  \([a-z]*\( [a-z]*\)\{0,1\}\)  *[a-z].*/\1/p' help.txt | sed 's/ *$//' >verbs.txt
[ "$(wc -l <verbs.txt)" -ge 18 ] || fail "help lists $(wc -l <verbs.txt) verbs"
"$cairn" man >cairn.1 || fail "man"
while read -r verb; do
    # shellcheck disable=SC2086 # one word or two
    "$cairn" help $verb >one.txt || fail "help $verb"
    head -n 1 one.txt | grep -q "^cairn $verb" || fail "help $verb explains another verb"
    grep -q "^\.SS cairn $verb" cairn.1 || fail "the man page lacks $verb"
    awk 'length > 100' one.txt | grep . >/dev/null && fail "help $verb is wider than 100 columns"
    sed -n 's/^  --\([a-z0-9-]*\).*/\1/p' one.txt | sed 's/-/\\-/g; s/^/\\fB\\-\\-/' >options.txt
    while read -r option; do
        grep -qF -- "$option" cairn.1 || fail "the man page lacks $option of $verb"
    done <options.txt
done <verbs.txt
awk 'length > 100' help.txt | grep . >/dev/null && fail "help is wider than 100 columns"
if command -v mandoc >/dev/null; then
    mandoc -Tlint -W warning cairn.1 >lint.txt || fail "mandoc: $(head -n 3 lint.txt)"
else
    echo "SKIP the man page's form (mandoc is not installed)"
fi

# complete WORD...: what is offered for the last word, on one line.
complete_words() {
    COMP_WORDS=(cairn "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _cairn
    printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | LC_ALL=C sort | tr '\n' ' '
}
"$cairn" completion >completion.bash || fail "completion"
# shellcheck disable=SC1091 # it was just made
. ./completion.bash
offered() {
    local wanted=$1
    shift
    [ "$(complete_words "$@")" = "$wanted " ] || fail "completion of '$*': '$(complete_words "$@")'"
}
offered init in
offered key ke
offered "new revoke show" key ''
offered show key s
offered show -C ledger key s
offered --trust verify file --t
offered "--purpose" key new --p
offered "file file.receipt file2 file2.again file2.receipt" anchor fil
offered "verify version" ver
offered version vers
offered "verify version" help ver
offered "new revoke show" help key ''
offered revoke -C ledger help key r
offered help hel

# --- keys in a token ------------------------------------------------------------------------------

module=
for candidate in /usr/lib/softhsm/libsofthsm2.so /usr/lib/*/softhsm/libsofthsm2.so; do
    [ -f "$candidate" ] && module=$candidate
done
if [ -z "$module" ] || ! command -v softhsm2-util >/dev/null; then
    echo "SKIP keys in a token (SoftHSM is not installed)"
    finish
fi
mkdir tokens
echo "directories.tokendir = $work/tokens" >softhsm.conf
export SOFTHSM2_CONF=$work/softhsm.conf
softhsm2-util --init-token --free --label cairn --pin 1234 --so-pin 5678 >softhsm.log 2>&1 ||
    die "softhsm2-util: $(cat softhsm.log)"
echo 1234 >pin
expect 0 "$cairn" init token --org Token --pkcs11 "$module" --token cairn --pin-file "$work/pin"
[ -z "$(ls token/keys 2>/dev/null)" ] || fail "there are key files beside the token"
expect 0 "$cairn" -C token anchor file --output token.receipt
expect 0 "$cairn" -C token key new --purpose cosign
expect 0 "$cairn" -C token key show
expect_text out 'cosign-2' "key show with a token"
expect 0 "$cairn" -C token anchor file2 --output token2.receipt
expect 0 "$cairn" -C token trust export token.trust
expect 0 "$cairn" verify file --receipt token.receipt --trust token.trust
expect 0 "$cairn" verify file2 --receipt token2.receipt --trust token.trust
expect 0 "$cairn" -C token checkpoint
expect 0 "$cairn" -C token log check
echo 9999 >pin
expect 4 "$cairn" -C token anchor file --output token3.receipt
expect_text err 'token' "a wrong PIN"
finish
