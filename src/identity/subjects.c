/* Subjects: people and devices as pairwise pseudonyms, many in a transaction. A batch stands or
 * falls as a whole, and its rows are in the order of their pseudonyms, so that their places tell
 * nothing and none can come twice. */
#include <stdlib.h>

#include "identity/acts.h"

static const char clause[] = CAIRN_IDENTITY_CLAUSE;
static const char prefix[] = "subject/";

const char *cairn_subject_kind_name(uint64_t kind)
{
    return kind == CAIRN_SUBJECT_PERSON   ? "person"
           : kind == CAIRN_SUBJECT_DEVICE ? "device"
                                          : "unknown";
}

const char *cairn_subject_status_name(uint64_t status)
{
    static const char *const names[] = {
        [CAIRN_SUBJECT_ACTIVE] = "active",
        [CAIRN_SUBJECT_SUSPENDED] = "suspended",
        [CAIRN_SUBJECT_REVOKED] = "revoked",
        [CAIRN_SUBJECT_REPLACED] = "replaced",
    };
    return status >= 1 && status < sizeof names / sizeof names[0] ? names[status] : "unknown";
}

/* What may follow what: [from][to]. Revoked and replaced are final. */
static const bool may_follow[CAIRN_SUBJECT_REPLACED + 1][CAIRN_SUBJECT_REPLACED + 1] = {
    [CAIRN_SUBJECT_ACTIVE] = {[CAIRN_SUBJECT_SUSPENDED] = true, [CAIRN_SUBJECT_REVOKED] = true},
    [CAIRN_SUBJECT_SUSPENDED] = {[CAIRN_SUBJECT_ACTIVE] = true, [CAIRN_SUBJECT_REVOKED] = true},
};

/* Whom one organisation may hand over to another. A person is nobody's to hand over: whoever takes
 * up with one registers a pseudonym of its own. */
static const bool may_be_offered[] = {
    [CAIRN_SUBJECT_PERSON] = false, [CAIRN_SUBJECT_DEVICE] = true};

/* --- the record: nothing in it that identifies anybody [X1353-R25] [X1380-R31] --- */

#define SUBJECT_FIELD(name, kind, member, min, max, optional)                                \
    {                                                                                        \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_subject, member), min, max, optional, NULL \
    }

static const cairn_schema_field record_fields[] = {
    SUBJECT_FIELD("organisation", HASH, org, 0, 0, false),
    SUBJECT_FIELD("kind", UINT, kind, CAIRN_SUBJECT_PERSON, CAIRN_SUBJECT_DEVICE, false),
    SUBJECT_FIELD("status", UINT, status, CAIRN_SUBJECT_ACTIVE, CAIRN_SUBJECT_REPLACED, false),
    SUBJECT_FIELD("version", UINT, version, 1, INT64_MAX, false),
    SUBJECT_FIELD("since", UINT, since, 0, INT64_MAX, false),
    SUBJECT_FIELD("changed", UINT, changed, 0, INT64_MAX, false),
    SUBJECT_FIELD("offered_to", HASH, offered_to, 0, 0, true),
};
static const cairn_schema record_schema = CAIRN_SCHEMA_OF(cairn_subject, record_fields);

cairn_err cairn_subject_decode(cairn_arena *arena, cairn_bytes in, cairn_subject *ret_subject)
{
    void *record = NULL;
    CAIRN_TRY(cairn_schema_decode(arena, &record_schema, in, "subject", clause, &record));
    memcpy(ret_subject, record, sizeof *ret_subject);
    return CAIRN_OK;
}

cairn_err cairn_subject_get(const cairn_state_source *state, cairn_arena *arena,
                            const cairn_hash *pseudonym, cairn_subject *ret_subject)
{
    void *record = NULL;
    CAIRN_TRY(cairn_identity_load(state, arena, prefix, cairn_bytes_hash(pseudonym), &record_schema,
                                  &record));
    memcpy(ret_subject, record, sizeof *ret_subject);
    return CAIRN_OK;
}

static cairn_err store(cairn_apply *apply, const cairn_hash *pseudonym, cairn_subject *subject)
{
    subject->changed = cairn_apply_height(apply);
    return cairn_identity_store(apply, prefix, cairn_bytes_hash(pseudonym), &record_schema,
                                subject);
}

