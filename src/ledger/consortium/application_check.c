/* CheckTx: what a transaction would be told now, before it may wait for a block. */
#include "cairn/sha256.h"
#include "ledger/consortium/application_impl.h"

enum { CHECK_AGAIN = 1 };

static bool is_verified(cairn_application *app, cairn_bytes raw)
{
    cairn_hash hash;
    cairn_sha256_of(raw.data, raw.size, &hash);
    return cairn_verified_has(app->verified, &hash);
}

static void note_verified(cairn_application *app, const cairn_tx_input *input)
{
    cairn_hash hash;
    cairn_sha256_of(input->tx.raw.data, input->tx.raw.size, &hash);
    if (input->verified)
        cairn_verified_add(app->verified, &hash);
}

/* Verifies all of them at once, on as many threads as the store has. */
void cairn_application_foresee(void *context, const cairn_abci_request *requests, size_t count)
{
    cairn_application *app = context;
    cairn_tx_input inputs[CAIRN_ABCI_BATCH_MAX];
    size_t input_count = 0;
    CAIRN_ASSERT(count <= CAIRN_ABCI_BATCH_MAX);
    for (size_t i = 0; i < count; i++) {
        cairn_tx_input *input = &inputs[input_count];
        *input = (cairn_tx_input){0};
        if (requests[i].kind == CAIRN_ABCI_CHECK_TX && requests[i].check_tx.type != CHECK_AGAIN &&
            cairn_tx_decode(requests[i].check_tx.tx, &input->tx) == CAIRN_OK)
            input_count++;
    }
    if (input_count < 2)
        return;
    cairn_store_verify(app->options.engine, inputs, input_count);
    for (size_t i = 0; i < input_count; i++)
        note_verified(app, &inputs[i]);
}

static cairn_err check(cairn_application *app, cairn_bytes raw, cairn_arena *arena,
                       cairn_pool_entry *ret_entry)
{
    cairn_tx_input input = {.verified = false};
    CAIRN_TRY(cairn_tx_decode(raw, &input.tx));
    ret_entry->id = input.tx.id;
    ret_entry->size = raw.size;
    ret_entry->valid_until_ms = input.tx.valid_until_ms;
    input.verified = is_verified(app, raw);
    CAIRN_TRY(cairn_store_check(app->options.engine, &input, arena, &ret_entry->org));
    note_verified(app, &input);
    return CAIRN_OK;
}

/* One that is checked again has its place already, and loses it when it fails. */
static cairn_err take_place(cairn_application *app, cairn_pool_entry *entry, bool again,
                            cairn_err err)
{
    pthread_mutex_lock(&app->pool_lock);
    entry->round = app->round;
    if (err == CAIRN_OK && again)
        cairn_pool_see(&app->pool, &entry->id, app->round);
    else if (err == CAIRN_OK)
        err = cairn_pool_add(&app->pool, entry);
    else if (err != CAIRN_OK && again && entry->size != 0)
        cairn_pool_remove(&app->pool, &entry->id);
    pthread_mutex_unlock(&app->pool_lock);
    return err;
}

cairn_err cairn_application_check(cairn_application *app, const cairn_abci_request *request,
                                  cairn_arena *arena, cairn_wire_writer *out)
{
    cairn_pool_entry entry = {.size = 0};
    bool again = request->check_tx.type == CHECK_AGAIN;
    cairn_err err = check(app, request->check_tx.tx, arena, &entry);
    err = take_place(app, &entry, again, err);
    if (!again && entry.size != 0 && app->options.watch.checked != NULL)
        app->options.watch.checked(app->options.watch.context, &entry.id, err);
    cairn_abci_answer answer = cairn_abci_begin(out, CAIRN_ABCI_CHECK_TX);
    cairn_application_put_result(out, err, 3, 8);
    cairn_abci_end(&answer);
    return CAIRN_OK;
}
