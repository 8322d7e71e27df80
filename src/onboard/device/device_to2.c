/* TO2: the owner proves himself by the voucher, then the device proves itself, then both talk in
 * the channel, and the last message puts the new credential in force. [X1353-R12] */
#include "onboard/device/device_impl.h"

static const device_step get_entry, prove_device, device_ready;

void cairn_fdo_client_to2_done(device_to2 *to2)
{
    cairn_fdo_header_done(&to2->header);
    cairn_fdo_head_done(&to2->head);
    cairn_fdo_key_free(to2->owner);
    cairn_fdo_key_free(to2->next_owner);
    cairn_fdo_share_free(to2->share);
    cairn_wipe(to2, sizeof *to2);
}

static cairn_err wrong(const char *clause, const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "%s", what);
}

static bool nonce_equal(const cairn_fdo_nonce *a, const cairn_fdo_nonce *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

/* --- 60, 61: the owner proves the header --- */

static cairn_err make_hello(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    bool small = d->alg == CAIRN_ALG_ES256;
    cairn_fdo_hello_device hello = {
        .max_message = (uint16_t)d->message_size_max,
        .guid = d->credential.guid,
        .kex = small ? CAIRN_FDO_ECDH256 : CAIRN_FDO_ECDH384,
        .cipher = small ? CAIRN_FDO_A128GCM : CAIRN_FDO_A256GCM,
        .alg = d->alg,
    };
    CAIRN_TRY(cairn_fdo_client_draw(&d->to2.ov_nonce));
    hello.nonce = d->to2.ov_nonce;
    CAIRN_TRY(cairn_fdo_hello_device_encode(&d->run, &hello, &d->to2.hello));
    *ret_body = d->to2.hello;
    return CAIRN_OK;
}

/* Whether 61 answers this run's 60. [X1353-R13] */
static cairn_err check_freshness(cairn_fdo_client *d, const cairn_fdo_prove_header *prove)
{
    static const char clause[] = "FDO 1.1, 5.5.3";
    cairn_fdo_hash hash;
    CAIRN_TRY(cairn_fdo_key_verify(&d->message, &prove->message, prove->owner));
    if (!nonce_equal(&prove->nonce, &d->to2.ov_nonce))
        return wrong(clause, "prove_ov_hdr.nonce: of another run");
    CAIRN_TRY(cairn_fdo_hash_of(prove->hello_hash.alg, &d->to2.hello, 1, &hash));
    if (!cairn_fdo_hash_equal(&hash, &prove->hello_hash))
        return wrong(clause, "prove_ov_hdr.hello_hash: not of what was sent");
    if (prove->alg != d->alg)
        return CAIRN_FAIL(CAIRN_ERR_BAD_ALGORITHM, clause,
                          "prove_ov_hdr.sig_info: not the device's algorithm");
    return CAIRN_OK;
}

/* Whether the header is the one that this device once sealed with its secret. */
static cairn_err check_header(cairn_fdo_client *d, const cairn_fdo_prove_header *prove)
{
    static const char clause[] = "FDO 1.1, 5.5.4";
    const cairn_fdo_header *header = &d->to2.header;
    cairn_bytes first_owner = cairn_fdo_key_encoded(header->manufacturer);
    cairn_fdo_hash hash;
    if (memcmp(header->guid.b, d->credential.guid.b, sizeof header->guid.b) != 0)
        return wrong(clause, "prove_ov_hdr.header: of another device");
    CAIRN_TRY(cairn_fdo_client_hmac(d, prove->hmac.alg, header->encoded, &hash));
    if (!cairn_fdo_hash_equal(&hash, &prove->hmac))
        return wrong(clause, "prove_ov_hdr.hmac: not by this device");
    CAIRN_TRY(cairn_fdo_hash_of(d->credential.owner_hash.alg, &first_owner, 1, &hash));
    if (!cairn_fdo_hash_equal(&hash, &d->credential.owner_hash))
        return wrong(clause, "prove_ov_hdr.header: begins with a key that is not known");
    return CAIRN_OK;
}

static cairn_err keep_prove(cairn_fdo_client *d, cairn_fdo_prove_header *prove)
{
    cairn_bytes header;
    d->to2.prove_nonce = prove->prove_nonce;
    d->to2.entry_count = prove->entry_count;
    CAIRN_TRY(cairn_arena_copy(&d->run, prove->kex, &d->to2.peer_kex));
    CAIRN_TRY(cairn_arena_copy(&d->run, prove->header, &header));
    CAIRN_TRY(cairn_fdo_header_read(header, &d->to2.header));
    CAIRN_TRY(check_header(d, prove));
    CAIRN_TRY(cairn_fdo_head_first(&d->to2.header, prove->hmac_encoded, &d->to2.head));
    d->to2.owner = CAIRN_STEAL(prove->owner);
    return CAIRN_OK;
}

/* Whether the chain ended with the key that signed 61 and what TO1 was told. */
static cairn_err check_owner(cairn_fdo_client *d)
{
    cairn_fdo_to1d to1d;
    if (!cairn_fdo_key_equal(d->to2.head.owner, d->to2.owner))
        return wrong("FDO 1.1, 5.5.6", "ov_next_entry: the chain ends with another owner");
    if (d->to1d.size == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_fdo_to1d_read(d->to1d, &to1d));
    return cairn_fdo_key_verify(&d->message, &to1d.message, d->to2.owner); /* [X1353-T3] */
}

/* The next entry, or the device's own proof once the owner's is whole. */
static cairn_err go_on(cairn_fdo_client *d, const device_step **ret_next)
{
    if (d->to2.entry_next == d->to2.entry_count) {
        CAIRN_TRY(check_owner(d));
        *ret_next = &prove_device;
    } else {
        *ret_next = &get_entry;
    }
    return CAIRN_OK;
}

static cairn_err take_prove_header(cairn_fdo_client *d, cairn_bytes body,
                                   const device_step **ret_next)
{
    CAIRN_CLEANUP(cairn_fdo_prove_header_done) cairn_fdo_prove_header prove = {0};
    CAIRN_TRY(cairn_fdo_prove_header_read(body, &prove));
    CAIRN_TRY(check_freshness(d, &prove));
    CAIRN_TRY(keep_prove(d, &prove));
    return go_on(d, ret_next);
}

/* --- 62, 63: how he came to own it --- */

static cairn_err make_get_entry(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    return cairn_fdo_get_entry_encode(&d->message, d->to2.entry_next, ret_body);
}

static cairn_err take_entry(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next)
{
    CAIRN_CLEANUP(cairn_fdo_entry_done) cairn_fdo_entry entry = {0};
    cairn_bytes encoded;
    int64_t index = 0;
    CAIRN_TRY(cairn_fdo_next_entry_read(body, &index, &encoded));
    if (index != d->to2.entry_next)
        return wrong("FDO 1.1, 5.5.6", "ov_next_entry.index: not the one asked for");
    CAIRN_TRY(cairn_fdo_entry_read(encoded, &entry));
    CAIRN_TRY(cairn_fdo_head_advance(&d->message, &d->to2.head, &d->to2.header, &entry));
    d->to2.entry_next++;
    return go_on(d, ret_next);
}

/* --- 64, 65: the device proves itself, the owner gives the new credential --- */

/* Both keys that the owner may have come to, when the shared x begins with a zero. */
static cairn_err agree(cairn_fdo_client *d)
{
    device_to2 *to2 = &d->to2;
    bool small = d->alg == CAIRN_ALG_ES256;
    cairn_fdo_cipher cipher = small ? CAIRN_FDO_A128GCM : CAIRN_FDO_A256GCM;
    CAIRN_TRY(cairn_fdo_share_new(small ? CAIRN_FDO_ECDH256 : CAIRN_FDO_ECDH384, &to2->share));
    CAIRN_TRY(cairn_fdo_share_agree(to2->share, to2->peer_kex, true, false, cipher, to2->sek[0],
                                    &to2->sek_size));
    to2->ambiguous = cairn_fdo_share_is_ambiguous(to2->share, to2->peer_kex); /* [X1353-R45] */
    if (!to2->ambiguous)
        return CAIRN_OK;
    return cairn_fdo_share_agree(to2->share, to2->peer_kex, true, true, cipher, to2->sek[1],
                                 &to2->sek_size);
}

static cairn_err make_prove_device(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    device_to2 *to2 = &d->to2;
    cairn_fdo_unsigned u;
    CAIRN_TRY(cairn_fdo_client_draw(&to2->setup_nonce));
    CAIRN_TRY(agree(d));
    CAIRN_TRY(cairn_fdo_eat_begin(&d->message, d->alg, &to2->prove_nonce, &d->credential.guid,
                                  cairn_fdo_share_public(to2->share), &to2->setup_nonce, &u));
    CAIRN_TRY(cairn_fdo_client_sign(d, &u, ret_body));
    cairn_fdo_share_free(CAIRN_STEAL(to2->share)); /* the session's key is made */
    return CAIRN_OK;
}

/* The owner keeps the credential when he sends back what the device has, and his own key. */
static bool is_reuse(const cairn_fdo_client *d, const cairn_fdo_setup *setup)
{
    return memcmp(setup->guid.b, d->credential.guid.b, sizeof setup->guid.b) == 0 &&
           cairn_bytes_equal(setup->rv_info.encoded, d->credential.rv_info) &&
           cairn_fdo_key_equal(setup->owner, d->to2.owner);
}

static cairn_err keep_setup(cairn_fdo_client *d, cairn_fdo_setup *setup)
{
    d->to2.next_guid = setup->guid;
    CAIRN_TRY(cairn_arena_copy(&d->run, setup->rv_info.encoded, &d->to2.next_rv_info));
    d->to2.next_owner = CAIRN_STEAL(setup->owner);
    return CAIRN_OK;
}

static cairn_err take_setup(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next)
{
    CAIRN_CLEANUP(cairn_fdo_setup_done) cairn_fdo_setup setup = {0};
    CAIRN_TRY(cairn_fdo_setup_read(body, &setup));
    CAIRN_TRY(cairn_fdo_key_verify(&d->message, &setup.message, d->to2.owner));
    if (!nonce_equal(&setup.nonce, &d->to2.setup_nonce))
        return wrong("FDO 1.1, 5.5.7", "setup_device.nonce: of another run");
    d->to2.reuse = is_reuse(d, &setup);
    if (d->to2.reuse && !d->config->may_reuse)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "FDO 1.1, 7",
                          "setup_device: the credential would be used again");
    CAIRN_TRY(keep_setup(d, &setup));
    *ret_next = &device_ready;
    return CAIRN_OK;
}

