#!/usr/bin/env bash
# Witnesses and logs that are not both ours: the public omniwitness cosigns our checkpoints, and our
# witness cosigns for the client that belongs to omniwitness; each refuses a log with two histories.
# Everything listens on the loopback address alone.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

go_program omniwitness github.com/transparency-dev/witness/cmd/omniwitness
omniwitness=$program
go_program omniwitness ./client
client=$program

# grow LEDGER COUNT: that many more anchors.
grow() {
    local i
    grown=$((${grown:-0} + 1))
    mkdir "$work/files.$grown"
    for i in $(seq "$2"); do
        echo "$grown $i" >"$work/files.$grown/$i"
    done
    expect 0 "$cairn" -C "$work/$1" anchor "$work/files.$grown"/*
}

# cosign CODE LEDGER: our client asks omniwitness.
cosign() {
    expect "$1" "$cairn" -C "$work/$2" checkpoint --witness "http://127.0.0.1:$port" \
        --witness-key "$witness_key" --json
}

# --- omniwitness cosigns for our log --------------------------------------------------------------

expect 0 "$cairn" init "$work/log" --org Interop
grow log 3
expect 0 "$cairn" -C "$work/log" --json log export "$work/static"
origin=$(fact origin)
log_key=$(fact vkey)

"$client" key omniwitness.example/w1 >"$work/key" || die "client key"
witness_key=$(sed -n 2p "$work/key")
sed -n 1p "$work/key" | tr -d '\n' >"$work/key.private"
cat >"$work/logs.yaml" <<EOF
Logs:
  - Origin: $origin
    PublicKey: $log_key
    URL: http://127.0.0.1:9/
    Feeder: none
EOF
read -r port metrics_port <<<"$(python3 -c '
import socket
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*[s.getsockname()[1] for s in sockets])')"
"$omniwitness" -listen "127.0.0.1:$port" -metrics_listen "127.0.0.1:$metrics_port" \
    -private_key_path "$work/key.private" -db_file "$work/witness.db" \
    -additional_logs "$work/logs.yaml" >"$work/omniwitness.log" 2>&1 &
started $!
wait_for 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port" ||
    die "omniwitness does not listen: $(tail -n 3 "$work/omniwitness.log")"

cosign 0 log # first contact
[ "$(fact cosigned_by.0.name)" = omniwitness.example/w1 ] || fail "cosigned_by: $(fact cosigned_by)"
cosign 0 log # the same size again
cp -r "$work/log" "$work/fork"
grow log 5
cosign 0 log # from 8 to 18 entries
grow log 300
cosign 0 log # over a full tile
cosign 0 log

grow fork 2
cosign 1 fork # shorter than what was cosigned
expect_text "$work/err" 'has cosigned 618 entries of this log, which has 12' "a log put back"
grow fork 303
cosign 1 fork # as long, another root
expect_text "$work/err" 'not an extension of what was seen' "a fork of the same size"
grow fork 1
cosign 1 fork # longer, another history
expect_text "$work/err" 'answers 422: this log does not extend' "a longer fork"

cosign 0 log
"$client" key omniwitness.example/w1 >"$work/key2" || die "client key"
expect 1 "$cairn" -C "$work/log" checkpoint --witness "http://127.0.0.1:$port" \
    --witness-key "$(sed -n 2p "$work/key2")" # another witness of that name
expect 2 "$cairn" -C "$work/log" checkpoint --witness "http://127.0.0.1:$port" \
    --witness-key "$log_key"
expect 4 "$cairn" -C "$work/log" checkpoint --witness http://127.0.0.1:9

# --- our witness cosigns for their client ---------------------------------------------------------

# ask OLD STATIC WORDS: what the client makes of our witness's answer.
ask() {
    "$client" update "$url" "$1" "$2" "$our_key" >"$work/said" 2>&1 ||
        fail "the client of omniwitness fails: $(cat "$work/said")"
    grep -qx "$3" "$work/said" || fail "'$(cat "$work/said")', not '$3'"
}

# static LEDGER NAME
static() {
    expect 0 "$cairn" -C "$work/$1" log export "$work/$2"
}

start_witness() {
    mkdir -p "$work/home"
    : >"$work/announced"
    "$cairn" -C "$work/home" --json witness --name witness.example/ours --log "$log_key" \
        --listen 127.0.0.1:0 >"$work/announced" 2>"$work/witness.log" &
    witness=$!
    started "$witness"
    wait_for 10 grep -q '^}' "$work/announced" || die "witness: $(cat "$work/witness.log")"
    cp "$work/announced" "$work/out"
    url=$(fact url)
    our_key=$(fact vkey)
}

start_witness
ask 0 "$work/static" 'cosigned 1 line at size 8'
ask 8 "$work/static" 'cosigned 1 line at size 8'
ask 0 "$work/static" 'stale: the witness is at 8'
static log static2
ask 0 "$work/static2" 'stale: the witness is at 8'
ask 5 "$work/static2" 'stale: the witness is at 8'
ask 8 "$work/static2" 'cosigned 1 line at size 618'
ask 619 "$work/static2" 'bad request'

static fork static3 # 620 entries, 8 of them in common
ask 618 "$work/static3" 'invalid proof'
expect 0 "$cairn" init "$work/other" --org Other
static other static4
ask 0 "$work/static4" 'unknown log'
cp -r "$work/static2" "$work/static5"
sed -i '2s/.*/600/' "$work/static5/checkpoint"
ask 600 "$work/static5" 'no valid signature'

# The head outlives the witness: what it cosigned before it was stopped binds it after.
stop "$witness"
start_witness
ask 8 "$work/static2" 'stale: the witness is at 618'
ask 618 "$work/static2" 'cosigned 1 line at size 618'

# Both ends ours, and both witnesses in one note.
expect 0 "$cairn" -C "$work/log" --json checkpoint --output "$work/note" \
    --witness "http://127.0.0.1:$port" --witness "$url" \
    --witness-key "$witness_key" --witness-key "$our_key"
[ "$(grep -c '^— ' "$work/note")" -eq 3 ] || fail "the note has not three signatures"

# --- a member's node cosigns for their client -----------------------------------------------------

# serve LEDGER: its node, whose witness interface begins at $url; $our_key is the member's in it.
serve() {
    : >"$work/$1/node.url"
    "$cairn" node "$work/$1" >"$work/node.out" 2>>"$work/node.err" &
    member=$!
    started "$member"
    wait_for 20 test -s "$work/$1/node.url" || die "no node: $(tail -n 2 "$work/node.err")"
    url=$(cat "$work/$1/node.url")/v1/ledgers/${origin#cairn/}
}
sed -i 's/^# node:$/node:/; s/^  # plain: .*/  plain: "true"/; s/^  # port: .*/  port: "0"/' "$work/log/cairn.yaml"
expect 0 "$cairn" -C "$work/log" org list --json
organisation=$(fact organisations.0.id)
our_key=$(python3 - "$log_key" "$origin/$organisation" <<'PYTHON'
import base64, hashlib, sys
key, name = b'\x04' + base64.b64decode(sys.argv[1].split('+', 2)[2])[1:], sys.argv[2]
digest = hashlib.sha256(name.encode() + b'\n' + key).hexdigest()
print(name, digest[:8], base64.b64encode(key).decode(), sep='+')
PYTHON
)
serve log
ask 0 "$work/static" 'cosigned 1 line at size 8'
ask 0 "$work/static" 'stale: the witness is at 8'
ask 8 "$work/static" 'cosigned 1 line at size 8'
ask 5 "$work/static2" 'stale: the witness is at 8'
ask 8 "$work/static2" 'cosigned 1 line at size 618'
ask 8 "$work/static" 'stale: the witness is at 618'
ask 619 "$work/static2" 'bad request'
ask 0 "$work/static4" 'unknown log'
ask 600 "$work/static5" 'no valid signature'
[ -z "$(find "$work/log/cosign" -name 'evidence-*')" ] || fail "evidence against who did nothing"
stop "$member"
grow log 3
static log static6
serve log
ask 618 "$work/static6" 'cosigned 1 line at size 624'
ask 618 "$work/static3" 'invalid proof' # 620 entries, 8 of them in common
[ -n "$(find "$work/log/cosign" -name 'evidence-*')" ] || fail "no evidence of a fork"
finish
