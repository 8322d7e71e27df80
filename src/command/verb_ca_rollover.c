/* cairn ca rollover: another key issues. */
#include "cairn/sha256.h"
#include "command/ca_room.h"
#include "command/verbs.h"
#include "core/crypto/pem.h"
#include "core/limits.h"

static cairn_err roll_root_over(cairn_ca_room *room, json_t *facts)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_ca_next_root_key(room->ca, name);
    CAIRN_TRY(cairn_ca_room_key(&room->home, name, facts));
    return cairn_ca_rollover_root(room->ca, name);
}

static cairn_err roll_issuing_over(cairn_ca_room *room, json_t *facts)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_ca_next_key(room->ca, name);
    CAIRN_TRY(cairn_ca_room_key(&room->home, name, facts));
    return cairn_ca_rollover(room->ca, name);
}

static cairn_err act_rollover(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    bool is_root = cairn_option_given(arguments, "root");
    cairn_bytes chain[2];
    cairn_bytes pem = {0};
    cairn_hash hash;
    if (room->home.engine == NULL)
        return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house",
                          "a node that shows nobody its ledger holds the directory: the new key "
                          "cannot be registered beside it");
    CAIRN_TRY(is_root ? roll_root_over(room, facts) : roll_issuing_over(room, facts));
    cairn_ca_chain(room->ca, &chain[0], &chain[1]);
    CAIRN_TRY(cairn_pem_encode(&room->command->arena, "CERTIFICATE", chain[is_root ? 1 : 0], &pem));
    cairn_facts_view(facts, "certificate", pem);
    cairn_sha256_of(chain[1].data, chain[1].size, &hash);
    cairn_facts_hash(facts, "root_sha256", &hash);
    return CAIRN_OK;
}

static cairn_err run_rollover(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_WRITE, act_rollover);
}

static const cairn_option rollover_options[] = {
    {"root", NULL, false, false, "another root, in place of another issuing key"},
};

const cairn_verb cairn_verb_ca_rollover = {
    .name = "ca rollover",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "let another key issue from here on, or another root stand above",
    .help =
        "Makes issue-ca-2 (-3, …), registers it on the ledger and certifies it by the same "
        "root. What the key before has issued holds, and its lists and OCSP answers are signed "
        "until all of that has ended: so do not revoke it, unless it was stolen. Also the way "
        "out when the issuing certificate has ended. A node that runs finds it within seconds. "
        "With --root, issue-root-2 (-3, -4) becomes another root, which certifies the issuing keys "
        "too: what was issued, and what is, leads to the old root and to the new one, so give "
        "the new one to all who trust the old one before that ends.",
    .options = rollover_options,
    .option_count = sizeof rollover_options / sizeof rollover_options[0],
    .run = run_rollover,
};
