/* cairn status new, take, set, show, publish: the lists of this directory. */
#include <stdio.h>
#include <stdlib.h>

#include "command/status_home.h"
#include "command/verbs.h"
#include "core/unit.h"

enum { TAKE_MAX = 4096, WORDS_MAX = 4096 };

/* --- facts --- */

static void add_issues(json_t *facts, const char *key, const cairn_status_record *record,
                       const cairn_schema_list *issues)
{
    json_t *list = cairn_facts_list(facts, key);
    for (size_t i = 0; i < issues->count; i++) {
        const cairn_status_issue *issue = &cairn_status_issues(issues)[i];
        json_t *item = cairn_facts_item(list);
        cairn_hash id;
        cairn_status_form_list_id((cairn_status_form)issue->form, record->uri, &id);
        cairn_facts_text(item, "type", cairn_status_form_type((cairn_status_form)issue->form));
        cairn_facts_number(item, "version", issue->version);
        cairn_facts_hash(item, "hash", &issue->hash);
        cairn_facts_hash(item, "list_id", &id);
        cairn_facts_number(item, "size", issue->size);
        cairn_facts_time(item, "expires", issue->expires_ms);
    }
}

static void add_record(json_t *facts, const cairn_status_record *record)
{
    cairn_facts_view(facts, "list", record->name);
    cairn_facts_view(facts, "url", record->uri);
    cairn_facts_text(facts, "format", record->format == CAIRN_LIST_TOKEN ? "token" : "bitstring");
    if (record->purpose.size > 0)
        cairn_facts_view(facts, "purpose", record->purpose);
    cairn_facts_number(facts, "bits", record->bits);
    cairn_facts_number(facts, "entries", cairn_status_list_count(&record->entries));
}

static void add_standing(json_t *facts, const cairn_status_record *record)
{
    cairn_facts_number(facts, "given_out", cairn_status_record_used(record));
    cairn_facts_number(facts, "not_valid", cairn_status_record_marked(record));
    cairn_facts_number(facts, "unpublished_changes", record->changes);
    add_issues(facts, "published", record, &record->current);
    if (record->pending.count > 0)
        add_issues(facts, "pending", record, &record->pending);
}

/* --- new --- */

static cairn_err parse_format(const char *text, uint64_t *ret_format)
{
    *ret_format = strcmp(text, "token") == 0 ? CAIRN_LIST_TOKEN : CAIRN_LIST_BITSTRING;
    if (*ret_format == CAIRN_LIST_BITSTRING && strcmp(text, "bitstring") != 0)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--format: token or bitstring");
    return CAIRN_OK;
}

static cairn_err parse_duration(const cairn_arguments *arguments, const char *name,
                                uint64_t *seconds)
{
    const char *text = cairn_option_value(arguments, name);
    uint64_t ms = 0;
    if (text == NULL)
        return CAIRN_OK;
    if (cairn_unit_parse(text, CAIRN_UNIT_DURATION, &ms) != CAIRN_OK || ms < 1000)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s: a time such as 12h or 5min", name);
    *seconds = ms / 1000;
    return CAIRN_OK;
}

/* Where the node of this directory will serve it. */
static cairn_err make_uri(cairn_home *home, const char *given, const char *name,
                          cairn_bytes *ret_uri)
{
    char text[CAIRN_STATUS_URI_SIZE_MAX + 1];
    char org[65];
    const char *url = cairn_config_text(home->config, "node.url");
    const char *address = cairn_config_text(home->config, "node.address");
    uint64_t port = cairn_config_u64(home->config, "node.port");
    int size = 0;
    cairn_hex_encode(cairn_bytes_hash(&home->org), org);
    if (given != NULL)
        size = snprintf(text, sizeof text, "%s", given);
    else if (url[0] != '\0')
        size = snprintf(text, sizeof text, "%s/status/%s/%s", url, org, name);
    else if (port != 0)
        size = snprintf(text, sizeof text,
                        strchr(address, ':') == NULL ? "https://%s:%u/status/%s/%s"
                                                     : "https://[%s]:%u/status/%s/%s",
                        address, (unsigned)port, org, name);
    else
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "where is it served? give --url, or set node.url in cairn.yaml");
    if (size < 0 || (size_t)size >= sizeof text)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--url: at most %d bytes",
                          CAIRN_STATUS_URI_SIZE_MAX);
    return cairn_arena_copy(&home->command->arena, cairn_bytes_str(text), ret_uri);
}

static cairn_err describe(cairn_home *home, const cairn_arguments *arguments,
                          cairn_status_record *like)
{
    enum { TTL_S = 300, LIFE_S = 7 * 86400 };
    const char *purpose = cairn_option_value(arguments, "purpose");
    *like = (cairn_status_record){.ledger = home->ledger,
                                  .org = home->org,
                                  .name = cairn_bytes_str(arguments->words[0]),
                                  .bits = 1,
                                  .ttl_s = TTL_S,
                                  .life_s = LIFE_S};
    CAIRN_TRY(parse_format(cairn_option_value(arguments, "format"), &like->format));
    if (purpose == NULL)
        purpose = like->format == CAIRN_LIST_BITSTRING ? "revocation" : "";
    like->purpose = cairn_bytes_str(purpose);
    CAIRN_TRY(cairn_option_number(arguments, "bits", 1, 8, &like->bits));
    CAIRN_TRY(parse_duration(arguments, "ttl", &like->ttl_s));
    CAIRN_TRY(parse_duration(arguments, "life", &like->life_s));
    return make_uri(home, cairn_option_value(arguments, "url"), arguments->words[0], &like->uri);
}

