/* Claim: an organisation says that the devices of a batch are its own, proves it by the batch's
 * owner key, and binds them to platform, policy and contract. */
#include "cairn/sha256.h"
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;
static const char magic[] = "cairn/claim/1";

#define FIELD(name, kind, member, min, max, optional, row)                                       \
    {                                                                                            \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_device_claim, member), min, max, optional, row \
    }

static const cairn_schema_field fields[] = {
    FIELD("devices", LIST, rows, 1, CAIRN_DEVICES_PER_TX_MAX, false, &cairn_device_row_schema),
    FIELD("public_key", BYTES, public_key, 1, CAIRN_DEVICE_OWNER_KEY_SIZE_MAX, false, NULL),
    FIELD("proof", BYTES, proof, 1, CAIRN_DEVICE_PROOF_SIZE_MAX, false, NULL),
    FIELD("platform", HASH, platform, 0, 0, false, NULL),
    FIELD("policy", HASH, policy, 0, 0, false, NULL),
    FIELD("contract", HASH, contract, 0, 0, true, NULL),
};
static const cairn_schema schema = CAIRN_SCHEMA_OF(cairn_device_claim, fields);

/* --- the proof --- */

static void hash_rows(const cairn_schema_list *list, cairn_hash *ret_hash)
{
    const cairn_device_row *rows = list->rows;
    cairn_sha256 sha;
    cairn_sha256_init(&sha);
    for (size_t i = 0; i < list->count; i++) {
        uint8_t version[8];
        cairn_put_u64(version, rows[i].version);
        cairn_sha256_update(&sha, rows[i].index.b, sizeof rows[i].index.b);
        cairn_sha256_update(&sha, version, sizeof version);
    }
    cairn_sha256_final(&sha, ret_hash);
}

enum { PAYLOAD_SIZE = 1 + sizeof magic + 3 * 34 };

static cairn_err payload(cairn_arena *arena, const cairn_hash *ledger, const cairn_hash *org,
                         const cairn_schema_list *rows, cairn_bytes *ret_payload)
{
    cairn_cbor_writer w;
    cairn_hash hash;
    void *memory = NULL;
    hash_rows(rows, &hash);
    CAIRN_TRY(cairn_arena_alloc(arena, PAYLOAD_SIZE, &memory));
    cairn_cbor_writer_init(&w, memory, PAYLOAD_SIZE);
    cairn_cbor_put_array(&w, 4);
    cairn_cbor_put_text(&w, magic);
    cairn_cbor_put_hash(&w, ledger);
    cairn_cbor_put_hash(&w, org);
    cairn_cbor_put_hash(&w, &hash);
    return cairn_cbor_writer_end(&w, ret_payload);
}

cairn_err cairn_device_claim_payload(cairn_arena *arena, const cairn_hash *ledger,
                                     const cairn_hash *org, cairn_device_row *rows, size_t count,
                                     cairn_bytes *ret_payload)
{
    cairn_schema_list list = {.count = count, .rows = rows};
    cairn_devices_sort(&list, sizeof(cairn_device_row));
    return payload(arena, ledger, org, &list, ret_payload);
}

/* The Sign1 is of the batch's key, over this ledger, organisation and rows. */
static cairn_err check_proof(const cairn_device_saying *saying, const cairn_device_claim *act)
{
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *key = NULL;
    cairn_cose_message message;
    cairn_bytes want;
    CAIRN_TRY(cairn_device_read_owner_key(act->public_key, &key));
    CAIRN_TRY(cairn_cose_decode(act->proof, CAIRN_COSE_TAG_SIGN1, CAIRN_CBOR_STRICT, &message));
    CAIRN_TRY(cairn_device_check_bare(&message));
    CAIRN_TRY(payload(saying->arena, &saying->ledger, &saying->org, &act->rows, &want));
    if (!cairn_bytes_equal(message.payload, want))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "claim.proof: for another ledger, organisation or devices");
    return cairn_fdo_key_verify(saying->arena, &message, key);
}

/* --- the act --- */

static cairn_err admit(cairn_apply *apply, const cairn_device_saying *saying, const void *data)
{
    static const cairn_hash none;
    const cairn_device_claim *act = data;
    cairn_hash owner_key;
    CAIRN_TRY(check_proof(saying, act));
    if (cairn_hash_equal(&act->contract, &none))
        return CAIRN_OK;
    cairn_device_owner_key(act->public_key, &owner_key);
    return cairn_contract_check_use(apply, &act->contract, &owner_key);
}

/* [X1353-R08] Who comes second finds another version. */
static cairn_err step(const cairn_device_saying *saying, const void *data, const void *row,
                      cairn_device *device)
{
    static const cairn_hash nobody;
    const cairn_device_claim *act = data;
    (void)row;
    CAIRN_TRY(cairn_device_move(device, CAIRN_DEVICE_CLAIM));
    CAIRN_TRY(cairn_device_check_owner_key(device, act->public_key));
    if (!cairn_hash_equal(&device->owner, &nobody))
        CAIRN_TRY(cairn_device_check_holder(saying, device));
    device->owner = saying->org;
    device->platform = act->platform;
    device->policy = act->policy;
    device->contract = act->contract;
    return CAIRN_OK;
}

const cairn_device_kind cairn_device_claim_kind = {.type = CAIRN_TX_DEVICE_CLAIM,
                                                   .name = "claim",
                                                   .schema = &schema,
                                                   .admit = admit,
                                                   .step = step};

cairn_err cairn_device_claim_body(cairn_arena *arena, cairn_device_claim *claim,
                                  cairn_bytes *ret_body)
{
    return cairn_devices_body(arena, &cairn_device_claim_kind, claim, ret_body);
}
