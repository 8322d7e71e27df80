#!/bin/bash
# Long simulations: every workload of tests/sim on all cores, SIM_SECONDS in all (default 520), with
# seeds of its own: SIM_SEED, by default the day's date, so that each day looks elsewhere. A failure
# prints the line that replays it. Fewer than SIM_FAULTS faults (default 100000) in the house's own
# code, the layer's self-test left out, fail the run.
set -u -o pipefail

build=${CAIRN_BUILD:-build}
seconds=${SIM_SECONDS:-520}
seed=${SIM_SEED:-$(date -u +%Y%m%d)}
least=${SIM_FAULTS:-100000}
jobs=$(nproc)
total=0
failed=0

# run NAME PERCENT: the workload for its share of the time.
run() {
    local program=$build/tests/sim/sim_$1 out faults
    if [ ! -x "$program" ]; then
        echo "SKIP $program is not built"
        exit 77
    fi
    out=$("$program" --seed "$seed" --trials 100000000 --seconds $((seconds * $2 / 100)) \
        --jobs "$jobs") || failed=1
    echo "$out"
    faults=$(sed -n 's/^sim_[a-z_]*: .* lives, \([0-9]*\) faults.*/\1/p' <<<"$out")
    total=$((total + ${faults:-0}))
}

run raw 5
run kv 20
run block_log 25
run ledger 50

echo "$total faults injected, seed $seed"
if [ "$total" -lt "$least" ]; then
    echo "fewer than $least faults: give SIM_SECONDS more time"
    failed=1
fi
exit "$failed"
