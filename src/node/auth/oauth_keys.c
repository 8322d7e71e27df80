/* The life of token keys: made and published, then signing, then only verifying, then gone.
 *
 * Names at the signer are "token-1", "token-2", …: none is used twice, also after a key was
 * retired, for the newest one is always kept. */
#include <stdio.h>
#include <stdlib.h>

#include "core/text.h"
#include "node/auth/oauth_impl.h"

static cairn_err add_jwk(cairn_arena *arena, const cairn_oauth *oauth, const cairn_token_key *row,
                         bool first, cairn_text *out)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_CLEANUP(cairn_jwk_free_p) cairn_jwk *jwk = NULL;
    cairn_bytes json = {0};
    CAIRN_TRY(cairn_signer_public(oauth->options.signer, row->name, &key));
    CAIRN_TRY(cairn_jwk_of_key(key, NULL, &jwk));
    CAIRN_TRY(cairn_jwk_write(arena, jwk, &json));
    cairn_text_printf(out, "%s%.*s", first ? "" : ",", (int)json.size, (const char *)json.data);
    return CAIRN_OK;
}

/* A set of the public keys. */
static cairn_err make_set(const cairn_oauth *oauth, const cairn_token_key *keys, size_t count,
                          cairn_jwk_set **ret_set)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    char json[CAIRN_TOKEN_KEYS_MAX * 512];
    cairn_text text = {json, sizeof json, 0};
    cairn_arena_init(&arena, 1 << 16);
    cairn_text_printf(&text, "{\"keys\":[");
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(add_jwk(&arena, oauth, &keys[i], i == 0, &text));
    cairn_text_printf(&text, "]}");
    CAIRN_ASSERT(cairn_text_whole(&text));
    return cairn_jwk_set_parse(cairn_bytes_of(json, text.size), CAIRN_JWK_SET_STRICT, ret_set);
}

/* From now on these are the keys; durable first. */
static cairn_err put_keys(cairn_oauth *oauth, const cairn_token_key *keys, size_t count)
{
    cairn_jwk_set *set = NULL;
    CAIRN_TRY(make_set(oauth, keys, count, &set));
    cairn_err err = cairn_accounts_put_token_keys(oauth->options.accounts, keys, count);
    if (err != CAIRN_OK) {
        cairn_jwk_set_free(set);
        return err;
    }
    (void)pthread_mutex_lock(&oauth->lock);
    cairn_jwk_set *old = oauth->set;
    oauth->set = set;
    oauth->key_count = count;
    memcpy(oauth->keys, keys, count * sizeof keys[0]);
    (void)pthread_mutex_unlock(&oauth->lock);
    cairn_jwk_set_free(old);
    return CAIRN_OK;
}

static unsigned long number_of(const char *name)
{
    return strtoul(name + strlen("token-"), NULL, 10);
}

/* A key that begins to sign at `signs_ms`. One that a crash left at the signer without our having
 * noted it is passed over. */
static cairn_err make_key(cairn_oauth *oauth, unsigned long number, uint64_t signs_ms,
                          cairn_token_key *ret_key)
{
    cairn_err err = CAIRN_ERR_EXISTS;
    cairn_token_key row = {.signs_ms = signs_ms, .retires_ms = UINT64_MAX};
    for (int tries = 0; tries < 16 && err == CAIRN_ERR_EXISTS; tries++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        (void)snprintf(row.name, sizeof row.name, "token-%lu", number + (unsigned long)tries);
        err = cairn_signer_generate(oauth->options.signer, row.name, CAIRN_KEY_P256, &key);
    }
    CAIRN_TRY(err);
    row.created_ms = cairn_clock_wall_ms(&oauth->options.clock);
    *ret_key = row;
    return CAIRN_OK;
}

static bool is_gone(const cairn_token_key *key, uint64_t now_ms)
{
    return key->retires_ms <= now_ms;
}

/* The keys as they should be now; true when that is a change. */
static cairn_err plan(cairn_oauth *oauth, cairn_token_key *keys, size_t *count, bool *ret_changed)
{
    const cairn_oauth_options *o = &oauth->options;
    uint64_t now = cairn_clock_wall_ms(&o->clock);
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++)
        if (!is_gone(&keys[i], now))
            keys[kept++] = keys[i];
    bool changed = kept != *count;
    const cairn_token_key *newest = kept == 0 ? NULL : &keys[kept - 1];
    if (kept < CAIRN_TOKEN_KEYS_MAX &&
        (newest == NULL || newest->signs_ms + o->key_life_ms <= now + o->key_lead_ms)) {
        uint64_t signs = newest == NULL ? now : now + o->key_lead_ms;
        unsigned long number = newest == NULL ? 1 : number_of(newest->name) + 1;
        CAIRN_TRY(make_key(oauth, number, signs, &keys[kept]));
        if (kept > 0) /* its predecessor's last token ends that much later */
            keys[kept - 1].retires_ms = signs + o->token_life_ms + CAIRN_OAUTH_KEY_MARGIN_MS;
        CAIRN_LOG(o->log, &cairn_oauth_log_events.rows[CAIRN_OAUTH_EVENT_KEY],
                  cairn_log_text("key", keys[kept].name));
        kept++;
        changed = true;
    }
    *count = kept;
    *ret_changed = changed;
    return CAIRN_OK;
}

static cairn_err maintain(cairn_oauth *oauth, bool first)
{
    cairn_token_key keys[CAIRN_TOKEN_KEYS_MAX];
    size_t count = 0;
    bool changed = false;
    CAIRN_TRY(cairn_accounts_token_keys(oauth->options.accounts, keys, &count));
    CAIRN_TRY(plan(oauth, keys, &count, &changed));
    return changed || first ? put_keys(oauth, keys, count) : CAIRN_OK;
}

cairn_err cairn_oauth_keys_start(cairn_oauth *oauth)
{
    return maintain(oauth, true);
}

cairn_err cairn_oauth_maintain(cairn_oauth *oauth)
{
    (void)pthread_mutex_lock(&oauth->maintenance);
    cairn_err err = maintain(oauth, false);
    (void)pthread_mutex_unlock(&oauth->maintenance);
    if (err != CAIRN_OK)
        CAIRN_LOG(oauth->options.log, &cairn_oauth_log_events.rows[CAIRN_OAUTH_EVENT_FAILED],
                  cairn_log_err(err));
    return err;
}

void cairn_oauth_signing_key(cairn_oauth *oauth, char ret_name[65])
{
    uint64_t now = cairn_clock_wall_ms(&oauth->options.clock);
    (void)pthread_mutex_lock(&oauth->lock);
    CAIRN_ASSERT(oauth->key_count > 0);
    size_t i = oauth->key_count - 1;
    while (i > 0 && oauth->keys[i].signs_ms > now)
        i--;
    memcpy(ret_name, oauth->keys[i].name, sizeof oauth->keys[i].name);
    (void)pthread_mutex_unlock(&oauth->lock);
}

cairn_jwk_set *cairn_oauth_keys(cairn_oauth *oauth)
{
    (void)pthread_mutex_lock(&oauth->lock);
    cairn_jwk_set *set = cairn_jwk_set_ref(oauth->set);
    (void)pthread_mutex_unlock(&oauth->lock);
    return set;
}
