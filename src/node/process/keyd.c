/* keyd. The main thread reads requests; the signer's own thread signs and answers. Answers gather
 * while more signatures are on their way, so that a burst costs few system calls. */
#include "node/process/keyd.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "core/crypto/key_wire.h"
#include "core/crypto/secret.h"
#include "core/crypto/signer.h"
#include "core/sandbox.h"
#include "core/store/file.h"
#include "core/store/vault_holder.h"

enum {
    SOCKET_FD = 3,
    IN_SIZE = 2 * CAIRN_KEY_REQUEST_SIZE_MAX,
    OUT_SIZE = 65536,
    GATHER_MAX = 8, /* answers that wait for each other; a token's are too slow for that */
    PIN_SIZE_MAX = 256,
};

typedef struct server server;

/* A signature on its way. */
typedef struct pending {
    server *server;
    uint64_t id;
    struct pending *next; /* in the list of free ones */
} pending;

/* `lock` guards what follows it; the rest is the main thread's. */
struct server {
    int fd;
    cairn_keyd_options options;
    cairn_signer *signer;
    cairn_vault_holder *holder; /* NULL: no vault */
    cairn_key_greeting greeting;
    pthread_mutex_t lock;
    bool broken;
    size_t signing;
    size_t gathered;
    size_t gather_max;
    pending *free;
    pending pendings[CAIRN_KEY_LINK_CALLS_MAX];
    size_t out_size;
    uint8_t out[OUT_SIZE];
    size_t in_size;
    uint8_t in[IN_SIZE];
};

/* --- where the keys are --- */

static cairn_err read_pin(const char *path, cairn_arena *arena, const char **ret_pin)
{
    cairn_bytes text = {0};
    void *copy = NULL;
    CAIRN_TRY(cairn_file_read(arena, path, PIN_SIZE_MAX, &text));
    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    CAIRN_TRY(cairn_arena_alloc(arena, text.size + 1, &copy));
    memcpy(copy, text.data, text.size);
    *ret_pin = copy;
    return CAIRN_OK;
}

/* `ret_holder` may be NULL. */
static cairn_err open_token(const cairn_keyd_options *o, cairn_signer **ret_signer,
                            cairn_vault_holder **ret_holder)
{
    uint8_t storage[2 * PIN_SIZE_MAX + 128] = {0};
    cairn_arena arena;
    const char *pin = NULL;
    cairn_arena_init_fixed(&arena, storage, sizeof storage);
    cairn_err err = read_pin(o->pin_file, &arena, &pin);
    if (err == CAIRN_OK)
        err = cairn_signer_open_pkcs11(o->module, o->token, pin, ret_signer);
    if (err == CAIRN_OK && ret_holder != NULL && o->vault_directory[0] == '\0')
        err = cairn_vault_holder_open_pkcs11(o->module, o->token, pin, ret_holder);
    cairn_wipe(storage, sizeof storage);
    return err;
}

/* --- answers; under the lock --- */

