/* What the node asks of one peer: its signature for receipts, or its line under a checkpoint. */
#include <stdio.h>

#include "ledger/log/lines.h"
#include "ledger/log/witness_request.h"
#include "node/node_cosign_impl.h"

enum {
    REPLY_SIZE_MAX = 64 << 10,
    TRIES = 3, /* until a peer and we speak of the same old size */
};
#define PAUSE_MIN_NS UINT64_C(10000000) /* before a peer that lags is asked again */

static void tell(const question *q, unsigned event, cairn_err err)
{
    CAIRN_LOG(q->cosign->setup.log, &cairn_node_cosign_events[event],
              cairn_log_text("peer", q->peer->url), cairn_log_u64("size", q->round->boundary.size),
              cairn_log_err(err));
}

static outcome refused(const question *q, cairn_err err)
{
    tell(q, COSIGN_REFUSED, err);
    return OUTCOME_NOTHING;
}

static uint64_t left_ms(const question *q)
{
    uint64_t now = cosign_now_ns();
    return now >= q->round->deadline_ns ? 0 : (q->round->deadline_ns - now) / 1000000;
}

static cairn_err call(question *q, const cairn_http_call *like, const char *path,
                      cairn_http_reply *ret_reply)
{
    char url[CAIRN_HTTP_URL_SIZE_MAX];
    const char *ca = cairn_config_text(q->cosign->setup.config, "cosign.ca");
    cairn_http_call c = *like;
    uint64_t left = left_ms(q);
    if (left == 0)
        return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "peer: no answer in time");
    if ((size_t)snprintf(url, sizeof url, "%s/v1/ledgers/%s/%s", q->peer->url, q->cosign->ledger,
                         path) >= sizeof url)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "peer: URL is too long");
    c.url = url;
    c.timeout_ms = (uint32_t)left;
    c.body_size_max = REPLY_SIZE_MAX;
    c.ca_file = ca[0] == '\0' ? NULL : ca;
    c.spki_pin = q->peer->is_pinned ? &q->peer->pin : NULL;
    c.pin_alone = q->peer->is_pinned;
    c.cancelled = &q->cosign->stopping;
    c.kept = q->peer->kept;
    return cairn_http_client_call(&q->arena, &c, ret_reply);
}

/* False when it is time to end. */
static bool rest(cairn_node_cosign *cosign, uint64_t pause_ns)
{
    const struct timespec until = cosign_time_of(cosign_now_ns() + pause_ns);
    int waited = 0;
    pthread_mutex_lock(&cosign->lock);
    while (!atomic_load(&cosign->stopping) && waited == 0)
        waited = pthread_cond_timedwait(&cosign->wake, &cosign->lock, &until);
    pthread_mutex_unlock(&cosign->lock);
    return !atomic_load(&cosign->stopping);
}

/* Not yet; or, where nobody may see the ledger, perhaps. */
static bool is_not_yet(const cairn_http_reply *reply)
{
    return reply->status == 503 || reply->status == 404;
}

/* Asks until the peer is as far as we are; its answer is any but "not yet". UNREACHABLE. */
static cairn_err call_patiently(question *q, const cairn_http_call *like, const char *path,
                                cairn_http_reply *ret_reply)
{
    uint64_t pause_ns = PAUSE_MIN_NS;
    for (;;) {
        CAIRN_TRY(call(q, like, path, ret_reply));
        if (!is_not_yet(ret_reply))
            return CAIRN_OK;
        if (left_ms(q) <= pause_ns / 1000000 || !rest(q->cosign, pause_ns))
            return CAIRN_FAIL(CAIRN_ERR_UNREACHABLE, "house", "peer: answers %d",
                              ret_reply->status);
        pause_ns *= 2;
    }
}

static cairn_err status_error(const cairn_http_reply *reply)
{
    return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "docs/formats/cosignature.md", "peer: answers %d",
                      reply->status);
}

/* --- for receipts --- */

static bool same_boundary(const cairn_boundary *a, const cairn_boundary *b)
{
    return a->size == b->size && a->height == b->height && a->time_ms == b->time_ms &&
           cairn_hash_equal(&a->root, &b->root);
}

/* The member's good signature over what it says, be that ours or not. */
static cairn_err read_cosignature(question *q, cairn_bytes body, cairn_cosignature *ret_cosignature)
{
    const cairn_state_source state = cairn_node_cosign_state(q->cosign);
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    CAIRN_TRY(cairn_cosignature_decode(body, ret_cosignature));
    if (ret_cosignature->boundary.size != q->round->boundary.size)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "docs/formats/cosignature.md",
                          "cosignature.size: is another");
    CAIRN_TRY(cairn_member_cosigner(&state, &ret_cosignature->kid, &q->org, &key));
    return cairn_cosignature_verify(&q->arena, q->cosign->origin, ret_cosignature, key);
}

static outcome take_cosignature(question *q, cairn_bytes body)
{
    cairn_cosignature c;
    cairn_err err = read_cosignature(q, body, &c);
    if (err != CAIRN_OK)
        return refused(q, err);
    if (!same_boundary(&c.boundary, &q->round->boundary)) {
        cairn_node_cosign_convict(q->cosign, &q->round->boundary, &c.boundary, body, q->peer->url);
        return OUTCOME_NOTHING;
    }
    q->other.kid = c.kid;
    memcpy(q->other.signature, c.signature, sizeof c.signature);
    q->other.signature_size = sizeof c.signature;
    return OUTCOME_TAKEN;
}

