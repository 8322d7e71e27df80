/* The signer's thread, its queue and its table of keys; where the keys are is the backend's. */
#include "core/crypto/signer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/crypto/signer_impl.h"

/* One who waits on another thread for a result, with the text of its failure. */
typedef struct waiter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool ready;
    cairn_err err;
    char detail[512];
} waiter;

/* A key to be made, owned by the caller who waits for it. */
typedef struct generation {
    waiter waiter;
    const char *name;
    cairn_key_type type;
    cairn_key *public_key;
} generation;

typedef struct job {
    generation *generation; /* or NULL: a message to be signed */
    const cairn_signer_key *key;
    uint8_t *message;
    size_t size;
    cairn_signer_done_fn done;
    void *context;
} job;

/* `lock` guards the queue, `stopping` and the table; rows of the table stay where they are until
 * the end, so that jobs point to them. Backend and state are the thread's alone. */
struct cairn_signer {
    const cairn_signer_backend *backend;
    void *state;
    atomic_ullong taken; /* messages */
    pthread_t thread;
    waiter opened;
    pthread_mutex_t lock;
    pthread_cond_t queued;
    bool stopping;
    size_t first; /* of the ring */
    size_t count;
    job jobs[CAIRN_SIGNER_QUEUE_MAX];
    size_t key_count;
    cairn_signer_key *keys[CAIRN_SIGNER_KEYS_MAX]; /* in name order */
};

/* --- waiting --- */

static void waiter_init(waiter *w)
{
    *w = (waiter){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
}

static void waiter_finish(waiter *w, cairn_err err)
{
    (void)pthread_mutex_lock(&w->lock);
    w->ready = true;
    w->err = err;
    (void)strncpy(w->detail, err == CAIRN_OK ? "" : cairn_err_detail(), sizeof w->detail - 1);
    (void)pthread_cond_signal(&w->changed);
    (void)pthread_mutex_unlock(&w->lock);
}

/* Waits, and makes the other thread's failure this one's. */
static cairn_err waiter_wait(waiter *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (!w->ready)
        (void)pthread_cond_wait(&w->changed, &w->lock);
    (void)pthread_mutex_unlock(&w->lock);
    (void)pthread_mutex_destroy(&w->lock);
    (void)pthread_cond_destroy(&w->changed);
    return w->err == CAIRN_OK ? CAIRN_OK : CAIRN_FAIL(w->err, "house", "%s", w->detail);
}

/* --- the table of keys --- */

bool cairn_signer_name_valid(const char *name)
{
    size_t size = strlen(name);
    if (size == 0 || size > CAIRN_SIGNER_NAME_SIZE_MAX || name[0] == '.' || name[0] == '-')
        return false;
    return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
           size;
}

unsigned cairn_signer_purpose_of(const char *name)
{
    static const struct {
        const char *stem;
        unsigned purpose;
    } rows[] = {
        {"sign", CAIRN_SIGNER_FOR_SIGN},           {"tls", CAIRN_SIGNER_FOR_TLS},
        {"cosign", CAIRN_SIGNER_FOR_COSIGN},       {"note", CAIRN_SIGNER_FOR_COSIGN},
        {"owner", CAIRN_SIGNER_FOR_OWNER},         {"encrypt", CAIRN_SIGNER_FOR_ENCRYPT},
        {"validator", CAIRN_SIGNER_FOR_VALIDATOR}, {"issue", CAIRN_SIGNER_FOR_ISSUE},
    };
    size_t size = strcspn(name, "-._");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (strlen(rows[i].stem) == size && memcmp(rows[i].stem, name, size) == 0)
            return rows[i].purpose;
    return CAIRN_SIGNER_FOR_NONE;
}

void *cairn_signer_state(cairn_signer *signer, const cairn_signer_backend *backend)
{
    CAIRN_ASSERT(signer->backend == backend);
    return signer->state;
}

/* Where `name` stands, or would. Under the lock. */
static size_t find_place(const cairn_signer *signer, const char *name, bool *ret_found)
{
    size_t low = 0;
    size_t high = signer->key_count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(signer->keys[middle]->name, name);
        if (order == 0)
            *ret_found = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const cairn_signer_key *find_key(cairn_signer *signer, const char *name)
{
    bool found = false;
    (void)pthread_mutex_lock(&signer->lock);
    size_t place = find_place(signer, name, &found);
    const cairn_signer_key *key = found ? signer->keys[place] : NULL;
    (void)pthread_mutex_unlock(&signer->lock);
    return key;
}

static size_t count_keys(cairn_signer *signer)
{
    (void)pthread_mutex_lock(&signer->lock);
    size_t count = signer->key_count;
    (void)pthread_mutex_unlock(&signer->lock);
    return count;
}

static cairn_err fail_not_found(const char *name)
{
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "signer: no key named %s", name);
}

/* Under the lock. */
static cairn_err insert_key(cairn_signer *signer, cairn_signer_key *key)
{
    bool found = false;
    size_t place = find_place(signer, key->name, &found);
    if (found)
        return CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "signer: two keys named %s", key->name);
    if (signer->key_count == CAIRN_SIGNER_KEYS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "signer: more than %d keys",
                          CAIRN_SIGNER_KEYS_MAX);
    memmove(&signer->keys[place + 1], &signer->keys[place],
            (signer->key_count - place) * sizeof signer->keys[0]);
    signer->keys[place] = key;
    signer->key_count++;
    return CAIRN_OK;
}

