/* cairn consortium prepare, new, begin: how members come together. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "cairn/block_entry.h"
#include "command/consortium_member.h"
#include "command/facts.h"
#include "command/files.h"
#include "command/home.h"
#include "command/verbs.h"
#include "core/clock.h"
#include "core/store/file.h"
#include "feature_list.h"
#include "ledger/validators.h"

enum { CHAIN_SIZE_MAX = CAIRN_CHAIN_FILE_SIZE_MAX, MEMBERS_MAX = 32 };

static const char default_rpc[] = "http://127.0.0.1:26657";

/* --- prepare --- */

static cairn_err run_prepare(cairn_command *command, const cairn_arguments *arguments)
{
    const char *directory = arguments->words[0];
    const char *org = cairn_option_value(arguments, "org");
    const char *rpc = cairn_option_value(arguments, "rpc");
    const cairn_member_address address = {
        .listen = cairn_option_value(arguments, "listen"),
        .rpc = rpc == NULL ? default_rpc : rpc,
        .node = cairn_option_value(arguments, "address"),
        .url = cairn_option_value(arguments, "url"),
    };
    char part[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_path_join(directory, "consortium/member.json", part));
    CAIRN_TRY(cairn_member_prepare(command, directory, org, &address));
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "directory", directory);
    cairn_facts_text(facts, "organisation", org);
    cairn_facts_text(facts, "part", part);
    return cairn_facts_print(command, facts);
}

/* --- new --- */

/* What a new ledger of these members begins with. */
static cairn_err make_genesis(cairn_command *command, const char *name,
                              const cairn_member_part *parts, size_t count, uint64_t now_ms,
                              cairn_bytes *ret_genesis)
{
    cairn_genesis *genesis = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(&command->arena, &genesis));
    void *members = NULL;
    CAIRN_TRY(cairn_arena_array(&command->arena, count, sizeof(cairn_genesis_member), &members));
    genesis->name = cairn_bytes_str(name);
    genesis->created_ms = now_ms;
    genesis->member_count = count;
    genesis->members = members;
    cairn_params_default(&genesis->params);
    if (RAND_bytes(genesis->nonce, sizeof genesis->nonce) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "genesis: no random bytes");
    for (size_t i = 0; i < count; i++)
        genesis->members[i] = parts[i].member;
    return cairn_genesis_encode(&command->arena, genesis, ret_genesis);
}

static cairn_err name_validators(cairn_arena *arena, const cairn_member_part *parts, size_t count,
                                 cairn_chain_validator *ret_validators)
{
    for (size_t i = 0; i < count; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        const cairn_genesis_member *member = &parts[i].member;
        char *name = NULL;
        void *memory = NULL;
        CAIRN_TRY(cairn_key_from_cose(member->keys[member->key_count - 1].cose_key, &key));
        CAIRN_TRY(cairn_arena_alloc(arena, member->name.size + 1, &memory));
        name = memory;
        memcpy(name, member->name.data, member->name.size);
        name[member->name.size] = '\0';
        ret_validators[i] = (cairn_chain_validator){.name = name, .power = 1};
        memcpy(ret_validators[i].key, cairn_key_public(key).data, sizeof ret_validators[i].key);
    }
    return CAIRN_OK;
}

/* A new ledger and its chain. */
static cairn_err make_chain(cairn_command *command, const char *name,
                            const cairn_member_part *parts, size_t count, cairn_bytes *ret_chain)
{
    cairn_clock clock = cairn_clock_system();
    cairn_chain_validator validators[MEMBERS_MAX];
    cairn_chain_start start;
    cairn_bytes genesis;
    uint64_t now_ms = cairn_clock_wall_ms(&clock);
    CAIRN_TRY(make_genesis(command, name, parts, count, now_ms, &genesis));
    CAIRN_TRY(cairn_chain_start_new(&command->arena, &cairn_all_features, genesis, &start));
    CAIRN_TRY(name_validators(&command->arena, parts, count, validators));
    return cairn_chain_file(&command->arena, &start, now_ms, validators, count, parts, count,
                            ret_chain);
}

/* --- a chain of a ledger that is there --- */

