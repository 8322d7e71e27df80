/* A CA kept: what time asks of it, what it says on the ledger, and who may show its certificates.
 */
#include <stdlib.h>

#include "cairn/sha256.h"
#include "cairn/transaction.h"
#include "identity/ca/ca_impl.h"
#include "identity/identity.h"
#include "record/record.h"

enum {
    TEND_COUNT_MAX = 256,       /* certificates, and announcements, in one go */
    TEND_ARENA_LIMIT = 4 << 20, /* a list, its anchor and what the state says of it */
    ANNOUNCE_ARENA_LIMIT = 1024,
    STANDING_ARENA_LIMIT = 1 << 18, /* the largest organisation and a key */
};

struct cairn_ca_keeper {
    cairn_ca_keeper_setup setup;
    cairn_ca *ca;
};

/* --- announcements --- */

/* One that is there already was announced before an answer was lost. */
static cairn_err announce(void *context, cairn_ca_act act, const cairn_hash *commitment)
{
    (void)act; /* the commitment tells, to who may know */
    const cairn_ca_keeper *keeper = context;
    const cairn_ca_ledger *ledger = &keeper->setup.ledger;
    cairn_arena arena;
    cairn_bytes body = {0};
    cairn_arena_init(&arena, ANNOUNCE_ARENA_LIMIT);
    cairn_err err = cairn_anchor_body(&arena, commitment, &body);
    if (err == CAIRN_OK)
        err = ledger->submit(ledger->context, CAIRN_TX_ANCHOR, body);
    cairn_arena_done(&arena);
    return err == CAIRN_ERR_EXISTS ? CAIRN_OK : err;
}

/* --- what the ledger lets it do --- */

/* The ledger must know the key as one that issues, without an end, and its organisation as active:
 * else nobody would take the certificate. */
static cairn_err check_standing(const cairn_ca_keeper *keeper, const cairn_key *issuing_key,
                                cairn_arena *arena)
{
    const cairn_state_source *state = &keeper->setup.ledger.state;
    cairn_key_record key;
    cairn_org_record org;
    cairn_err err = cairn_registry_key(state, arena, cairn_key_id(issuing_key), &key);
    if (err == CAIRN_OK)
        err = cairn_registry_org(state, arena, &key.org, &org);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    if (err == CAIRN_ERR_NOT_FOUND || key.purpose != CAIRN_PURPOSE_ISSUE ||
        key.until != CAIRN_HEIGHT_OPEN || key.suspect_since != CAIRN_HEIGHT_OPEN ||
        !cairn_hash_equal(&key.org, &keeper->setup.organisation))
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "docs/features/ca.md",
                          "ca: its key is none that the ledger lets issue");
    if (org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, "docs/features/ca.md",
                          "ca: its organisation is not active on the ledger");
    return CAIRN_OK;
}

static cairn_err may_issue(void *context, const cairn_key *issuing_key)
{
    const cairn_ca_keeper *keeper = context;
    cairn_arena arena;
    cairn_arena_init(&arena, STANDING_ARENA_LIMIT);
    cairn_err err = check_standing(keeper, issuing_key, &arena);
    cairn_arena_done(&arena);
    return err;
}

/* --- lists --- */

