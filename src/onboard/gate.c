/* One question, a few reads. */
#include "onboard/gate.h"

#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

enum { ARENA_SIZE_MAX = 1 << 18 };

/* [X1353-R20] What is older says nothing of what was revoked since. A clock that went back makes it
 * no younger. */
static cairn_err check_age(const cairn_onboard_gate *gate, uint64_t now_ms, uint64_t known_ms)
{
    const uint64_t age = now_ms > known_ms ? now_ms - known_ms : known_ms - now_ms;
    if (age > gate->age_max_ms)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, clause, "ledger: was not seen for %llu ms",
                          (unsigned long long)age);
    return CAIRN_OK;
}

static cairn_err check_head(const cairn_device *device, const cairn_fdo_hash *head)
{
    if (head != NULL && !cairn_bytes_equal(device->head, cairn_bytes_of(head->b, head->size)))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "device.head: the ledger has another");
    return CAIRN_OK;
}

static cairn_err ask(const cairn_onboard_gate *gate, cairn_arena *arena, const cairn_hash *index,
                     const cairn_fdo_hash *head)
{
    const uint64_t now = cairn_clock_wall_ms(&gate->clock);
    cairn_state_source state;
    cairn_device device;
    uint64_t known = 0;
    CAIRN_TRY(gate->look(gate->context, &state, &known));
    CAIRN_TRY(check_age(gate, now, known));
    cairn_err err = cairn_onboard_check(&state, arena, index, now, &device);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, clause, "device: the ledger does not know it");
    CAIRN_TRY(err);
    return check_head(&device, head);
}

cairn_err cairn_onboard_gate_check(const cairn_onboard_gate *gate, const cairn_fdo_guid *guid,
                                   const cairn_hash *salt, const cairn_fdo_hash *head)
{
    cairn_arena arena;
    cairn_hash index;
    cairn_device_index(salt, guid, &index);
    cairn_arena_init(&arena, ARENA_SIZE_MAX);
    cairn_err err = ask(gate, &arena, &index, head);
    cairn_arena_done(&arena);
    return err;
}

cairn_err cairn_onboard_voucher_head(const cairn_fdo_voucher *voucher, cairn_fdo_hash *ret_head)
{
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head first = {0};
    CAIRN_TRY(cairn_fdo_head_first(&voucher->header, voucher->hmac_encoded, &first));
    if (voucher->entry_count == 0) {
        *ret_head = first.hash;
        return CAIRN_OK;
    }
    return cairn_fdo_hash_of(first.hash.alg, &voucher->entries[voucher->entry_count - 1], 1,
                             ret_head);
}
