/* Writes the seeds of identity's decoders: `seed-identity DIRECTORY`, which is tests/fuzz/corpus.
 * By hand, when a format changes. */
#include <sys/stat.h>

#include "core/crypto/jose.h"
#include "identity/status/status_list.h"
#include "support/hex.h"
#include "support/identity_bodies.h"
#include "support/status_vectors.h"

static const char *directory;

static void save(const char *corpus, const char *name, cairn_bytes head, cairn_bytes data)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", directory, corpus);
    (void)mkdir(path, 0777); /* there already, or fopen tells */
    (void)snprintf(path, sizeof path, "%s/%s/%s", directory, corpus, name);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(head.data, 1, head.size, file) != head.size ||
        fwrite(data.data, 1, data.size, file) != data.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void save_text(const char *name, const char *text)
{
    save("did", name, (cairn_bytes){0}, cairn_bytes_str(text));
}

static void save_dids(void)
{
    save_text("example", "did:example:123456789abcdefghi");
    save_text("url", "did:example:123?service=agent&relativeRef=/credentials#degree");
    save_text("web", "did:web:example.com%3A3000:user:alice");
    save_text("cairn", "did:cairn:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef:"
                       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    save_text("version-id", "versionId=123");
    save_text("version-time", "versionTime=2021-05-10T17%3A00:00Z");
    save_text("time", "2024-02-29T23:59:59Z");
    save_text("accept", "text/html, application/did+ld+json;q=0.9, application/did;q=0");
}

/* Nobody verifies it. */
static void save_jws(memory_ledger *m, const char *name, cairn_bytes message)
{
    static const uint8_t signature[64];
    cairn_bytes compact;
    MEMORY_MUST(cairn_jws_assemble(&m->arena, message, cairn_bytes_of(signature, 64), &compact));
    save("status_list", name, (cairn_bytes){0}, compact);
}

static void save_jwts(memory_ledger *m, cairn_bytes packed, cairn_bytes json)
{
    const cairn_status_token token = {.uri = cairn_bytes_str("https://a.example/1"),
                                      .issued = 1,
                                      .expires = 2,
                                      .ttl = 1,
                                      .kid = cairn_bytes_str("k"),
                                      .bits = 2,
                                      .packed = packed};
    cairn_bytes message;
    MEMORY_MUST(cairn_status_jwt_to_be_signed(&m->arena, &token, CAIRN_JOSE_ES256, &message));
    save_jws(m, "token-jwt", message);
    MEMORY_MUST(
        cairn_status_credential_jwt_to_be_signed(&m->arena, json, CAIRN_JOSE_ES256, "k", &message));
    save_jws(m, "credential-jwt", message);
    save("status_list", "accept", (cairn_bytes){0},
         cairn_bytes_str("application/statuslist+jwt;q=0.5, application/*;q=0.1, */*;q=0"));
}

static void save_lists(memory_ledger *m)
{
    const cairn_status_credential credential = {.id = cairn_bytes_str("https://a.example/1"),
                                                .issuer = cairn_bytes_str("did:web:a.example"),
                                                .purpose = cairn_bytes_str("revocation"),
                                                .valid_from_ms = 1000,
                                                .valid_until_ms = 2000,
                                                .bits = 1};
    cairn_status_list list;
    cairn_bytes packed, zlib, json;
    TEST_HEX(token, example_token);
    save("status_list", "token", (cairn_bytes){0}, test_view(&token));
    MEMORY_MUST(cairn_status_list_new(&m->arena, CAIRN_STATUS_TOKEN_ORDER, 2, 100, &list));
    MEMORY_MUST(cairn_status_list_set(&list, 7, 2));
    MEMORY_MUST(cairn_status_list_pack(&m->arena, &list, &zlib));
    save("status_list", "zlib", (cairn_bytes){0}, zlib);
    MEMORY_MUST(cairn_status_list_new(&m->arena, CAIRN_STATUS_BITSTRING_ORDER, 1, 100, &list));
    MEMORY_MUST(cairn_status_list_pack(&m->arena, &list, &packed));
    save("status_list", "gzip", (cairn_bytes){0}, packed);
    MEMORY_MUST(cairn_status_credential_encode(&m->arena, &credential, &list, &json));
    save("status_list", "credential", (cairn_bytes){0}, json);
    save_jwts(m, zlib, json);
}

/* Number of the feature's row, as fuzz_identity.c counts. */
static void save_body(uint16_t type, const char *name, cairn_bytes body)
{
    uint8_t choice = 0;
    while (cairn_identity_feature.transactions[choice].type != type)
        choice++;
    save("identity", name, cairn_bytes_of(&choice, 1), body);
}

static void save_bodies(memory_ledger *m)
{
    const cairn_hash org = memory_org(MEMORY_SIGN);
    const uint64_t end = MEMORY_TIME_MS + 1000;
    save_body(CAIRN_TX_KEY_ROTATE, "rotate", memory_rotate(m, 10, 40, CAIRN_PURPOSE_SIGN, 9));
    save_body(CAIRN_TX_SUBJECT_REGISTER, "register", memory_register(m, 1, 1));
    save_body(CAIRN_TX_SUBJECT_STATUS, "status", memory_subject_status(m, 1, 1, 2));
    save_body(CAIRN_TX_SUBJECT_ROTATE, "subject-rotate", memory_replace(m, 1, 1, 2));
    save_body(CAIRN_TX_SUBJECT_OFFER, "offer", memory_offer(m, 1, 1, &org));
    save_body(CAIRN_TX_GRANT_SET, "grant", memory_grant(m, 1, 10, "read", end, 0));
    save_body(CAIRN_TX_GRANT_REVOKE, "grant-revoke", memory_grant_revoke(m, 1, 10, 1));
    save_body(CAIRN_TX_LIST_ANCHOR, "list", memory_list(m, CAIRN_LIST_TOKEN, 1, end));
    save_body(CAIRN_TX_ORG_ADMIT, "admit", memory_admit(&m->arena, &m->id, "Guest", false, 50));
    save_body(CAIRN_TX_ORG_ROLES, "roles", memory_roles(m, &org, 3, 1));
}

/* The records that the same acts leave. */
static void save_records(memory_ledger *m)
{
    static const struct {
        const char *prefix, *name;
        unsigned number;
    } records[] = {{"org/", "record-org", 0},         {"key/", "record-key", 1},
                   {"edition/", "record-edition", 2}, {"subject/", "record-subject", 3},
                   {"grant/", "record-grant", 4},     {"list/", "record-list", 5}};
    const uint64_t now = MEMORY_TIME_MS + 1;
    const cairn_bytes txs[] = {
        memory_tx(m, memory_key(10), CAIRN_TX_SUBJECT_REGISTER, memory_register(m, 1, 2), now + 1),
        memory_tx(m, memory_key(10), CAIRN_TX_GRANT_SET, memory_grant(m, 1, 10, "read", now + 9, 0),
                  now + 2),
        memory_tx(m, memory_key(10), CAIRN_TX_LIST_ANCHOR,
                  memory_list(m, CAIRN_LIST_TOKEN, 1, now + 9), now + 3),
        memory_tx(m, memory_key(10), CAIRN_TX_KEY_ROTATE,
                  memory_rotate(m, 10, 40, CAIRN_PURPOSE_SIGN, 9), now + 4)};
    const cairn_outcome *o = memory_block(m, now, txs, 4);
    for (size_t i = 0; i < o->delta.count; i++)
        for (size_t k = 0; k < sizeof records / sizeof records[0]; k++) {
            const cairn_change *change = o->delta.changes[i];
            uint8_t choice =
                (uint8_t)(cairn_identity_feature.transaction_count + records[k].number);
            if (memcmp(change->key.data, records[k].prefix, strlen(records[k].prefix)) == 0)
                save("identity", records[k].name, cairn_bytes_of(&choice, 1), change->value);
        }
}

int main(int argc, char **argv)
{
    static memory_ledger m;
    if (argc != 2) {
        fputs("usage: seed-identity DIRECTORY\n", stderr);
        return 2;
    }
    directory = argv[1];
    memory_begin(&m, 1, NULL);
    save_dids();
    save_lists(&m);
    save_bodies(&m);
    save_records(&m);
    memory_end(&m);
    return 0;
}
