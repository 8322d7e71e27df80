#!/usr/bin/env bash
# The node's figures through the parser of Prometheus' own client, and what docs/features/node.md says of them.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
venv=$cache/metrics
if ! "$venv/bin/python" -c 'import prometheus_client' 2>/dev/null; then
    {
        python3 -m venv "$venv" && "$venv/bin/pip" install -q prometheus_client==0.26.0
    } >"$work/venv" 2>&1 || skip "prometheus_client cannot be installed: $(tail -n 1 "$work/venv")"
fi
export CAIRN=$cairn
PYTHONPATH=$root/tests/integration/node_faults "$venv/bin/python" -B "$root/tests/interop/metrics.py" "$work" ||
    fail "metrics.py"
finish
