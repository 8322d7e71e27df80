/* Writes the seeds of fuzz_fdo_message: `seed-fdo-message DIRECTORY`, which is tests/fuzz/corpus.
 */
#include <stdio.h>

#include "onboard/wire/di.h"
#include "onboard/wire/fdo_error.h"
#include "onboard/wire/to2.h"

static const char *directory;
static cairn_arena arena;
static cairn_key *key;
static cairn_fdo_key *public_key;
static const cairn_fdo_nonce nonce = {{1}};
static const cairn_fdo_guid guid = {{2}};

static void write_seed(const char *corpus, uint8_t type, cairn_bytes head, cairn_bytes body)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s/%u", directory, corpus, type);
    FILE *file = fopen(path, "wb");
    CAIRN_ASSERT(file != NULL && fwrite(head.data, 1, head.size, file) == head.size &&
                 fwrite(body.data, 1, body.size, file) == body.size && fclose(file) == 0);
}

static void save(cairn_err err, uint8_t type, cairn_bytes body)
{
    const uint8_t head[] = {type, 0};
    CAIRN_ASSERT(err == CAIRN_OK);
    write_seed("fdo_message", type, cairn_bytes_of(head, 1), body);
    if (type > CAIRN_FDO_TO2_HELLO_DEVICE && type < CAIRN_FDO_ERROR && type % 2 == 1)
        write_seed("fdo_client", type, cairn_bytes_of(head, 2), body);
}

static cairn_bytes finish(cairn_err err, const cairn_fdo_unsigned *u)
{
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    cairn_bytes message = {0};
    CAIRN_ASSERT(err == CAIRN_OK);
    CAIRN_ASSERT(cairn_key_sign(key, u->to_sign, signature, &size) == CAIRN_OK);
    CAIRN_ASSERT(cairn_fdo_sign_end(&arena, u, cairn_bytes_of(signature, size), &message) ==
                 CAIRN_OK);
    return message;
}

static void save_plain(void)
{
    const cairn_fdo_app_start start = {CAIRN_FDO_KEY_P256, CAIRN_FDO_KEY_X509, cairn_bytes_str("1"),
                                       cairn_bytes_str("model"), cairn_bytes_str("csr")};
    const cairn_fdo_hash hmac = {.alg = CAIRN_FDO_HMAC256, .size = 32};
    const cairn_fdo_hello_device hello = {
        65535, guid, nonce, CAIRN_FDO_ECDH256, CAIRN_FDO_A128GCM, CAIRN_ALG_ES256};
    const cairn_fdo_error error = {.code = 101, .previous = 61, .text = cairn_bytes_str("no")};
    cairn_bytes to0d = {0};
    cairn_bytes b = {0};
    save(cairn_fdo_app_start_encode(&arena, &start, &b), 10, b);
    save(cairn_fdo_set_credentials_encode(&arena, cairn_bytes_str("header"), &b), 11, b);
    save(cairn_fdo_set_hmac_encode(&arena, &hmac, &b), 12, b);
    save(cairn_fdo_empty_encode(&arena, &b), 13, b);
    save(cairn_fdo_hello_ack_encode(&arena, &nonce, &b), 21, b);
    cairn_err err = cairn_fdo_to0d_encode(&arena, cairn_bytes_of("\x80", 1), 60, &nonce, &to0d);
    CAIRN_ASSERT(err == CAIRN_OK);
    save(cairn_fdo_owner_sign_encode(&arena, to0d, cairn_bytes_of("\x80", 1), &b), 22, b);
    save(cairn_fdo_accept_owner_encode(&arena, 60, &b), 23, b);
    save(cairn_fdo_hello_rv_encode(&arena, &guid, CAIRN_ALG_ES256, &b), 30, b);
    save(cairn_fdo_hello_rv_ack_encode(&arena, &nonce, CAIRN_ALG_ES384, &b), 31, b);
    save(cairn_fdo_hello_device_encode(&arena, &hello, &b), 60, b);
    save(cairn_fdo_get_entry_encode(&arena, 1, &b), 62, b);
    save(cairn_fdo_next_entry_encode(&arena, 1, cairn_bytes_of("\x80", 1), &b), 63, b);
    save(cairn_fdo_device_ready_encode(&arena, &hmac, 1300, &b), 66, b);
    save(cairn_fdo_owner_ready_encode(&arena, 1300, &b), 67, b);
    save(cairn_fdo_hello_ack_encode(&arena, &nonce, &b), 71, b);
    save(cairn_fdo_error_encode(&arena, &error, &b), 255, b);
}

static void save_signed(void)
{
    cairn_fdo_unsigned u;
    cairn_fdo_prove_header prove = {.header = cairn_bytes_str("header"),
                                    .hmac_encoded = cairn_bytes_of("\x82\x05\x58\x20"
                                                                   "0123456789abcdef"
                                                                   "0123456789abcdef",
                                                                   36),
                                    .entry_count = 1,
                                    .alg = CAIRN_ALG_ES256,
                                    .kex = cairn_bytes_str("xA"),
                                    .hello_hash = {.alg = CAIRN_FDO_SHA256, .size = 32},
                                    .owner = public_key};
    cairn_fdo_setup setup = {.owner = public_key};
    setup.rv_info.count = 1;
    setup.rv_info.directives[0] = (cairn_fdo_directive){.dns = cairn_bytes_str("rv")};
    cairn_err err =
        cairn_fdo_eat_begin(&arena, CAIRN_ALG_ES256, &nonce, &guid, (cairn_bytes){0}, NULL, &u);
    save(CAIRN_OK, 32, finish(err, &u));
    err = cairn_fdo_eat_begin(&arena, CAIRN_ALG_ES256, &nonce, &guid, cairn_bytes_str("xB"), &nonce,
                              &u);
    save(CAIRN_OK, 64, finish(err, &u));
    err = cairn_fdo_prove_header_begin(&arena, &prove, &u);
    save(CAIRN_OK, 61, finish(err, &u));
    err = cairn_fdo_setup_begin(&arena, &setup, CAIRN_ALG_ES256, &u);
    save(CAIRN_OK, 65, finish(err, &u));
}

static void save_channel(void)
{
    static const uint8_t sek[16] = {1};
    cairn_fdo_info pairs[] = {{cairn_bytes_str("devmod:active"), cairn_bytes_of("\xf5", 1)},
                              {cairn_bytes_str("devmod:os"), cairn_bytes_of("\x61x", 2)}};
    const cairn_fdo_info_list list = {.count = 2, .pairs = pairs};
    cairn_bytes b = {0};
    save(cairn_fdo_device_info_encode(&arena, &list, &b), 68, b);
    save(cairn_fdo_owner_info_encode(&arena, &list, &b), 69, b);
    save(cairn_fdo_seal(&arena, CAIRN_FDO_A128GCM, cairn_bytes_of(sek, 16), b, &b), 0, b);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("usage: seed-fdo-message DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    cairn_arena_init(&arena, 1 << 20);
    CAIRN_ASSERT(cairn_key_generate(CAIRN_KEY_P256, &key) == CAIRN_OK);
    CAIRN_ASSERT(cairn_fdo_key_of(key, CAIRN_FDO_KEY_X509, &public_key) == CAIRN_OK);
    save_plain();
    save_signed();
    save_channel();
    cairn_fdo_key_free(public_key);
    cairn_key_free(key);
    cairn_arena_done(&arena);
    return 0;
}
