/* What a CA is called, where it is found and what it may name: kept with it. */
#include "cairn/cbor.h"
#include "identity/ca/ca_impl.h"

static const char clause[] = "docs/formats/ca.md";
static const char row[] = "settings";

enum { SETTINGS_SIZE_MAX = 1024 + CAIRN_CA_CONSTRAINTS_MAX * (CAIRN_CA_NAME_SIZE_MAX + 16) };

cairn_err cairn_ca_put_settings(cairn_kv_txn *txn, const cairn_ca_options *options,
                                cairn_arena *arena)
{
    cairn_cbor_writer w;
    cairn_bytes value = {0};
    cairn_bytes present = {0};
    void *buffer = NULL;
    CAIRN_TRY(cairn_arena_alloc(arena, SETTINGS_SIZE_MAX, &buffer));
    cairn_cbor_writer_init(&w, buffer, SETTINGS_SIZE_MAX);
    cairn_cbor_put_array(&w, 4);
    cairn_cbor_put_hash(&w, &options->organisation);
    cairn_cbor_put_text(&w, options->organisation_name);
    cairn_cbor_put_text(&w, options->base_url);
    cairn_cbor_put_array(&w, options->permitted_count);
    for (size_t i = 0; i < options->permitted_count; i++) {
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_uint(&w, (uint64_t)options->permitted[i].kind);
        cairn_cbor_put_bytes(&w, options->permitted[i].value);
    }
    CAIRN_TRY(cairn_cbor_writer_end(&w, &value));
    cairn_err err = cairn_kv_get(txn, CA_META, cairn_bytes_str(row), &present);
    if (err != CAIRN_ERR_NOT_FOUND && (err != CAIRN_OK || cairn_bytes_equal(present, value)))
        return err;
    return cairn_kv_put(txn, CA_META, cairn_bytes_str(row), value);
}

static cairn_err read_text(cairn_cbor_reader *r, const char *field, size_t size_max,
                           cairn_arena *arena, const char **ret_text)
{
    cairn_bytes text = {0};
    void *copy = NULL;
    CAIRN_TRY(cairn_cbor_read_text(r, field, 0, size_max, &text));
    CAIRN_TRY(cairn_arena_alloc(arena, text.size + 1, &copy));
    memcpy(copy, text.data, text.size);
    ((char *)copy)[text.size] = '\0';
    *ret_text = copy;
    return CAIRN_OK;
}

static cairn_err read_permitted(cairn_cbor_reader *r, cairn_arena *arena, cairn_ca_options *options)
{
    size_t count = 0;
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "permitted", 0, CAIRN_CA_CONSTRAINTS_MAX, &count));
    CAIRN_TRY(cairn_arena_array(arena, count, sizeof(cairn_ca_name), &memory));
    cairn_ca_name *list = memory;
    for (size_t i = 0; i < count; i++) {
        size_t two = 0;
        uint64_t kind = 0;
        cairn_bytes value = {0};
        CAIRN_TRY(cairn_cbor_read_array(r, "name", 2, 2, &two));
        CAIRN_TRY(cairn_cbor_read_uint(r, "kind", CAIRN_CA_NAME_EMAIL, CAIRN_CA_NAME_IP, &kind));
        CAIRN_TRY(cairn_cbor_read_bytes(r, "value", 1, CAIRN_CA_NAME_SIZE_MAX, &value));
        list[i].kind = (cairn_ca_name_kind)kind;
        CAIRN_TRY(cairn_arena_copy(arena, value, &list[i].value));
    }
    options->permitted = list;
    options->permitted_count = count;
    return CAIRN_OK;
}

static cairn_err read_settings(cairn_bytes value, cairn_arena *arena, cairn_ca_options *options)
{
    cairn_cbor_reader r;
    size_t four = 0;
    cairn_hash organisation;
    CAIRN_TRY(cairn_cbor_open(&r, value, CAIRN_CBOR_STRICT, "ca", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "settings", 4, 4, &four));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "organisation", &organisation));
    if (cairn_hash_equal(&options->organisation, &(cairn_hash){{0}}))
        options->organisation = organisation;
    CAIRN_TRY(
        read_text(&r, "organisation", CAIRN_CA_TEXT_SIZE_MAX, arena, &options->organisation_name));
    CAIRN_TRY(read_text(&r, "url", CA_URL_SIZE_MAX, arena, &options->base_url));
    CAIRN_TRY(read_permitted(&r, arena, options));
    return cairn_cbor_end(&r);
}

cairn_err cairn_ca_get_settings(cairn_kv *kv, cairn_arena *arena, cairn_ca_options *options)
{
    cairn_kv_txn *txn = NULL;
    cairn_bytes value = {0};
    CAIRN_TRY(cairn_kv_begin(kv, false, &txn));
    cairn_err err = cairn_kv_get(txn, CA_META, cairn_bytes_str(row), &value);
    if (err == CAIRN_OK)
        err = read_settings(value, arena, options);
    cairn_kv_abort(txn);
    return err;
}
