#!/usr/bin/env bash
# The reference implementation of ICS-23, in Go, verifies presence and absence as our engine proves them,
# and refuses every change.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"
# shellcheck source=tests/support/state_proofs.sh
. "$root/tests/support/state_proofs.sh"

go_program ics23_go .
make_state_proofs 200
"$program" "$work"/proofs/* >"$work/said" || fail "the Go implementation of ICS-23 disagrees"
tail -n 10 "$work/said"
finish
