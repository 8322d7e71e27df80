/* cairn ca issue, renew, revoke: what changes what the certificate authority knows. */
#include <stdio.h>

#include "command/ca_room.h"
#include "command/files.h"
#include "command/verbs.h"
#include "core/crypto/pem.h"
#include "core/net/address.h"
#include "core/store/file.h"
#include "identity/ca/ca_csr.h"

enum {
    CSR_FILE_SIZE_MAX = 2 * CAIRN_CA_CSR_SIZE_MAX,
    DAYS_MAX = 3652,
};
static const char suffix[] = ".crt";

/* --- requests in, certificates out --- */

static cairn_err read_request(cairn_ca_room *room, const char *path, cairn_bytes *ret_csr)
{
    cairn_arena *arena = &room->command->arena;
    cairn_bytes text = {0};
    CAIRN_TRY(cairn_input_read(arena, path, CSR_FILE_SIZE_MAX, &text));
    return cairn_pem_decode(arena, "CERTIFICATE REQUEST", text, ret_csr);
}

static cairn_err output_path(const char *request, const char *output,
                             char ret_path[CAIRN_PATH_SIZE_MAX])
{
    const char *name = output == NULL ? request : output;
    int size = snprintf(ret_path, CAIRN_PATH_SIZE_MAX, "%s%s", name, output == NULL ? suffix : "");
    if (size < 0 || size >= CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "%s: path is too long", name);
    return CAIRN_OK;
}

/* The certificate, then those of who issued it: what a TLS server or client sends. */
static cairn_err write_chain(cairn_ca_room *room, const char *path, const cairn_ca_issued *issued)
{
    cairn_bytes list[1 + CAIRN_CA_ISSUERS_MAX] = {issued->certificate};
    cairn_bytes text = {0};
    memcpy(list + 1, issued->issuers, sizeof issued->issuers);
    CAIRN_TRY(cairn_pem_encode_list(&room->command->arena, "CERTIFICATE", list,
                                    sizeof list / sizeof list[0], &text));
    return cairn_output_write(path, 0644, text);
}

static cairn_err give(cairn_ca_room *room, const char *request, const char *output,
                      const cairn_ca_issued *issued, json_t *facts)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_ca_facts c;
    CAIRN_TRY(output_path(request, output, path));
    CAIRN_TRY(write_chain(room, path, issued));
    CAIRN_TRY(cairn_ca_find(room->ca, issued->serial, &room->command->arena, &c));
    cairn_ca_room_facts(&c, facts);
    cairn_facts_text(facts, "certificate", path);
    return CAIRN_OK;
}

/* --- issue --- */

typedef struct wishes {
    cairn_ca_name names[CAIRN_CA_NAMES_MAX];
    cairn_ca_grant grant;
} wishes;

static cairn_err parse_address(const char *text, cairn_arena *arena, cairn_bytes *ret_value)
{
    cairn_network network;
    if (strchr(text, '/') != NULL || cairn_network_parse(text, &network) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--ip: %s is no address", text);
    return cairn_arena_copy(arena, cairn_bytes_of(network.bytes, network.v6 ? 16 : 4), ret_value);
}

static cairn_err add_names(const cairn_arguments *arguments, const char *option,
                           cairn_ca_name_kind kind, cairn_arena *arena, wishes *w)
{
    const char *const *values = NULL;
    size_t count = cairn_option_values(arguments, option, &values);
    for (size_t i = 0; i < count; i++) {
        if (w->grant.name_count == CAIRN_CA_NAMES_MAX)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s: at most %d names in all", option,
                              CAIRN_CA_NAMES_MAX);
        cairn_ca_name *name = &w->names[w->grant.name_count++];
        *name = (cairn_ca_name){.kind = kind, .value = cairn_bytes_str(values[i])};
        if (kind == CAIRN_CA_NAME_IP)
            CAIRN_TRY(parse_address(values[i], arena, &name->value));
        if (cairn_ca_name_check(name) != CAIRN_OK)
            return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s: %s is none", option, values[i]);
    }
    return CAIRN_OK;
}