static outcome ask_cosignature(question *q)
{
    const cairn_http_call like = {.method = CAIRN_HTTP_CLIENT_GET};
    char path[128];
    char root[65];
    cairn_http_reply reply;
    cairn_hex_encode(cairn_bytes_hash(&q->round->boundary.root), root);
    (void)snprintf(path, sizeof path, "cosignatures/%llu?root=%s",
                   (unsigned long long)q->round->boundary.size, root);
    if (call_patiently(q, &like, path, &reply) != CAIRN_OK)
        return OUTCOME_FAILED;
    return reply.status == 200 ? take_cosignature(q, reply.body) : refused(q, status_error(&reply));
}

/* --- for checkpoints --- */

/* The members whose line may be in an answer. */
typedef struct search {
    question *question;
    const cairn_note *note; /* ours, and the answer's lines */
    cairn_err err;          /* CAIRN_OK: found */
} search;

/* The line of this key as it stands in the note. */
static cairn_err keep_line(question *q, const cairn_note *note, const cairn_vkey *vkey)
{
    for (size_t i = 0; i < note->signature_count; i++) {
        const cairn_note_signature *s = &note->signatures[i];
        if (memcmp(s->id, vkey->id, sizeof s->id) == 0 &&
            cairn_bytes_equal(s->name, cairn_bytes_str(vkey->name)))
            return cairn_lines_format(&q->arena, &q->line, "\xe2\x80\x94 %.*s %.*s\n",
                                      (int)s->name.size, (const char *)s->name.data,
                                      (int)s->base64.size, (const char *)s->base64.data);
    }
    return CAIRN_ERR_NOT_TRUSTED;
}

static cairn_err try_key(void *context, const cairn_hash *org, cairn_key *key)
{
    search *s = context;
    char name[CAIRN_MEMBER_NOTE_NAME_SIZE + 1];
    cairn_vkey vkey;
    if (s->err == CAIRN_OK)
        return CAIRN_OK;
    cairn_member_note_name(s->question->cosign->origin, org, name);
    CAIRN_TRY(cairn_vkey_init(cairn_bytes_str(name), CAIRN_NOTE_COSIGNATURE, key, &vkey));
    if (cairn_note_verify(s->note, &vkey, NULL) == CAIRN_OK) {
        s->err = keep_line(s->question, s->note, &vkey);
        s->question->org = *org;
    }
    cairn_vkey_done(&vkey);
    return CAIRN_OK;
}

static cairn_err read_lines(question *q, cairn_bytes lines)
{
    const cairn_state_source state = cairn_node_cosign_state(q->cosign);
    const cairn_bytes parts[] = {q->round->note, lines};
    search s = {.question = q, .err = CAIRN_ERR_NOT_TRUSTED};
    cairn_note *note = NULL;
    cairn_bytes joined;
    CAIRN_TRY(CAIRN_ARENA_NEW(&q->arena, &note));
    CAIRN_TRY(cairn_lines_concat(&q->arena, parts, 2, &joined));
    CAIRN_TRY(cairn_note_parse(joined, note));
    s.note = note;
    CAIRN_TRY(cairn_member_each_note_key(&state, try_key, &s));
    return s.err == CAIRN_OK ? CAIRN_OK
                             : CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, "docs/formats/cosignature.md",
                                          "answer: no member's cosignature of this checkpoint");
}

static cairn_err make_request(question *q, cairn_bytes *ret_body)
{
    const cairn_merkle_source source = cairn_engine_source(q->cosign->setup.engine);
    cairn_hash proof[CAIRN_MERKLE_PROOF_MAX];
    size_t count = 0;
    CAIRN_TRY(cairn_merkle_prove_consistency(&source, q->peer->old_size, q->round->boundary.size,
                                             proof, &count));
    return cairn_witness_request_format(&q->arena, q->peer->old_size, proof, count, q->round->note,
                                        ret_body);
}

/* It has another root: what it signs itself at that size tells which. */
static outcome ask_what_it_has(question *q, const cairn_http_reply *reply)
{
    (void)refused(q, CAIRN_FAIL(CAIRN_ERR_INCONSISTENT, "C2SP tlog-witness",
                                "peer: answers %d to our checkpoint", reply->status));
    (void)ask_cosignature(q);
    return OUTCOME_NOTHING;
}

static bool tells_size(const cairn_http_reply *reply, uint64_t *ret_size)
{
    return reply->status == 409 && strcmp(reply->content_type, "text/x.tlog.size") == 0 &&
           cairn_witness_size_parse(reply->body, ret_size) == CAIRN_OK;
}

static outcome ask_cosigned(question *q)
{
    uint64_t size = q->round->boundary.size;
    for (int i = 0; i < TRIES; i++) {
        cairn_http_call like = {.method = CAIRN_HTTP_CLIENT_POST,
                                .content_type = "text/plain; charset=utf-8"};
        cairn_http_reply reply;
        uint64_t told = 0;
        cairn_err err = make_request(q, &like.body);
        if (err != CAIRN_OK)
            return refused(q, err);
        if (call_patiently(q, &like, "add-checkpoint", &reply) != CAIRN_OK)
            return OUTCOME_FAILED;
        if (tells_size(&reply, &told)) {
            if (told > size)
                return OUTCOME_NOTHING; /* it has cosigned more meanwhile, or says so */
            q->peer->old_size = told;
            continue;
        }
        if (reply.status == 409 || reply.status == 422)
            return ask_what_it_has(q, &reply);
        if (reply.status != 200)
            return refused(q, status_error(&reply));
        q->peer->old_size = size;
        err = read_lines(q, reply.body);
        return err == CAIRN_OK ? OUTCOME_TAKEN : refused(q, err);
    }
    return OUTCOME_NOTHING;
}

outcome cairn_node_cosign_ask(question *q)
{
    return cosign_is_note(q->round) ? ask_cosigned(q) : ask_cosignature(q);
}
