#!/usr/bin/env bash
# What a device takes, built as a firmware is, for size: text without OpenSSL, peak heap, bytes and round
# trips of its onboarding; fails beyond 150 kB and 64 kB.
set -u
# shellcheck source=tests/support/script.sh
. "$(dirname "$0")/../support/script.sh"

build=$(dirname "$cairn")
map=$build/tests/device-firmware.map
[ -r "$map" ] || die "there is no $map; build tests/device-firmware"
need gcc
mkdir "$work/os"
# The sources whose objects the linker took from the libraries: path_of_file.c.o in it.
members=$(grep -oE 'p/src_[A-Za-z0-9_]+\.c\.o' "$map" | sort -u | sed 's|^p/||; s|\.c\.o$||')
! grep -q '^src_ledger_' <<<"$members" || fail "the client needs the ledger: $(grep -m 1 '^src_ledger_' <<<"$members")"
cd "$root" || exit 1
sources=(tests/support/device_firmware.c)
while IFS= read -r file; do
    name=${file%.c}
    grep -qx "${name//\//_}" <<<"$members" && sources+=("$file")
done < <(find src/core src/onboard -name '*.c' ! -name '*_test.c')
[ "${#sources[@]}" -eq $(($(wc -l <<<"$members") + 1)) ] || fail "a source of the client is not found"
compile() {
    local more=()
    case $1 in
    *avx2*) more=(-mavx2) ;;
    *shani*) more=(-msha -msse4.1) ;;
    esac
    gcc -std=gnu17 -D_GNU_SOURCE -Os -fno-strict-aliasing -ffunction-sections -fdata-sections \
        -fno-asynchronous-unwind-tables ${more[@]+"${more[@]}"} -Iinclude -Isrc -c "$1" -o "$2/${1//\//_}.o"
}
export -f compile
# shellcheck disable=SC2016 # the inner shell's
printf '%s\n' "${sources[@]}" | xargs -P 2 -I {} bash -c 'compile "$0" "$1"' {} "$work/os" || die "the firmware does not compile"
gcc -no-pie -Wl,--gc-sections -o "$work/firmware" "$work"/os/*.o -lcrypto -lpthread || die "the firmware does not link"
"$build/tests/device-footprint" "$work/firmware" || fail "too large, or it did not live"
finish
