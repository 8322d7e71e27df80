/* cairn ca rollover: another key issues. */
#include "command/ca_room.h"
#include "command/verbs.h"
#include "core/crypto/pem.h"
#include "core/limits.h"

static cairn_err act_rollover(cairn_ca_room *room, const cairn_arguments *arguments, json_t *facts)
{
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
    cairn_bytes issuing = {0};
    cairn_bytes root = {0};
    (void)arguments;
    if (room->home.engine == NULL)
        return CAIRN_FAIL(CAIRN_ERR_LOCKED, "house",
                          "a node that shows nobody its ledger holds the directory: the new key "
                          "cannot be registered beside it");
    cairn_ca_next_key(room->ca, name);
    CAIRN_TRY(cairn_ca_room_key(&room->home, name, facts));
    CAIRN_TRY(cairn_ca_rollover(room->ca, name));
    cairn_ca_chain(room->ca, &issuing, &root);
    cairn_bytes pem = {0};
    CAIRN_TRY(cairn_pem_encode(&room->command->arena, "CERTIFICATE", issuing, &pem));
    cairn_facts_view(facts, "certificate", pem);
    return CAIRN_OK;
}

static cairn_err run_rollover(cairn_command *command, const cairn_arguments *arguments)
{
    return cairn_ca_room_run(command, arguments, CAIRN_CA_ROOM_WRITE, act_rollover);
}

const cairn_verb cairn_verb_ca_rollover = {
    .name = "ca rollover",
    .words = "",
    .words_min = 0,
    .words_max = 0,
    .summary = "let another key issue from here on",
    .help = "Makes issue-ca-2 (-3, …), registers it on the ledger and certifies it by the same "
            "root. What the key before has issued holds, and its lists and OCSP answers are signed "
            "until all of that has ended: so do not revoke it, unless it was stolen. Also the way "
            "out when the issuing certificate has ended. A node that runs finds it within seconds.",
    .run = run_rollover,
};