static cairn_err act_new(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    cairn_arena *arena = &home->command->arena;
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_status_record like, record;
    uint64_t count = CAIRN_STATUS_COUNT_DEFAULT;
    CAIRN_TRY(describe(home, arguments, &like));
    CAIRN_TRY(cairn_option_number(arguments, "entries", 1,
                                  (uint64_t)CAIRN_STATUS_ENTRIES_SIZE_MAX * 8, &count));
    CAIRN_TRY(cairn_status_record_new(arena, &like, count, &record));
    CAIRN_TRY(cairn_status_home_path(home->command, path));
    CAIRN_TRY(cairn_status_store_lock(path, &fd));
    CAIRN_TRY(cairn_status_store_save(arena, path, &record, true));
    add_record(facts, &record);
    return CAIRN_OK;
}

/* --- take and set --- */

typedef struct taking {
    uint64_t count;
    uint64_t indexes[TAKE_MAX];
    const cairn_status_record *record;
    json_t *facts;
} taking;

static cairn_err take(cairn_status_record *record, void *context)
{
    taking *t = context;
    CAIRN_TRY(cairn_status_record_take(record, t->count, t->indexes));
    add_record(t->facts, record);
    return CAIRN_OK;
}

static cairn_err run_take(cairn_command *command, const cairn_arguments *arguments)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_alloc(&command->arena, sizeof(taking), &memory));
    taking *t = memory;
    t->count = 1;
    CAIRN_TRY(cairn_option_number(arguments, "count", 1, TAKE_MAX, &t->count));
    t->facts = cairn_facts_new();
    cairn_err err = cairn_status_home_change(command, arguments->words[0], take, t);
    if (err != CAIRN_OK) {
        json_decref(t->facts);
        return err;
    }
    json_t *list = cairn_facts_list(t->facts, "taken");
    for (uint64_t i = 0; i < t->count; i++)
        cairn_facts_number(cairn_facts_item(list), "index", t->indexes[i]);
    return cairn_facts_print(command, t->facts);
}

typedef struct setting {
    const cairn_arguments *arguments; /* LIST STATUS INDEX… */
    json_t *facts;
} setting;

static cairn_err parse_index(const char *text, uint64_t *ret_index)
{
    if (cairn_unit_parse(text, CAIRN_UNIT_COUNT, ret_index) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "INDEX is a number, not %s", text);
    return CAIRN_OK;
}

/* All of them, or none: the list is saved when each is set. */
static cairn_err set(cairn_status_record *record, void *context)
{
    const setting *s = context;
    unsigned value = 0;
    CAIRN_TRY(cairn_status_value_parse(record, s->arguments->words[1], &value));
    for (size_t i = 2; i < s->arguments->word_count; i++) {
        uint64_t index = 0;
        CAIRN_TRY(parse_index(s->arguments->words[i], &index));
        CAIRN_TRY(cairn_status_record_set(record, index, value));
    }
    cairn_facts_view(s->facts, "list", record->name);
    cairn_facts_text(s->facts, "status", s->arguments->words[1]);
    cairn_facts_number(s->facts, "unpublished_changes", record->changes);
    return CAIRN_OK;
}

static cairn_err run_set(cairn_command *command, const cairn_arguments *arguments)
{
    setting s = {.arguments = arguments, .facts = cairn_facts_new()};
    cairn_err err = cairn_status_home_change(command, arguments->words[0], set, &s);
    if (err == CAIRN_OK)
        return cairn_facts_print(command, s.facts);
    json_decref(s.facts);
    return err;
}

/* --- show --- */

typedef struct listing {
    cairn_command *command;
    json_t *list;
} listing;

static cairn_err list_one(void *context, cairn_bytes name)
{
    const listing *l = context;
    char text[CAIRN_STATUS_NAME_SIZE_MAX + 1];
    cairn_status_record record;
    (void)snprintf(text, sizeof text, "%.*s", (int)name.size, (const char *)name.data);
    CAIRN_TRY(cairn_status_home_load(l->command, text, &record));
    json_t *item = cairn_facts_item(l->list);
    add_record(item, &record);
    cairn_facts_number(item, "unpublished_changes", record.changes);
    return CAIRN_OK;
}

static cairn_err show_all(cairn_command *command, json_t *facts)
{
    char path[CAIRN_PATH_SIZE_MAX];
    listing l = {.command = command, .list = cairn_facts_list(facts, "lists")};
    CAIRN_TRY(cairn_status_home_path(command, path));
    cairn_err err = cairn_status_store_each(path, list_one, &l);
    return err == CAIRN_ERR_NOT_FOUND ? CAIRN_OK : err;
}

