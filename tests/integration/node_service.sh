#!/usr/bin/env bash
# The node as systemd meets it: its fences, an inherited socket, readiness and watchdog.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
export CAIRN=$cairn
PYTHONPATH=$root/tests/integration/node_faults python3 -B "$root/tests/integration/node_service.py" "$work" ||
    fail "node_service.py"
finish
