#!/bin/bash
# The command at its edges: names that are no text, several files of which one is missing, outputs
# that cannot be written, descriptors that are closed, and the exit code of each.
# shellcheck source=tests/support/script.sh
source "$(dirname "$0")/../support/script.sh"

cd "$work" || exit 1
home=$work/ledger
expect 0 "$cairn" init "$home" --org Edge
expect 0 "$cairn" -C "$home" trust export trust

# --- names ---

raw=$'raw\xff.log'
red=$'red\e[31m.log'
forged=$'x\nverdict              yes'
for name in "$raw" "$red" "$forged"; do
    echo content >"$name"
    expect 0 "$cairn" -C "$home" anchor "$name"
    [ -s "$name.receipt" ] || fail "no receipt of $(printf %q "$name")"
    expect 0 "$cairn" --json verify "$name" --trust trust
    fact verdict >/dev/null || fail "no JSON for $(printf %q "$name")"
done
expect 0 "$cairn" --json verify "$raw" --trust trust
[ "$(fact checked)" = 'raw\xff.log' ] || fail "the byte that is no text is lost"
expect 0 "$cairn" --json verify "$red" --trust trust
[ "$(fact checked)" = "$red" ] || fail "JSON has another name"
expect 0 "$cairn" verify "$red" --trust trust
expect_text out 'red\\x1b\[31m' "the terminal gets an escape"
echo changed >"$forged"
expect 1 "$cairn" verify "$forged" --trust trust
grep -q '^verdict  *yes' out && fail "a name passes for a verdict"
expect_text out '^verdict  *no' "the verdict"
expect 0 "$cairn" -C "$home" key show sign-1
expect_text out '^ +-----END PUBLIC KEY-----$' "the key's last line"

# --- what is missing is no "no" ---

echo here >here
ln -s here link
mkfifo fifo
expect 0 "$cairn" -C "$home" anchor link
expect 0 "$cairn" verify here --receipt link.receipt --trust trust
expect 4 "$cairn" verify missing --receipt link.receipt --trust trust
expect 4 "$cairn" verify here --receipt missing --trust trust
expect 4 "$cairn" verify here --receipt link.receipt --trust missing
expect 4 "$cairn" verify --state missing --trust trust
expect 4 "$cairn" trust show missing
for bad in missing . fifo /dev/null; do
    expect 4 "$cairn" -C "$home" anchor "$bad" --output out.receipt
done
expect 4 "$cairn" -C "$home" trust export missing/trust
expect 4 "$cairn" -C "$home" state get members --output missing/proof
expect 4 "$cairn" -C "$home" log export missing/log
expect 4 "$cairn" -C "$home" checkpoint --output missing/note
expect 4 "$cairn" init missing/ledger --org Edge
expect 4 "$cairn" -C "$home" log export here
expect 4 "$cairn" -C "$home" log export "$home/cairn.yaml"
expect 0 "$cairn" -C "$home" state get members --output members.proof
expect 2 "$cairn" verify --state members.proof --receipt link.receipt --trust trust
for none in missing . ''; do
    expect 2 "$cairn" -C "$none" log check
done
CAIRN_DIR='' expect 2 "$cairn" log check

# --- a witness whose signature nobody checks, and one that forgot ---

expect 0 "$cairn" -C "$home" log export tiles
log_key=$(cat tiles/log.vkey)
expect 4 "$cairn" -C missing witness --name w.example --log "$log_key"
: >w.json
"$cairn" -C "$work" witness --name w.example --log "$log_key" --listen 127.0.0.1:0 --json >w.json &
witness=$!
for _ in $(seq 100); do
    grep -q '^}' w.json && break
    sleep 0.1
done
cp w.json out
url=$(fact url)
vkey=$(fact vkey)
expect 0 "$cairn" -C "$home" --json checkpoint --witness "$url"
[ "$(fact unchecked_signatures)" = 1 ] || fail "a cosignature passes for checked: $(cat out)"
expect 0 "$cairn" -C "$home" --json checkpoint --witness "$url" --witness-key "$vkey"
grep -q unchecked out && fail "a checked cosignature passes for unchecked"
[ "$(fact cosigned_by.0.name)" = w.example ] || fail "the witness is not named"
kill "$witness"
wait "$witness"
rm "$work/witness/heads"
expect 4 "$cairn" -C "$work" witness --name w.example --log "$log_key" --listen 127.0.0.1:0
expect_text err 'the heads are not' "a witness that forgot"

