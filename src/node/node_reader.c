/* The rule about readers, in one place. */
#include "node/node_reader.h"

#include "cairn/transaction.h"
#include "identity/identity.h"

#define READING_ROLES (CAIRN_ROLE_INVESTIGATOR | CAIRN_ROLE_REGULATOR | CAIRN_ROLE_AUDITOR)

enum { ARENA_SIZE_MAX = 64 << 10, TRANSACTION_BYTE = 0xD2 };

cairn_reader cairn_reader_of_all(cairn_node_ledger *ledger)
{
    return (cairn_reader){.ledger = ledger, .all = true};
}

/* Keys stay with their organisation, and in their order: the first one is the admission's. */
static cairn_err take_first_key(const cairn_state_source *state, cairn_arena *arena,
                                const cairn_org_record *org, cairn_reader *reader)
{
    cairn_key_record key;
    if (org->kid_count == 0)
        return CAIRN_OK;
    CAIRN_TRY(cairn_registry_key(state, arena, &org->kids[0], &key));
    CAIRN_ASSERT(key.cose_key.size <= sizeof reader->first_key);
    memcpy(reader->first_key, key.cose_key.data, key.cose_key.size);
    reader->first_key_size = key.cose_key.size;
    return CAIRN_OK;
}

static cairn_err read_org(cairn_node_ledger *ledger, const cairn_hash *id, cairn_arena *arena,
                          uint32_t roles, cairn_reader *reader)
{
    const cairn_state_source state = cairn_node_ledger_state(ledger);
    cairn_org_record org;
    CAIRN_TRY(cairn_registry_org(&state, arena, id, &org));
    if (org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_ERR_NOT_FOUND;
    bool by_role = !org.member && (org.roles & roles & READING_ROLES) != 0;
    *reader = (cairn_reader){
        .ledger = ledger, .all = org.member || by_role, .by_role = by_role, .org = *id};
    return take_first_key(&state, arena, &org, reader);
}

static cairn_err find(cairn_node_ledger *ledger, const cairn_hash *org, uint32_t roles,
                      cairn_reader *ret_reader)
{
    cairn_arena arena;
    cairn_reader reader;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = read_org(ledger, org, &arena, roles, &reader);
    cairn_arena_done(&arena);
    if (err == CAIRN_OK)
        *ret_reader = reader;
    return err;
}

static bool may_read(const cairn_principal *caller)
{
    return caller->has_organisation && cairn_principal_has_scope(caller, "ledger.read");
}

cairn_err cairn_reader_of(cairn_node_ledger *ledger, const cairn_principal *caller,
                          cairn_reader *ret_reader)
{
    if (!may_read(caller))
        return CAIRN_ERR_NOT_FOUND;
    return find(ledger, &caller->organisation, caller->roles, ret_reader);
}

static cairn_err check_not_removed(cairn_node_ledger *ledger, const cairn_hash *id)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    const cairn_state_source state = cairn_node_ledger_state(ledger);
    cairn_org_record org;
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    CAIRN_TRY(cairn_registry_org(&state, &arena, id, &org));
    return org.status == CAIRN_ORG_REMOVED ? CAIRN_ERR_NOT_FOUND : CAIRN_OK;
}

cairn_err cairn_reader_of_proofs(cairn_node_ledger *ledger, const cairn_principal *caller)
{
    if (!may_read(caller))
        return CAIRN_ERR_NOT_FOUND;
    return check_not_removed(ledger, &caller->organisation);
}

cairn_err cairn_reader_of_org(cairn_node_ledger *ledger, const cairn_hash *org,
                              cairn_reader *ret_reader)
{
    return find(ledger, org, 0, ret_reader);
}

static bool holds(cairn_bytes entry, const uint8_t *needle, size_t size)
{
    return size > 0 && memmem(entry.data, entry.size, needle, size) != NULL;
}

static cairn_err is_signer(const cairn_reader *reader, cairn_bytes entry, bool *ret_is)
{
    const cairn_state_source state = cairn_node_ledger_state(reader->ledger);
    cairn_key_record key;
    cairn_arena arena;
    cairn_tx tx;
    CAIRN_TRY(cairn_tx_decode(entry, &tx));
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = cairn_registry_key(&state, &arena, &tx.kid, &key);
    cairn_arena_done(&arena);
    if (err == CAIRN_OK)
        *ret_is = cairn_hash_equal(&key.org, &reader->org);
    return err;
}

cairn_err cairn_reader_sees(const cairn_reader *reader, cairn_bytes entry, bool *ret_sees)
{
    *ret_sees = reader->all || entry.size == 0 || entry.data[0] != TRANSACTION_BYTE ||
                holds(entry, reader->org.b, sizeof reader->org.b) ||
                holds(entry, reader->first_key, reader->first_key_size);
    return *ret_sees ? CAIRN_OK : is_signer(reader, entry, ret_sees);
}