/* --- 66, 67 --- */

/* The header of the voucher that the device will answer to. */
static cairn_err next_hmac(cairn_fdo_client *d, cairn_fdo_hash *ret_hmac)
{
    const cairn_fdo_header *old = &d->to2.header;
    cairn_fdo_header next = {.guid = d->to2.next_guid,
                             .rv_info = {.encoded = d->to2.next_rv_info},
                             .device_info = old->device_info,
                             .manufacturer = d->to2.next_owner,
                             .has_chain_hash = old->has_chain_hash,
                             .chain_hash = old->chain_hash};
    cairn_bytes encoded;
    int64_t alg = cairn_fdo_client_hash_alg(d, d->to2.next_owner);
    CAIRN_TRY(cairn_fdo_header_encode(&d->message, &next, &encoded));
    return cairn_fdo_client_hmac(d, alg == CAIRN_FDO_SHA256 ? CAIRN_FDO_HMAC256 : CAIRN_FDO_HMAC384,
                                 encoded, ret_hmac);
}

static cairn_err make_ready(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    cairn_fdo_hash hmac;
    if (!d->to2.reuse)
        CAIRN_TRY(next_hmac(d, &hmac));
    return cairn_fdo_device_ready_encode(&d->message, d->to2.reuse ? NULL : &hmac, d->info_size_max,
                                         ret_body);
}

