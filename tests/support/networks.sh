#!/bin/bash
# Members of a consortium each in a network of its own, behind one of two bridges. Sourced by bash before
# anything is started: the script is run once more, in networks and mounts that nobody else sees and that end
# with it. Needs root.
skip() {
    echo "SKIP $*"
    exit 77
}
command -v ip >/dev/null || skip "ip is not installed"
if [ "${CONSORTIUM_ALONE:-}" = "" ]; then
    unshare --net --mount ip link add left type bridge 2>/dev/null || skip "networks of one's own need root"
    CONSORTIUM_ALONE=1 exec unshare --net --mount "$0" "$@"
fi

# What the scripts' libraries ask: in place of what they say themselves.
use_networks() { # MEMBER…
    local k
    address() {
        echo "10.77.0.$(($1 + 1))"
    }
    inside() {
        local k=$1
        shift
        exec ip netns exec "m$k" "$@"
    }
    mkdir -p /run/netns
    mount -t tmpfs tmpfs /run/netns
    ip link add left type bridge
    ip link add right type bridge
    ip link set left up
    ip link set right up
    for k in "$@"; do
        ip netns add "m$k"
        ip link add "v$k" type veth peer name eth0 netns "m$k"
        ip link set "v$k" master left up
        ip -n "m$k" address add "$(address "$k")/24" dev eth0
        ip -n "m$k" link set eth0 up
        ip -n "m$k" link set lo up
    done
}

move() { # BRIDGE MEMBER…
    local bridge=$1 k
    shift
    for k in "$@"; do ip link set "v$k" master "$bridge"; done
}
