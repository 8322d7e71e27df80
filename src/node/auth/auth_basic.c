/* HTTP Basic: users of the table, their passwords checked on other threads. */
#include <stdio.h>
#include <stdlib.h>

#include "core/codec/utf8.h"
#include "core/crypto/secret.h"
#include "node/auth/auth_impl.h"

enum { PLAIN_SIZE_MAX = CAIRN_ACCOUNT_NAME_SIZE_MAX + 1 + CAIRN_PASSWORD_SIZE_MAX };

typedef struct check {
    const cairn_auth *auth;
    const char *refusal; /* decided before the password; it is checked all the same */
    cairn_principal principal;
    cairn_auth_done_fn done;
    void *context;
} check;

static void on_checked(void *context, cairn_err err)
{
    check *c = context;
    cairn_auth_result result;
    if (err == CAIRN_ERR_MISMATCH)
        result = cairn_auth_refused(cairn_auth_reason_BASIC_WRONG);
    else if (err != CAIRN_OK)
        result = cairn_auth_unavailable(cairn_auth_reason_INTERNAL);
    else if (c->refusal != NULL)
        result = cairn_auth_refused(c->refusal);
    else
        result = cairn_auth_settle(c->auth, &c->principal);
    cairn_auth_done_fn done = c->done;
    void *done_context = c->context;
    free(c);
    done(done_context, &result);
}

/* "name:password"; the name ends in NUL. */
static bool decode(cairn_bytes credentials, char plain[PLAIN_SIZE_MAX + 1],
                   cairn_bytes *ret_password)
{
    size_t size = 0;
    if (cairn_base64_decode(credentials, (uint8_t *)plain, PLAIN_SIZE_MAX, &size) != CAIRN_OK ||
        memchr(plain, '\0', size) != NULL || !cairn_utf8_valid(cairn_bytes_of(plain, size)))
        return false;
    char *colon = memchr(plain, ':', size);
    if (colon == NULL)
        return false;
    *colon = '\0';
    size_t name = (size_t)(colon - plain);
    *ret_password = cairn_bytes_of(colon + 1, size - name - 1);
    return true;
}

/* Users are told from clients of the token endpoint, whose names hold no colon. */
static void fill_principal(const cairn_account *user, cairn_principal *principal)
{
    *principal = (cairn_principal){.method = CAIRN_AUTH_BASIC,
                                   .has_organisation = user->has_organisation,
                                   .organisation = user->organisation,
                                   .roles = user->roles,
                                   .expires_ms = user->expires_ms};
    (void)snprintf(principal->tenant, sizeof principal->tenant, "%s", user->tenant);
    (void)snprintf(principal->scopes, sizeof principal->scopes, "%s", user->scopes);
    (void)snprintf(principal->purpose, sizeof principal->purpose, "%s", user->purpose);
    int size = snprintf(principal->subject, sizeof principal->subject, "user:%s", user->name);
    CAIRN_ASSERT(size > 0);
}

static cairn_err begin(const cairn_auth *auth, const char *name, cairn_bytes password, check *c)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_account user;
    cairn_arena_init(&arena, 1 << 16);
    cairn_err err =
        cairn_accounts_find(auth->options.accounts, &arena, CAIRN_ACCOUNT_USER, name, &user);
    if (err != CAIRN_OK && err != CAIRN_ERR_NOT_FOUND)
        return err;
    if (err == CAIRN_OK) {
        fill_principal(&user, &c->principal);
        if (user.expires_ms <= cairn_clock_wall_ms(&auth->options.clock))
            c->refusal = cairn_auth_reason_BASIC_EXPIRED;
    }
    return cairn_password_check(auth->options.pool, err == CAIRN_OK ? user.phc : NULL, password,
                                on_checked, c);
}

void cairn_auth_basic(const cairn_auth *auth, cairn_bytes credentials, cairn_auth_done_fn done,
                      void *done_context)
{
    char plain[PLAIN_SIZE_MAX + 1];
    cairn_bytes password = {0};
    cairn_auth_result result = cairn_auth_refused(cairn_auth_reason_BASIC_FORM);
    check *c = NULL;
    if (decode(credentials, plain, &password)) {
        cairn_err err = CAIRN_ERR_NO_MEMORY;
        c = calloc(1, sizeof *c);
        if (c != NULL) {
            c->auth = auth;
            c->done = done;
            c->context = done_context;
            err = begin(auth, plain, password, c);
        }
        if (err == CAIRN_OK) {
            cairn_wipe(plain, sizeof plain);
            return; /* `done` is called, or was */
        }
        result = cairn_auth_unavailable(err == CAIRN_ERR_BUSY ? cairn_auth_reason_BASIC_BUSY
                                                              : cairn_auth_reason_INTERNAL);
        free(c);
    }
    cairn_wipe(plain, sizeof plain);
    done(done_context, &result);
}