/* Who validates, as its state says. */
static cairn_err ledger_validators(cairn_home *home, cairn_chain_validator *ret_validators,
                                   size_t *ret_count)
{
    cairn_arena *arena = &home->command->arena;
    cairn_state_source state = cairn_home_state(home);
    cairn_validator_list *list = NULL;
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &list));
    CAIRN_TRY(cairn_validators_read(&state, arena, list));
    if (list->count == 0 || list->count > MEMBERS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house",
                          "the ledger names no validators, or too many: cairn consortium join");
    for (size_t i = 0; i < list->count; i++) {
        cairn_org_record *org = NULL;
        CAIRN_TRY(CAIRN_ARENA_NEW(arena, &org));
        CAIRN_TRY(cairn_registry_org(&state, arena, &list->rows[i].org, org));
        ret_validators[i] =
            (cairn_chain_validator){.name = org->name, .power = list->rows[i].power};
        memcpy(ret_validators[i].key, list->rows[i].key, sizeof ret_validators[i].key);
    }
    *ret_count = list->count;
    return CAIRN_OK;
}

static cairn_err chain_of(cairn_home *home, const cairn_member_part *parts, size_t part_count,
                          cairn_bytes *ret_chain)
{
    cairn_arena *arena = &home->command->arena;
    cairn_chain_validator validators[MEMBERS_MAX];
    size_t count = 0;
    CAIRN_TRY(cairn_home_needs_store(home));
    CAIRN_CLEANUP(cairn_view_free_p) cairn_view *view = cairn_engine_view(home->engine);
    cairn_chain_start start = {.height = view->height};
    uint64_t now_ms = cairn_clock_wall_ms(&home->clock);
    cairn_app_hash(view->log_size, &view->log_root, &start.app_hash);
    CAIRN_TRY(cairn_engine_entry(home->engine, 0, arena, &start.genesis));
    CAIRN_TRY(ledger_validators(home, validators, &count));
    return cairn_chain_file(arena, &start, now_ms < view->time_ms ? view->time_ms : now_ms,
                            validators, count, parts, part_count, ret_chain);
}

/* The ledger of `directory` goes on, with its id, its log and its receipts. */
static cairn_err continue_chain(cairn_command *command, const char *directory,
                                const cairn_member_part *parts, size_t count,
                                cairn_bytes *ret_chain)
{
    const char *asked = command->directory;
    cairn_home home;
    command->directory = directory;
    CAIRN_TRY(cairn_home_open(command, CAIRN_HOME_READ, &home));
    cairn_err err = chain_of(&home, parts, count, ret_chain);
    cairn_err closed = cairn_home_close(&home);
    command->directory = asked;
    return err == CAIRN_OK ? closed : err;
}

/* All members on this machine, each at an address of its own; its cores are theirs together. */
static const char local_wait[] = "2s";

typedef struct local {
    const char *directory;
    size_t count;
    unsigned net[2];
} local;

static cairn_err member_directory(const local *l, size_t i, char ret_path[CAIRN_PATH_SIZE_MAX])
{
    char name[32];
    (void)snprintf(name, sizeof name, "member-%zu", i + 1);
    return cairn_path_join(l->directory, name, ret_path);
}

static cairn_err prepare_local(cairn_command *command, const local *l, size_t i)
{
    char directory[CAIRN_PATH_SIZE_MAX];
    char org[32];
    char listen[64];
    char rpc[64];
    char node[32];
    (void)snprintf(org, sizeof org, "Member %zu", i + 1);
    (void)snprintf(node, sizeof node, "127.%u.%u.%zu", l->net[0], l->net[1], i + 1);
    (void)snprintf(listen, sizeof listen, "%s:26656", node);
    (void)snprintf(rpc, sizeof rpc, "http://%s:26657", node);
    const cairn_member_address address = {
        .listen = listen, .rpc = rpc, .node = node, .wait = local_wait};
    CAIRN_TRY(member_directory(l, i, directory));
    return cairn_member_prepare(command, directory, org, &address);
}

static cairn_err choose_net(local *l)
{
    uint8_t random[2];
    if (RAND_bytes(random, sizeof random) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "consortium: no random bytes");
    l->net[0] = 20u + random[0] % 200u; /* neither 127.0.0.1's nor those that others take */
    l->net[1] = random[1] % 250u;
    return CAIRN_OK;
}

