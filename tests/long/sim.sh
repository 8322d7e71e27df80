#!/bin/bash
# Long simulations: every workload of tests/sim on all cores, SIM_SECONDS in all (default 1500), with
# seeds of its own: SIM_SEED, by default the day's date, so that each day looks elsewhere. A failure
# prints the line that replays it. Fewer than SIM_FAULTS faults (default 100000) in the engine itself
# fail the run: give SIM_SECONDS more time then.
set -u -o pipefail

build=${CAIRN_BUILD:-build}
seconds=${SIM_SECONDS:-1500}
seed=${SIM_SEED:-$(date -u +%Y%m%d)}
least=${SIM_FAULTS:-100000}
jobs=$(nproc)
failed=0

# run NAME PERCENT: the workload for its share of the time; leaves in $faults how many it injected.
run() {
    local program=$build/tests/sim/sim_$1 out
    if [ ! -x "$program" ]; then
        echo "SKIP $program is not built"
        exit 77
    fi
    out=$("$program" --seed "$seed" --trials 100000000 --seconds $((seconds * $2 / 100)) \
        --jobs "$jobs") || failed=1
    echo "$out"
    faults=$(sed -n 's/^sim_[a-z_]*: .* lives, \([0-9]*\) faults.*/\1/p' <<<"$out")
}

run raw 3
run kv 10
run block_log 12
run ca 5
run jobs 5
run idle 3
run socket 5
run snapshot 5
run consortium 15
run ledger 37

if [ "${faults:-0}" -lt "$least" ]; then
    echo "fewer than $least faults in the engine: give SIM_SECONDS more time"
    failed=1
fi
exit "$failed"