cairn_err cairn_signer_add_take(cairn_signer *signer, const char *name, cairn_key *public_key,
                                void *private_part)
{
    if (!cairn_signer_name_valid(name))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "signer: \"%s\" is no name for a key", name);
    cairn_signer_key *key = calloc(1, sizeof *key);
    if (key == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "signer: a key");
    (void)strncpy(key->name, name, sizeof key->name - 1);
    key->public_key = public_key;
    key->private_part = private_part;
    (void)pthread_mutex_lock(&signer->lock);
    cairn_err err = insert_key(signer, key);
    (void)pthread_mutex_unlock(&signer->lock);
    if (err != CAIRN_OK)
        free(key);
    return err;
}

/* --- the thread --- */

static void run_generation(cairn_signer *signer, generation *g)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *public_key = NULL;
    void *private_part = NULL;
    cairn_err err = CAIRN_OK;
    if (find_key(signer, g->name) != NULL)
        err = CAIRN_FAIL(CAIRN_ERR_EXISTS, "house", "signer: there is a key named %s", g->name);
    else if (count_keys(signer) == CAIRN_SIGNER_KEYS_MAX)
        err = CAIRN_FAIL(CAIRN_ERR_TOO_MANY, "house", "signer: more than %d keys",
                         CAIRN_SIGNER_KEYS_MAX);
    else
        err =
            signer->backend->generate(signer->state, g->name, g->type, &public_key, &private_part);
    if (err == CAIRN_OK) {
        g->public_key = cairn_key_ref(public_key);
        err = cairn_signer_add_take(signer, g->name, public_key, private_part);
        if (err == CAIRN_OK)
            public_key = NULL;
        else
            signer->backend->drop(private_part);
    }
    waiter_finish(&g->waiter, err); /* `g` is gone from here on */
}

static void run_job(cairn_signer *signer, job *j)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    if (j->generation != NULL) {
        run_generation(signer, j->generation);
        return;
    }
    cairn_err err = signer->backend->sign(signer->state, j->key,
                                          cairn_bytes_of(j->message, j->size), signature, &size);
    free(j->message);
    j->done(j->context, err, cairn_bytes_of(signature, err == CAIRN_OK ? size : 0));
}

/* Waits for the next job; false when the signer stops and nothing is left. */
static bool take_job(cairn_signer *signer, job *ret_job)
{
    (void)pthread_mutex_lock(&signer->lock);
    while (signer->count == 0 && !signer->stopping)
        (void)pthread_cond_wait(&signer->queued, &signer->lock);
    bool taken = signer->count > 0;
    if (taken) {
        *ret_job = signer->jobs[signer->first];
        signer->first = (signer->first + 1) % CAIRN_SIGNER_QUEUE_MAX;
        signer->count--;
    }
    (void)pthread_mutex_unlock(&signer->lock);
    return taken;
}