static cairn_err show_one(cairn_command *command, const cairn_arguments *arguments, json_t *facts)
{
    cairn_status_record record;
    CAIRN_TRY(cairn_status_home_load(command, arguments->words[0], &record));
    add_record(facts, &record);
    if (arguments->word_count == 1) {
        add_standing(facts, &record);
        return CAIRN_OK;
    }
    char number[16];
    uint64_t index = 0;
    unsigned value = 0;
    unsigned used = 0;
    CAIRN_TRY(parse_index(arguments->words[1], &index));
    CAIRN_TRY(cairn_status_list_get(&record.entries, index, &value));
    CAIRN_TRY(cairn_status_list_get(&record.used, index, &used));
    cairn_facts_number(facts, "index", index);
    cairn_facts_bool(facts, "given_out", used != 0);
    cairn_facts_text(
        facts, "status",
        cairn_status_value_text((cairn_list_format)record.format, record.purpose, value, number));
    return CAIRN_OK;
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    json_t *facts = cairn_facts_new();
    cairn_err err =
        arguments->word_count == 0 ? show_all(command, facts) : show_one(command, arguments, facts);
    if (err == CAIRN_OK)
        return cairn_facts_print(command, facts);
    json_decref(facts);
    return err;
}

/* --- publish --- */

static cairn_err act_publish(cairn_home *home, const cairn_arguments *arguments, json_t *facts)
{
    cairn_status_record record;
    CAIRN_TRY(cairn_status_home_publish(home, arguments->words[0],
                                        cairn_option_value(arguments, "key"), &record));
    add_record(facts, &record);
    add_standing(facts, &record);
    return CAIRN_OK;
}

/* --- verbs --- */

static cairn_err run_new(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_READ, act_new);
}

static cairn_err run_publish(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_home_run(command, arguments, CAIRN_HOME_WRITE, act_publish);
}

static const cairn_option new_options[] = {
    {"format", "FORMAT", true, false, "token (IETF, JWT and CWT) or bitstring (W3C credential)"},
    {"bits", "BITS", false, false, "of an entry: 1 (if not given), 2, 4 or 8"},
    {"entries", "NUMBER", false, false, "how many; 131072 if not given"},
    {"purpose", "PURPOSE", false, false,
     "of a bitstring: revocation (if not given), suspension, message, refresh"},
    {"ttl", "TIME", false, false, "how long it may be cached; 5min if not given"},
    {"life", "TIME", false, false, "how long one version holds; 7d if not given"},
    {"url", "URL", false, false, "where it is served; this directory's node if not given"},
};

const cairn_verb cairn_verb_status_new = {
    .name = "status new",
    .words = "LIST --format FORMAT",
    .words_min = 1,
    .words_max = 1,
    .summary = "make a status list: which credentials still hold",
    .help = "The list is kept in the directory, where its node serves it under "
            "/status/ORGANISATION/LIST once it is published. Its URL is part of every credential "
            "that refers to it, and cannot be changed.",
    .options = new_options,
    .option_count = sizeof new_options / sizeof new_options[0],
    .run = run_new,
};

static const cairn_option take_options[] = {
    {"count", "NUMBER", false, false, "how many; 1 if not given"},
};

const cairn_verb cairn_verb_status_take = {
    .name = "status take",
    .words = "LIST",
    .words_min = 1,
    .words_max = 1,
    .summary = "give out entries of a status list for new credentials",
    .help = "They are drawn by lot among those that are left, so that an index does not tell in "
            "which order credentials were issued.",
    .options = take_options,
    .option_count = sizeof take_options / sizeof take_options[0],
    .run = run_take,
};

const cairn_verb cairn_verb_status_set = {
    .name = "status set",
    .words = "LIST STATUS INDEX…",
    .words_min = 3,
    .words_max = WORDS_MAX,
    .summary = "say what holds of credentials: valid, revoked, suspended",
    .help = "STATUS may be a number, too. All entries are set, or none. Revoked is for good; an "
            "entry that was never given out is refused. Others see it when the list is published.",
    .run = run_set,
};

const cairn_verb cairn_verb_status_show = {
    .name = "status show",
    .words = "[LIST [INDEX]]",
    .words_min = 0,
    .words_max = 2,
    .summary = "list the status lists of this directory, or show one, or one entry",
    .help = "As they are in the directory, published or not.",
    .run = run_show,
};

static const cairn_option publish_options[] = {
    {"key", "NAME", false, false, "issue key that signs; the newest issue-N if not given"},
};

const cairn_verb cairn_verb_status_publish = {
    .name = "status publish",
    .words = "LIST",
    .words_min = 1,
    .words_max = 1,
    .summary = "sign a status list and anchor it on the ledger",
    .help = "The node serves the new version from the block that anchors it. Do it after changes, "
            "and before the last version expires. Broken off, it is mended by doing it again.",
    .options = publish_options,
    .option_count = sizeof publish_options / sizeof publish_options[0],
    .run = run_publish,
};
