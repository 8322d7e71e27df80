/* cairn ca list, due, show, crl, chain: what the certificate authority knows. */
#include "cairn/sha256.h"
#include "command/ca_room.h"
#include "command/files.h"
#include "command/verbs.h"
#include "core/crypto/pem.h"

/* --- list, due --- */

typedef struct listing {
    json_t *list;
    bool revoked; /* these alone */
} listing;

static cairn_err list_one(void *context, const cairn_ca_facts *c)
{
    const listing *l = context;
    if (!l->revoked || c->status == CAIRN_CA_STATUS_REVOKED)
        cairn_ca_room_facts(c, cairn_facts_item(l->list));
    return CAIRN_OK;
}

static cairn_err list_device(cairn_ca_room *room, const char *device, const listing *l)
{
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    const uint8_t *after = NULL;
    size_t count = 0;
    for (;;) {
        cairn_ca_facts c;
        CAIRN_TRY(cairn_ca_of_device(room->ca, cairn_bytes_str(device), after, 1, &serial, &count));
        if (count == 0)
            return CAIRN_OK;
        CAIRN_TRY(cairn_ca_find(room->ca, serial, &room->command->arena, &c));
        CAIRN_TRY(list_one((void *)(uintptr_t)l, &c));
        after = serial;
    }
}

static cairn_err act_list(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    const char *device = cairn_option_value(arguments, "device");
    listing l = {.list = cairn_facts_list(facts, "certificate"),
                 .revoked = cairn_option_given(arguments, "revoked")};
    return device != NULL ? list_device(room, device, &l) : cairn_ca_each(room->ca, list_one, &l);
}

static cairn_err run_list(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_READ, act_list);
}

static const cairn_option list_options[] = {
    {"device", "NAME", false, false, "of this device alone"},
    {"revoked", NULL, false, false, "those that were revoked"},
};

const cairn_verb cairn_verb_ca_list = {
    .name = "ca list",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "list the certificates that this CA has issued, by their end",
    .help = "Its own are among them: root, issuing, ocsp-responder.",
    .options = list_options,
    .option_count = sizeof list_options / sizeof list_options[0],
    .run = run_list,
};

static cairn_err act_due(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    uint64_t days = 30;
    listing l = {.list = cairn_facts_list(facts, "certificate")};
    CAIRN_TRY(cairn_option_number(arguments, "within", 1, 36500, &days));
    return cairn_ca_due(room->ca, days * 86400, list_one, &l);
}

static cairn_err run_due(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_READ, act_due);
}

static const cairn_option due_options[] = {
    {"within", "DAYS", false, false, "that end within so many days; 30 if not given"},
};

const cairn_verb cairn_verb_ca_due = {
    .name = "ca due",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "list the certificates that end soon and have no successor",
    .help = "Neither what was revoked, nor what was renewed. The responder's own is renewed by "
            "itself.",
    .options = due_options,
    .option_count = sizeof due_options / sizeof due_options[0],
    .run = run_due,
};

/* --- show --- */

static cairn_err act_show(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    cairn_arena *arena = &room->command->arena;
    uint8_t serial[CAIRN_CA_SERIAL_SIZE];
    cairn_ca_facts c;
    cairn_hash salt;
    cairn_bytes der = {0};
    cairn_bytes pem = {0};
    CAIRN_TRY(cairn_ca_room_serial(arguments->words[0], serial));
    CAIRN_TRY(cairn_ca_find(room->ca, serial, arena, &c));
    CAIRN_TRY(cairn_ca_certificate(room->ca, serial, arena, &der));
    CAIRN_TRY(cairn_ca_salt(room->ca, serial, &salt));
    CAIRN_TRY(cairn_pem_encode(arena, "CERTIFICATE", der, &pem));
    cairn_ca_room_facts(&c, facts);
    cairn_facts_hash(facts, "key", &c.kid);
    cairn_facts_hash(facts, "salt", &salt);
    cairn_facts_view(facts, "certificate", pem);
    return CAIRN_OK;
}

