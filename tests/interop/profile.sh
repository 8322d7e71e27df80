#!/usr/bin/env bash
# What a device was told to join, joined: hostapd is the operator's EAP server and eapol_test the device's
# supplicant, by the block that we rendered; mosquitto is the provider's broker. Both CAs are ours. Each must
# also say no: revoked, expired, another operator's, the wrong realm, a server under another name, TLS 1.2.
# [X1353-R33] [X1353-R28]
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

PATH=$PATH:/usr/sbin
need openssl hostapd eapol_test mosquitto mosquitto_pub python3
join=$(dirname "$cairn")/tests/interop/profile-join
[ -x "$join" ] || skip "there is no $join"
cd "$work" || exit 1
realm=5gc.nid000007ed9d5.mnc012.mcc345.3gppnetwork.org

# authority NAME OPTION...: an organisation with its CA; its root certificate is NAME.root.
authority() {
    local name=$1
    shift
    expect 0 "$cairn" init "$name" --org "$name" || die "init $name"
    expect 0 "$cairn" -C "$name" ca init "$@" || die "ca init $name"
    expect 0 "$cairn" -C "$name" ca chain --root --output "$name.root" || die "ca chain $name"
}

# certify CA NAME OPTION...: NAME.key, NAME.csr, NAME.pem (it and its issuer); its serial is in $serial.
certify() {
    local ca=$1 name=$2
    shift 2
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$name.key" \
        -out "$name.csr" -subj /CN=x 2>/dev/null || die "openssl req"
    expect 0 "$cairn" -C "$ca" ca issue "$name.csr" --output "$name.pem" --json "$@" || die "issue $name"
    serial=$(fact serial)
}

# known CA: its root, its issuing certificate and its lists, as hostapd and mosquitto want them, in CA.known.
known() {
    local partition
    "$cairn" -C "$1" ca chain --output "$1.chain" >/dev/null || die "chain of $1"
    : >"$1.lists"
    for partition in root 0; do
        expect 0 "$cairn" -C "$1" ca crl --partition "$partition" --output "$1.der"
        openssl crl -inform DER -in "$1.der" >>"$1.lists" || die "list $partition of $1"
    done
    cat "$1.chain" "$1.lists" >"$1.new" && mv "$1.new" "$1.known"
}

free_port() {
    python3 -c 'import socket, sys
s = socket.socket(socket.AF_INET, getattr(socket, sys.argv[1])); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])' "$1"
}

authority operator --dns operator.example --realm "$realm"
authority stranger --dns operator.example --realm "$realm"
authority provider --dns localhost --ip 127.0.0.0/8
certify operator aaa --profile tls-server --dns aaa.operator.example
certify operator other --profile tls-server --dns aaa.other.operator.example
certify stranger foreign-aaa --profile tls-server --dns aaa.operator.example
certify operator network --profile device-network --device D-17 --email "d-17@$realm"
network_serial=$serial
certify operator gone --profile device-network --device D-18 --email "d-18@$realm"
certify stranger foreign --profile device-network --device D-17 --email "d-17@$realm"
certify provider broker --profile tls-server --dns localhost --ip 127.0.0.1
certify provider service --profile device-service --device D-17 --uri urn:example:device:17
service_serial=$serial
openssl x509 -in gone.csr -req -days 1 -key gone.key -out self.pem 2>/dev/null

# --- the network ---

# radius NAME FLAGS: hostapd with NAME's certificate, which takes the realm and no other; its port in $port.
radius() {
    port=$(free_port SOCK_DGRAM)
    printf '"anonymous@%s" TLS\n' "$realm" >users
    echo "127.0.0.1/32 secret" >clients
    cat >"$1.conf" <<CONF
driver=none
logger_stdout=-1
logger_stdout_level=1
radius_server_clients=clients
radius_server_auth_port=$port
eap_server=1
eap_user_file=users
ca_cert=operator.known
server_cert=$1.pem
private_key=$1.key
check_crl=2
crl_reload_interval=1
tls_flags=$2
CONF
    hostapd "$1.conf" >"$1.log" 2>&1 &
    hostapd_pid=$!
    started "$hostapd_pid"
    wait_for 10 grep -q 'AP-ENABLED' "$1.log" || die "hostapd: $(cat "$1.log")"
}

