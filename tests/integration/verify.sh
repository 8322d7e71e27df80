#!/usr/bin/env bash
# The main job: files are anchored, verified offline by public keys alone, and any change is found and
# located. Files of all sizes, a big one in bounded memory, and a real log where there is one.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
flips=$root/tests/support/flips.py
ledger=$work/ledger
trust=$work/trust
cd "$work" || die "cd"

# verdict CODE FILE [OPTION...]: verify's exit code.
verdict() {
    local code=$1 file=$2
    shift 2
    expect "$code" "$cairn" verify "$file" --trust "$trust" --json "$@"
}

# difference NAME WANTED: one of the facts about it, after a no.
difference() {
    [ "$(fact "difference.$1")" = "$2" ] || fail "difference.$1 is $(fact "difference.$1"), not $2"
}

# peak COMMAND...: runs it; the most memory that it had, in KiB.
peak() {
    python3 -c 'import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)' "$@"
}

# --- anchor ---------------------------------------------------------------------------------------

expect 0 "$cairn" init "$ledger" --org "Fahrzeugbau" --json
org=$(fact organisation_id)

# A drive as candump writes it, 40 KB: 10 segments.
awk 'BEGIN { for (i = 0; i < 930; i++)
    printf "(%d.%06d) can0 %03X#%016X\n", 1700000000 + i / 100, i * 10000 % 1000000, 256 + i % 7, i
}' >drive.log
: >empty
printf x >one
head -c 4096 /dev/urandom >segment
head -c 4097 /dev/urandom >segment+1
cp drive.log "a name with blanks"
files=(drive.log empty one segment segment+1 "a name with blanks")
expect 0 "$cairn" -C "$ledger" --json anchor "${files[@]}"
[ "$(fact anchored.0.file)" = drive.log ] || fail "anchored.0.file"
[ "$(fact anchored.0.segment_size)" = 4096 ] || fail "anchored.0.segment_size"
[ "$(fact anchored.1.segments)" = 0 ] || fail "anchored.1.segments"
expect 0 "$cairn" -C "$ledger" trust export "$trust"

# What an anchor left that was killed goes with the next one: by name, age and content.
mkdir left
printf x >left/file
left=.0123456789abcde
printf '\205\160cairn/manifest/1...' | tee "left/${left}0.tmp" "left/${left}1.tmp" >"left/${left}2.tmp.old"
: >"left/${left}3.tmp"
printf "somebody else's" >"left/${left}4.tmp"
touch -d '2 hours ago' left/.0*[!1].tmp left/.0*.old
expect 0 "$cairn" -C "$ledger" anchor left/file
[ "$(cd left && echo .0*)" = "${left}1.tmp ${left}2.tmp.old ${left}4.tmp" ] || fail "what was left: $(ls -A left)"

# A receipt is evidence: it is not overwritten.
cp one.receipt before
expect 1 "$cairn" -C "$ledger" anchor one
cmp -s one.receipt before || fail "the receipt was overwritten"
expect 0 "$cairn" -C "$ledger" anchor one --output second.receipt
verdict 0 one --receipt second.receipt
cmp -s one.receipt second.receipt && fail "two anchors of one file have one salt"

# --- verify ---------------------------------------------------------------------------------------

# Away from the ledger, with nothing but the three files.
mkdir elsewhere
cp drive.log drive.log.receipt "$trust" elsewhere
(cd elsewhere && env -i "$cairn" verify drive.log --trust trust) >"$work/out" 2>&1 ||
    fail "verify needs more than three files"
expect_text "$work/out" '^verdict +yes$' "verify elsewhere"

for file in "${files[@]}"; do
    verdict 0 "$file"
    [ "$(fact verdict)" = yes ] || fail "verify $file: verdict"
    [ -s "$work/err" ] && fail "verify $file prints on standard error"
done
verdict 0 drive.log
[ "$(fact signer)" = Fahrzeugbau ] || fail "signer: $(fact signer)"
[ "$(fact member.0.standing)" = vouches ] || fail "member: $(fact member)"
[ "$(fact log_index)" = 2 ] || fail "log_index: $(fact log_index)"

python3 "$flips" file "$cairn" drive.log "$trust" 300 || fail "a changed byte of the file"
python3 "$flips" receipt "$cairn" one "$trust" || fail "a changed byte of the receipt"
verdict 0 drive.log

