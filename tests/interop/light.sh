#!/usr/bin/env bash
# The light client beside the engine's own: the same verdict on thousands of steps, honest ones and
# changed ones; and the chain of a running node, read by its RPC, where three of four validators never vote.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

build=$(dirname "$cairn")

# --- the same verdicts ------------------------------------------------------------------------------

go_program light_go .
for seed in 1 2 3; do
    "$program" "$seed" 3100 >"$work/steps" || die "light_go ends with $?"
    "$build/tests/interop/light-verdicts" <"$work/steps" >"$work/said" 2>"$work/err" ||
        fail "seed $seed: $(head -n 5 "$work/err")"
    tail -n 1 "$work/said"
done
cat "$work/said"

# --- running chains ---------------------------------------------------------------------------------

need curl python3

# make_home ENGINE DIRECTORY: one validator who votes, and three who never do.
make_home() {
    local i
    "$1" init --home "$2" >"$work/init" 2>&1 || die "cometbft init: $(tail -n 3 "$work/init")"
    for i in 1 2 3; do
        "$1" gen-validator >"$2/validator-$i" || die "gen-validator"
    done
    python3 - "$2" <<'PY' || die "genesis"
import json, re, sys
home = sys.argv[1]
with open(home + "/config/genesis.json") as file:
    genesis = json.load(file)
genesis["validators"][0]["power"] = "100"
for i in "123":
    with open(f"{home}/validator-{i}") as file:
        key = json.load(file)["Key"]
    genesis["validators"].append({"address": key["address"], "pub_key": key["pub_key"], "power": i, "name": ""})
with open(home + "/config/genesis.json", "w") as file:
    json.dump(genesis, file)
with open(home + "/config/config.toml") as file:
    text = file.read()
with open(home + "/config/config.toml", "w") as file:
    file.write(re.sub(r'timeout_commit = ".*"', 'timeout_commit = "50ms"', text))
PY
}

ask() { curl -s --max-time 5 --unix-socket "$socket" "http://localhost/$1"; }
height() { ask status | python3 -c 'import json, sys; print(json.load(sys.stdin)["result"]["sync_info"]["latest_block_height"])' 2>/dev/null; }

last=20
grown() { [ "$(height)" -gt "$last" ]; }

for version in 0.38.25 0.40.0; do
    engine=$("$root/tools/install-cometbft" "$version")
    case $? in
    0) ;;
    77) skip "no chain of CometBFT $version was followed: ${engine#SKIP }" ;;
    *) die "install-cometbft $version" ;;
    esac
    home=$work/engine-$version
    socket=$work/rpc-$version
    make_home "$engine" "$home"
    "$engine" start --home "$home" --proxy_app kvstore --rpc.laddr "unix://$socket" \
        --p2p.laddr tcp://127.0.0.1:0 >"$work/log" 2>&1 &
    started $!
    wait_for 60 grown || die "the chain does not grow: $(tail -n 3 "$work/log")"
    mkdir "$home/answers"
    for h in $(seq "$last"); do
        ask "commit?height=$h" >"$home/answers/commit-$h.json"
        ask "validators?height=$h&page=1&per_page=100" >"$home/answers/validators-$h.json"
    done
    expect 0 "$build/tests/interop/light-chain" "$home/answers" "$last"
    echo "CometBFT $version: $(cat "$work/out")"
done
finish