static cairn_err make_local(cairn_command *command, local *l, const char *name, json_t *facts)
{
    char path[CAIRN_PATH_SIZE_MAX];
    char part[CAIRN_PATH_SIZE_MAX];
    void *parts = NULL;
    cairn_bytes chain;
    const cairn_member_beginning how = {.rpc = NULL};
    cairn_member_begun begun;
    CAIRN_TRY(choose_net(l));
    CAIRN_TRY(cairn_output_dir(l->directory, 0750));
    CAIRN_TRY(cairn_arena_array(&command->arena, l->count, sizeof(cairn_member_part), &parts));
    for (size_t i = 0; i < l->count; i++) {
        CAIRN_TRY(prepare_local(command, l, i));
        CAIRN_TRY(member_directory(l, i, path));
        CAIRN_TRY(cairn_path_join(path, "consortium/member.json", part));
        CAIRN_TRY(cairn_member_part_read(command, part, (cairn_member_part *)parts + i));
    }
    CAIRN_TRY(make_chain(command, name, parts, l->count, &chain));
    json_t *list = cairn_facts_list(facts, "member");
    for (size_t i = 0; i < l->count; i++) {
        CAIRN_TRY(member_directory(l, i, path));
        CAIRN_TRY(cairn_member_begin(command, path, &how, chain, &begun));
        cairn_facts_text(cairn_facts_item(list), "directory", path);
    }
    cairn_facts_hash(facts, "ledger", &begun.ledger);
    return CAIRN_OK;
}

static cairn_err run_local(cairn_command *command, const cairn_arguments *arguments,
                           const char *name, json_t *facts)
{
    uint64_t count = 0;
    if (arguments->word_count != 1)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--members goes with one DIR");
    CAIRN_TRY(cairn_option_number(arguments, "members", 1, MEMBERS_MAX, &count));
    local l = {.directory = arguments->words[0], .count = (size_t)count};
    return make_local(command, &l, name, facts);
}

/* The parts of members elsewhere. */
static cairn_err read_parts(cairn_command *command, const cairn_arguments *arguments,
                            cairn_member_part **ret_parts)
{
    void *parts = NULL;
    CAIRN_TRY(cairn_arena_array(&command->arena, arguments->word_count, sizeof(cairn_member_part),
                                &parts));
    *ret_parts = parts;
    for (size_t i = 0; i < arguments->word_count; i++)
        CAIRN_TRY(cairn_member_part_read(command, arguments->words[i], *ret_parts + i));
    return CAIRN_OK;
}

static cairn_err run_parts(cairn_command *command, const cairn_arguments *arguments,
                           const char *name, json_t *facts)
{
    const char *output = cairn_option_value(arguments, "output");
    const char *from = cairn_option_value(arguments, "from");
    cairn_member_part *parts = NULL;
    cairn_bytes chain;
    if (output == NULL)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "give --members N DIR, or PART… --output CHAIN");
    CAIRN_TRY(read_parts(command, arguments, &parts));
    if (from == NULL)
        CAIRN_TRY(make_chain(command, name, parts, arguments->word_count, &chain));
    else
        CAIRN_TRY(continue_chain(command, from, parts, arguments->word_count, &chain));
    CAIRN_TRY(cairn_output_write(output, 0644, chain));
    cairn_facts_text(facts, "chain", output);
    cairn_facts_number(facts, "members", arguments->word_count);
    return CAIRN_OK;
}

