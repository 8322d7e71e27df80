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
[ "$(fact verified)" = 'raw\xff.log' ] || fail "the byte that is no text is lost"
expect 0 "$cairn" --json verify "$red" --trust trust
[ "$(fact verified)" = "$red" ] || fail "JSON has another name"
expect 0 "$cairn" verify "$red" --trust trust
expect_text out 'red\\x1b\[31m' "the terminal gets an escape"
echo changed >"$forged"
expect 1 "$cairn" verify "$forged" --trust trust
grep -q '^verdict  *yes' out && fail "a name passes for a verdict"
expect_text out '^verdict  *no' "the verdict"
expect 0 "$cairn" -C "$home" key show sign-1
expect_text out '^ +-----END PUBLIC KEY-----$' "the key's last line"

finish
