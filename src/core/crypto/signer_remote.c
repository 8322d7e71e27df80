/* Keys that the key process holds: here is their public half, and the way to ask. */
#include <pthread.h>
#include <stdlib.h>

#include "core/crypto/key_link.h"
#include "core/crypto/signer_impl.h"

/* `lock` guards the count of messages on their way. */
typedef struct remote_state {
    cairn_key_link *link;
    pthread_mutex_t lock;
    pthread_cond_t none_left;
    size_t in_flight;
} remote_state;

typedef struct signing {
    remote_state *state;
    cairn_signer_done_fn done;
    void *context;
    size_t size; /* of the signature */
} signing;

static cairn_err bad_answer(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_INTERNAL, "docs/formats/keyd.md", "key process: %s", what);
}

/* --- the list --- */

/* Whether the signer knows the key; MISMATCH when it knows another of that name. */
static cairn_err look_up(cairn_signer *signer, const cairn_key_row *row, bool *ret_known)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *known = NULL;
    cairn_err err = cairn_signer_public(signer, row->name, &known);
    *ret_known = err != CAIRN_ERR_NOT_FOUND;
    if (!*ret_known) {
        cairn_err_clear();
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    if (cairn_key_get_type(known) != row->type ||
        !cairn_bytes_equal(cairn_key_public(known), row->point))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "signer: %s is another key than it was",
                          row->name);
    return CAIRN_OK;
}

static cairn_err add_row(cairn_signer *signer, const cairn_key_row *row)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    bool known = false;
    CAIRN_TRY(look_up(signer, row, &known));
    if (known)
        return CAIRN_OK;
    CAIRN_TRY(cairn_key_from_public(row->type, row->point, &key));
    CAIRN_TRY(cairn_signer_add_take(signer, row->name, key, NULL));
    (void)CAIRN_STEAL(key);
    return CAIRN_OK;
}

static cairn_err add_list(cairn_signer *signer, cairn_bytes list)
{
    cairn_key_row row;
    while (list.size > 0) {
        CAIRN_TRY(cairn_key_row_decode(&list, &row));
        CAIRN_TRY(add_row(signer, &row));
    }
    return CAIRN_OK;
}

static cairn_err load_list(const remote_state *state, cairn_signer *signer, cairn_key_op op)
{
    const cairn_key_request request = {.op = op};
    uint8_t *list = malloc(CAIRN_KEY_LIST_SIZE_MAX);
    size_t size = 0;
    if (list == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "signer: list of keys");
    cairn_err err =
        cairn_key_link_call_wait(state->link, &request, list, CAIRN_KEY_LIST_SIZE_MAX, &size);
    if (err == CAIRN_OK)
        err = add_list(signer, cairn_bytes_of(list, size));
    free(list);
    return err;
}

static cairn_err remote_open(void *state, cairn_signer *signer)
{
    return load_list(state, signer, CAIRN_KEY_OP_LIST);
}

/* --- signing --- */

static void leave(remote_state *state)
{
    (void)pthread_mutex_lock(&state->lock);
    if (--state->in_flight == 0)
        (void)pthread_cond_broadcast(&state->none_left);
    (void)pthread_mutex_unlock(&state->lock);
}

static void finish(void *context, cairn_err err, cairn_bytes signature)
{
    signing s = *(signing *)context;
    free(context);
    if (err == CAIRN_OK && signature.size != s.size)
        err = bad_answer("signature of another size");
    s.done(s.context, err, err == CAIRN_OK ? signature : cairn_bytes_of(NULL, 0));
    leave(s.state);
}

static cairn_err remote_submit(void *state, const cairn_signer_key *key, unsigned purposes,
                               cairn_bytes message, cairn_signer_done_fn done, void *context)
{
    remote_state *r = state;
    cairn_key_request request = {.op = CAIRN_KEY_OP_SIGN, .purposes = purposes, .body = message};
    signing *s = malloc(sizeof *s);
    if (s == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "signer: a request");
    *s = (signing){.state = r,
                   .done = done,
                   .context = context,
                   .size = cairn_key_get_type(key->public_key) == CAIRN_KEY_P384 ? 96 : 64};
    memcpy(request.name, key->name, sizeof request.name);
    (void)pthread_mutex_lock(&r->lock);
    r->in_flight++;
    (void)pthread_mutex_unlock(&r->lock);
    cairn_err err = cairn_key_link_call(r->link, &request, finish, s);
    if (err != CAIRN_OK) {
        free(s);
        leave(r);
    }
    return err;
}

/* --- the rest --- */

static cairn_err remote_generate(void *state, const char *name, cairn_key_type type,
                                 cairn_key **ret_public, void **ret_private)
{
    const remote_state *r = state;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_key_request request = {.op = CAIRN_KEY_OP_GENERATE, .type = type};
    uint8_t body[CAIRN_KEY_PUBLIC_SIZE_MAX];
    size_t size = 0;
    (void)strncpy(request.name, name, sizeof request.name - 1);
    CAIRN_TRY(cairn_key_link_call_wait(r->link, &request, body, sizeof body, &size));
    CAIRN_TRY(cairn_key_public_decode(cairn_bytes_of(body, size), &key));
    if (cairn_key_get_type(key) != type)
        return bad_answer("key of another type");
    *ret_public = CAIRN_STEAL(key);
    *ret_private = NULL;
    return CAIRN_OK;
}

static void remote_drop(void *private_part)
{
    (void)private_part; /* there is none here */
}

static void remote_close(void *state)
{
    remote_state *r = state;
    (void)pthread_mutex_lock(&r->lock);
    while (r->in_flight > 0)
        (void)pthread_cond_wait(&r->none_left, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_mutex_destroy(&r->lock);
    (void)pthread_cond_destroy(&r->none_left);
    free(r);
}

static const cairn_signer_backend backend = {
    .open = remote_open,
    .generate = remote_generate,
    .submit = remote_submit,
    .drop = remote_drop,
    .close = remote_close,
};

cairn_err cairn_signer_open_remote(cairn_key_link *link, cairn_signer **ret_signer)
{
    remote_state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "signer: remote");
    state->link = link;
    (void)pthread_mutex_init(&state->lock, NULL);
    (void)pthread_cond_init(&state->none_left, NULL);
    return cairn_signer_start_take(&backend, state, ret_signer);
}

cairn_err cairn_signer_remote_refresh(cairn_signer *signer)
{
    return load_list(cairn_signer_state(signer, &backend), signer, CAIRN_KEY_OP_REOPEN);
}
