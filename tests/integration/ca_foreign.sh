#!/usr/bin/env bash
# Callers whose certificates another organisation's CA has issued, which this node does not hold: taken on
# the ledger's word about the issuing key and the list, refused as soon as it says otherwise.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

need python3 curl openssl
cd "$work" || die "cd"
ca=$work/maker/tls/node.pem

# on DIRECTORY CODE VERB...: a verb there.
on() {
    local directory=$1 code=$2
    shift 2
    expect "$code" "$cairn" -C "$work/$directory" "$@" --json
}

start() {
    rm -f maker/node.url
    "$cairn" node maker --json >node.out 2>>node.err &
    node=$!
    started "$node"
    wait_for 20 test -s maker/node.url || die "the node does not start: $(tail -n 2 node.err)"
    url=$(cat maker/node.url)
}

is() {
    [ "$2" = "$3" ] || fail "$1: $2, not $3: $(head -c 200 body 2>/dev/null)"
}

# request NAME [OPENSSL OPTION...]: a key and a request in NAME.key and NAME.csr.
request() {
    local name=$1
    shift
    openssl ecparam -genkey -name prime256v1 -noout -out "$name.key" 2>/dev/null || die "openssl ecparam"
    openssl req -new -key "$name.key" -out "$name.csr" "$@" 2>/dev/null || die "openssl req: $*"
}

# call NAME: the status of a call that needs a known caller, with NAME's certificate; 000: no handshake.
call() {
    curl -sS --cacert "$ca" --cert "$1.crt" --key "$1.key" -o body -w '%{http_code}' \
        "$url/v1/ledgers/$ledger/entries?from=0&count=1" 2>/dev/null
}

# known NAME: once the list has been fetched.
known() { [ "$(call "$1")" = 200 ]; }
unknown() { [ "$(call "$1")" != 200 ]; }

# publish: the operator's lists as they are, where its certificates say.
publish() {
    mkdir -p "www/ca/$operator/crl"
    on operator 0 ca crl --output "www/ca/$operator/crl/0"
}

# forge NAME URI [ISSUER]: a client's certificate that the issuing key of ISSUER, the operator's if none is
# given, has signed, with that name and the operator's list.
forge() {
    local name=$1 uri=$2 key=${3:-operator/keys/issue-ca.pem}
    request "$name" -subj "/CN=$name"
    printf '%s\n' "subjectAltName=URI:$uri" "extendedKeyUsage=clientAuth" "keyUsage=critical,digitalSignature" \
        "basicConstraints=critical,CA:FALSE" "authorityKeyIdentifier=keyid" \
        "crlDistributionPoints=URI:${4:-http://127.0.0.1:$www/ca/$operator/crl/0}" >forged.ext
    openssl x509 -req -in "$name.csr" -CA issuing.pem -CAkey "$key" -set_serial "0x50$(openssl rand -hex 19)" -days 5 \
        -extfile forged.ext -out "$name.crt" 2>openssl.err || die "openssl x509: $(cat openssl.err)"
}

# --- the maker's node, and an operator with a CA of its own elsewhere -----------------------------

expect 0 "$cairn" init maker --org Maker --json
ledger=$(fact ledger)
printf 'node:\n  port: "0"\napi:\n  public: "nothing"\noutbox:\n  allowed: "127.0.0.0/8"\n' >>maker/cairn.yaml
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed "s/port: \"0\"/port: \"$port\"/" -i maker/cairn.yaml
on maker 0 ca init --dns maker.test
maker=$(basename "$(fact url)")
sed 's/public: "nothing"/public: "proofs"/' -i maker/cairn.yaml
start
expect 0 "$cairn" init operator --org Operator --node "$url" --node-ca "$ca" --json
operator=$(fact organisation_id)
on operator 0 org request operator.request --org Operator
on maker 0 org admit operator.request --role operator