static void send_all(server *s, cairn_bytes bytes)
{
    while (bytes.size > 0 && !s->broken) {
        ssize_t n = send(s->fd, bytes.data, bytes.size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        s->broken = n <= 0;
        if (n > 0)
            bytes = cairn_bytes_of(bytes.data + n, bytes.size - (size_t)n);
    }
}

static void flush(server *s)
{
    send_all(s, cairn_bytes_of(s->out, s->out_size));
    cairn_wipe(s->out, s->out_size);
    s->out_size = 0;
    s->gathered = 0;
}

static void put(server *s, cairn_bytes bytes)
{
    if (bytes.size > OUT_SIZE - s->out_size)
        flush(s);
    if (bytes.size > OUT_SIZE) {
        send_all(s, bytes);
        return;
    }
    if (bytes.size != 0)
        memcpy(s->out + s->out_size, bytes.data, bytes.size);
    s->out_size += bytes.size;
}

static void answer(server *s, uint64_t id, cairn_err err, cairn_bytes body)
{
    cairn_key_reply reply = {.id = id, .err = err, .body = body};
    uint8_t head[CAIRN_KEY_REPLY_HEAD_SIZE];
    if (err != CAIRN_OK)
        reply.body = cairn_bytes_str(cairn_err_detail());
    if (reply.body.size > CAIRN_KEY_DETAIL_SIZE_MAX && err != CAIRN_OK)
        reply.body.size = CAIRN_KEY_DETAIL_SIZE_MAX;
    cairn_key_reply_encode(&reply, head);
    put(s, cairn_bytes_of(head, sizeof head));
    put(s, reply.body);
    if (++s->gathered >= s->gather_max || s->signing == 0)
        flush(s);
}

/* The same on the main thread. */
static void answer_now(server *s, uint64_t id, cairn_err err, cairn_bytes body)
{
    (void)pthread_mutex_lock(&s->lock);
    answer(s, id, err, body);
    flush(s);
    (void)pthread_mutex_unlock(&s->lock);
}

/* --- operations --- */

static void finish_sign(void *context, cairn_err err, cairn_bytes signature)
{
    pending *p = context;
    server *s = p->server;
    (void)pthread_mutex_lock(&s->lock);
    s->signing--;
    answer(s, p->id, err, signature);
    p->next = s->free;
    s->free = p;
    (void)pthread_mutex_unlock(&s->lock);
}

static pending *take_pending(server *s, uint64_t id)
{
    (void)pthread_mutex_lock(&s->lock);
    pending *p = s->free;
    if (p != NULL) {
        s->free = p->next;
        s->signing++;
        p->id = id;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return p;
}

static void do_sign(server *s, const cairn_key_request *request)
{
    pending *p = take_pending(s, request->id);
    if (p == NULL) {
        cairn_err busy = CAIRN_FAIL(CAIRN_ERR_BUSY, "house", "keyd: too many requests");
        answer_now(s, request->id, busy, cairn_bytes_of(NULL, 0));
        return;
    }
    cairn_err err = cairn_signer_sign_for(s->signer, request->purposes, request->name,
                                          request->body, finish_sign, p);
    if (err != CAIRN_OK)
        finish_sign(p, err, cairn_bytes_of(NULL, 0));
}

typedef struct listing {
    uint8_t *data;
    size_t size;
} listing;

static cairn_err list_one(void *context, const char *name, const cairn_key *key)
{
    listing *l = context;
    l->size += cairn_key_row_encode(name, key, l->data + l->size);
    return CAIRN_OK;
}

static void do_list(server *s, const cairn_key_request *request)
{
    listing l = {.data = malloc(CAIRN_KEY_LIST_SIZE_MAX)};
    cairn_err err = l.data == NULL ? CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "keyd: list")
                                   : cairn_signer_each(s->signer, list_one, &l);
    answer_now(s, request->id, err, cairn_bytes_of(l.data, l.size));
    free(l.data);
}

/* A token has one signer in a process, and a holder in the token rests on it: both end first, and
 * without new ones keyd is of no use, and ends. Files are opened anew beside the old signer, which
 * stays when that fails. */
static void do_reopen(server *s, const cairn_key_request *request)
{
    bool files = s->options.keys_directory[0] != '\0';
    cairn_signer *fresh = NULL;
    if (!files) {
        if (s->options.vault_directory[0] == '\0') {
            cairn_vault_holder_free(s->holder);
            s->holder = NULL;
        }
        cairn_signer_free(s->signer);
        s->signer = NULL;
    }
    cairn_err err = files ? cairn_signer_open_files(s->options.keys_directory, &fresh)
                          : open_token(&s->options, &fresh, &s->holder);
    if (err == CAIRN_OK) {
        cairn_signer_free(s->signer);
        s->signer = fresh;
        do_list(s, request);
        return;
    }
    answer_now(s, request->id, err, cairn_bytes_of(NULL, 0));
    if (!files)
        _exit(cairn_err_exit(err));
}

static void do_generate(server *s, const cairn_key_request *request)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t body[CAIRN_KEY_PUBLIC_SIZE_MAX];
    size_t size = 0;
    cairn_err err = cairn_signer_generate(s->signer, request->name, request->type, &key);
    if (err == CAIRN_OK)
        size = cairn_key_public_encode(key, body);
    answer_now(s, request->id, err, cairn_bytes_of(body, size));
}