/* A new pseudonym of the signer's organisation. */
static cairn_err store_new(cairn_apply *apply, const cairn_hash *pseudonym, uint64_t kind)
{
    cairn_state_key key;
    cairn_subject subject = {.org = *cairn_apply_org(apply),
                             .kind = kind,
                             .status = CAIRN_SUBJECT_ACTIVE,
                             .version = 1,
                             .since = cairn_apply_height(apply)};
    cairn_state_key_make(&key, prefix, cairn_bytes_hash(pseudonym));
    CAIRN_TRY(cairn_apply_must_be_new(apply, CAIRN_MAP_STATE, &key));
    return store(apply, pseudonym, &subject);
}

/* The subject of a row at the version that its sender saw. */
static cairn_err load(cairn_apply *apply, const cairn_subject_row *row, cairn_subject *ret_subject)
{
    cairn_err err = cairn_subject_get(cairn_apply_state(apply), cairn_apply_arena(apply),
                                      &row->pseudonym, ret_subject);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "subject: not registered");
    CAIRN_TRY(err);
    if (ret_subject->version != row->version)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_VERSION, clause, "subject.version: is %llu",
                          (unsigned long long)ret_subject->version);
    return CAIRN_OK;
}

static cairn_err load_own(cairn_apply *apply, const cairn_subject_row *row,
                          cairn_subject *ret_subject)
{
    CAIRN_TRY(load(apply, row, ret_subject));
    if (!cairn_hash_equal(&ret_subject->org, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "subject: is another organisation's");
    return CAIRN_OK;
}

/* --- batches --- */

typedef struct batch {
    cairn_schema_list rows;  /* of cairn_subject_row */
    cairn_schema_list fresh; /* of cairn_hash: rotate and accept */
    cairn_hash to;           /* offer */
} batch;

#define ROW_FIELD(name, kind, member, min, max)                                               \
    {                                                                                         \
        name, CAIRN_SCHEMA_##kind, offsetof(cairn_subject_row, member), min, max, false, NULL \
    }
#define ROW_PSEUDONYM ROW_FIELD("pseudonym", HASH, pseudonym, 0, 0)
#define ROW_VERSION ROW_FIELD("version", UINT, version, 1, INT64_MAX)

static const cairn_schema_field new_row_fields[] = {
    ROW_PSEUDONYM, ROW_FIELD("kind", UINT, kind, CAIRN_SUBJECT_PERSON, CAIRN_SUBJECT_DEVICE)};
static const cairn_schema_field status_row_fields[] = {
    ROW_PSEUDONYM, ROW_VERSION,
    ROW_FIELD("status", UINT, status, CAIRN_SUBJECT_ACTIVE, CAIRN_SUBJECT_REVOKED)};
static const cairn_schema_field named_row_fields[] = {ROW_PSEUDONYM, ROW_VERSION};
static const cairn_schema_field fresh_row_fields[] = {
    {"pseudonym", CAIRN_SCHEMA_HASH, 0, 0, 0, false, NULL}};

static const cairn_schema new_row = CAIRN_SCHEMA_OF(cairn_subject_row, new_row_fields);
static const cairn_schema status_row = CAIRN_SCHEMA_OF(cairn_subject_row, status_row_fields);
static const cairn_schema named_row = CAIRN_SCHEMA_OF(cairn_subject_row, named_row_fields);
static const cairn_schema fresh_row = CAIRN_SCHEMA_OF(cairn_hash, fresh_row_fields);

#define LIST_FIELD(name, member, max, row)                                   \
    {                                                                        \
        name, CAIRN_SCHEMA_LIST, offsetof(batch, member), 1, max, false, row \
    }

static const cairn_schema_field register_fields[] = {
    LIST_FIELD("subjects", rows, CAIRN_SUBJECTS_PER_TX_MAX, &new_row)};
static const cairn_schema_field status_fields[] = {
    LIST_FIELD("subjects", rows, CAIRN_SUBJECTS_PER_TX_MAX, &status_row)};
static const cairn_schema_field offer_fields[] = {
    LIST_FIELD("subjects", rows, CAIRN_SUBJECTS_PER_TX_MAX, &named_row),
    {"to", CAIRN_SCHEMA_HASH, offsetof(batch, to), 0, 0, false, NULL}};
static const cairn_schema_field replace_fields[] = {
    LIST_FIELD("subjects", rows, CAIRN_SUBJECTS_MOVED_PER_TX_MAX, &named_row),
    LIST_FIELD("pseudonyms", fresh, CAIRN_SUBJECTS_MOVED_PER_TX_MAX, &fresh_row)};

static const cairn_schema register_schema = CAIRN_SCHEMA_OF(batch, register_fields);
static const cairn_schema status_schema = CAIRN_SCHEMA_OF(batch, status_fields);
static const cairn_schema offer_schema = CAIRN_SCHEMA_OF(batch, offer_fields);
static const cairn_schema replace_schema = CAIRN_SCHEMA_OF(batch, replace_fields);

/* Rows begin with their pseudonym. */
static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(cairn_hash));
}

