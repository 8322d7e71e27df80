#!/bin/bash
# For the scripts of tests/integration and tests/interop: where things are, and how a check speaks.
# Sourced by bash. A script ends by `finish`, or at its first `die`; exit 77 says that it was skipped.
set -u -o pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cairn=${CAIRN:-$root/build/cairn}
# shellcheck disable=SC2034 # for the scripts
shared=${CAIRN_SHARED:-$root/../shared}
cache=${CAIRN_CACHE:-$root/build/cache}
failures=0
children=()

skip() {
    echo "SKIP $*"
    exit 77
}

die() {
    echo "FAILED $*"
    exit 1
}

# fail WORDS: goes on, but the script will fail.
fail() {
    echo "FAILED $*"
    failures=$((failures + 1))
}

finish() {
    [ "$failures" -eq 0 ] || die "$failures checks"
    echo "ok"
    exit 0
}

# expect CODE COMMAND...: runs it; what it printed lies in $work/out and $work/err.
expect() {
    local wanted=$1 code
    shift
    code=0
    "$@" >"$work/out" 2>"$work/err" || code=$?
    [ "$code" -eq "$wanted" ] && return 0
    fail "exit $code, not $wanted: $*"
    tail -n 5 "$work/out" "$work/err"
    return 1
}

# expect_text FILE PATTERN WHAT: a line of FILE matches the extended pattern.
expect_text() {
    grep -Eq -- "$2" "$1" && return 0
    fail "$3: no line matches '$2'"
    tail -n 5 "$1"
}

# fact NAME: a value from the JSON that the last `expect` left, such as `fact anchored.0.index`.
fact() {
    python3 - "$1" "$work/out" <<'PYTHON'
import json, sys
value = json.load(open(sys.argv[2]))
for name in sys.argv[1].split('.'):
    value = value[int(name)] if isinstance(value, list) else value[name]
print(value)
PYTHON
}

# flip FILE OFFSET [MASK]: changes one byte, in place.
flip() {
    python3 - "$@" <<'PYTHON'
import sys
with open(sys.argv[1], 'r+b') as file:
    file.seek(int(sys.argv[2]))
    byte = file.read(1)[0]
    file.seek(int(sys.argv[2]))
    file.write(bytes([byte ^ (int(sys.argv[3], 0) if len(sys.argv) > 3 else 1)]))
PYTHON
}

# need TOOL...: each must be here.
need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || skip "$tool is not installed"
    done
}

# started PID: a process of ours, ended with the script.
started() {
    children+=("$1")
}

# stop PID: ends it and waits.
stop() {
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

clean_up() {
    local pid
    for pid in ${children[@]+"${children[@]}"}; do
        stop "$pid"
    done
    rm -rf "$work"
}

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
    local tries=$(($1 * 10))
    shift
    while [ "$tries" -gt 0 ]; do
        "$@" >/dev/null 2>&1 && return 0
        sleep 0.1
        tries=$((tries - 1))
    done
    return 1
}

# go_program MODULE PACKAGE: builds a program of tests/interop/MODULE, which pins its modules by
# go.sum; its path is in $program.
go_program() {
    local module=$root/tests/interop/$1
    need go
    program=$cache/go/$1-$(basename "${2/#./main}")
    mkdir -p "$cache/go"
    (cd "$module" && go mod download) >"$work/fetch" 2>&1 ||
        skip "modules of tests/interop/$1 cannot be fetched: $(grep -v '^go: downloading' "$work/fetch" | tail -n 1)"
    (cd "$module" && CGO_ENABLED=0 go build -trimpath -o "$program" "$2") >"$work/build" 2>&1 ||
        die "tests/interop/$1 does not build: $(tail -n 3 "$work/build")"
}

# python_modules NAME REQUIREMENTS: a Python with these modules, kept under NAME and shared by scripts that
# run at once; its path is in $python. Fails where there is none, and says why in $why.
python_modules() {
    local venv=$cache/$1
    # shellcheck disable=SC2034 # for the scripts
    python=$venv/bin/python
    mkdir -p "$cache"
    exec 8>"$venv.lock"
    flock 8
    if ! cmp -s "$2" "$venv/requirements.txt"; then
        if ! { python3 -m venv --clear "$venv" &&
            "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2"; } >"$work/fetch" 2>&1; then
            # shellcheck disable=SC2034 # for the scripts
            why="its Python modules cannot be installed: $(tail -n 1 "$work/fetch")"
            exec 8>&-
            return 1
        fi
        cp "$2" "$venv/requirements.txt"
    fi
    exec 8>&-
}

[ -x "$cairn" ] || die "there is no $cairn; run make, or set CAIRN"
mkdir -p "$cache"
work=$(mktemp -d) || exit 1
trap clean_up EXIT
trap 'exit 143' INT TERM
