/* A certificate signing request. What is accepted holds names that are well-formed and inside the
 * input. */
#include "fuzz/fuzz.h"
#include "identity/ca/ca_csr.h"

static void check_view(cairn_bytes in, cairn_bytes view)
{
    CAIRN_ASSERT(view.size == 0 ||
                 (view.data >= in.data && view.data + view.size <= in.data + in.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes in = cairn_bytes_of(data, size);
    cairn_ca_csr csr = {0};
    if (cairn_ca_csr_decode(in, &csr) == CAIRN_OK) {
        CAIRN_ASSERT(csr.key != NULL && !cairn_key_is_private(csr.key));
        check_view(in, csr.subject.common_name);
        check_view(in, csr.subject.organisation);
        check_view(in, csr.subject.serial_number);
        check_view(in, csr.challenge);
        for (size_t i = 0; i < csr.name_count; i++) {
            check_view(in, csr.names[i].value);
            cairn_err err = cairn_ca_name_check(&csr.names[i]);
            CAIRN_ASSERT(err == CAIRN_OK);
        }
    }
    cairn_ca_csr_done(&csr);
    return 0;
}