static cairn_err check_sorted(const cairn_schema_list *list, size_t row_size)
{
    const char *rows = list->rows;
    for (size_t i = 1; i < list->count; i++)
        if (compare(rows + (i - 1) * row_size, rows + i * row_size) >= 0)
            return CAIRN_FAIL(CAIRN_ERR_NOT_CANONICAL, clause,
                              "subjects: not in rising order of their pseudonyms");
    return CAIRN_OK;
}

static cairn_err decode(cairn_arena *arena, const cairn_schema *schema, cairn_cbor_reader *r,
                        void **ret_act)
{
    void *act = NULL;
    CAIRN_TRY(cairn_schema_read(arena, schema, r, &act));
    const batch *b = act;
    CAIRN_TRY(check_sorted(&b->rows, sizeof(cairn_subject_row)));
    CAIRN_TRY(check_sorted(&b->fresh, sizeof(cairn_hash)));
    if (schema == &replace_schema && b->rows.count != b->fresh.count)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                          "subjects: as many new pseudonyms as old ones");
    *ret_act = act;
    return CAIRN_OK;
}

static cairn_err encode(cairn_arena *arena, const cairn_schema *schema, batch *b,
                        cairn_bytes *ret_body)
{
    qsort(b->rows.rows, b->rows.count, sizeof(cairn_subject_row), compare);
    if (b->fresh.count != 0)
        qsort(b->fresh.rows, b->fresh.count, sizeof(cairn_hash), compare);
    return cairn_schema_encode(arena, schema, b, ret_body);
}

/* One event for the batch: a job reads the rows in the transaction. */
static cairn_err tell(cairn_apply *apply)
{
    return cairn_apply_emit(apply, CAIRN_EVENT_SUBJECTS, (cairn_bytes){0});
}

/* --- identity.subject.register --- */

cairn_err cairn_subject_register_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return decode(arena, &register_schema, r, ret_act);
}

cairn_err cairn_subject_register_apply(cairn_apply *apply, const void *data)
{
    const batch *act = data;
    const cairn_subject_row *rows = act->rows.rows;
    for (size_t i = 0; i < act->rows.count; i++)
        CAIRN_TRY(store_new(apply, &rows[i].pseudonym, rows[i].kind));
    return tell(apply);
}

cairn_err cairn_subject_register_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                      cairn_bytes *ret_body)
{
    batch b = {.rows = {.count = count, .rows = rows}};
    return encode(arena, &register_schema, &b, ret_body);
}

/* --- identity.subject.status --- */

cairn_err cairn_subject_status_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return decode(arena, &status_schema, r, ret_act);
}

static cairn_err set_status(cairn_apply *apply, const cairn_subject_row *row)
{
    cairn_subject subject;
    CAIRN_TRY(load_own(apply, row, &subject));
    if (!may_follow[subject.status][row->status])
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "subject.status: %s cannot become %s",
                          cairn_subject_status_name(subject.status),
                          cairn_subject_status_name(row->status));
    subject.status = row->status;
    subject.version++;
    memset(&subject.offered_to, 0, sizeof subject.offered_to); /* an offer was of what it was */
    return store(apply, &row->pseudonym, &subject);
}

cairn_err cairn_subject_status_apply(cairn_apply *apply, const void *data)
{
    const batch *act = data;
    const cairn_subject_row *rows = act->rows.rows;
    for (size_t i = 0; i < act->rows.count; i++)
        CAIRN_TRY(set_status(apply, &rows[i]));
    return tell(apply);
}

cairn_err cairn_subject_status_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                    cairn_bytes *ret_body)
{
    batch b = {.rows = {.count = count, .rows = rows}};
    return encode(arena, &status_schema, &b, ret_body);
}

/* --- identity.subject.rotate, identity.subject.accept --- */

/* Ends the old pseudonyms, all of one kind, and registers the new ones: nobody can tell which
 * became which among them. */
