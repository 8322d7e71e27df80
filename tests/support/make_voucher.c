/* A voucher in PEM on standard output, as a manufacturer's service makes it:
 *
 *   make-voucher MANUFACTURER.pem DEVICE.der AUTHORITY.der [BUYER.pem]
 *
 * The manufacturer's key, the device's certificate and that of who issued it; signed over to a
 * buyer's key, for which the manufacturer's must be private. The GUID and the device's HMac are
 * random. */
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/store/file.h"
#include "onboard/wire/voucher.h"

enum { FILE_SIZE_MAX = 1 << 16, CHAIN = 2 };

static cairn_err read_key(cairn_arena *arena, const char *path, cairn_fdo_key **ret_key)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    cairn_bytes pem;
    CAIRN_TRY(cairn_file_read(arena, path, FILE_SIZE_MAX, &pem));
    CAIRN_TRY(cairn_key_from_pem(pem, &key));
    return cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, ret_key);
}

/* The voucher with its first entry. */
static cairn_err sell(cairn_arena *arena, char **argv, cairn_bytes *voucher)
{
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher v = {0};
    CAIRN_CLEANUP(cairn_fdo_head_done) cairn_fdo_head head = {0};
    CAIRN_CLEANUP(cairn_fdo_key_free_p) cairn_fdo_key *buyer = NULL;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *seller = NULL;
    cairn_bytes pem, payload, entry;
    CAIRN_TRY(cairn_file_read(arena, argv[1], FILE_SIZE_MAX, &pem));
    CAIRN_TRY(cairn_key_from_pem(pem, &seller));
    CAIRN_TRY(read_key(arena, argv[4], &buyer));
    CAIRN_TRY(cairn_fdo_voucher_read(*voucher, &v));
    CAIRN_TRY(cairn_fdo_voucher_verify(arena, &v, &head));
    CAIRN_TRY(cairn_fdo_entry_payload(arena, &head, &v.header, (cairn_bytes){0}, buyer, &payload));
    CAIRN_TRY(cairn_fdo_sign(arena, seller, cairn_bytes_of("\xa0", 1), payload, &entry));
    return cairn_fdo_voucher_append(arena, &v, entry, voucher);
}

static cairn_err make(cairn_arena *arena, char **argv, cairn_bytes *ret_pem)
{
    cairn_bytes chain[CHAIN], header_raw, voucher;
    cairn_fdo_hash hmac = {.alg = CAIRN_FDO_HMAC256, .size = 32};
    uint8_t hmac_raw[CAIRN_FDO_HASH_ENCODED_MAX];
    cairn_cbor_writer w;
    CAIRN_CLEANUP(cairn_fdo_header_done)
    cairn_fdo_header header = {.device_info = cairn_bytes_str("Sensor model 7"),
                               .has_chain_hash = true};
    CAIRN_TRY(read_key(arena, argv[1], &header.manufacturer));
    for (size_t i = 0; i < CHAIN; i++)
        CAIRN_TRY(cairn_file_read(arena, argv[2 + i], FILE_SIZE_MAX, &chain[i]));
    CAIRN_TRY(cairn_fdo_hash_of(CAIRN_FDO_SHA256, chain, CHAIN, &header.chain_hash));
    if (RAND_bytes(header.guid.b, sizeof header.guid.b) != 1 || RAND_bytes(hmac.b, 32) != 1)
        return CAIRN_ERR_CRYPTO;
    CAIRN_TRY(cairn_fdo_header_encode(arena, &header, &header_raw));
    cairn_cbor_writer_init(&w, hmac_raw, sizeof hmac_raw);
    cairn_fdo_hash_put(&w, &hmac);
    CAIRN_TRY(cairn_fdo_voucher_make(arena, header_raw, cairn_bytes_of(hmac_raw, w.size), chain,
                                     CHAIN, &voucher));
    if (argv[4] != NULL)
        CAIRN_TRY(sell(arena, argv, &voucher));
    return cairn_fdo_voucher_to_pem(arena, voucher, ret_pem);
}

int main(int argc, char **argv)
{
    cairn_arena arena;
    cairn_bytes pem;
    if (argc != 4 && argc != 5) {
        fputs("usage: make-voucher MANUFACTURER.pem DEVICE.der AUTHORITY.der [BUYER.pem]\n",
              stderr);
        return 2;
    }
    cairn_arena_init(&arena, 1 << 22);
    if (make(&arena, argv, &pem) != CAIRN_OK) {
        fprintf(stderr, "make-voucher: %s\n", cairn_err_detail());
        return 1;
    }
    fwrite(pem.data, 1, pem.size, stdout);
    cairn_arena_done(&arena);
    return 0;
}