static void *serve(void *memory)
{
    cairn_signer *signer = memory;
    job j;
    cairn_err err = signer->backend->open(signer->state, signer);
    waiter_finish(&signer->opened, err);
    while (err == CAIRN_OK && take_job(signer, &j))
        run_job(signer, &j);
    for (size_t i = 0; i < signer->key_count; i++) {
        cairn_key_free(signer->keys[i]->public_key);
        signer->backend->drop(signer->keys[i]->private_part);
        free(signer->keys[i]);
    }
    signer->backend->close(signer->state);
    return NULL;
}

static void signer_end(cairn_signer *signer)
{
    (void)pthread_join(signer->thread, NULL);
    (void)pthread_mutex_destroy(&signer->lock);
    (void)pthread_cond_destroy(&signer->queued);
    free(signer);
}

cairn_err cairn_signer_start_take(const cairn_signer_backend *backend, void *state,
                                  cairn_signer **ret_signer)
{
    cairn_signer *signer = calloc(1, sizeof *signer);
    if (signer == NULL) {
        backend->close(state);
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "signer: %zu bytes", sizeof *signer);
    }
    signer->backend = backend;
    signer->state = state;
    waiter_init(&signer->opened);
    (void)pthread_mutex_init(&signer->lock, NULL);
    (void)pthread_cond_init(&signer->queued, NULL);
    int errnum = pthread_create(&signer->thread, NULL, serve, signer);
    if (errnum != 0) {
        backend->close(state);
        free(signer);
        return cairn_err_from_errno(errnum, "signer: pthread_create");
    }
    cairn_err err = waiter_wait(&signer->opened);
    if (err != CAIRN_OK) {
        signer_end(signer);
        return err;
    }
    *ret_signer = signer;
    return CAIRN_OK;
}

void cairn_signer_free(cairn_signer *signer)
{
    if (signer == NULL)
        return;
    CAIRN_ASSERT(!pthread_equal(signer->thread, pthread_self()));
    (void)pthread_mutex_lock(&signer->lock);
    signer->stopping = true;
    (void)pthread_cond_signal(&signer->queued);
    (void)pthread_mutex_unlock(&signer->lock);
    signer_end(signer);
}

/* --- the callers --- */

static cairn_err enqueue(cairn_signer *signer, const job *j)
{
    (void)pthread_mutex_lock(&signer->lock);
    bool full = signer->count == CAIRN_SIGNER_QUEUE_MAX;
    if (!full) {
        signer->jobs[(signer->first + signer->count) % CAIRN_SIGNER_QUEUE_MAX] = *j;
        signer->count++;
        (void)pthread_cond_signal(&signer->queued);
    }
    (void)pthread_mutex_unlock(&signer->lock);
    if (full)
        return CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "signer: %d messages wait",
                          CAIRN_SIGNER_QUEUE_MAX);
    return CAIRN_OK;
}

cairn_err cairn_signer_generate(cairn_signer *signer, const char *name, cairn_key_type type,
                                cairn_key **ret_public)
{
    CAIRN_ASSERT(!pthread_equal(signer->thread, pthread_self()));
    if (!cairn_signer_name_valid(name))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "signer: \"%s\" is no name for a key", name);
    generation g = {.name = name, .type = type};
    const job j = {.generation = &g};
    waiter_init(&g.waiter);
    CAIRN_TRY(enqueue(signer, &j));
    cairn_err err = waiter_wait(&g.waiter);
    if (err != CAIRN_OK) {
        cairn_key_free(g.public_key);
        return err;
    }
    *ret_public = g.public_key;
    return CAIRN_OK;
}

cairn_err cairn_signer_public(cairn_signer *signer, const char *name, cairn_key **ret_public)
{
    const cairn_signer_key *key = find_key(signer, name);
    if (key == NULL)
        return fail_not_found(name);
    *ret_public = cairn_key_ref(key->public_key);
    return CAIRN_OK;
}

