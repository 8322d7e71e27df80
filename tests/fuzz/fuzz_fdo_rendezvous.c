/* RendezvousInfo and to1d: what is read and written anew reads as the same. */
#include "fuzz/fuzz.h"

#include "onboard/wire/rendezvous.h"

static cairn_err read_info(cairn_bytes in, cairn_fdo_rv_info *ret_info)
{
    cairn_cbor_reader reader;
    CAIRN_TRY(cairn_cbor_open(&reader, in, CAIRN_CBOR_FOREIGN, "fuzz", "fuzz"));
    return cairn_fdo_rv_info_read(&reader, "rv_info", ret_info);
}

static void fuzz_info(cairn_bytes in)
{
    static uint8_t buffer[1 << 16];
    cairn_fdo_rv_info info = {0};
    cairn_fdo_rv_info again = {0};
    cairn_cbor_writer writer;
    cairn_bytes made = {0};
    if (read_info(in, &info) != CAIRN_OK)
        return;
    info.encoded = (cairn_bytes){0};
    cairn_cbor_writer_init(&writer, buffer, sizeof buffer);
    cairn_fdo_rv_info_put(&writer, &info);
    CAIRN_ASSERT(cairn_cbor_writer_end(&writer, &made) == CAIRN_OK);
    CAIRN_ASSERT(read_info(made, &again) == CAIRN_OK);
    CAIRN_ASSERT(again.count == info.count);
    for (size_t i = 0; i < info.count; i++) {
        CAIRN_ASSERT(cairn_bytes_equal(again.directives[i].dns, info.directives[i].dns));
        CAIRN_ASSERT(cairn_bytes_equal(again.directives[i].ip, info.directives[i].ip));
        CAIRN_ASSERT(again.directives[i].device_port == info.directives[i].device_port);
        CAIRN_ASSERT(again.directives[i].delay_s == info.directives[i].delay_s);
    }
}

static void fuzz_to1d(cairn_bytes in)
{
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    cairn_fdo_to1d to1d = {0};
    cairn_bytes payload = {0};
    cairn_arena_init(&arena, 1 << 20);
    if (cairn_fdo_to1d_read(in, &to1d) != CAIRN_OK)
        return;
    CAIRN_ASSERT(to1d.count >= 1 && to1d.count <= CAIRN_FDO_ADDRESSES_MAX);
    CAIRN_ASSERT(cairn_fdo_to1d_payload(&arena, to1d.addresses, to1d.count, &to1d.to0d_hash,
                                        &payload) == CAIRN_OK);
    CAIRN_ASSERT(payload.size <= to1d.message.payload.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_info(cairn_bytes_of(data, size));
    fuzz_to1d(cairn_bytes_of(data, size));
    return 0;
}
