/* Writes the seeds of fuzz_fdo_key, fuzz_fdo_rendezvous and fuzz_fdo_voucher from the vectors. */
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
    return 0;
}