static cairn_err anchored_version(cairn_ca_keeper *keeper, cairn_arena *arena,
                                  const cairn_hash *list, const cairn_hash *hash,
                                  uint64_t *ret_version, bool *ret_same)
{
    cairn_list_anchor anchor;
    cairn_err err = cairn_list_anchor_get(&keeper->setup.ledger.state, arena,
                                          &keeper->setup.organisation, list, &anchor);
    if (err == CAIRN_ERR_NOT_FOUND) {
        *ret_version = 0;
        *ret_same = false;
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    *ret_version = anchor.version;
    *ret_same = cairn_hash_equal(&anchor.hash, hash);
    return CAIRN_OK;
}

/* A list that has ended is anchored no more. */
static cairn_err anchor_list(cairn_ca_keeper *keeper, uint32_t partition, cairn_arena *arena)
{
    const cairn_ca_ledger *ledger = &keeper->setup.ledger;
    char url[CA_URL_SIZE_MAX];
    cairn_bytes der = {0};
    cairn_bytes body = {0};
    cairn_hash list;
    cairn_hash hash;
    uint64_t end_s = 0;
    uint64_t version = 0;
    bool same = false;
    cairn_err err = cairn_ca_crl(keeper->ca, partition, arena, &der, &end_s);
    if (err == CAIRN_ERR_NOT_FOUND || (err == CAIRN_OK && end_s <= ca_now(keeper->ca)))
        return CAIRN_OK;
    CAIRN_TRY(err);
    cairn_ca_list_url(keeper->ca, partition, url);
    cairn_list_id(cairn_bytes_str(url), &list);
    cairn_sha256_of(der.data, der.size, &hash);
    CAIRN_TRY(anchored_version(keeper, arena, &list, &hash, &version, &same));
    if (same)
        return CAIRN_OK;
    CAIRN_TRY(cairn_list_anchor_body(arena, &list, CAIRN_LIST_CRL, &hash, version + 1, end_s * 1000,
                                     &body));
    return ledger->submit(ledger->context, CAIRN_TX_LIST_ANCHOR, body);
}

static cairn_err partition_count(cairn_ca *ca, uint32_t *ret_count)
{
    cairn_kv_txn *txn = NULL;
    uint64_t issued = 0;
    CAIRN_TRY(cairn_kv_begin(ca->kv, false, &txn));
    cairn_err err = cairn_ca_get_number(txn, cairn_bytes_str("issued"), &issued);
    cairn_kv_abort(txn);
    CAIRN_TRY(err);
    *ret_count = (uint32_t)((issued + ca->options.partition_size - 1) / ca->options.partition_size);
    return CAIRN_OK;
}

static cairn_err anchor_lists(cairn_ca_keeper *keeper)
{
    cairn_arena arena;
    uint32_t count = 0;
    CAIRN_TRY(partition_count(keeper->ca, &count));
    cairn_arena_init(&arena, TEND_ARENA_LIMIT);
    cairn_err first = CAIRN_OK;
    uint32_t roots = (uint32_t)ca_root_count(keeper->ca);
    for (uint32_t i = 0; i < roots + count; i++) {
        cairn_arena_reset(&arena);
        cairn_err err =
            anchor_list(keeper, i < roots ? CAIRN_CA_PARTITION_ROOT - i : i - roots, &arena);
        if (first == CAIRN_OK)
            first = err;
    }
    cairn_arena_done(&arena);
    return first;
}

cairn_err cairn_ca_keeper_tend(cairn_ca_keeper *keeper, uint64_t *ret_next_ms)
{
    uint64_t next_ms = 0;
    cairn_err maintained = cairn_ca_maintain(keeper->ca, TEND_COUNT_MAX, &next_ms);
    cairn_err anchored = anchor_lists(keeper);
    CAIRN_TRY(maintained);
    CAIRN_TRY(anchored);
    *ret_next_ms = next_ms;
    return CAIRN_OK;
}

/* --- open and close --- */

cairn_err cairn_ca_keeper_open(const cairn_ca_keeper_setup *setup, cairn_ca_keeper **ret_keeper)
{
    cairn_ca_options options = cairn_ca_defaults();
    CAIRN_CLEANUP(cairn_ca_keeper_close_p) cairn_ca_keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "ca: %zu bytes", sizeof *keeper);
    keeper->setup = *setup;
    options.directory = setup->directory;
    options.organisation = setup->organisation;
    options.announce = announce;
    options.may_issue = setup->ledger.state.get == NULL ? NULL : may_issue;
    options.context = keeper;
    CAIRN_TRY(cairn_ca_open(&options, &setup->clock, setup->signer, &keeper->ca));
    keeper->setup.organisation = keeper->ca->options.organisation;
    *ret_keeper = CAIRN_STEAL(keeper);
    return CAIRN_OK;
}

void cairn_ca_keeper_close(cairn_ca_keeper *keeper)
{
    if (keeper == NULL)
        return;
    cairn_ca_close(keeper->ca);
    free(keeper);
}

cairn_ca *cairn_ca_keeper_ca(cairn_ca_keeper *keeper)
{
    return keeper->ca;
}

/* --- whose certificate is good --- */

cairn_err cairn_ca_issuer_key(cairn_ca *ca, cairn_bytes key_id, cairn_key **ret_key)
{
    uint8_t own[CAIRN_CA_KEY_ID_SIZE];
    for (size_t i = ca_generation_count(ca); i > 0; i--) {
        cairn_key *key = ca->generations[i - 1].issuing.key;
        cairn_ca_key_id(key, own);
        if (key_id.size > 0 && !cairn_bytes_equal(key_id, cairn_bytes_of(own, sizeof own)))
            continue;
        *ret_key = cairn_key_ref(key);
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "RFC 5280 section 4.2.1.1", "ca: another key issued it");
}

cairn_err cairn_ca_is_refused(cairn_ca *ca, cairn_bytes serial, bool *ret_refused)
{
    cairn_arena arena;
    cairn_ca_facts facts;
    if (serial.size != CAIRN_CA_SERIAL_SIZE) {
        *ret_refused = true;
        return CAIRN_OK;
    }
    cairn_arena_init(&arena, CA_ARENA_LIMIT);
    cairn_err err = cairn_ca_find(ca, serial.data, &arena, &facts);
    cairn_arena_done(&arena);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_refused = err == CAIRN_ERR_NOT_FOUND || facts.status != CAIRN_CA_STATUS_GOOD;
    return CAIRN_OK;
}
