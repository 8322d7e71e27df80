/* TO1, messages 30 to 33, and the device's token. */
#include "onboard/wire/to1.h"

#include "onboard/wire/body.h"

static const char clause[] = "FDO 1.1, 5.3";
static const char object_eat[] = "eat";
static const char clause_eat[] = "FDO 1.1, 3.3.7";

/* Claims of the token (RFC 9711, FDO 1.1 section 3.3.7) and a label of its unprotected header. */
enum { CLAIM_NONCE = 10, CLAIM_UEID = 256, CLAIM_FDO = -257, HEADER_SETUP_NONCE = -259 };
enum { UEID_RANDOM = 0x01, UEID_SIZE = 1 + CAIRN_FDO_GUID_SIZE, KEX_SIZE_MAX = 1024 };

typedef struct hello_rv {
    const cairn_fdo_guid *guid;
    const cairn_fdo_nonce *nonce;
    cairn_alg alg;
} hello_rv;

static void put_hello_rv(cairn_cbor_writer *writer, const void *context)
{
    const hello_rv *hello = context;
    cairn_cbor_put_array(writer, 2);
    cairn_fdo_guid_put(writer, hello->guid);
    cairn_fdo_sig_info_put(writer, hello->alg);
}

cairn_err cairn_fdo_hello_rv_encode(cairn_arena *arena, const cairn_fdo_guid *guid, cairn_alg alg,
                                    cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_hello_rv, &(hello_rv){.guid = guid, .alg = alg}, ret_body);
}

cairn_err cairn_fdo_hello_rv_read(cairn_bytes body, cairn_fdo_guid *ret_guid, cairn_alg *ret_alg)
{
    cairn_cbor_reader reader;
    cairn_fdo_guid guid;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 2, "hello_rv", clause));
    CAIRN_TRY(cairn_fdo_guid_read(&reader, "guid", &guid));
    CAIRN_TRY(cairn_fdo_sig_info_read(&reader, "sig_info", ret_alg));
    *ret_guid = guid;
    return CAIRN_OK;
}

static void put_hello_rv_ack(cairn_cbor_writer *writer, const void *context)
{
    const hello_rv *hello = context;
    cairn_cbor_put_array(writer, 2);
    cairn_fdo_nonce_put(writer, hello->nonce);
    cairn_fdo_sig_info_put(writer, hello->alg);
}

cairn_err cairn_fdo_hello_rv_ack_encode(cairn_arena *arena, const cairn_fdo_nonce *nonce,
                                        cairn_alg alg, cairn_bytes *ret_body)
{
    return cairn_fdo_encode(arena, put_hello_rv_ack, &(hello_rv){.nonce = nonce, .alg = alg},
                            ret_body);
}

cairn_err cairn_fdo_hello_rv_ack_read(cairn_bytes body, cairn_fdo_nonce *ret_nonce,
                                      cairn_alg *ret_alg)
{
    cairn_cbor_reader reader;
    cairn_fdo_nonce nonce;
    CAIRN_TRY(cairn_fdo_body_open(&reader, body, 2, "hello_rv_ack", clause));
    CAIRN_TRY(cairn_fdo_nonce_read(&reader, "nonce", &nonce));
    CAIRN_TRY(cairn_fdo_sig_info_read(&reader, "sig_info", ret_alg));
    *ret_nonce = nonce;
    return CAIRN_OK;
}

/* --- the token --- */

static cairn_err read_nonce(cairn_fdo_eat *eat)
{
    cairn_cbor_reader value;
    CAIRN_TRY(cairn_fdo_label_need(eat->message.payload, CLAIM_NONCE, "nonce", object_eat,
                                   clause_eat, &value));
    return cairn_fdo_nonce_read(&value, "nonce", &eat->nonce);
}

static cairn_err read_ueid(cairn_fdo_eat *eat)
{
    cairn_cbor_reader value;
    cairn_bytes ueid;
    CAIRN_TRY(cairn_fdo_label_need(eat->message.payload, CLAIM_UEID, "ueid", object_eat, clause_eat,
                                   &value));
    CAIRN_TRY(cairn_cbor_read_bytes(&value, "ueid", UEID_SIZE, UEID_SIZE, &ueid));
    if (ueid.data[0] != UEID_RANDOM)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause_eat, "eat.ueid: type %u", ueid.data[0]);
    memcpy(eat->guid.b, ueid.data + 1, sizeof eat->guid.b);
    return CAIRN_OK;
}

