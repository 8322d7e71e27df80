/* Vouchers as text, the form in which they change hands. */
#include "core/crypto/pem.h"
#include "onboard/wire/voucher.h"

static const char label[] = "OWNERSHIP VOUCHER";
static const char begin[] = "-----BEGIN OWNERSHIP VOUCHER-----";
static const char end[] = "-----END OWNERSHIP VOUCHER-----";

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static cairn_bytes trim(cairn_bytes text)
{
    while (text.size > 0 && is_blank(text.data[0]))
        text = cairn_bytes_of(text.data + 1, text.size - 1);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    return text;
}

cairn_err cairn_fdo_voucher_from_pem(cairn_arena *arena, cairn_bytes pem, cairn_bytes *ret_voucher)
{
    cairn_bytes text = trim(pem);
    size_t frame = sizeof begin - 1 + sizeof end - 1;
    if (text.size > 2 * CAIRN_FDO_VOUCHER_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, "house", "voucher: %zu bytes of text", text.size);
    if (text.size < frame || memcmp(text.data, begin, sizeof begin - 1) != 0 ||
        memcmp(text.data + text.size - (sizeof end - 1), end, sizeof end - 1) != 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, "FDO 1.1, 3.4",
                          "voucher: not one OWNERSHIP VOUCHER in PEM");
    return cairn_pem_decode(arena, label, text, ret_voucher);
}

cairn_err cairn_fdo_voucher_to_pem(cairn_arena *arena, cairn_bytes voucher, cairn_bytes *ret_pem)
{
    return cairn_pem_encode(arena, label, voucher, ret_pem);
}
