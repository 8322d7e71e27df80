/* Writes the seeds of fuzz_jose and fuzz_audit_row. */
#include <stdio.h>

#include "node/auth/audit.h"

static const char *directory;

static void save(const char *folder, const char *name, const void *data, size_t size)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, folder, name);
    FILE *file = fopen(path, "wb");
    CAIRN_ASSERT(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void save_text(const char *name, const char *text)
{
    save("jose", name, text, strlen(text));
}

int main(int argc, char **argv)
{
    uint8_t out[CAIRN_AUDIT_ROW_SIZE_MAX];
    if (argc != 2) {
        (void)fputs("usage: seed-auth DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    /* The first byte of each chooses the parser: '2' is 50, 50 mod 5 is 0, and so on. */
    save_text("jws", "2eyJhbGciOiJFUzI1NiJ9.e30.AAAA");
    save_text("jwt", "3eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.eyJpc3MiOiJpIiwic3ViIjoicyIsImF1ZCI6"
                     "ImEiLCJleHAiOjE3MDAwMDAxMDB9.AAAA");
    save_text("jwks", "4{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                      "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\",\"kid\":\"k\"}]}");
    save_text("phc", "5$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$"
                     "cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofI");
    save_text("base64url", "6Zm9vYg");
    cairn_audit_row row = {.number = 7, .granted = true};
    save("audit_row", "nobody", out, cairn_audit_row_encode(&row, out));
    row.has_organisation = true;
    row.operation = cairn_bytes_str("removeThing");
    row.method = cairn_bytes_str("DELETE");
    row.reason = cairn_bytes_str("scope_missing");
    row.tenant = cairn_bytes_str("red");
    save("audit_row", "somebody", out, cairn_audit_row_encode(&row, out));
    return 0;
}