static cairn_err unwrap(const server *s, const cairn_vault_epoch *epoch, cairn_bytes wrapped,
                        uint8_t *out, size_t *ret_size)
{
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret key = {0};
    CAIRN_TRY(s->holder->ops->unwrap(s->holder, epoch, wrapped.data, &key));
    memcpy(out, key.data, key.size);
    *ret_size = key.size;
    return CAIRN_OK;
}

/* The decoder has checked the sizes of the bodies. */
static cairn_err run_epoch(const server *s, const cairn_key_request *request,
                           uint8_t out[CAIRN_VAULT_WRAPPED_SIZE], size_t *ret_size)
{
    const cairn_vault_epoch epoch = {.vault = request->vault, .number = request->epoch};
    cairn_vault_holder *holder = s->holder;
    bool there = false;
    if (holder == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "keyd: holds no vault's keys");
    switch (request->op) {
    case CAIRN_KEY_OP_EPOCH_CREATE:
        return holder->ops->create(holder, &epoch);
    case CAIRN_KEY_OP_EPOCH_EXISTS:
        CAIRN_TRY(holder->ops->exists(holder, &epoch, &there));
        out[0] = there ? 1 : 0;
        *ret_size = 1;
        return CAIRN_OK;
    case CAIRN_KEY_OP_EPOCH_WRAP:
        *ret_size = CAIRN_VAULT_WRAPPED_SIZE;
        return holder->ops->wrap(holder, &epoch, request->body, out);
    case CAIRN_KEY_OP_EPOCH_UNWRAP:
        return unwrap(s, &epoch, request->body, out, ret_size);
    default:
        return holder->ops->destroy(holder, &epoch);
    }
}

static void do_epoch(server *s, const cairn_key_request *request)
{
    uint8_t out[CAIRN_VAULT_WRAPPED_SIZE] = {0};
    size_t size = 0;
    cairn_err err = run_epoch(s, request, out, &size);
    answer_now(s, request->id, err, cairn_bytes_of(out, size));
    cairn_wipe(out, sizeof out);
}

static void perform(server *s, const cairn_key_request *request)
{
    switch (request->op) {
    case CAIRN_KEY_OP_SIGN:
        do_sign(s, request);
        break;
    case CAIRN_KEY_OP_LIST:
        do_list(s, request);
        break;
    case CAIRN_KEY_OP_REOPEN:
        do_reopen(s, request);
        break;
    case CAIRN_KEY_OP_GENERATE:
        do_generate(s, request);
        break;
    case CAIRN_KEY_OP_PING:
        answer_now(s, request->id, CAIRN_OK, cairn_bytes_of(NULL, 0));
        break;
    default:
        do_epoch(s, request);
    }
}

/* --- requests --- */

static cairn_err take_requests(server *s)
{
    size_t used = 0;
    for (;;) {
        size_t size = 0;
        cairn_key_request request;
        cairn_bytes rest = cairn_bytes_of(s->in + used, s->in_size - used);
        CAIRN_TRY(cairn_key_frame_size(rest, CAIRN_KEY_REQUEST_SIZE_MAX, &size));
        if (size == 0)
            break;
        CAIRN_TRY(cairn_key_request_decode(
            cairn_bytes_of(rest.data + CAIRN_KEY_FRAME_HEAD_SIZE, size - CAIRN_KEY_FRAME_HEAD_SIZE),
            &request));
        perform(s, &request);
        used += size;
    }
    size_t rest = s->in_size - used;
    memmove(s->in, s->in + used, rest);
    cairn_wipe(s->in + rest, used);
    s->in_size = rest;
    return CAIRN_OK;
}

/* Until the node goes away, or says what it must not. */
static cairn_err serve(server *s)
{
    for (;;) {
        ssize_t n = recv(s->fd, s->in + s->in_size, sizeof s->in - s->in_size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return CAIRN_OK;
        s->in_size += (size_t)n;
        CAIRN_TRY(take_requests(s));
    }
}

/* --- start --- */

/* What OpenSSL reads from files when it is first asked, it reads before the files are shut out. */
static cairn_err warm_up(void)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    CAIRN_TRY(cairn_key_generate(CAIRN_KEY_P256, &key));
    return cairn_key_sign(key, cairn_bytes_of(NULL, 0), signature, &size);
}