# --- an export over an earlier one ---

expect 0 "$cairn" init other --org Other
cp -r tiles before
expect 1 "$cairn" -C other log export tiles
diff -r tiles before || fail "another log is written over an export"
cp -r "$home" old
echo later >later
expect 0 "$cairn" -C "$home" anchor later
expect 0 "$cairn" -C "$home" log export tiles
rm -rf before
cp -r tiles before
expect 1 "$cairn" -C old log export tiles
expect_text err 'was it put back' "a log that got shorter"
diff -r tiles before || fail "a published log got shorter"
for name in fork longer; do
    echo $name >$name
    expect 0 "$cairn" -C old anchor $name
    expect 1 "$cairn" -C old log export tiles
    expect_text err 'is no extension' "a log with another history"
done
diff -r tiles before || fail "a published log got another history"
mv "$home/keys" keys
expect 4 "$cairn" -C "$home" org show
mv keys "$home/keys"

# --- several files, of which one fails ---

log_size() {
    expect 0 "$cairn" -C "$home" --json log check
    fact log_size
}

echo one >one
echo two >two
expect 4 "$cairn" -C "$home" --json anchor one missing two
[ "$(fact anchored.0.file)" = one ] || fail "the file that was anchored is not printed"
[ -e two.receipt ] && fail "the files after the one that failed are anchored"
expect_text err 'missing: is not there' "the reason"
expect 0 "$cairn" verify one --trust trust

# --- no receipt, no transaction ---

before=$(log_size)
expect 4 "$cairn" -C "$home" anchor two --output missing/receipt
[ "$(log_size)" = "$before" ] || fail "a transaction whose receipt could not be written"
(umask 022 && echo secret >secret && chmod 600 secret)
expect 0 "$cairn" -C "$home" anchor secret
[ "$(stat -c %a secret.receipt)" = 600 ] || fail "others may read the receipt of a secret file"

# --- a directory that somebody holds ---

# held CODE COMMAND...: while another process has the store.
held() {
    local code=$1
    shift
    expect "$code" flock -x "$home/store" "$@"
}
held 4 "$cairn" -C "$home" anchor two
expect_text err 'in use by another process$' "held by nobody knows whom"
echo https://127.0.0.1:1 >"$home/node.url"
held 4 "$cairn" -C "$home" anchor two
expect_text err 'in use by another process; if that is its node: .*127\.0\.0\.1:1' "held by a node that does not answer"
rm "$home/node.url"

# --- outputs that cannot be written ---

code=0
"$cairn" -C "$home" key show >/dev/full 2>err || code=$?
[ "$code" -eq 4 ] || fail "exit $code with a full output"
code=0
"$cairn" -C "$home" anchor two >&- 2>err || code=$?
[ "$code" -eq 4 ] || fail "exit $code with a closed output"
if command -v strace >/dev/null; then # under which no leak can be looked for
    ASAN_OPTIONS=detect_leaks=0 strace -f -o trace -e trace=openat "$cairn" -C "$home" log check >&- 2>err
    grep -F "$home" trace | grep -Eq '= [0-2]$' && fail "a file took the place of the output"
    ASAN_OPTIONS=detect_leaks=0 expect 0 strace -f -o trace -e trace=openat,syncfs,rename "$cairn" -C "$home" log export export
    sed '/syncfs(.*= 0/q' trace | grep -q 'export/tile/entries' || fail "tiles come before no sync"
    sed '1,/syncfs(.*= 0/d' trace | grep -q 'export/tile' && fail "a tile is written after the sync"
    sed '1,/syncfs(.*= 0/d' trace | grep -q 'export/checkpoint' ||
        fail "the checkpoint is written before its tiles are durable"
fi
code=0
(ulimit -f 1 && exec "$cairn" init "$work/small" --org Edge) >out 2>err || code=$?
[ "$code" -eq 4 ] || fail "exit $code when a file may not grow"
expect_text err 'size limit|too large|disk is full' "the reason"

finish
