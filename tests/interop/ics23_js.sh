#!/usr/bin/env bash
# The JavaScript implementation of ICS-23 verifies presence as our engine proves it.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"
# shellcheck source=tests/support/state_proofs.sh
. "$root/tests/support/state_proofs.sh"

need node npm
here=$root/tests/interop/ics23_js
modules=$cache/ics23_js
if ! cmp -s "$here/package-lock.json" "$modules/installed"; then
    mkdir -p "$modules"
    cp "$here/package.json" "$here/package-lock.json" "$modules"
    (cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund) >"$work/fetch" 2>&1 ||
        skip "@confio/ics23 cannot be fetched: $(grep -m 1 '^npm' "$work/fetch")"
    cp "$here/package-lock.json" "$modules/installed"
fi

make_state_proofs 60
NODE_PATH=$modules/node_modules node "$here/check.js" "$work"/proofs/*.present >"$work/said" 2>&1 ||
    fail "the JavaScript implementation of ICS-23 disagrees"
tail -n 10 "$work/said"
finish