static cairn_err run_new(cairn_command *command, const cairn_arguments *arguments)
{
    const char *name = cairn_option_value(arguments, "name");
    json_t *facts = cairn_facts_new();
    name = name == NULL ? "Consortium" : name;
    cairn_err err = cairn_option_given(arguments, "members")
                        ? run_local(command, arguments, name, facts)
                        : run_parts(command, arguments, name, facts);
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

/* --- begin --- */

static cairn_err run_begin(cairn_command *command, const cairn_arguments *arguments)
{
    const char *directory = arguments->words[0];
    const char *rpc = cairn_option_value(arguments, "rpc");
    cairn_member_beginning how = {.rpc = rpc == NULL ? default_rpc : rpc};
    cairn_member_begun begun;
    cairn_bytes chain;
    how.sync_url_count = cairn_option_values(arguments, "state-sync", &how.sync_urls);
    CAIRN_TRY(cairn_input_read(&command->arena, arguments->words[1], CHAIN_SIZE_MAX, &chain));
    CAIRN_TRY(cairn_member_begin(command, directory, &how, chain, &begun));
    json_t *facts = cairn_facts_new();
    cairn_facts_text(facts, "directory", directory);
    cairn_facts_hash(facts, "ledger", &begun.ledger);
    if (how.sync_url_count > 0) {
        cairn_facts_number(facts, "trusted_height", begun.sync.height);
        cairn_facts_hash(facts, "trusted_header", &begun.sync.header);
    }
    return cairn_facts_print(command, facts);
}

/* --- the table --- */

static const cairn_option prepare_options[] = {
    {"org", "NAME", true, false, "name of the organisation"},
    {"listen", "HOST:PORT", true, false, "where its engine is called by the others"},
    {"rpc", "URL", false, false, "its engine for its node; http://127.0.0.1:26657 if not given"},
    {"address", "ADDRESS", false, false, "of its node, when the directory is new"},
    {"url", "URL", false, false, "what others call that node by, if not by its address"},
};

const cairn_verb cairn_verb_consortium_prepare = {
    .name = "consortium prepare",
    .words = "DIR",
    .words_min = 1,
    .words_max = 1,
    .summary = "make a member's directory and the part of it that others need",
    .help = "A new DIR gets an organisation's keys and an engine's home; a ledger's directory the "
            "latter alone. DIR/consortium/member.json is for whoever makes the chain: it has no "
            "secrets. The engine's key for votes lies in DIR/engine and must lie nowhere else: two "
            "engines with one key are taken for a traitor.",
    .options = prepare_options,
    .option_count = sizeof prepare_options / sizeof prepare_options[0],
    .run = run_prepare,
};

static const cairn_option new_options[] = {
    {"members", "N", false, false, "so many members on this machine, made and begun at once"},
    {"from", "DIR", false, false, "the ledger that goes on as a consortium's; nobody writes on it"},
    {"output", "CHAIN", false, false, "the chain's file, for all members"},
    {"name", "NAME", false, false, "of the ledger; Consortium if not given"},
};

const cairn_verb cairn_verb_consortium_new = {
    .name = "consortium new",
    .words = "DIR|PART...",
    .words_min = 1,
    .words_max = MEMBERS_MAX,
    .summary = "begin a consortium's chain: of members on this machine, or of their parts",
    .help = "With --members everything lies in DIR: member-1 to member-N, each with keys of its "
            "own and addresses 127.x.y.1 to N; run them by: cairn consortium run DIR. Without, the "
            "PARTs that members have made by consortium prepare become the file CHAIN, with which "
            "each of them begins, all with the same power. With --from the chain goes on where the "
            "ledger of that directory stands: its id, log and receipts stay, and those validate "
            "whom it names (consortium join while it is one organisation's).",
    .options = new_options,
    .option_count = sizeof new_options / sizeof new_options[0],
    .run = run_new,
};

static const cairn_option begin_options[] = {
    {"rpc", "URL", false, false, "its engine for its node, where cairn.yaml does not say so yet"},
    {"state-sync", "URL", false, true, "JSON-RPC of another member's engine; give two or more"},
};

const cairn_verb cairn_verb_consortium_begin = {
    .name = "consortium begin",
    .words = "DIR CHAIN",
    .words_min = 2,
    .words_max = 2,
    .summary = "take a consortium's chain into a member's directory",
    .help = "The ledger of a new DIR is made; one that is there must stand where the chain begins. "
            "From then on the engine alone brings it forward: cairn consortium run DIR. With "
            "--state-sync it begins with a snapshot instead of the chain's first block, trusted "
            "from a header that all the engines at the URLs have: compare the one that is printed "
            "with what somebody you trust says.",
    .options = begin_options,
    .option_count = sizeof begin_options / sizeof begin_options[0],
    .run = run_begin,
};
