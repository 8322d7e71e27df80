/* Status lists of a directory. */
#include "command/status_home.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

cairn_err cairn_status_home_path(const cairn_command *command, char ret_path[CAIRN_PATH_SIZE_MAX])
{
    return cairn_path_join(command->directory, "status", ret_path);
}

cairn_err cairn_status_home_load(cairn_command *command, const char *name,
                                 cairn_status_record *ret_record)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_status_home_path(command, path));
    cairn_err err =
        cairn_status_store_load(&command->arena, path, cairn_bytes_str(name), ret_record);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "no status list %s here; make one by: cairn status new %s",
                          name, name);
    return err;
}

static cairn_err lock(cairn_command *command, int *ret_fd)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_status_home_path(command, path));
    return cairn_status_store_lock(path, ret_fd);
}

static cairn_err save(cairn_command *command, const cairn_status_record *record)
{
    char path[CAIRN_PATH_SIZE_MAX];
    CAIRN_TRY(cairn_status_home_path(command, path));
    return cairn_status_store_save(&command->arena, path, record, false);
}

cairn_err cairn_status_home_change(cairn_command *command, const char *name,
                                   cairn_err (*change)(cairn_status_record *record, void *context),
                                   void *context)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    cairn_status_record record;
    CAIRN_TRY(lock(command, &fd));
    CAIRN_TRY(cairn_status_home_load(command, name, &record));
    CAIRN_TRY(change(&record, context));
    return save(command, &record);
}

/* --- publishing --- */

typedef struct press {
    cairn_home *home;
    const cairn_home_key *key;
} press;

static cairn_err sign(void *context, cairn_bytes message,
                      uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    const press *p = context;
    return cairn_signer_sign_wait_for(p->home->signer, 1u << p->key->record.purpose, p->key->name,
                                      message, ret_signature, ret_size);
}

static cairn_err find(void *context, cairn_arena *arena, const cairn_hash *list,
                      cairn_list_anchor *ret_anchor)
{
    const press *p = context;
    const cairn_state_source state = cairn_home_state(p->home);
    return cairn_list_anchor_get(&state, arena, &p->home->org, list, ret_anchor);
}

static cairn_err anchor(void *context, cairn_bytes body)
{
    const press *p = context;
    cairn_verdict verdict;
    return cairn_home_send(p->home, CAIRN_TX_LIST_ANCHOR, body, &verdict);
}

static cairn_err save_record(void *context, cairn_arena *arena, const cairn_status_record *record)
{
    const press *p = context;
    (void)arena;
    return save(p->home->command, record);
}

/* "issue-1" and so on: not the CA's, which are named for what they are. */
static bool is_plain_key(const char *name)
{
    return strncmp(name, "issue-", 6) == 0 && isdigit((unsigned char)name[6]);
}

static cairn_err find_key(const cairn_home *home, const char *name, const cairn_home_key **ret_key)
{
    for (size_t i = home->key_count; i > 0; i--) {
        const cairn_home_key *key = &home->keys[i - 1];
        bool wanted = name == NULL ? is_plain_key(key->name) : strcmp(name, key->name) == 0;
        if (wanted && key->record.purpose == CAIRN_PURPOSE_ISSUE &&
            key->record.until == CAIRN_HEIGHT_OPEN) {
            *ret_key = key;
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house",
                      "no valid issue key%s%s here; make one by: cairn key new --purpose issue",
                      name == NULL ? "" : " ", name == NULL ? "" : name);
}

static cairn_err check_ledger(const cairn_home *home, const cairn_status_record *record)
{
    if (!cairn_hash_equal(&home->org, &record->org) ||
        !cairn_hash_equal(&home->ledger, &record->ledger))
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_LEDGER, "house",
                          "status list: is another ledger's or organisation's");
    return CAIRN_OK;
}

cairn_err cairn_status_home_publish(cairn_home *home, const char *name, const char *key,
                                    cairn_status_record *ret_record)
{
    CAIRN_CLEANUP(cairn_file_close_p) int fd = -1;
    press p = {.home = home};
    CAIRN_TRY(lock(home->command, &fd));
    CAIRN_TRY(cairn_status_home_load(home->command, name, ret_record));
    CAIRN_TRY(check_ledger(home, ret_record));
    CAIRN_TRY(find_key(home, key, &p.key));
    const cairn_status_publisher publisher = {.context = &p,
                                              .kid = p.key->kid,
                                              .type = cairn_key_get_type(p.key->public_key),
                                              .sign = sign,
                                              .find = find,
                                              .anchor = anchor,
                                              .save = save_record};
    return cairn_status_publish(&home->command->arena, &publisher,
                                cairn_clock_wall_ms(&home->clock), ret_record);
}

/* --- values as words --- */

const char *cairn_status_value_text(cairn_list_format format, cairn_bytes purpose, unsigned value,
                                    char ret_number[16])
{
    bool token = format == CAIRN_LIST_TOKEN;
    bool revocation = cairn_bytes_equal(purpose, cairn_bytes_str("revocation"));
    bool suspension = cairn_bytes_equal(purpose, cairn_bytes_str("suspension"));
    if (value == CAIRN_STATUS_VALID)
        return "valid";
    if (value == 1 && (token || revocation))
        return "revoked";
    if ((value == CAIRN_STATUS_SUSPENDED && token) || (value == 1 && suspension))
        return "suspended";
    (void)snprintf(ret_number, 16, "%u", value);
    return ret_number;
}

cairn_err cairn_status_value_parse(const cairn_status_record *record, const char *text,
                                   unsigned *ret_value)
{
    char number[16];
    for (unsigned value = 0; value < 1u << record->bits; value++) {
        const char *word = cairn_status_value_text((cairn_list_format)record->format,
                                                   record->purpose, value, number);
        char digits[16];
        (void)snprintf(digits, sizeof digits, "%u", value);
        if (strcmp(text, word) == 0 || strcmp(text, digits) == 0) {
            *ret_value = value;
            return CAIRN_OK;
        }
    }
    return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                      "this list cannot say '%s': valid, revoked, suspended or a number of %llu "
                      "bits, as far as its kind and bits go",
                      text, (unsigned long long)record->bits);
}
