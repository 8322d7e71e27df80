#!/usr/bin/env bash
# Clocks that are wrong by less and by more than the engine bears (block_time_tolerance, 60 s), ahead and
# behind, with both engines.
set -eu
for version in 0.38.25 0.40.0; do
    CONSORTIUM_PARTS=clocks CONSORTIUM_AHEAD="8 -8 90 -90 600" \
        "$(dirname "$0")/../interop/consortium_faults.sh" "${1:-${CAIRN_BUILD:-build}}" "$version" || exit
done