static cairn_err read_names(const cairn_arguments *arguments, cairn_arena *arena, wishes *w)
{
    static const struct {
        const char *option;
        cairn_ca_name_kind kind;
    } kinds[] = {{"dns", CAIRN_CA_NAME_DNS},
                 {"ip", CAIRN_CA_NAME_IP},
                 {"uri", CAIRN_CA_NAME_URI},
                 {"email", CAIRN_CA_NAME_EMAIL}};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        CAIRN_TRY(add_names(arguments, kinds[i].option, kinds[i].kind, arena, w));
    w->grant.names = w->names;
    return CAIRN_OK;
}

/* Who asks is the CA's own operator: the subject's name is what he says, or else the request. */
static cairn_err read_subject(const cairn_arguments *arguments, cairn_bytes csr, cairn_arena *arena,
                              wishes *w)
{
    CAIRN_CLEANUP(cairn_ca_csr_done) cairn_ca_csr request = {0};
    const char *name = cairn_option_value(arguments, "name");
    const char *device = cairn_option_value(arguments, "device");
    if (device != NULL)
        w->grant.device = cairn_bytes_str(device);
    if (name != NULL) {
        w->grant.common_name = cairn_bytes_str(name);
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_ca_csr_decode(csr, &request));
    if (request.subject.common_name.size == 0)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "the request names no subject: give --name");
    return cairn_arena_copy(arena, request.subject.common_name, &w->grant.common_name);
}

static cairn_err read_profile(const cairn_arguments *arguments,
                              const cairn_ca_profile_row **ret_profile)
{
    const char *name = cairn_option_value(arguments, "profile");
    const cairn_ca_profile_row *profile = cairn_ca_profile_find(name);
    if (profile == NULL || !profile->from_csr)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "--profile: tls-server, tls-client, device-bootstrap, device-network or "
                          "device-service");
    *ret_profile = profile;
    return CAIRN_OK;
}

static cairn_err act_issue(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    cairn_arena *arena = &room->command->arena;
    const cairn_ca_profile_row *profile = NULL;
    wishes w = {.grant = {.validity_s = 0}};
    uint64_t days = 0;
    cairn_bytes csr = {0};
    cairn_ca_issued issued;
    CAIRN_TRY(read_profile(arguments, &profile));
    CAIRN_TRY(cairn_option_number(arguments, "days", 1, DAYS_MAX, &days));
    CAIRN_TRY(read_names(arguments, arena, &w));
    CAIRN_TRY(read_request(room, arguments->words[0], &csr));
    CAIRN_TRY(read_subject(arguments, csr, arena, &w));
    w.grant.validity_s = (uint32_t)(days * 86400);
    CAIRN_TRY(cairn_ca_issue(room->ca, profile->profile, csr, &w.grant, arena, &issued));
    return give(room, arguments->words[0], cairn_option_value(arguments, "output"), &issued, facts);
}

static cairn_err run_issue(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_WRITE, act_issue);
}

static const cairn_option issue_options[] = {
    {"profile", "PROFILE", true, false,
     "tls-server, tls-client, device-bootstrap, device-network, device-service"},
    {"name", "NAME", false, false, "common name; that of the request if not given"},
    {"device", "NAME", false, false, "the device's name, a pseudonym, for a device's profile"},
    {"dns", "HOST", false, true, "a host that it may stand for"},
    {"ip", "ADDRESS", false, true, "an address likewise"},
    {"uri", "URI", false, true, "a URI likewise"},
    {"email", "DEVICE@REALM", false, true, "a network access identifier likewise"},
    {"days", "DAYS", false, false, "how long it holds; as the profile says if not given"},
    {"output", "FILE", false, false, "where it is written; REQUEST.crt if not given"},
};

const cairn_verb cairn_verb_ca_issue = {
    .name = "ca issue",
    .words = "REQUEST --profile PROFILE",
    .words_min = 1,
    .words_max = 1,
    .summary = "issue a certificate for a request (PKCS#10)",
    .help =
        "The request proves that its sender holds the key; what the certificate says is decided "
        "here. A request that asks for names gets those of them that are granted by --dns, "
        "--ip, --uri and --email, and is refused when it asks for another; one that asks for "
        "none gets all. The file holds the certificate and the one that issued it, in PEM.",
    .options = issue_options,
    .option_count = sizeof issue_options / sizeof issue_options[0],
    .run = run_issue,
};

