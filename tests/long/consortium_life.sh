#!/usr/bin/env bash
# The life of a consortium on the other engine that Cairn is tested with.
#
#   tests/long/consortium_life.sh [BUILD]
set -eu
exec "$(dirname "$0")/../interop/consortium_life.sh" "${1:-build}" 0.40.0