# supplicant DEVICE: the network block that the device renders, in DEVICE.conf.
supplicant() {
    mkdir -p "$1.d"
    "$join" network "$realm" aaa.operator.example operator.root "$1.pem" "$1.key" "$1.d" >"$1.conf" ||
        die "profile-join $1"
}

attach() {
    eapol_test -c "$1.conf" -a 127.0.0.1 -p "$port" -s secret -t 5 -r 0 >"$1.out" 2>&1 </dev/null
}

known operator
radius aaa '[ENABLE-TLSv1.3]'
for device in network foreign gone; do
    supplicant "$device"
done
attach network || fail "the device's own certificate: $(tail -n 3 network.out)"
expect_text network.out 'TLSv1.3' "the version"
expect_text network.out 'EAP: Session-Id|MPPE keys OK: 1' "keys"
attach foreign && fail "another operator's certificate gets in"
attach gone || fail "the second device: $(tail -n 3 gone.out)"

sed "s/anonymous@.*\"/anonymous@elsewhere.example\"/" network.conf >realm.conf
attach realm && fail "another realm gets in"
sed "s#gone.pem#self.pem#" gone.conf >self.conf
attach self && fail "a certificate of its own making gets in"

# Revoked: no later than the server reads the new list.
expect 0 "$cairn" -C operator ca revoke --device D-18 --reason keyCompromise
known operator
wait_for 60 eval '! attach gone' || fail "a revoked certificate gets in"
expect_text aaa.log 'revoked' "hostapd's reason"
attach network || fail "the other device, after that: $(tail -n 3 network.out)"
stop "$hostapd_pid"

# The device says no, too: a server under another name, a stranger's, TLS 1.2.
radius other '[ENABLE-TLSv1.3]'
attach network && fail "a server under another name is believed"
stop "$hostapd_pid"
radius foreign-aaa '[ENABLE-TLSv1.3]'
attach network && fail "a stranger's server is believed"
stop "$hostapd_pid"
radius aaa '[DISABLE-TLSv1.3]'
attach network && fail "TLS 1.2 is taken"
stop "$hostapd_pid"

# --- the service ---

# broker: mosquitto with the provider's lists; its port in $port.
broker() {
    port=$(free_port SOCK_STREAM)
    cat >mosquitto.conf <<CONF
user $(id -un)
listener $port 127.0.0.1
cafile provider.chain
certfile broker.pem
keyfile broker.key
crlfile provider.lists
require_certificate true
use_identity_as_username true
tls_version tlsv1.3
CONF
    mosquitto -c mosquitto.conf >mosquitto.log 2>&1 &
    mosquitto_pid=$!
    started "$mosquitto_pid"
    wait_for 10 grep -q 'running' mosquitto.log || die "mosquitto: $(cat mosquitto.log)"
}

# publish DEVICE: one message by the options that the device renders.
publish() {
    mkdir -p "$1.m"
    "$join" mqtt localhost "$port" fleet/17/up d-17 provider.root "$1.pem" "$1.key" "$1.m" \
        >"$1.m/mosquitto_pub" || die "profile-join $1"
    XDG_CONFIG_HOME=$work/$1.m timeout 10 mosquitto_pub -m 21.5 >"$1.out" 2>&1
}

known provider
broker
publish service || fail "the device publishes: $(cat service.out mosquitto.log)"
publish foreign && fail "another organisation's certificate publishes"
publish self && fail "a certificate of its own making publishes"
stop "$mosquitto_pid"
expect 0 "$cairn" -C provider ca revoke "$service_serial" --reason keyCompromise
known provider
broker
publish service && fail "a revoked certificate publishes"
stop "$mosquitto_pid"

expect 0 "$cairn" -C operator ca revoke "$network_serial" --reason superseded
finish