static cairn_err take_ready(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next)
{
    uint16_t room = 0;
    CAIRN_TRY(cairn_fdo_owner_ready_read(body, &room));
    d->to2.info_room = room == 0 ? CAIRN_FDO_SERVICE_INFO_SIZE : room;
    cairn_fdo_client_info_begin(d);
    *ret_next = &cairn_fdo_client_step_service_info;
    return CAIRN_OK;
}

/* --- 70, 71 --- */

static cairn_err make_done(cairn_fdo_client *d, cairn_bytes *ret_body)
{
    return cairn_fdo_hello_ack_encode(&d->message, &d->to2.prove_nonce, ret_body);
}

/* The credential changes here and nowhere before. [X1353-R36] */
static cairn_err take_done2(cairn_fdo_client *d, cairn_bytes body, const device_step **ret_next)
{
    cairn_bytes owner = cairn_fdo_key_encoded(d->to2.next_owner);
    cairn_fdo_client_credential credential = {.onboarded = true,
                                              .guid = d->to2.next_guid,
                                              .device_info = d->credential.device_info,
                                              .rv_info = d->to2.next_rv_info};
    cairn_fdo_nonce nonce;
    CAIRN_TRY(cairn_fdo_hello_ack_read(body, &nonce));
    if (!nonce_equal(&nonce, &d->to2.setup_nonce))
        return wrong("FDO 1.1, 5.5.13", "done2.nonce: of another run");
    CAIRN_TRY(cairn_fdo_hash_of(cairn_fdo_client_hash_alg(d, d->to2.next_owner), &owner, 1,
                                &credential.owner_hash));
    if (d->to2.reuse)
        credential.owner_hash = d->credential.owner_hash;
    CAIRN_TRY(
        cairn_fdo_client_info_commit(d)); /* before: a cut in between is mended by the next run */
    *ret_next = NULL;
    return cairn_fdo_client_adopt(d, &credential);
}

const device_step cairn_fdo_client_step_hello_device = {
    .type = CAIRN_FDO_TO2_HELLO_DEVICE,
    .answer = CAIRN_FDO_TO2_PROVE_OV_HDR,
    .is_first = true,
    .make = make_hello,
    .take = take_prove_header,
};

static const device_step get_entry = {
    .type = CAIRN_FDO_TO2_GET_OV_NEXT_ENTRY,
    .answer = CAIRN_FDO_TO2_OV_NEXT_ENTRY,
    .make = make_get_entry,
    .take = take_entry,
};

static const device_step prove_device = {
    .type = CAIRN_FDO_TO2_PROVE_DEVICE,
    .answer = CAIRN_FDO_TO2_SETUP_DEVICE,
    .unseals = true,
    .make = make_prove_device,
    .take = take_setup,
};

static const device_step device_ready = {
    .type = CAIRN_FDO_TO2_DEVICE_SERVICE_INFO_READY,
    .answer = CAIRN_FDO_TO2_OWNER_SERVICE_INFO_READY,
    .seals = true,
    .unseals = true,
    .make = make_ready,
    .take = take_ready,
};

const device_step cairn_fdo_client_step_done = {
    .type = CAIRN_FDO_TO2_DONE,
    .answer = CAIRN_FDO_TO2_DONE2,
    .seals = true,
    .unseals = true,
    .make = make_done,
    .take = take_done2,
};
