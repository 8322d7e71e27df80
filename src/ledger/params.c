/* Codec and meaning of the chain parameters. */
#include "ledger/params.h"

#include "cairn/cbor.h"
#include "cairn/key.h"

static const char clause[] = "docs/formats/block-entry.md";

void cairn_params_default(cairn_params *ret_params)
{
    *ret_params = (cairn_params){
        .app_version = 1,
        .validity_max_ms = 600000,
        .tx_size_max = 65535,
        .ids_max = 4194304,
        .approval_num = 2,
        .approval_den = 3,
        .approval_lifetime_max_ms = UINT64_C(30) * 86400000,
        .alg_count = 1,
        .algs = {{.alg = CAIRN_ALG_ES256, .from_height = 0}},
    };
}

typedef struct field_row {
    int64_t key;
    const char *name;
    size_t offset; /* of a uint64_t in cairn_params */
    uint64_t min;
    uint64_t max;
} field_row;

static const field_row fields[] = {
    {1, "app_version", offsetof(cairn_params, app_version), 1, UINT32_MAX},
    {2, "validity_max_ms", offsetof(cairn_params, validity_max_ms), 1000, 86400000},
    {3, "tx_size_max", offsetof(cairn_params, tx_size_max), 1024, 65535},
    {4, "ids_max", offsetof(cairn_params, ids_max), 1024, 16777216},
    {5, "approval_num", offsetof(cairn_params, approval_num), 1, 100},
    {6, "approval_den", offsetof(cairn_params, approval_den), 1, 100},
    {7, "approval_lifetime_max_ms", offsetof(cairn_params, approval_lifetime_max_ms), 60000,
     UINT64_C(31622400000)},
};
enum { FIELD_COUNT = sizeof fields / sizeof fields[0] };

static uint64_t *field_at(cairn_params *p, const field_row *row)
{
    return (uint64_t *)(void *)((uint8_t *)p + row->offset);
}

static cairn_err decode_algs(cairn_cbor_reader *r, cairn_params *p)
{
    CAIRN_TRY(cairn_cbor_read_array(r, "algs", 1, CAIRN_PARAMS_ALGS_MAX, &p->alg_count));
    for (size_t i = 0; i < p->alg_count; i++) {
        size_t two = 0;
        CAIRN_TRY(cairn_cbor_read_array(r, "algs.row", 2, 2, &two));
        CAIRN_TRY(cairn_cbor_read_int(r, "algs.alg", -65536, -1, &p->algs[i].alg));
        CAIRN_TRY(
            cairn_cbor_read_uint(r, "algs.from_height", 0, INT64_MAX, &p->algs[i].from_height));
    }
    return CAIRN_OK;
}

cairn_err cairn_params_decode(cairn_bytes in, cairn_params *ret_params)
{
    cairn_cbor_reader r;
    cairn_cbor_map map;
    cairn_params p = {0};
    bool upgrade = false;
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "params", clause));
    CAIRN_TRY(cairn_cbor_read_map(&r, "params", &map));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        CAIRN_TRY(cairn_cbor_key(&r, &map, fields[i].key, fields[i].name));
        CAIRN_TRY(cairn_cbor_read_uint(&r, fields[i].name, fields[i].min, fields[i].max,
                                       field_at(&p, &fields[i])));
    }
    CAIRN_TRY(cairn_cbor_key(&r, &map, 8, "algs"));
    CAIRN_TRY(decode_algs(&r, &p));
    CAIRN_TRY(cairn_cbor_optional_key(&r, &map, 9, &upgrade));
    if (upgrade) {
        size_t two = 0;
        CAIRN_TRY(cairn_cbor_read_array(&r, "upgrade", 2, 2, &two));
        CAIRN_TRY(cairn_cbor_read_uint(&r, "upgrade.version", 1, UINT32_MAX, &p.next_app_version));
        CAIRN_TRY(cairn_cbor_read_uint(&r, "upgrade.height", 1, INT64_MAX, &p.next_app_height));
    }
    CAIRN_TRY(cairn_cbor_end_map(&r, &map));
    CAIRN_TRY(cairn_cbor_end(&r));
    if (p.approval_num > p.approval_den)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "params.approval_num: above approval_den");
    *ret_params = p;
    return CAIRN_OK;
}

size_t cairn_params_encode(const cairn_params *params, uint8_t out[CAIRN_PARAMS_SIZE_MAX])
{
    cairn_params p = *params;
    cairn_cbor_writer w;
    cairn_bytes encoded;
    cairn_cbor_writer_init(&w, out, CAIRN_PARAMS_SIZE_MAX);
    cairn_cbor_put_map(&w, FIELD_COUNT + 1 + (p.next_app_version != 0));
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        cairn_cbor_put_int(&w, fields[i].key);
        cairn_cbor_put_uint(&w, *field_at(&p, &fields[i]));
    }
    cairn_cbor_put_int(&w, 8);
    cairn_cbor_put_array(&w, p.alg_count);
    for (size_t i = 0; i < p.alg_count; i++) {
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_int(&w, p.algs[i].alg);
        cairn_cbor_put_uint(&w, p.algs[i].from_height);
    }
    if (p.next_app_version != 0) {
        cairn_cbor_put_int(&w, 9);
        cairn_cbor_put_array(&w, 2);
        cairn_cbor_put_uint(&w, p.next_app_version);
        cairn_cbor_put_uint(&w, p.next_app_height);
    }
    CAIRN_ASSERT(cairn_cbor_writer_end(&w, &encoded) == CAIRN_OK);
    return encoded.size;
}

cairn_err cairn_params_check(const cairn_params *params, uint64_t height)
{
    if (!cairn_params_allows(params, CAIRN_ALG_ES256, height))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "params.algs: nobody could sign block %llu",
                          (unsigned long long)height);
    if (params->next_app_version != 0 &&
        (params->next_app_version != params->app_version + 1 || params->next_app_height < height))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "params.upgrade: not ahead, or not to the next version");
    return CAIRN_OK;
}

bool cairn_params_allows(const cairn_params *params, int64_t alg, uint64_t height)
{
    for (size_t i = 0; i < params->alg_count; i++)
        if (params->algs[i].alg == alg && params->algs[i].from_height <= height)
            return true;
    return false;
}

uint64_t cairn_params_version_at(const cairn_params *params, uint64_t height)
{
    if (params->next_app_version != 0 && height >= params->next_app_height)
        return params->next_app_version;
    return params->app_version;
}

uint64_t cairn_params_threshold(const cairn_params *params, uint64_t electors)
{
    uint64_t k =
        (electors * params->approval_num + params->approval_den - 1) / params->approval_den;
    return k == 0 ? 1 : k;
}
