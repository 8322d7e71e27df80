/* Chain parameters: what is taken encodes to the same bytes again, and its meaning is total. */
#include "fuzz/fuzz.h"

#include "ledger/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_params params;
    uint8_t out[CAIRN_PARAMS_SIZE_MAX];
    cairn_bytes in = cairn_bytes_of(data, size);
    if (size > CAIRN_PARAMS_SIZE_MAX || cairn_params_decode(in, &params) != CAIRN_OK)
        return 0;
    CAIRN_ASSERT(cairn_bytes_equal(in, cairn_bytes_of(out, cairn_params_encode(&params, out))));
    for (uint64_t n = 0; n <= 128; n++) {
        uint64_t k = cairn_params_threshold(&params, n);
        CAIRN_ASSERT(k >= 1 && (k <= n || n == 0));
        CAIRN_ASSERT(k * params.approval_den >= n * params.approval_num);
        CAIRN_ASSERT(k == 1 || (k - 1) * params.approval_den < n * params.approval_num);
    }
    (void)cairn_params_version_at(&params, UINT64_MAX);
    cairn_err err = cairn_params_check(&params, 1);
    CAIRN_ASSERT(err == CAIRN_OK || err == CAIRN_ERR_BAD_VALUE);
    return 0;
}
