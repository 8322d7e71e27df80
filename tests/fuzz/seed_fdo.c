/* Writes the seeds of fuzz_fdo_key, fuzz_fdo_rendezvous, fuzz_fdo_service and fuzz_fdo_voucher,
 * from the vectors where there are any. */
#include <stdio.h>

#include "onboard/wire/voucher.h"
#include "support/fdo_vectors.h"
#include "support/hex.h"

static const char *directory;

static void save(const char *folder, const char *name, cairn_bytes data)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, folder, name);
    FILE *file = fopen(path, "wb");
    CAIRN_ASSERT(file != NULL && fwrite(data.data, 1, data.size, file) == data.size &&
                 fclose(file) == 0);
}

static void save_hex(const char *folder, const char *name, const char *hex)
{
    TEST_HEX(data, hex);
    save(folder, name, test_view(&data));
}

static void save_parts(const char *hex)
{
    TEST_HEX(in, hex);
    CAIRN_CLEANUP(cairn_arena_done) cairn_arena arena;
    CAIRN_CLEANUP(cairn_fdo_voucher_done) cairn_fdo_voucher voucher = {0};
    cairn_bytes pem = {0};
    cairn_arena_init(&arena, 1 << 16);
    CAIRN_ASSERT(cairn_fdo_voucher_read(test_view(&in), &voucher) == CAIRN_OK);
    save("fdo_voucher", "entry", voucher.entries[1]);
    CAIRN_ASSERT(cairn_fdo_voucher_to_pem(&arena, test_view(&in), &pem) == CAIRN_OK);
    save("fdo_voucher", "pem", pem);
}

/* Mode, type, content. */
static void save_service(void)
{
    save_hex("fdo_service", "hello",
             "0014"
             "80");
    save_hex("fdo_service", "hello_rv",
             "001e"
             "8250000102030405060708090a0b0c0d0e0f822640");
    save_hex("fdo_service", "gives_up",
             "00ff"
             "8518653d626e6f1a65000000f6");
    save_hex("fdo_service", "entry",
             "033e"
             "8101");
    save_hex("fdo_service", "no_hmac",
             "0342"
             "82f6f6");
    save_hex("fdo_service", "info",
             "0344"
             "82f5826e6465766d6f643a6d6f64756c657342830000");
    save_hex("fdo_service", "sealed",
             "0144"
             "d08343a10101a1054c000000000000000000000000"
             "50"
             "00000000000000000000000000000000");
    save_hex("fdo_service", "nonce",
             "0440"
             "0000"
             "01");
    save_hex("fdo_service", "token",
             "0220"
             "0020"
             "ff");
    save_hex("fdo_service", "word",
             "0516"
             "824183d2844080a04080");
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fputs("usage: seed-fdo DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    save_hex("fdo_voucher", "p256", FDO_VOUCHER_P256);
    save_hex("fdo_voucher", "p384", FDO_VOUCHER_P384);
    save_hex("fdo_voucher", "pss", FDO_VOUCHER_PSS);
    save_hex("fdo_voucher", "pkcs", FDO_VOUCHER_PKCS);
    save_parts(FDO_VOUCHER_P256);
    save_hex("fdo_key", "p256", FDO_OWNER_P256);
    save_hex("fdo_key", "p384_cose", FDO_OWNER_P384);
    save_hex("fdo_key", "x5chain", FDO_OWNER_X5CHAIN);
    save_hex("fdo_key", "rsa", FDO_OWNER_PSS);
    save_hex("fdo_rendezvous", "info", FDO_RV_INFO);
    save_hex("fdo_rendezvous", "to1d", FDO_TO1D_P256);
    save_service();
    return 0;
}