cairn_err cairn_signer_each(cairn_signer *signer,
                            cairn_err (*fn)(void *context, const char *name,
                                            const cairn_key *public_key),
                            void *context)
{
    const cairn_signer_key *keys[CAIRN_SIGNER_KEYS_MAX];
    (void)pthread_mutex_lock(&signer->lock);
    size_t count = signer->key_count;
    memcpy(keys, signer->keys, count * sizeof keys[0]);
    (void)pthread_mutex_unlock(&signer->lock);
    for (size_t i = 0; i < count; i++)
        CAIRN_TRY(fn(context, keys[i]->name, keys[i]->public_key));
    return CAIRN_OK;
}

/* Queues a copy of the message. */
static cairn_err enqueue_message(cairn_signer *signer, const cairn_signer_key *key,
                                 cairn_bytes message, cairn_signer_done_fn done, void *context)
{
    job j = {.key = key, .size = message.size, .done = done, .context = context};
    j.message = malloc(message.size == 0 ? 1 : message.size);
    if (j.message == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "signer: message of %zu bytes",
                          message.size);
    if (message.size != 0)
        memcpy(j.message, message.data, message.size);
    cairn_err err = enqueue(signer, &j);
    if (err != CAIRN_OK)
        free(j.message);
    return err;
}

cairn_err cairn_signer_sign_for(cairn_signer *signer, unsigned purposes, const char *name,
                                cairn_bytes message, cairn_signer_done_fn done, void *context)
{
    const cairn_signer_backend *backend = signer->backend;
    if (message.size > CAIRN_SIGNER_MESSAGE_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "signer: message of %zu bytes",
                          message.size);
    const cairn_signer_key *key = find_key(signer, name);
    if (key == NULL)
        return fail_not_found(name);
    if ((cairn_signer_purpose_of(name) & purposes) == 0)
        return CAIRN_FAIL(CAIRN_ERR_TX_WRONG_PURPOSE, "house", "signer: %s is not for this", name);
    cairn_err err = backend->submit != NULL
                        ? backend->submit(signer->state, key, purposes, message, done, context)
                        : enqueue_message(signer, key, message, done, context);
    if (err == CAIRN_OK)
        (void)atomic_fetch_add_explicit(&signer->taken, 1, memory_order_relaxed);
    return err;
}

uint64_t cairn_signer_count(const cairn_signer *signer)
{
    return atomic_load_explicit(&signer->taken, memory_order_relaxed);
}

cairn_err cairn_signer_sign(cairn_signer *signer, const char *name, cairn_bytes message,
                            cairn_signer_done_fn done, void *context)
{
    return cairn_signer_sign_for(signer, CAIRN_SIGNER_FOR_ANY, name, message, done, context);
}

typedef struct waiting_sign {
    waiter waiter;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size;
} waiting_sign;

static void finish_waiting(void *context, cairn_err err, cairn_bytes signature)
{
    waiting_sign *w = context;
    if (err == CAIRN_OK) {
        memcpy(w->signature, signature.data, signature.size);
        w->size = signature.size;
    }
    waiter_finish(&w->waiter, err);
}

cairn_err cairn_signer_sign_wait_for(cairn_signer *signer, unsigned purposes, const char *name,
                                     cairn_bytes message,
                                     uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX],
                                     size_t *ret_size)
{
    CAIRN_ASSERT(!pthread_equal(signer->thread, pthread_self()));
    waiting_sign w = {.size = 0};
    waiter_init(&w.waiter);
    CAIRN_TRY(cairn_signer_sign_for(signer, purposes, name, message, finish_waiting, &w));
    CAIRN_TRY(waiter_wait(&w.waiter));
    memcpy(ret_signature, w.signature, w.size);
    *ret_size = w.size;
    return CAIRN_OK;
}

cairn_err cairn_signer_sign_wait(cairn_signer *signer, const char *name, cairn_bytes message,
                                 uint8_t ret_signature[CAIRN_SIGNATURE_SIZE_MAX], size_t *ret_size)
{
    return cairn_signer_sign_wait_for(signer, CAIRN_SIGNER_FOR_ANY, name, message, ret_signature,
                                      ret_size);
}
