/* A device's last step, for the script beside it: a profile is made and signed, opened by the
 * operator's key, checked, and written out as what stock programs read. ca.pem is written from the
 * profile's own trust anchors.
 *
 *   profile-join network REALM SERVER ANCHOR.pem CERTIFICATE.pem KEY.pem DIR > wpa.conf
 *   profile-join mqtt HOST PORT TOPIC CLIENT ANCHOR.pem CERTIFICATE.pem KEY.pem DIR > options */
#include <stdio.h>
#include <stdlib.h>

#include "cairn/cose.h"
#include "cairn/network_profile.h"
#include "cairn/sha256.h"
#include "core/crypto/pem.h"

enum { ARENA_SIZE = 1 << 20, FILE_SIZE_MAX = 16384, NOW_MS = 1500, NAME_SIZE = 1024 };

#define MUST(call)                                                  \
    do {                                                            \
        if ((call) != CAIRN_OK) {                                   \
            fprintf(stderr, "%s: %s\n", #call, cairn_err_detail()); \
            exit(1);                                                \
        }                                                           \
    } while (0)

/* The first certificate of a file: the leaf of a chain. */
static cairn_bytes read_der(cairn_arena *arena, const char *name)
{
    static const char end[] = "-----END CERTIFICATE-----\n";
    uint8_t text[FILE_SIZE_MAX];
    cairn_bytes copy, der;
    FILE *file = fopen(name, "r");
    if (file == NULL) {
        perror(name);
        exit(1);
    }
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    const uint8_t *found = memmem(text, size, end, strlen(end));
    if (found != NULL)
        size = (size_t)(found - text) + strlen(end);
    MUST(cairn_arena_copy(arena, cairn_bytes_of(text, size), &copy));
    MUST(cairn_pem_decode(arena, "CERTIFICATE", copy, &der));
    return der;
}

/* DIR/ca.pem from the profile; the rest are the device's own files. */
static cairn_profile_files files_of(cairn_arena *arena, const char *directory, cairn_bytes anchor,
                                    char *certificate, char *key)
{
    static char name[NAME_SIZE];
    cairn_bytes pem;
    snprintf(name, sizeof name, "%s/ca.pem", directory);
    MUST(cairn_pem_encode(arena, "CERTIFICATE", anchor, &pem));
    FILE *file = fopen(name, "w");
    if (file == NULL || fwrite(pem.data, 1, pem.size, file) != pem.size || fclose(file) != 0) {
        perror(name);
        exit(1);
    }
    return (cairn_profile_files){.anchors = name, .certificate = certificate, .key = key};
}

static cairn_bytes sign(cairn_arena *arena, const cairn_key *operator_key, cairn_bytes payload)
{
    cairn_bytes to_sign, message;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    const cairn_hash *kid = cairn_key_id(operator_key);
    MUST(cairn_network_profile_to_be_signed(arena, kid, payload, &to_sign));
    MUST(cairn_key_sign(operator_key, to_sign, signature, &size));
    MUST(cairn_network_profile_assemble(arena, kid, payload, cairn_bytes_of(signature, size),
                                        &message));
    return message;
}

static cairn_bytes join_network(cairn_arena *arena, char **args)
{
    cairn_key *operator_key = NULL;
    cairn_network_profile profile = {.counter = 1, .not_before_ms = 1000, .not_after_ms = 2000};
    cairn_profile_facts facts = {.time_ms = NOW_MS};
    cairn_bytes payload, text, certificate = read_der(arena, args[3]);
    profile.user = cairn_bytes_str("d-17");
    profile.realm = cairn_bytes_str(args[0]);
    profile.server_name = cairn_bytes_str(args[1]);
    profile.network_count = 1;
    profile.networks[0].plmn = cairn_bytes_str("34512");
    profile.networks[0].nid = cairn_bytes_str("000007ed9d5");
    profile.anchor_count = 1;
    profile.anchors[0] = read_der(arena, args[2]);
    cairn_sha256_of(certificate.data, certificate.size, &profile.certificate);
    facts.certificate = profile.certificate;
    MUST(cairn_key_generate(CAIRN_KEY_P256, &operator_key));
    MUST(cairn_network_profile_encode(arena, &profile, &payload));
    MUST(cairn_network_profile_open(arena, sign(arena, operator_key, payload), operator_key,
                                    &profile));
    MUST(cairn_network_profile_check(&profile, &facts));
    cairn_profile_files files = files_of(arena, args[5], profile.anchors[0], args[3], args[4]);
    MUST(cairn_network_profile_render_wpa(arena, &profile, &files, &text));
    cairn_key_free(operator_key);
    return text;
}

static cairn_bytes join_service(cairn_arena *arena, char **args)
{
    cairn_service_profile profile = {.port = (uint16_t)strtoul(args[1], NULL, 10)};
    cairn_bytes encoded, text;
    profile.broker = cairn_bytes_str(args[0]);
    profile.topic = cairn_bytes_str(args[2]);
    profile.client_id = cairn_bytes_str(args[3]);
    profile.anchor_count = 1;
    profile.anchors[0] = read_der(arena, args[4]);
    MUST(cairn_service_profile_encode(arena, &profile, &encoded));
    MUST(cairn_service_profile_decode(encoded, &profile));
    cairn_profile_files files = files_of(arena, args[7], profile.anchors[0], args[5], args[6]);
    MUST(cairn_service_profile_render_mqtt(arena, &profile, &files, &text));
    return text;
}

int main(int argc, char **argv)
{
    cairn_arena arena;
    cairn_bytes text;
    cairn_arena_init(&arena, ARENA_SIZE);
    if (argc == 8 && strcmp(argv[1], "network") == 0)
        text = join_network(&arena, argv + 2);
    else if (argc == 10 && strcmp(argv[1], "mqtt") == 0)
        text = join_service(&arena, argv + 2);
    else
        return 2;
    size_t written = fwrite(text.data, 1, text.size, stdout);
    cairn_arena_done(&arena);
    return written == text.size ? 0 : 1;
}