mkdir www
www=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
serve() {
    python3 -m http.server "$www" --bind 127.0.0.1 --directory www >>www.out 2>&1 &
    server=$!
    started "$server"
    wait_for 20 curl -sS -o /dev/null "http://127.0.0.1:$www/" 2>/dev/null || die "the lists are not served"
}
serve
on operator 0 ca init --dns operator.test --url "http://127.0.0.1:$www"
request client -subj /CN=client-1
request second -subj /CN=client-2
on operator 0 ca issue client.csr --profile tls-client --output client.crt
client=$(fact serial)
on operator 0 ca issue second.csr --profile tls-client --output second.crt
csplit -s -f part- client.crt '/BEGIN CERTIFICATE/' '{*}' && cp part-02 issuing.pem

# --- taken, by its certificate alone --------------------------------------------------------------

is "its list is not served yet" "$(call client)" 503
publish
wait_for 20 known client || fail "a caller of another organisation is not known: $(call client)"
is "another of its callers, from the list that is here" "$(call second)" 200
openssl x509 -in client.crt -out alone.crt && cp client.key alone.key
is "without its issuer's certificate" "$(call alone)" 200
openssl s_client -connect "${url#https://}" -CAfile "$ca" -cert client.crt -key client.key -brief </dev/null >s_client.out 2>&1
expect_text s_client.out 'Verification: OK' "openssl s_client"

# --- never for another organisation ---------------------------------------------------------------

forge own "cairn://org/$operator"
is "what openssl signs by the operator's key is the operator's" "$(call own)" 200
forge stolen "cairn://org/$maker"
is "an operator's CA in the maker's name" "$(call stolen)" 000
forge nobodys "cairn://org/$(printf '%064d' 7)"
is "in nobody's name" "$(call nobodys)" 000
forge upper "cairn://org/${operator^^}"
is "in a name that is spelt otherwise" "$(call upper)" 000
openssl ecparam -genkey -name prime256v1 -noout -out evil.key 2>/dev/null
openssl req -x509 -new -key evil.key -out evil.pem -subj "/O=Operator/CN=Issuing CA" -days 5 \
    -addext "subjectKeyIdentifier=$(openssl x509 -in issuing.pem -noout -ext subjectKeyIdentifier | tail -n 1 | tr -d ' ')" 2>/dev/null
cp issuing.pem issuing.kept && cp evil.pem issuing.pem
forge forged "cairn://org/$operator" evil.key
is "by a key that calls itself the operator's" "$(call forged)" 000
cp issuing.kept issuing.pem
forge unlisted "cairn://org/$operator" operator/keys/issue-ca.pem "http://127.0.0.1:$www/ca/$operator/crl/7"
is "whose list nobody anchors" "$(call unlisted)" 000
python3 -c 'import sys; print(sys.argv[1])' "$operator" >/dev/null
openssl req -x509 -new -key "operator/keys/issue-ca.pem" -subj /CN=self -days 5 -out self.crt 2>/dev/null && cp operator/keys/issue-ca.pem self.key
is "the CA's key itself is no caller" "$(call self)" 404

# --- revoked --------------------------------------------------------------------------------------

on operator 0 ca revoke "$client" --reason keyCompromise
unknown client || fail "revoked, and its anchor newer than the list that is here"
is "nobody is let in by an old list" "$(call second)" 503
publish
wait_for 20 known second || fail "the new list is not taken"
is "revoked" "$(call client)" 000

# A list that is another one than the ledger's is none.
cp "www/ca/$operator/crl/0" kept
on operator 0 ca revoke "$(openssl x509 -in second.crt -noout -serial | cut -d= -f2)" --reason superseded
is "the served one is older than the anchored" "$(call own)" 503
flip "www/ca/$operator/crl/0" 40
sleep 3
is "and what is bent is none" "$(call own)" 503
publish
wait_for 20 known own || fail "the list is not taken again"
is "superseded" "$(call second)" 000
grep -q '"event":"lists.not_fetched"' node.err || fail "a list that could not be had is not told"

# --- suspended, and ended -------------------------------------------------------------------------

on maker 0 org suspend "$operator"
is "suspended" "$(call own)" 000
on maker 0 org resume "$operator"
is "resumed" "$(call own)" 200
on operator 0 key revoke issue-ca
is "its key was ended" "$(call own)" 000
on operator 1 ca issue client.csr --profile tls-client --output late.crt --name late
[ -e late.crt ] && fail "a CA whose key was ended issues"
stop "$node"
stop "$server"

finish