static cairn_err replace(cairn_apply *apply, const batch *act,
                         cairn_err (*check)(cairn_apply *apply, const cairn_subject *subject))
{
    const cairn_subject_row *rows = act->rows.rows;
    const cairn_hash *fresh = act->fresh.rows;
    cairn_subject subject = {0};
    for (size_t i = 0; i < act->rows.count; i++) {
        uint64_t kind = subject.kind;
        CAIRN_TRY(load(apply, &rows[i], &subject));
        CAIRN_TRY(check(apply, &subject));
        if (subject.status != CAIRN_SUBJECT_ACTIVE)
            return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "subject.status: is %s",
                              cairn_subject_status_name(subject.status));
        if (i > 0 && subject.kind != kind)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "subjects: of one kind, all of them");
        subject.status = CAIRN_SUBJECT_REPLACED;
        subject.version++;
        memset(&subject.offered_to, 0, sizeof subject.offered_to);
        CAIRN_TRY(store(apply, &rows[i].pseudonym, &subject));
    }
    for (size_t i = 0; i < act->fresh.count; i++)
        CAIRN_TRY(store_new(apply, &fresh[i], subject.kind));
    return tell(apply);
}

static cairn_err check_own(cairn_apply *apply, const cairn_subject *subject)
{
    if (!cairn_hash_equal(&subject->org, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "subject: is another organisation's");
    return CAIRN_OK;
}

static cairn_err check_offered(cairn_apply *apply, const cairn_subject *subject)
{
    if (!cairn_hash_equal(&subject->offered_to, cairn_apply_org(apply)))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "subject.accept: was not offered to the signer's organisation");
    return CAIRN_OK;
}

cairn_err cairn_subject_rotate_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return decode(arena, &replace_schema, r, ret_act);
}

cairn_err cairn_subject_rotate_apply(cairn_apply *apply, const void *data)
{
    return replace(apply, data, check_own);
}

cairn_err cairn_subject_accept_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return decode(arena, &replace_schema, r, ret_act);
}

cairn_err cairn_subject_accept_apply(cairn_apply *apply, const void *data)
{
    return replace(apply, data, check_offered);
}

cairn_err cairn_subject_replace_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                     cairn_hash *fresh, cairn_bytes *ret_body)
{
    batch b = {.rows = {.count = count, .rows = rows}, .fresh = {.count = count, .rows = fresh}};
    return encode(arena, &replace_schema, &b, ret_body);
}

/* --- identity.subject.offer --- */

cairn_err cairn_subject_offer_decode(cairn_arena *arena, cairn_cbor_reader *r, void **ret_act)
{
    return decode(arena, &offer_schema, r, ret_act);
}

static cairn_err offer(cairn_apply *apply, const cairn_subject_row *row, const cairn_hash *to)
{
    cairn_subject subject;
    CAIRN_TRY(load_own(apply, row, &subject));
    if (subject.status != CAIRN_SUBJECT_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "subject.status: is %s",
                          cairn_subject_status_name(subject.status));
    if (!may_be_offered[subject.kind])
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "subject.offer: a %s is not handed over",
                          cairn_subject_kind_name(subject.kind));
    subject.offered_to = *to;
    subject.version++;
    return store(apply, &row->pseudonym, &subject);
}

cairn_err cairn_subject_offer_apply(cairn_apply *apply, const void *data)
{
    const batch *act = data;
    const cairn_subject_row *rows = act->rows.rows;
    bool back = cairn_hash_equal(&act->to, cairn_apply_org(apply));
    const cairn_hash nobody = {{0}};
    cairn_org_record org;
    cairn_err err =
        cairn_registry_org(cairn_apply_state(apply), cairn_apply_arena(apply), &act->to, &org);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "subject.offer.to: not registered");
    CAIRN_TRY(err);
    if (org.status != CAIRN_ORG_ACTIVE)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "subject.offer.to: is %s",
                          cairn_org_status_name(org.status));
    for (size_t i = 0; i < act->rows.count; i++)
        CAIRN_TRY(offer(apply, &rows[i], back ? &nobody : &act->to));
    return tell(apply);
}

cairn_err cairn_subject_offer_body(cairn_arena *arena, cairn_subject_row *rows, size_t count,
                                   const cairn_hash *to, cairn_bytes *ret_body)
{
    batch b = {.rows = {.count = count, .rows = rows}, .to = *to};
    return encode(arena, &offer_schema, &b, ret_body);
}
