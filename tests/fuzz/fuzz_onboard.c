/* Bodies of transactions about devices, their records and passports. The first byte chooses: a row
 * of the feature, or one of the others; the rest is its bytes. What is taken has one encoding. */
#include "fuzz/fuzz.h"

#include "onboard/passport.h"

enum { OTHER_COUNT = 3 };

static void read_body(cairn_arena *arena, const cairn_tx_row *row, cairn_bytes in)
{
    cairn_cbor_reader r;
    void *act = NULL;
    if (cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, row->name, row->clause) != CAIRN_OK)
        return;
    if (row->decode(arena, &r, &act) == CAIRN_OK)
        CAIRN_ASSERT(act != NULL);
}

static void read_device(cairn_arena *arena, cairn_bytes in)
{
    cairn_device device;
    cairn_bytes out;
    if (cairn_device_decode(arena, in, &device) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_device_encode(arena, &device, &out) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, out));
    for (uint64_t event = 0; event <= CAIRN_DEVICE_EVENT_COUNT + 1; event++) {
        uint64_t next = 0;
        if (cairn_device_next(device.state, event, device.resume_state, &next) != CAIRN_OK)
            CAIRN_ASSERT(next == 0);
    }
}

static void read_passport(cairn_arena *arena, cairn_bytes in)
{
    cairn_passport passport;
    cairn_bytes out;
    if (cairn_passport_decode(arena, in, &passport) != CAIRN_OK)
        return;
    CAIRN_ASSERT(cairn_passport_encode(arena, &passport, &out) == CAIRN_OK);
    CAIRN_ASSERT(cairn_bytes_equal(in, out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const cairn_feature *feature = &cairn_onboard_feature;
    cairn_contract contract;
    cairn_arena arena;
    if (size == 0)
        return 0;
    cairn_arena_init(&arena, 1 << 22);
    size_t choice = data[0] % (feature->transaction_count + OTHER_COUNT);
    cairn_bytes in = cairn_bytes_of(data + 1, size - 1);
    if (choice < feature->transaction_count)
        read_body(&arena, &feature->transactions[choice], in);
    else if (choice == feature->transaction_count)
        read_device(&arena, in);
    else if (choice == feature->transaction_count + 1)
        read_passport(&arena, in);
    else if (cairn_contract_decode(&arena, in, &contract) == CAIRN_OK)
        CAIRN_ASSERT(contract.status <= CAIRN_CONTRACT_ENDED);
    cairn_arena_done(&arena);
    return 0;
}