static cairn_err read_kex(cairn_fdo_eat *eat)
{
    cairn_cbor_reader value;
    size_t count = 0;
    CAIRN_TRY(cairn_fdo_label_find(eat->message.payload, CLAIM_FDO, object_eat, clause_eat, &value,
                                   &eat->has_kex));
    if (!eat->has_kex)
        return CAIRN_OK;
    CAIRN_TRY(cairn_cbor_read_array(&value, "fdo", 1, 1, &count));
    return cairn_cbor_read_bytes(&value, "fdo.kex", 1, KEX_SIZE_MAX, &eat->kex);
}

static cairn_err read_setup(cairn_fdo_eat *eat)
{
    cairn_cbor_reader value;
    CAIRN_TRY(cairn_fdo_label_find(eat->message.headers.unprotected_raw, HEADER_SETUP_NONCE,
                                   object_eat, clause_eat, &value, &eat->has_setup));
    return eat->has_setup ? cairn_fdo_nonce_read(&value, "setup_nonce", &eat->setup) : CAIRN_OK;
}

cairn_err cairn_fdo_eat_read(cairn_bytes body, cairn_fdo_eat *ret_eat)
{
    cairn_fdo_eat eat = {0};
    CAIRN_TRY(cairn_fdo_message_open(body, object_eat, clause_eat, &eat.message));
    CAIRN_TRY(read_nonce(&eat));
    CAIRN_TRY(read_ueid(&eat));
    CAIRN_TRY(read_kex(&eat));
    CAIRN_TRY(read_setup(&eat));
    *ret_eat = eat;
    return CAIRN_OK;
}

typedef struct token {
    const cairn_fdo_nonce *nonce;
    const cairn_fdo_guid *guid;
    cairn_bytes kex;
    const cairn_fdo_nonce *setup;
} token;

static void put_claims(cairn_cbor_writer *writer, const void *context)
{
    const token *t = context;
    uint8_t ueid[UEID_SIZE] = {UEID_RANDOM};
    memcpy(ueid + 1, t->guid->b, sizeof t->guid->b);
    cairn_cbor_put_map(writer, t->kex.size == 0 ? 2 : 3);
    cairn_cbor_put_int(writer, CLAIM_NONCE);
    cairn_fdo_nonce_put(writer, t->nonce);
    cairn_cbor_put_int(writer, CLAIM_UEID);
    cairn_cbor_put_bytes(writer, cairn_bytes_of(ueid, sizeof ueid));
    if (t->kex.size == 0)
        return;
    cairn_cbor_put_int(writer, CLAIM_FDO);
    cairn_cbor_put_array(writer, 1);
    cairn_cbor_put_bytes(writer, t->kex);
}

static void put_setup(cairn_cbor_writer *writer, const void *context)
{
    const token *t = context;
    cairn_cbor_put_map(writer, t->setup == NULL ? 0 : 1);
    if (t->setup == NULL)
        return;
    cairn_cbor_put_int(writer, HEADER_SETUP_NONCE);
    cairn_fdo_nonce_put(writer, t->setup);
}

cairn_err cairn_fdo_eat_begin(cairn_arena *arena, cairn_alg alg, const cairn_fdo_nonce *nonce,
                              const cairn_fdo_guid *guid, cairn_bytes kex,
                              const cairn_fdo_nonce *setup, cairn_fdo_unsigned *ret_unsigned)
{
    const token t = {.nonce = nonce, .guid = guid, .kex = kex, .setup = setup};
    cairn_bytes claims;
    cairn_bytes headers;
    CAIRN_TRY(cairn_fdo_encode(arena, put_claims, &t, &claims));
    CAIRN_TRY(cairn_fdo_encode(arena, put_setup, &t, &headers));
    return cairn_fdo_sign_begin(arena, alg, headers, claims, ret_unsigned);
}
