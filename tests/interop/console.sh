#!/usr/bin/env bash
# The console in headless Chromium, driven by Playwright: proofs are drawn and checked there, lies of the
# node are found, every room opens, by keyboard, light and dark, 400 pixels wide, and no other host is called.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need node npm chromium
here=$root/tests/interop/console
modules=$cache/console
if ! cmp -s "$here/package-lock.json" "$modules/installed"; then
    mkdir -p "$modules"
    cp "$here/package.json" "$here/package-lock.json" "$modules"
    (cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund) >"$work/fetch" 2>&1 ||
        skip "playwright-core cannot be fetched: $(grep -m 1 '^npm' "$work/fetch")"
    cp "$here/package-lock.json" "$modules/installed"
fi

# A log of more than one tile, whose entries everybody may read.
cd "$work" || die "cd"
expect 0 "$cairn" init ledger --org "Fahrzeugbau"
printf 'node:\n  port: 0\napi:\n  public: entries\n' >>ledger/cairn.yaml
for i in $(seq 140); do
    echo "$i" >"file.$i"
done
expect 0 "$cairn" -C ledger anchor file.* --json
transaction=$(fact anchored.7.transaction)

"$cairn" node ledger --json >node.out 2>node.log &
started $!
wait_for 20 grep -q '"url"' node.out || die "the node does not start: $(tail -n 3 node.log)"
url=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["url"])' <node.out)

HOME=$work NODE_PATH=$modules/node_modules timeout 300 node "$here/check.mjs" "$url" "$(command -v chromium)" "$transaction" \
    >said 2>&1 || fail "the console is not as it must be"
tail -n 20 said
finish
