#!/usr/bin/env bash
# pycose and scitt-cose, two Python implementations of COSE, verify transactions and RFC 9942 receipts.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
here=$root/tests/interop/pycose
python=$cache/pycose/bin/python

# install NAME: what requirements NAME pins, into the environment, once.
install() {
    cmp -s "$here/$1" "$cache/pycose/$1" && return
    "$python" -m pip install --quiet --disable-pip-version-check -r "$here/$1" >"$work/fetch" 2>&1 &&
        cp "$here/$1" "$cache/pycose/$1"
}

if [ ! -f "$cache/pycose/requirements.txt" ]; then
    python3 -m venv --clear "$cache/pycose" >"$work/fetch" 2>&1 ||
        skip "python3 makes no virtual environment: $(grep -m 1 . "$work/fetch")"
fi
install requirements.txt || skip "pycose cannot be installed: $(tail -n 1 "$work/fetch")"
install requirements-scitt.txt || echo "SKIP scitt-cose cannot be installed: $(tail -n 1 "$work/fetch")"

"$cairn" init "$work/ledger" --org Interop >"$work/out" || die "init"
for size in 0 1 4096 4097 100000; do
    head -c "$size" /dev/urandom >"$work/$size"
done
expect 0 "$cairn" -C "$work/ledger" anchor "$work"/{0,1,4096,4097}
# The last one after a rotation of both keys, so that the trust file has ended ones.
expect 0 "$cairn" -C "$work/ledger" key new --purpose sign
expect 0 "$cairn" -C "$work/ledger" key new --purpose cosign
expect 0 "$cairn" -C "$work/ledger" key revoke sign-1
expect 0 "$cairn" -C "$work/ledger" key revoke cosign-1
expect 0 "$cairn" -C "$work/ledger" anchor "$work/100000"
expect 0 "$cairn" -C "$work/ledger" trust export "$work/trust"

for size in 0 1 4096 4097 100000; do
    "$python" "$here/check.py" "$work/$size" "$work/$size.receipt" "$work/trust" >"$work/said" 2>&1 &&
        continue
    fail "pycose disagrees on a file of $size bytes"
    tail -n 5 "$work/said"
done
"$python" "$here/check.py" "$work/1" "$work/4097.receipt" "$work/trust" >"$work/said" 2>&1 &&
    fail "another file's receipt passes"
finish
