#!/usr/bin/env bash
# Subscriptions of a live node, against a sink that is slow, refuses, resets and goes away.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 openssl
[ -x "$(dirname "$cairn")/tests/transactions" ] || skip "there is no tests/transactions; run ninja -C build"
export CAIRN=$cairn
PYTHONPATH=$root/tests/integration/node_faults python3 -B "$root/tests/integration/subscriptions.py" "$work" ||
    fail "subscriptions.py"
finish
