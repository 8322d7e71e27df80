/* An OCSP request. What is accepted is inside the input, and OpenSSL reads it too. */
#include <openssl/err.h>
#include <openssl/ocsp.h>

#include "fuzz/fuzz.h"
#include "identity/ca/ca_ocsp.h"

static void check_view(cairn_bytes in, cairn_bytes view)
{
    CAIRN_ASSERT(view.size == 0 ||
                 (view.data >= in.data && view.data + view.size <= in.data + in.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes in = cairn_bytes_of(data, size);
    cairn_ca_ocsp_request request;
    if (cairn_ca_ocsp_request_decode(in, &request) != CAIRN_OK)
        return 0;
    CAIRN_ASSERT(request.count >= 1 && request.count <= CAIRN_CA_OCSP_REQUESTS_MAX);
    check_view(in, request.nonce);
    for (size_t i = 0; i < request.count; i++)
        check_view(in, request.ids[i].serial);
    const unsigned char *at = data;
    OCSP_REQUEST *same = d2i_OCSP_REQUEST(NULL, &at, (long)size);
    if (same != NULL)
        CAIRN_ASSERT(at == data + size && (size_t)OCSP_request_onereq_count(same) == request.count);
    OCSP_REQUEST_free(same);
    ERR_clear_error();
    return 0;
}
