/* Editions are found by halving; announced ends of keys lie between them. A document at height h is
 * what holds for the block after h: a key that was ended at h is not in it, one that was added at h
 * is. */
#include "identity/did/did_history.h"

/* Of one resolution. */
typedef struct search {
    cairn_arena *arena;
    const cairn_did_view *view;
    const cairn_hash *org_id;
    cairn_did_version *out;
    size_t all_count;
    cairn_key_record *all; /* every key that the organisation ever had, in order */
    uint64_t number;       /* of the edition in force */
} search;

/* --- points in time --- */

/* First height whose document lacks a key that was announced to end: none for one that was ended at
 * once, since an edition says so. */
static uint64_t end_of(const cairn_key_record *key)
{
    return key->until == CAIRN_HEIGHT_OPEN ? CAIRN_HEIGHT_OPEN : key->until - 1;
}

static cairn_did_change at_edition(const cairn_edition *edition)
{
    return (cairn_did_change){
        .exists = true, .height = edition->height, .timed = true, .time_ms = edition->time_ms};
}

static cairn_err at_height(const search *s, uint64_t height, cairn_did_change *ret_change)
{
    cairn_did_change change = {.exists = true, .height = height};
    cairn_err err = s->view->time_at == NULL
                        ? CAIRN_ERR_NOT_FOUND
                        : s->view->time_at(s->view->context, height, &change.time_ms);
    change.timed = err == CAIRN_OK;
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    *ret_change = change;
    return CAIRN_OK;
}

/* --- editions --- */

static bool is_after(const cairn_edition *edition, const cairn_did_options *options,
                     uint64_t height)
{
    return options->has_version_time ? edition->time_ms > options->version_time_ms
                                     : edition->height > height;
}

static cairn_err load_edition(const search *s, uint64_t number, cairn_edition *ret_edition)
{
    cairn_err err =
        cairn_registry_edition(s->view->state, s->arena, s->org_id, number, ret_edition);
    return err == CAIRN_ERR_NOT_FOUND
               ? CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/identity.md", "edition: is missing")
               : err;
}

/* The last edition that is not after what was asked for; NOT_FOUND when the first one is. */
static cairn_err find_edition(search *s, const cairn_did_options *options, uint64_t height)
{
    cairn_edition edition;
    uint64_t low = 1, high = s->out->org.editions; /* low is in force, all above high are not */
    CAIRN_TRY(load_edition(s, 1, &edition));
    s->out->created = at_edition(&edition);
    if (is_after(&edition, options, height))
        return CAIRN_ERR_NOT_FOUND;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2;
        CAIRN_TRY(load_edition(s, middle, &edition));
        if (is_after(&edition, options, height))
            high = middle - 1;
        else
            low = middle;
    }
    s->number = low;
    return load_edition(s, low, &s->out->edition);
}

/* The change that the edition after the one in force brings. */
static cairn_err next_edition(search *s, cairn_did_change *ret_change)
{
    cairn_edition edition;
    *ret_change = (cairn_did_change){0};
    if (s->number == s->out->org.editions)
        return CAIRN_OK;
    CAIRN_TRY(load_edition(s, s->number + 1, &edition));
    *ret_change = at_edition(&edition);
    return CAIRN_OK;
}

/* --- keys --- */

static cairn_err load_keys(search *s)
{
    void *memory = NULL;
    s->all_count = s->out->edition.kid_count;
    if (s->all_count > s->out->org.kid_count)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/identity.md", "edition.keys: too many");
    CAIRN_TRY(cairn_arena_array(s->arena, s->all_count, sizeof *s->all, &memory));
    s->all = memory;
    for (size_t i = 0; i < s->all_count; i++)
        CAIRN_TRY(cairn_registry_key(s->view->state, s->arena, &s->out->org.kids[i], &s->all[i]));
    return CAIRN_OK;
}

/* The earliest end of a key above `height`, CAIRN_HEIGHT_OPEN when there is none. */
static uint64_t next_end(const search *s, uint64_t height)
{
    uint64_t first = CAIRN_HEIGHT_OPEN;
    for (size_t i = 0; i < s->all_count; i++) {
        uint64_t end = end_of(&s->all[i]);
        if (end > height && end < first)
            first = end;
    }
    return first;
}

/* Within one edition only announced ends change the document. Walks them from the edition's height
 * to the one asked for, or to the last that is not after the time asked for. */
static cairn_err walk_ends(search *s, const cairn_did_options *options, uint64_t height)
{
    cairn_did_version *out = s->out;
    cairn_did_change next;
    CAIRN_TRY(next_edition(s, &next));
    uint64_t bound = next.exists ? next.height : CAIRN_HEIGHT_OPEN;
    out->current = at_edition(&out->edition);
    for (;;) {
        cairn_did_change change;
        uint64_t end = next_end(s, out->current.height);
        if (end >= bound || end > height) {
            out->next = next;
            if (end < bound && end <= s->view->height)
                return at_height(s, end, &out->next);
            return CAIRN_OK;
        }
        CAIRN_TRY(at_height(s, end, &change));
        if (options->has_version_time && !change.timed)
            return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "docs/features/did-method.md",
                              "versionTime: across an announced change");
        if (options->has_version_time && change.time_ms > options->version_time_ms) {
            out->next = change;
            return CAIRN_OK;
        }
        out->current = change;
    }
}

static void choose_keys(search *s)
{
    cairn_did_version *out = s->out;
    for (size_t i = 0; i < s->all_count; i++) {
        const cairn_key_record *key = &s->all[i];
        if (key->since > out->current.height || end_of(key) <= out->current.height)
            continue;
        out->keys[out->key_count].kid = out->org.kids[i];
        out->keys[out->key_count++].record = *key;
    }
}

cairn_err cairn_did_history(cairn_arena *arena, const cairn_did_view *view, const cairn_hash *org,
                            const cairn_did_options *options, cairn_did_version **ret_version)
{
    search s = {.arena = arena, .view = view, .org_id = org};
    uint64_t height = options->has_version_id ? options->version_id : view->height;
    if (height > view->height)
        return CAIRN_ERR_NOT_FOUND;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &s.out));
    s.out->height = height;
    CAIRN_TRY(cairn_registry_org(view->state, arena, org, &s.out->org));
    CAIRN_TRY(find_edition(&s, options, height));
    CAIRN_TRY(load_keys(&s));
    CAIRN_TRY(walk_ends(&s, options, height));
    choose_keys(&s);
    *ret_version = s.out;
    return CAIRN_OK;
}
