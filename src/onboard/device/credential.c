/* Two slots and a flag. */
#include "onboard/device/credential.h"

#include "cairn/sha256.h"
#include "onboard/wire/body.h"
#include "onboard/wire/voucher.h"

static const char object[] = "credential";
static const char clause[] = "docs/formats/device.md";
static const char magic[] = "cairn/device/1";

enum { RV_INFO_SIZE_MAX = 4096 };

static void put_credential(cairn_cbor_writer *writer, const void *context)
{
    const cairn_fdo_client_credential *c = context;
    cairn_cbor_put_array(writer, 6);
    cairn_cbor_put_text(writer, magic);
    cairn_cbor_put_bool(writer, c->onboarded);
    cairn_fdo_guid_put(writer, &c->guid);
    cairn_cbor_put_text_view(writer, c->device_info);
    cairn_cbor_put_bytes(writer, c->rv_info);
    cairn_fdo_hash_put(writer, &c->owner_hash);
}

cairn_err cairn_fdo_client_credential_encode(cairn_arena *arena,
                                             const cairn_fdo_client_credential *credential,
                                             cairn_bytes *ret_encoded)
{
    cairn_bytes content;
    cairn_hash sum;
    void *memory = NULL;
    CAIRN_TRY(cairn_fdo_encode(arena, put_credential, credential, &content));
    size_t size = content.size + sizeof sum.b;
    if (size > CAIRN_FDO_CLIENT_CREDENTIAL_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "credential: %zu bytes", size);
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_sha256_of(content.data, content.size, &sum);
    memcpy(memory, content.data, content.size);
    memcpy((uint8_t *)memory + content.size, sum.b, sizeof sum.b);
    *ret_encoded = cairn_bytes_of(memory, size);
    return CAIRN_OK;
}

static cairn_err read_content(cairn_bytes content, cairn_fdo_client_credential *c)
{
    cairn_cbor_reader reader;
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_open(&reader, content, CAIRN_CBOR_STRICT, object, clause));
    CAIRN_TRY(cairn_cbor_read_array(&reader, "credential", 6, 6, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&reader, magic));
    CAIRN_TRY(cairn_cbor_read_bool(&reader, "onboarded", &c->onboarded));
    CAIRN_TRY(cairn_fdo_guid_read(&reader, "guid", &c->guid));
    CAIRN_TRY(cairn_cbor_read_text(&reader, "device_info", 0, CAIRN_FDO_DEVICE_INFO_SIZE_MAX,
                                   &c->device_info));
    CAIRN_TRY(cairn_cbor_read_bytes(&reader, "rv_info", 1, RV_INFO_SIZE_MAX, &c->rv_info));
    CAIRN_TRY(cairn_fdo_hash_read(&reader, "owner_hash", &c->owner_hash));
    return cairn_cbor_end(&reader);
}

cairn_err cairn_fdo_client_credential_read(cairn_bytes encoded,
                                           cairn_fdo_client_credential *ret_credential)
{
    cairn_fdo_client_credential credential = {0};
    cairn_hash sum;
    if (encoded.size <= sizeof sum.b)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "credential: %zu bytes", encoded.size);
    cairn_bytes content = cairn_bytes_of(encoded.data, encoded.size - sizeof sum.b);
    cairn_sha256_of(content.data, content.size, &sum);
    if (memcmp(sum.b, encoded.data + content.size, sizeof sum.b) != 0)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "credential: not as it was written");
    if (read_content(content, &credential) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "credential: whole, but of no form known");
    *ret_credential = credential;
    return CAIRN_OK;
}

/* --- slots --- */

/* The flag is one digit. */
static cairn_err read_flag(const cairn_fdo_client_store *store, cairn_arena *arena,
                           cairn_fdo_client_part *ret_slot)
{
    cairn_bytes flag;
    CAIRN_TRY(store->read(store->context, CAIRN_FDO_CLIENT_FLAG, arena, &flag));
    if (flag.size != 1 || (flag.data[0] != '0' && flag.data[0] != '1'))
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "credential: flag that names no slot");
    *ret_slot = flag.data[0] == '0' ? CAIRN_FDO_CLIENT_SLOT_0 : CAIRN_FDO_CLIENT_SLOT_1;
    return CAIRN_OK;
}

static cairn_err read_slot(const cairn_fdo_client_store *store, cairn_fdo_client_part slot,
                           cairn_arena *arena, cairn_fdo_client_credential *ret_credential)
{
    cairn_bytes encoded;
    cairn_err err = store->read(store->context, slot, arena, &encoded);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "credential: the slot in force is empty");
    CAIRN_TRY(err);
    return cairn_fdo_client_credential_read(encoded, ret_credential);
}

cairn_err cairn_fdo_client_credential_load(const cairn_fdo_client_store *store, cairn_arena *arena,
                                           cairn_fdo_client_credential *ret_credential)
{
    cairn_fdo_client_part slot;
    CAIRN_TRY(read_flag(store, arena, &slot));
    return read_slot(store, slot, arena, ret_credential);
}

/* The slot that is not in force. */
static cairn_err free_slot(const cairn_fdo_client_store *store, cairn_arena *arena,
                           cairn_fdo_client_part *ret_slot)
{
    cairn_fdo_client_part slot = CAIRN_FDO_CLIENT_SLOT_1;
    cairn_err err = read_flag(store, arena, &slot);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_slot = slot == CAIRN_FDO_CLIENT_SLOT_0 ? CAIRN_FDO_CLIENT_SLOT_1 : CAIRN_FDO_CLIENT_SLOT_0;
    return CAIRN_OK;
}

cairn_err cairn_fdo_client_credential_commit(const cairn_fdo_client_store *store,
                                             cairn_arena *arena,
                                             const cairn_fdo_client_credential *credential)
{
    cairn_fdo_client_part slot;
    cairn_fdo_client_credential again;
    cairn_bytes encoded;
    CAIRN_TRY(free_slot(store, arena, &slot));
    CAIRN_TRY(cairn_fdo_client_credential_encode(arena, credential, &encoded));
    CAIRN_TRY(store->write(store->context, slot, encoded));
    CAIRN_TRY(read_slot(store, slot, arena, &again)); /* the flash may have lost it */
    return store->write(store->context, CAIRN_FDO_CLIENT_FLAG,
                        cairn_bytes_str(slot == CAIRN_FDO_CLIENT_SLOT_0 ? "0" : "1"));
}