static cairn_err run_show(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_READ, act_show);
}

const cairn_verb cairn_verb_ca_show = {
    .name = "ca show",
    .words = "SERIAL",
    .words_min = 1,
    .words_max = 1,
    .summary = "print a certificate and what is known of it",
    .help = "The salt belongs to its commitments on the ledger: who has it can tell which they "
            "are.",
    .run = run_show,
};

/* --- crl --- */

static cairn_err read_partition(const cairn_arguments *arguments, uint32_t *ret_partition)
{
    const char *text = cairn_option_value(arguments, "partition");
    uint64_t number = 0;
    if (text != NULL && cairn_ca_root_list_find(cairn_bytes_str(text), ret_partition))
        return CAIRN_OK;
    CAIRN_TRY(
        cairn_option_number(arguments, "partition", 0, UINT32_MAX - CAIRN_CA_ROOTS_MAX, &number));
    *ret_partition = (uint32_t)number;
    return CAIRN_OK;
}

static cairn_err act_crl(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    const char *output = cairn_option_value(arguments, "output");
    uint32_t partition = 0;
    cairn_bytes der = {0};
    cairn_bytes pem = {0};
    cairn_hash hash;
    uint64_t next_s = 0;
    CAIRN_TRY(read_partition(arguments, &partition));
    CAIRN_TRY(cairn_ca_crl(room->ca, partition, &room->command->arena, &der, &next_s));
    cairn_sha256_of(der.data, der.size, &hash);
    cairn_facts_hash(facts, "sha256", &hash);
    cairn_facts_time(facts, "next_update", next_s * 1000);
    if (output != NULL) {
        CAIRN_TRY(cairn_output_write(output, 0644, der));
        cairn_facts_text(facts, "list", output);
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_pem_encode(&room->command->arena, "X509 CRL", der, &pem));
    cairn_facts_view(facts, "list", pem);
    return CAIRN_OK;
}

static cairn_err run_crl(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_READ, act_crl);
}

static const cairn_option crl_options[] = {
    {"partition", "NUMBER", false, false, "which list: a number, root, root-2…; 0 if not given"},
    {"output", "FILE", false, false, "write it there, as it is served (DER)"},
};

const cairn_verb cairn_verb_ca_crl = {
    .name = "ca crl",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "print a revocation list",
    .help = "4,096 certificates share a list; which one is told by 'cairn ca show' and in the "
            "certificate. Its SHA-256 is what the ledger has.",
    .options = crl_options,
    .option_count = sizeof crl_options / sizeof crl_options[0],
    .run = run_crl,
};

/* --- chain --- */

static cairn_err act_chain(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    const char *output = cairn_option_value(arguments, "output");
    cairn_arena *arena = &room->command->arena;
    cairn_bytes chain[2], pem;
    cairn_hash hash;
    cairn_ca_chain(room->ca, &chain[0], &chain[1]);
    cairn_sha256_of(chain[1].data, chain[1].size, &hash);
    size_t first = cairn_option_given(arguments, "root") ? 1 : 0;
    CAIRN_TRY(cairn_pem_encode_list(arena, "CERTIFICATE", chain + first, 2 - first, &pem));
    cairn_facts_hash(facts, "root_sha256", &hash);
    if (output == NULL) {
        cairn_facts_view(facts, "chain", pem);
        return CAIRN_OK;
    }
    CAIRN_TRY(cairn_output_write(output, 0644, pem));
    cairn_facts_text(facts, "chain", output);
    return CAIRN_OK;
}

static cairn_err run_chain(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_READ, act_chain);
}

static const cairn_option chain_options[] = {
    {"root", NULL, false, false, "the root alone, which others are to trust"},
    {"output", "FILE", false, false, "write it there (PEM)"},
};

const cairn_verb cairn_verb_ca_chain = {
    .name = "ca chain",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "print the issuing certificate and its root",
    .help = "In PEM, the issuing certificate first.",
    .options = chain_options,
    .option_count = sizeof chain_options / sizeof chain_options[0],
    .run = run_chain,
};
