#!/usr/bin/env bash
# A real TPM's quotes (swtpm, by tpm2-tools) before our verifier: measured, quoted, restarted, reset; each
# unhealthy variant is refused by the check that is for it. The log is made here and read by tpm2_eventlog too.
# [X1353-R15]
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need swtpm tpm2_quote tpm2_createak tpm2_eventlog python3
check=$(dirname "$cairn")/tests/interop/attest-check
[ -x "$check" ] || skip "there is no $check"
cd "$work" || exit 1
mkdir state
export TPM2TOOLS_TCTI=swtpm:path=$work/tpm

# power: the TPM is switched on; its state lies in state/.
power() {
    rm -f tpm tpm.ctrl
    swtpm socket --tpm2 --tpmstate dir=state --server type=unixio,path=tpm --ctrl type=unixio,path=tpm.ctrl \
        --flags not-need-init >swtpm.log 2>&1 &
    tpm_pid=$!
    started "$tpm_pid"
    wait_for 10 test -S tpm.ctrl || die "swtpm: $(cat swtpm.log)"
    expect 0 tpm2_startup -c || die "tpm2_startup"
}

# A crypto-agile log of events (PCR, text), with SHA-1 and SHA-256 digests; the digests in digests.
python3 - <<'PYTHON' || die "the log"
import hashlib, struct
out = struct.pack('<II20sI', 0, 3, bytes(20), 37) + b'Spec ID Event03\0' + struct.pack('<IIIHHHHB', 0, 0x02000200, 2, 4, 20, 11, 32, 0)
with open('digests', 'w') as digests:
    for pcr, text in ((0, b'firmware 7'), (0, b'\0\0\0\0'), (7, b'secure boot on'), (7, b'\0\0\0\0')):
        one, two = hashlib.sha1(text).digest(), hashlib.sha256(text).digest()
        kind = 4 if text == b'\0\0\0\0' else 8
        out += struct.pack('<IIIH', pcr, kind, 2, 4) + one + struct.pack('<H', 11) + two + struct.pack('<I', len(text)) + text
        digests.write(f'{pcr}:sha1={one.hex()},sha256={two.hex()}\n')
open('log', 'wb').write(out)
PYTHON

measure() {
    while read -r digest; do
        expect 0 tpm2_pcrextend "$digest" || die "tpm2_pcrextend"
    done <digests
}

# quote NONCE PCRS: quote.msg, quote.sig, pcrs.
quote() {
    expect 0 tpm2_quote -c ak.ctx -l "sha256:$2" -q "$1" -m quote.msg -s quote.sig -f tss -g sha256 || die "tpm2_quote"
    expect 0 tpm2_pcrread "sha256:$2" -o pcrs || die "tpm2_pcrread"
    expect 0 tpm2_flushcontext -t # three keys fill it
}

key() {
    expect 0 tpm2_createek -c ek.ctx -G ecc -u ek.pub || die "tpm2_createek"
    expect 0 tpm2_createak -C ek.ctx -c ak.ctx -G ecc -g sha256 -s ecdsa -u ak.pem -f pem || die "tpm2_createak"
    expect 0 tpm2_flushcontext -t
}

# appraise EXIT NONCE RESETS RESTARTS [LOG [SELECTION]]
appraise() {
    expect "$1" "$check" ak.pem "$2" quote.msg quote.sig "${5-log}" "${6-0x81}" pcrs good "$3" "$4"
}

# refused CHECK NONCE RESETS RESTARTS [LOG [SELECTION]]: by that check.
refused() {
    local by=$1
    shift
    appraise 1 "$@" && expect_text "$work/out" "^$by:" "$by"
}

nonce=$(printf '%064d' 7)
other=$(printf '%064d' 8)
power
measure
key
quote "$nonce" 0,7
cp pcrs good
expect 0 tpm2_eventlog log
python3 - good "$work/out" <<'PYTHON' || fail "tpm2_eventlog replays the log to other PCRs"
import sys, re
good = open(sys.argv[1], 'rb').read()
pcrs = {int(m[1]): m[2] for m in re.finditer(r'^\s+(\d+)\s*: 0x([0-9a-f]{64})$', open(sys.argv[2]).read(), re.M)}
assert pcrs[0] == good[:32].hex() and pcrs[7] == good[32:].hex(), pcrs
PYTHON

appraise 0 "$nonce" 0 0 && read -r _ resets restarts <"$work/out"
refused freshness "$other" 0 0
refused selection "$nonce" 0 0 log 0x01
refused counts "$nonce" $((resets + 1)) 0
refused counts "$nonce" "$resets" $((restarts + 1))
: >none
refused log "$nonce" 0 0 none
head -c $(($(stat -c %s log) - 44 - 36 - 4)) log >short
refused log "$nonce" 0 0 short
cp quote.sig kept && flip quote.sig 20 && refused signature "$nonce" 0 0
mv kept quote.sig
cp quote.msg kept && flip quote.msg 3 && refused form "$nonce" 0 0
mv kept quote.msg
cp good kept && flip good 5 && refused values "$nonce" 0 0
mv kept good
cp pcrs kept && flip pcrs 5 && refused digest "$nonce" 0 0
mv kept pcrs

# A later event that the log does not tell.
expect 0 tpm2_pcrextend 7:sha256="$(printf '%064d' 1)"
quote "$nonce" 0,7
refused log "$nonce" 0 0

# Switched off in good order and on again: a reset more, never one less.
expect 0 tpm2_shutdown -c
stop "$tpm_pid"
power
measure
key
quote "$nonce" 0,7
appraise 0 "$nonce" "$resets" "$restarts" && read -r _ resets_2 _ <"$work/out"
[ "$resets_2" -gt "$resets" ] || fail "resets: $resets_2 after $resets"

stop "$tpm_pid"
finish