/* --- renew --- */

static cairn_err act_renew(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_bytes csr = {0};
    cairn_ca_issued issued;
    CAIRN_TRY(cairn_ca_room_serial(arguments->words[0], serial));
    CAIRN_TRY(read_request(room, arguments->words[1], &csr));
    CAIRN_TRY(cairn_ca_renew(room->ca, serial, csr, cairn_option_given(arguments, "early"),
                             &room->command->arena, &issued));
    return give(room, arguments->words[1], cairn_option_value(arguments, "output"), &issued, facts);
}

static cairn_err run_renew(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_WRITE, act_renew);
}

static const cairn_option renew_options[] = {
    {"early", NULL, false, false, "before its renewal is open"},
    {"output", "FILE", false, false, "where it is written; REQUEST.crt if not given"},
};

const cairn_verb cairn_verb_ca_renew = {
    .name = "ca renew",
    .words = "SERIAL REQUEST",
    .words_min = 2,
    .words_max = 2,
    .summary = "issue the successor of a certificate",
    .help = "With the same names, for the request's key: the same one or a new one. Both hold for "
            "seven days, then the old one is revoked as superseded.",
    .options = renew_options,
    .option_count = sizeof renew_options / sizeof renew_options[0],
    .run = run_renew,
};

/* --- revoke --- */

static cairn_err read_reason(const cairn_arguments *arguments, cairn_ca_reason *ret_reason)
{
    if (cairn_ca_reason_find(cairn_option_value(arguments, "reason"), ret_reason) != CAIRN_OK)
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "--%s", cairn_err_detail());
    return CAIRN_OK;
}

static cairn_err revoke_one(cairn_ca_room *room, const uint8_t *serial, cairn_ca_reason reason,
                            json_t *list)
{
    cairn_ca_facts c;
    CAIRN_TRY(cairn_ca_revoke(room->ca, serial, reason));
    CAIRN_TRY(cairn_ca_find(room->ca, serial, &room->command->arena, &c));
    cairn_ca_room_facts(&c, cairn_facts_item(list));
    return CAIRN_OK;
}

static cairn_err revoke_device(cairn_ca_room *room, const char *device, cairn_ca_reason reason,
                               json_t *list)
{
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    const uint8_t *after = NULL;
    size_t count = 0;
    for (;;) {
        CAIRN_TRY(cairn_ca_of_device(room->ca, cairn_bytes_str(device), after, 1, &serial, &count));
        if (count == 0)
            break;
        CAIRN_TRY(revoke_one(room, serial, reason, list));
        after = serial;
    }
    return after != NULL
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house", "ca: no certificate names that device");
}

static cairn_err act_revoke(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    const char *device = cairn_option_value(arguments, "device");
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_ca_reason reason = CAIRN_CA_UNSPECIFIED;
    json_t *list = cairn_facts_list(facts, "certificate");
    if ((device == NULL) == (arguments->word_count == 0))
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house", "a SERIAL, or --device");
    CAIRN_TRY(read_reason(arguments, &reason));
    if (device != NULL)
        return revoke_device(room, device, reason, list);
    CAIRN_TRY(cairn_ca_room_serial(arguments->words[0], serial));
    return revoke_one(room, serial, reason, list);
}

static cairn_err run_revoke(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_WRITE, act_revoke);
}

static const cairn_option revoke_options[] = {
    {"reason", "REASON", true, false,
     "why: keyCompromise, superseded or another that RFC 5280 names"},
    {"device", "NAME", false, false, "all certificates of this device"},
};

const cairn_verb cairn_verb_ca_revoke = {
    .name = "ca revoke",
    .words = "[SERIAL] --reason REASON",
    .words_min = 0,
    .words_max = 1,
    .summary = "revoke a certificate, or all of a device",
    .help =
        "For good: the list and the OCSP answers that say so are signed before this ends, and a "
        "node refuses the certificate from then on. Revoking again is no error; only "
        "keyCompromise replaces an earlier reason, and then no certificate is issued for that "
        "key any more.",
    .options = revoke_options,
    .option_count = sizeof revoke_options / sizeof revoke_options[0],
    .run = run_revoke,
};
