#!/bin/bash
# The stock FDO client and server, built once. Sourced after script.sh.

# fdo_peers: builds them by the recipe that lies beside the repository; their paths are in $fdo_client and
# $fdo_server. Skips where there is no recipe, no Go, or no way to its modules.
fdo_peers() {
    # shellcheck disable=SC2154 # the script's
    local recipe=$shared/peers/fdo kept
    [ -f "$recipe/peers.sh" ] || skip "$recipe, the recipe of the stock FDO peers, is not there"
    need go cc
    kept=${CAIRN_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/cairn/peers}/fdo-$(sha256sum <"$recipe/go.sum" | cut -c -16)
    mkdir -p "$kept"
    exec 7>"$kept/lock"
    flock 7
    if ! [ -e "$kept/built" ]; then
        if ! GOFLAGS=-p=2 sh "$recipe/peers.sh" build "$kept" >"$kept/log" 2>&1; then
            ! grep -qE 'dial tcp|i/o timeout|no such host|toolchain not available' "$kept/log" ||
                skip "the modules of the stock FDO peers cannot be fetched: $(tail -n 1 "$kept/log")"
            die "the stock FDO peers do not build: $(tail -n 3 "$kept/log")"
        fi
        : >"$kept/built"
    fi
    exec 7>&-
    # shellcheck disable=SC2034 # for the scripts
    fdo_client=$kept/go-fdo-client fdo_server=$kept/go-fdo-server
}
