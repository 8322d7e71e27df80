#!/usr/bin/env bash
# A stranger's reading of api/openapi.yaml: Redocly's linter, strict.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need node npm
here=$root/tests/interop/openapi
modules=$cache/openapi
if ! cmp -s "$here/package-lock.json" "$modules/installed"; then
    mkdir -p "$modules"
    cp "$here/package.json" "$here/package-lock.json" "$modules"
    (cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund) >"$work/fetch" 2>&1 ||
        skip "@redocly/openapi-core cannot be fetched: $(grep -m 1 '^npm' "$work/fetch")"
    cp "$here/package-lock.json" "$modules/installed"
fi

cp "$here/lint.mjs" "$modules/lint.mjs" # Node looks for modules beside the program
expect 0 node "$modules/lint.mjs" "$root/api/openapi.yaml"
finish
