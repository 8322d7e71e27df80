#!/usr/bin/env bash
# Our device is initialised and onboarded by the stock services of go-fdo-server.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"
# shellcheck source=tests/support/fdo_peers.sh
. "$root/tests/support/fdo_peers.sh"

need openssl curl
fdo_peers
cd "$work" || exit 1

# key NAME: a key and a certificate of its own.
key() {
    openssl ecparam -name "$curve" -genkey -out "$1.der" -outform der 2>/dev/null
    openssl req -x509 -key "$1.der" -keyform der -out "$1.pem" -days 365 -subj "/O=Example/CN=$1" 2>/dev/null
}

# serve NAME VERB ARGUMENTS...: a service on a port of its own, which goes to $port.
serve() {
    local name=$1 verb=$2
    shift 2
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    "$fdo_server" "$verb" "127.0.0.1:$port" --db-dsn "file:$name.db" "$@" >"$name.log" 2>&1 &
    started $!
    wait_for 20 curl -fs "http://127.0.0.1:$port/health" || die "$name does not answer: $(tail -n 3 "$name.log")"
}

post() { # URL TYPE FILE
    curl -fsS -H "Content-Type: $2" "$1" --data-binary "@$3" >/dev/null || die "$1 refuses $3"
}

# services NAME CURVE: the three of them, with keys of a curve, in a directory of their own; what the owner
# does with a device lies in NAME/own.yaml. Their ports are in $rv, $mfg and $own.
services() {
    curve=$2
    cd "$work/$1" || exit 1
    for who in manufacturer device_ca owner; do key $who; done
    serve rv rendezvous
    rv=$port
    serve mfg manufacturing --manufacturing-key manufacturer.der --device-ca-cert device_ca.pem \
        --device-ca-key device_ca.der --owner-cert owner.pem
    mfg=$port
    serve own owner --device-ca-cert device_ca.pem --owner-key owner.der --config own.yaml
    own=$port
    post "http://127.0.0.1:$rv/api/v1/device-ca" application/x-pem-file device_ca.pem
    echo "[{\"ip\":\"127.0.0.1\",\"device_port\":\"$rv\",\"owner_port\":\"$rv\",\"protocol\":\"http\"}]" >rvinfo
    echo "[{\"dns\":\"localhost\",\"port\":\"$own\",\"protocol\":\"http\",\"ip\":\"127.0.0.1\"}]" >redirect
    post "http://127.0.0.1:$mfg/api/v1/rvinfo" text/plain rvinfo
    post "http://127.0.0.1:$own/api/v1/owner/redirect" text/plain redirect
}

# sold: the voucher goes from the manufacturer to the owner.
sold() {
    curl -fsS "http://127.0.0.1:$mfg/api/v1/vouchers/$guid" >voucher || die "the manufacturer has no voucher"
    post "http://127.0.0.1:$own/api/v1/owner/vouchers" text/plain voucher
}

# shown NAME: a line of what the verb printed.
shown() {
    sed -n "s/^$1 *//p" "$work/out"
}

# born NAME TYPE: our device, from the factory to its owner's shelf.
born() {
    expect 0 "$cairn" device make dev --manufacturer "http://127.0.0.1:$mfg" --model gotest --serial 7 --type "$2" ||
        die "DI of $1"
    [ "$(shown state)" = ready ] || fail "after DI $1 is not ready"
    guid=$(shown guid)
    sold
    echo "$guid" >guid
}

# onboarded NAME ARGUMENTS...: it finds its owner and is taken over by him.
onboarded() {
    cd "$work/$1" || exit 1
    local name=$1
    shift
    wait_for 30 grep -q 'successfully registered' own.log || die "the owner of $name does not register"
    expect 0 "$cairn" device run dev --attempts 1 "$@" || die "TO1 and TO2 of $name: $(tail -n 5 own.log)"
    [ "$(shown state)" = onboarded ] || fail "after TO2 $name has no owner"
    [ "$(shown guid)" != "$(cat guid)" ] || fail "the GUID of $name did not change"
}

mkdir small large
dd if=/dev/urandom of=small/firmware bs=1000 count=50 2>/dev/null
dd if=/dev/urandom of=small/journal bs=777 count=9 2>/dev/null
cp small/firmware small/fetched
mkdir small/uploads small/readable small/www
cp small/journal small/readable/
cp small/firmware small/www/image.bin
python3 -u -m http.server --bind 127.0.0.1 --directory small/www 0 >www.log 2>&1 &
started $!
wait_for 10 grep -q 'port [1-9]' www.log || die "no web server"
www=$(sed -n 's/.*port \([0-9]*\).*/\1/p' www.log)
cat >small/own.yaml <<YAML
owner:
  service_info:
    fsims:
      - fsim: fdo.download
        params: {dir: "$work/small", files: [{src: firmware, dst: /etc/firmware}]}
      - fsim: fdo.upload
        params: {dir: "$work/small/uploads", files: [{src: journal, dst: journal}]}
      - fsim: fdo.wget
        params: {files: [{url: "http://127.0.0.1:$www/image.bin", dst: image.bin}]}
      - fsim: fdo.command
        params: {cmd: sh, args: ["-c", "echo out of the device; exit 3"], may_fail: true, return_stdout: true, return_stderr: true}
YAML
echo 'owner: {}' >large/own.yaml

services small prime256v1
born small p256
expect 1 "$cairn" device make dev --manufacturer "http://127.0.0.1:$mfg" --model gotest
services large secp384r1
born large p384

onboarded small --upload-from readable --allow-command
cmp firmware dev/owner/firmware || fail "the file that the owner sent"
cmp journal uploads/*/journal || fail "the file that the owner fetched"
cmp firmware dev/owner/image.bin || fail "the file that the owner named"
grep -q 'out of the device' own.log || fail "the owner did not get the program's output"
onboarded large

cd "$work/small" || exit 1
expect 0 "$cairn" device reset dev
[ "$(shown state)" = ready ] || fail "after a reset the device does not wait for an owner"
[ -z "$(ls dev/owner)" ] || fail "after a reset there is something of the owner: $(ls dev/owner)"
finish
