#!/usr/bin/env bash
# The short faults of tests/long/consortium_faults.sh: a member that stands still, a network cut in two.
set -eu
CONSORTIUM_PARTS=${CONSORTIUM_PARTS:-pause partition} exec "$(dirname "$0")/../long/consortium_faults.sh" "$@"
