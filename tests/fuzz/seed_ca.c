/* Writes the seeds of the CA's decoders: requests as OpenSSL makes them. seed-ca DIRECTORY, which
 * is tests/fuzz/corpus. */
#include <openssl/ocsp.h>

#include "support/ca_fixture.h"

static void write_seed(const char *directory, const char *name, cairn_bytes content)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    CAIRN_ASSERT(file != NULL);
    CAIRN_ASSERT(fwrite(content.data, 1, content.size, file) == content.size);
    CAIRN_ASSERT(fclose(file) == 0);
}

static void seed_csr(const char *directory, cairn_arena *arena)
{
    static const struct {
        const char *name;
        ca_csr_wish wish;
    } seeds[] = {
        {"ca_csr/p256", {.type = "P-256"}},
        {"ca_csr/p384_subject",
         {.type = "P-384", .common_name = "unit", .organisation = "Example", .serial_number = "7"}},
        {"ca_csr/ed25519_names",
         {.type = "ED25519",
          .alt_names = "DNS:a.example,IP:10.0.0.1,IP:::1,URI:urn:x:y,email:d@r.example"}},
        {"ca_csr/p256_usage", {.type = "P-256", .common_name = "unit", .usage = "clientAuth"}},
        {"ca_csr/rsa", {.type = "RSA", .common_name = "unit"}},
    };
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        write_seed(directory, seeds[i].name, ca_csr(arena, &seeds[i].wish));
}

static void seed_ocsp(const char *directory, const char *name, const EVP_MD *md, size_t count,
                      bool nonce)
{
    OCSP_REQUEST *request = OCSP_REQUEST_new();
    X509_NAME *issuer = X509_NAME_new();
    ASN1_BIT_STRING *key = ASN1_BIT_STRING_new();
    ASN1_INTEGER *serial = ASN1_INTEGER_new();
    static const uint8_t number[CAIRN_CA_SERIAL_SIZE] = {0x41, 0x42};
    ca_csr_attribute(issuer, "O", "Example");
    CAIRN_ASSERT(ASN1_BIT_STRING_set(key, (unsigned char *)(uintptr_t) "key", 3) == 1);
    CAIRN_ASSERT(ASN1_STRING_set(serial, number, sizeof number) == 1);
    for (size_t i = 0; i < count; i++)
        CAIRN_ASSERT(OCSP_request_add0_id(request, OCSP_cert_id_new(md, issuer, key, serial)) !=
                     NULL);
    if (nonce)
        CAIRN_ASSERT(OCSP_request_add1_nonce(request, NULL, 32) == 1);
    unsigned char *der = NULL;
    int size = i2d_OCSP_REQUEST(request, &der);
    CAIRN_ASSERT(size > 0);
    write_seed(directory, name, cairn_bytes_of(der, (size_t)size));
    OPENSSL_free(der);
    ASN1_INTEGER_free(serial);
    ASN1_BIT_STRING_free(key);
    X509_NAME_free(issuer);
    OCSP_REQUEST_free(request);
}

int main(int argc, char **argv)
{
    cairn_arena arena;
    if (argc != 2) {
        (void)fputs("usage: seed-ca DIRECTORY\n", stderr);
        return 2;
    }
    cairn_arena_init(&arena, 1 << 20);
    seed_csr(argv[1], &arena);
    seed_ocsp(argv[1], "ca_ocsp/sha1", EVP_sha1(), 1, false);
    seed_ocsp(argv[1], "ca_ocsp/sha256_nonce", EVP_sha256(), 1, true);
    seed_ocsp(argv[1], "ca_ocsp/several", EVP_sha1(), 8, true);
    cairn_arena_done(&arena);
    return 0;
}
