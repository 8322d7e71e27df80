/* A device in the middle of TO2, to whom one answer is somebody else's: byte 0 is its type, byte 1
 * whether it is sealed as the owner would or lies on the wire as it is; the rest is the answer. The
 * device ends the run, or goes on with what the owner may say; its credential stays whole. */
#include "fuzz/fuzz.h"

#include <stdio.h>

#include "support/fdo_peer.h"

typedef struct other {
    uint8_t type;
    bool on_wire;
    cairn_bytes body;
} other;

static fdo_peer peer;
static fdo_memory memory;
static cairn_fdo_client_config config;
static cairn_fdo_client *device;
static other answer;

static void twist(fdo_peer *p, uint8_t *type, cairn_bytes *body, bool on_wire)
{
    (void)p;
    if (*type == answer.type && on_wire == answer.on_wire)
        *body = answer.body;
}

/* One device for all: the owner keeps its credential, so that run follows run. */
static void prepare(void)
{
    if (device != NULL)
        return;
    fdo_peer_init(&peer, CAIRN_KEY_P256, 0);
    config = fdo_memory_config(&memory);
    config.may_reuse = true;
    FDO_MUST(cairn_fdo_client_open(&config, &device));
    FDO_MUST(fdo_play(device, &peer, CAIRN_FDO_CLIENT_DI));
    peer.reuse = true;
    peer.twist = twist;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    if (size < 2 || size > 8192)
        return 0;
    answer = (other){data[0], (data[1] & 1) != 0, cairn_bytes_of(data + 2, size - 2)};
    cairn_err err = fdo_play(device, &peer, CAIRN_FDO_CLIENT_TO2_DIRECT);
    bool says_who = answer.type == CAIRN_FDO_TO2_PROVE_OV_HDR ||
                    answer.type == CAIRN_FDO_TO2_SETUP_DEVICE || answer.type == CAIRN_FDO_TO2_DONE2;
    CAIRN_ASSERT(err != CAIRN_OK || !says_who);
    CAIRN_ASSERT(memcmp(cairn_fdo_client_guid(device)->b, peer.guid.b, sizeof peer.guid.b) == 0);
    return 0;
}
