/* One walk, two ways. */
#include "command/listing.h"

#include "command/remote_json.h"
#include "feature_list.h"
#include "ledger/genesis.h"
#include "node/node_directory.h"
#include "node/node_jobs.h"

typedef struct walk {
    cairn_home *home;
    unsigned table;
    cairn_err (*visit)(void *context, const cairn_hash *id);
    void *context;
} walk;

/* --- here --- */

static cairn_err visit_founders(const walk *w)
{
    cairn_arena *arena = &w->home->command->arena;
    cairn_genesis genesis;
    cairn_bytes raw;
    CAIRN_TRY(cairn_engine_entry(w->home->engine, 0, arena, &raw));
    CAIRN_TRY(cairn_genesis_decode(arena, raw, &genesis));
    for (size_t i = 0; i < genesis.member_count; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        cairn_hash id;
        CAIRN_TRY(cairn_key_from_cose(genesis.members[i].keys[0].cose_key, &key));
        cairn_org_id(cairn_key_id(key), &id);
        CAIRN_TRY(w->visit(w->context, &id));
    }
    return CAIRN_OK;
}

/* A founder that changed later is in the rows too. */
static cairn_err is_founder(const walk *w, const cairn_hash *id, bool *ret_founder)
{
    cairn_state_source state = cairn_home_state(w->home);
    cairn_org_record org;
    *ret_founder = false;
    if (w->table != CAIRN_DIRECTORY_ORGANISATIONS)
        return CAIRN_OK;
    CAIRN_TRY(cairn_registry_org(&state, &w->home->command->arena, id, &org));
    *ret_founder = org.admitted_height == 0;
    return CAIRN_OK;
}

static cairn_err visit_rows(const walk *w, cairn_projection_view *view)
{
    uint8_t after[CAIRN_STATE_KEY_SIZE_MAX];
    size_t after_size = 0;
    for (;;) {
        cairn_bytes key;
        cairn_bytes value;
        cairn_hash id;
        bool founder = false;
        cairn_err err = cairn_projection_view_next(view, w->table, (cairn_bytes){0},
                                                   cairn_bytes_of(after, after_size), &key, &value);
        if (err == CAIRN_ERR_NOT_FOUND)
            return CAIRN_OK;
        CAIRN_TRY(err);
        memcpy(id.b, value.data, sizeof id.b);
        CAIRN_TRY(is_founder(w, &id, &founder));
        if (!founder)
            CAIRN_TRY(w->visit(w->context, &id));
        memcpy(after, key.data, key.size);
        after_size = key.size;
    }
}

static cairn_err visit_projection(const walk *w, cairn_jobs *jobs)
{
    CAIRN_CLEANUP(cairn_projection_view_close_p) cairn_projection_view *view = NULL;
    for (bool more = true; more;)
        CAIRN_TRY(cairn_jobs_step(jobs, &more));
    CAIRN_TRY(cairn_projection_view_open(jobs, cairn_directory_projection.name, 0, &view));
    return visit_rows(w, view);
}

static cairn_err walk_here(const walk *w)
{
    CAIRN_CLEANUP(cairn_node_jobs_free_p) cairn_node_jobs *jobs = NULL;
    const cairn_node_jobs_setup setup = {.directory = w->home->command->directory,
                                         .features = &cairn_all_features,
                                         .store = w->home->store,
                                         .clock = w->home->clock};
    CAIRN_TRY(cairn_node_jobs_new(&setup, &jobs));
    if (w->table == CAIRN_DIRECTORY_ORGANISATIONS)
        CAIRN_TRY(visit_founders(w));
    return visit_projection(w, cairn_node_jobs_get(jobs));
}

/* --- through the node --- */

static cairn_err walk_there(const walk *w)
{
    const char *name = w->table == CAIRN_DIRECTORY_ORGANISATIONS ? "organisations" : "approvals";
    char page[CAIRN_REMOTE_PAGE_SIZE_MAX] = "";
    do {
        cairn_bytes text;
        CAIRN_TRY(cairn_remote_list(w->home->remote, &w->home->command->arena, name, page, &text));
        CAIRN_TRY(cairn_remote_json_page(text, name, w->visit, w->context, page));
    } while (page[0] != '\0');
    return CAIRN_OK;
}

cairn_err cairn_listing_each(cairn_home *home, unsigned table,
                             cairn_err (*visit)(void *context, const cairn_hash *id), void *context)
{
    const walk w = {.home = home, .table = table, .visit = visit, .context = context};
    return home->store == NULL ? walk_there(&w) : walk_here(&w);
}
