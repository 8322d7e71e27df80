#!/usr/bin/env bash
# The units of packaging/: whether systemd understands them, and how far they shut the node in.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need systemd-analyze
exposure_max=15 # tenths

# A copy that names the built program: verify wants to see it.
for unit in cairn.service cairn.socket; do
    sed "s|/usr/bin/cairn|$(realpath "$cairn")|" "$root/packaging/$unit" >"$work/$unit"
done

systemd-analyze verify --man=no "$work/cairn.service" "$work/cairn.socket" >"$work/verify" 2>&1
grep -E 'cairn\.(service|socket)' "$work/verify" && fail "systemd-analyze verify has something to say"

systemd-analyze security --offline=true "$work/cairn.service" >"$work/score" 2>&1 ||
    skip "this systemd-analyze knows no --offline: $(tail -n 1 "$work/score")"
exposure=$(sed -n 's/.*exposure level for cairn.service: \([0-9]*\)\.\([0-9]\).*/\1\2/p' "$work/score")
[ -n "$exposure" ] || die "no exposure level in: $(tail -n 1 "$work/score")"
echo "exposure level $((10#$exposure / 10)).$((10#$exposure % 10))"
[ "$((10#$exposure))" -le "$exposure_max" ] || {
    grep '✗' "$work/score"
    fail "exposure level above 1.5"
}

# What the unit must not lose when somebody widens a fence.
for line in Type=notify WatchdogSec=30 NoNewPrivileges=yes MemoryDenyWriteExecute=yes \
    ProtectSystem=strict UMask=0077 LimitCORE=0; do
    grep -qx "$line" "$root/packaging/cairn.service" || fail "cairn.service lacks $line"
done

finish
