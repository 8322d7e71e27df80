/* Bodies of identity's transactions and its records. The first byte chooses: a row of the feature,
 * or a record; the rest is its bytes. A record that is taken has one encoding. */
#include "fuzz/fuzz.h"

#include "identity/identity.h"

enum { RECORD_COUNT = 6 };

static void read_body(cairn_arena *arena, const cairn_tx_row *row, cairn_bytes in)
{
    cairn_cbor_reader r;
    void *act = NULL;
    if (cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, row->name, row->clause) != CAIRN_OK)
        return;
    if (row->decode(arena, &r, &act) == CAIRN_OK)
        CAIRN_ASSERT(act != NULL);
}

static void read_record(cairn_arena *arena, unsigned kind, cairn_bytes in)
{
    uint8_t out[CAIRN_ORG_RECORD_SIZE_MAX];
    cairn_org_record org;
    cairn_key_record key;
    cairn_edition edition;
    cairn_subject subject;
    cairn_grant grant;
    cairn_list_anchor anchor;
    if (kind == 0 && cairn_org_record_decode(in, &org) == CAIRN_OK)
        CAIRN_ASSERT(
            cairn_bytes_equal(in, cairn_bytes_of(out, cairn_org_record_encode(&org, out))));
    if (kind == 1 && cairn_key_record_decode(in, &key) == CAIRN_OK)
        CAIRN_ASSERT(
            cairn_bytes_equal(in, cairn_bytes_of(out, cairn_key_record_encode(&key, out))));
    if (kind == 2 && cairn_edition_decode(in, &edition) == CAIRN_OK)
        CAIRN_ASSERT(
            cairn_bytes_equal(in, cairn_bytes_of(out, cairn_edition_encode(&edition, out))));
    if (kind == 3 && cairn_subject_decode(arena, in, &subject) == CAIRN_OK)
        CAIRN_ASSERT(subject.kind >= 1 && subject.kind <= 2 && subject.status <= 4);
    if (kind == 4 && cairn_grant_decode(arena, in, &grant) == CAIRN_OK)
        CAIRN_ASSERT(grant.scopes.count >= 1 && grant.scopes.count <= CAIRN_GRANT_SCOPES_MAX);
    if (kind == 5 && cairn_list_record_decode(arena, in, &anchor) == CAIRN_OK)
        CAIRN_ASSERT(anchor.version >= 1 && anchor.format <= CAIRN_LIST_CRL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const cairn_feature *feature = &cairn_identity_feature;
    cairn_arena arena;
    if (size == 0)
        return 0;
    cairn_arena_init(&arena, 1 << 20);
    size_t choice = data[0] % (feature->transaction_count + RECORD_COUNT);
    cairn_bytes in = cairn_bytes_of(data + 1, size - 1);
    if (choice < feature->transaction_count)
        read_body(&arena, &feature->transactions[choice], in);
    else
        read_record(&arena, (unsigned)(choice - feature->transaction_count), in);
    cairn_arena_done(&arena);
    return 0;
}
