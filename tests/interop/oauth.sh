#!/usr/bin/env bash
# Authlib, a stock OAuth 2 client, gets tokens from our endpoint and uses them. With BASE (and RESOURCE, KEY, CA as in
# oauth/check.py) it asks a node that runs; else a small server of the same parts.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3
here=$root/tests/interop/oauth
python_modules oauth "$here/requirements.txt" || skip "$why"

if [ -n "${BASE:-}" ]; then
    expect 0 "$python" "$here/check.py" "$BASE" "$RESOURCE" "$KEY" ${CA:+"$CA"}
    finish
fi

server=${OAUTH_SERVER:-$(dirname "$cairn")/tests/interop/oauth/oauth-server}
[ -x "$server" ] || skip "there is no $server (ninja builds it)"
mkfifo "$work/stop"
"$server" "$work/robot.pem" <"$work/stop" >"$work/port" 2>"$work/said" &
started $!
exec 9>"$work/stop" # the server ends when this does
wait_for 10 test -s "$work/port" || die "the server does not start: $(tail -n 2 "$work/said")"
expect 0 "$python" "$here/check.py" "http://127.0.0.1:$(cat "$work/port")" /whoami "$work/robot.pem"
finish