size=$(stat -c %s drive.log)
cp drive.log.receipt changed.receipt
cp drive.log changed
echo more >>changed
verdict 1 changed
difference kind "bytes were appended"
difference from_byte "$size"
difference to_byte $((size + 5))
head -c 20000 drive.log >changed
verdict 1 changed
difference kind "bytes are missing"
difference from_byte 16384
difference to_byte "$size"
head -c 300 drive.log >short
expect 0 "$cairn" -C "$ledger" anchor short
tail -c +2 drive.log | head -c 299 >short # the first byte is gone, not the last
verdict 1 short
difference from_byte 0
difference to_byte 300
: >changed
verdict 1 changed
difference from_byte 0
{ printf y; tail -c +2 drive.log; } >changed
flip changed 39999
verdict 1 changed
difference segment 0
difference differing_segments 2
head -c 15000 drive.log | tail -c 5000 >part
cp drive.log changed
dd if=part of=changed bs=1 seek=20000 conv=notrunc status=none
verdict 1 changed
difference segment 4
printf x >>empty
verdict 1 empty
difference kind "bytes were appended"
: >empty

verdict 1 one --receipt segment.receipt
verdict 1 segment --receipt one.receipt
verdict 3 one --receipt one
verdict 3 one --receipt "$trust"
head -c 500 one.receipt >short.receipt
verdict 3 one --receipt short.receipt
{ cat one.receipt; printf x; } >long.receipt
verdict 3 one --receipt long.receipt
verdict 4 missing --receipt one.receipt
verdict 4 one --receipt missing
expect 4 "$cairn" verify one --trust missing
expect 3 "$cairn" verify one --trust one.receipt

# --- other trust ----------------------------------------------------------------------------------

expect 0 "$cairn" init other --org "Fahrzeugbau"
expect 0 "$cairn" -C other trust export other.trust
expect 1 "$cairn" verify one --trust other.trust --json
[ "$(fact code)" = TX_WRONG_LEDGER ] || fail "another ledger's trust: $(fact code)"
expect 1 "$cairn" verify one --trust "$trust" --at 2999-01-01T00:00:00Z --json
[ "$(fact code)" = TRUST_EXPIRED ] || fail "expired trust: $(fact code)"
expect 0 "$cairn" -C "$ledger" trust export short.trust --days 1
expect 0 "$cairn" verify one --trust short.trust
expect 1 "$cairn" verify one --trust short.trust --at "$(date -u -d '+25 hours' +%Y-%m-%dT%H:%M:%SZ)"

# --- a big file -----------------------------------------------------------------------------------

python3 -c '
import random
random.seed(7)
with open("big", "wb") as file:
    for place in range(0, 300 << 20, 5 << 20):
        file.seek(place + random.randrange(1 << 20))
        file.write(random.randbytes(70000))
    file.truncate(300 << 20)'
memory=$(peak "$cairn" -C "$ledger" anchor big) || fail "anchor a big file"
[ "$memory" -lt 65536 ] || fail "anchor of 300 MiB takes $memory KiB"
memory=$(peak "$cairn" verify big --trust "$trust") || fail "verify a big file"
[ "$memory" -lt 65536 ] || fail "verify of 300 MiB takes $memory KiB"
flip big 287654321
verdict 1 big
difference segment $((287654321 / 32768))
difference differing_segments 1
flip big 287654321
truncate -s $(((300 << 20) - 1)) big
verdict 1 big
difference kind "bytes are missing"
rm -f big

# --- a real log -----------------------------------------------------------------------------------

real=$shared/data/can/icsim-sample.log
if [ -f "$real" ]; then
    cp "$real" real.log
    expect 0 "$cairn" -C "$ledger" anchor real.log
    verdict 0 real.log
    python3 "$flips" file "$cairn" real.log "$trust" 100 || fail "a changed byte of the real log"
else
    echo "SKIP the real log ($real is not here)"
fi

expect 0 "$cairn" -C "$ledger" log check --json
[ "$(fact transactions)" -ge 8 ] || fail "log check: $(fact transactions) transactions"
expect 0 "$cairn" -C "$ledger" org show "$org"
finish
