#!/usr/bin/env bash
# The short faults of tests/long/consortium_faults.sh: programs that are killed, a member that stands still, a
# network cut in two, a key in two places.
set -eu
export CONSORTIUM_PARTS=${CONSORTIUM_PARTS:-kills pause partition double_sign}
export CONSORTIUM_KILLS=${CONSORTIUM_KILLS:-3}
exec "$(dirname "$0")/../long/consortium_faults.sh" "${1:-${CAIRN_BUILD:-build}}" "${2:-0.38.25}"
