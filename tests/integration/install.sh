#!/usr/bin/env bash
# What `make install` puts down is enough for a stranger: the command, its man page, and a library with
# which the example verifies a receipt that the command made.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

for program in meson pkg-config cc; do
    command -v "$program" >/dev/null || skip "$program is not installed"
done
cd "$work" || die "cd"

meson install -C "$CAIRN_BUILD" --no-rebuild --destdir "$work/root" >out 2>&1 || fail "install: $(cat out)"
prefix=$(dirname "$(dirname "$(find "$work/root" -path '*/bin/cairn')")")
pc=$(dirname "$(find "$prefix" -name cairn.pc)")
[ -x "$prefix/bin/cairn" ] || fail "no command"
[ -f "$prefix/share/man/man1/cairn.1" ] || fail "no man page"
version=$(cat "$root/VERSION")
[ "$("$prefix/bin/cairn" version)" = "cairn $version" ] || fail "the command is not cairn $version"

# shellcheck disable=SC2046 # flags are words
PKG_CONFIG_PATH=$pc cc -Wall -Werror "$root/examples/verify/verify.c" -o verify \
    $(PKG_CONFIG_PATH=$pc pkg-config --define-variable=prefix="$prefix" --cflags --libs cairn) ||
    fail "the example does not compile"
ldd verify | grep -E 'lmdb|curl|event|yaml|jansson' && fail "a verifier links more than libcrypto"

head -c 100000 /dev/urandom >drive.log
expect 0 "$prefix/bin/cairn" init ledger --org "Fahrzeugbau"
expect 0 "$prefix/bin/cairn" -C ledger anchor drive.log
expect 0 "$prefix/bin/cairn" -C ledger trust export trust
expect 0 ./verify drive.log drive.log.receipt trust
printf 'x' >>drive.log
expect 1 ./verify drive.log drive.log.receipt trust
expect 3 ./verify drive.log drive.log.receipt /nonexistent

finish