static cairn_err shut_in(server *s, const cairn_keyd_options *o)
{
    const cairn_sandbox_path paths[] = {{o->keys_directory, true}, {o->vault_directory, true}};
    bool files = o->keys_directory[0] != '\0';
    cairn_sandbox_report report = {0};
    CAIRN_TRY(cairn_sandbox_enter(files ? CAIRN_SANDBOX_KEYD : CAIRN_SANDBOX_KEYD_TOKEN, paths,
                                  sizeof paths / sizeof paths[0], &report));
    s->greeting.filtered = report.filtered;
    s->greeting.landlock = (uint8_t)report.landlock_abi;
    return CAIRN_OK;
}

/* The vault's directory is made, and its parent synced, while that can still be reached. */
static cairn_err open_keys(server *s, const cairn_keyd_options *o)
{
    CAIRN_TRY(warm_up());
    if (o->vault_directory[0] != '\0')
        CAIRN_TRY(cairn_vault_holder_open_files(o->vault_directory, &s->holder));
    CAIRN_TRY(shut_in(s, o));
    if (o->keys_directory[0] != '\0')
        return cairn_signer_open_files(o->keys_directory, &s->signer);
    return open_token(o, &s->signer, &s->holder);
}

static void greet(server *s, cairn_err err)
{
    uint8_t greeting[CAIRN_KEY_GREETING_SIZE];
    cairn_key_greeting_encode(&s->greeting, greeting);
    answer_now(s, 0, err, cairn_bytes_of(greeting, sizeof greeting));
}

static void server_init(server *s)
{
    s->fd = SOCKET_FD;
    (void)pthread_mutex_init(&s->lock, NULL);
    for (size_t i = 0; i < CAIRN_KEY_LINK_CALLS_MAX; i++) {
        s->pendings[i] = (pending){.server = s, .next = s->free};
        s->free = &s->pendings[i];
    }
}

/* A signal meant for the node (Ctrl-C, a stop of the whole service) is not for keyd: the node still
 * needs signatures to end in order, and keyd ends with it. */
static cairn_err become_keyd(void)
{
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)prctl(PR_SET_NAME, "cairn-keyd", 0, 0, 0);
    return cairn_sandbox_harden(SOCKET_FD + 1);
}

void cairn_keyd_arguments(const cairn_keyd_options *options,
                          const char *ret_argv[CAIRN_KEYD_ARGUMENTS + 1])
{
    const char *const values[] = {"cairn-keyd",      options->keys_directory,
                                  options->module,   options->token,
                                  options->pin_file, options->vault_directory};
    _Static_assert(sizeof values / sizeof values[0] == CAIRN_KEYD_ARGUMENTS, "all are there");
    for (size_t i = 0; i < CAIRN_KEYD_ARGUMENTS; i++)
        ret_argv[i] = values[i] == NULL ? "" : values[i];
    ret_argv[CAIRN_KEYD_ARGUMENTS] = NULL;
}

int cairn_keyd_main(int argc, char **argv)
{
    if (argc != CAIRN_KEYD_ARGUMENTS)
        return cairn_err_exit(CAIRN_ERR_USAGE);
    const cairn_keyd_options options = {.keys_directory = argv[1],
                                        .module = argv[2],
                                        .token = argv[3],
                                        .pin_file = argv[4],
                                        .vault_directory = argv[5]};
    server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return cairn_err_exit(CAIRN_ERR_NO_MEMORY);
    server_init(s);
    s->options = options;
    s->gather_max = options.keys_directory[0] != '\0' ? GATHER_MAX : 1;
    cairn_err err = become_keyd();
    s->greeting.memory_locked = err == CAIRN_OK && cairn_sandbox_lock_memory();
    if (err == CAIRN_OK)
        err = open_keys(s, &options);
    greet(s, err);
    if (err == CAIRN_OK)
        err = serve(s);
    cairn_signer_free(s->signer);
    cairn_vault_holder_free(s->holder);
    cairn_wipe(s->in, s->in_size);
    free(s);
    _exit(cairn_err_exit(err)); /* nothing that a library does at exit may break the filter */
}
