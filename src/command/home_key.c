/* Registering keys. */
#include "command/home_key.h"

#include "identity/identity.h"

static cairn_err prove_possession(cairn_home *home, const char *name, cairn_purpose purpose,
                                  cairn_bytes cose_key, uint8_t ret_proof[CAIRN_SIGNATURE_SIZE_MAX],
                                  size_t *ret_size)
{
    cairn_bytes message;
    CAIRN_TRY(cairn_key_proof_message(&home->command->arena, &home->ledger, &home->org, purpose,
                                      cose_key, &message));
    return cairn_signer_sign_wait_for(home->signer, 1u << purpose, name, message, ret_proof,
                                      ret_size);
}

cairn_err cairn_home_register_key(cairn_home *home, const char *name, cairn_purpose purpose,
                                  const cairn_key *key, cairn_verdict *ret_verdict)
{
    uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
    uint8_t proof[CAIRN_SIGNATURE_SIZE_MAX];
    size_t encoded_size = 0;
    size_t proof_size = 0;
    cairn_bytes body;
    CAIRN_TRY(cairn_key_to_cose(key, encoded, &encoded_size));
    cairn_bytes cose_key = cairn_bytes_of(encoded, encoded_size);
    CAIRN_TRY(prove_possession(home, name, purpose, cose_key, proof, &proof_size));
    CAIRN_TRY(cairn_key_add_body(&home->command->arena, cose_key, purpose,
                                 cairn_bytes_of(proof, proof_size), &body));
    return cairn_home_send(home, CAIRN_TX_KEY_ADD, body, ret_verdict);
}

/* --- the first ones --- */

static const struct {
    const char *name;
    cairn_purpose purpose;
    cairn_key_type type;
} first_keys[] = {
    {"sign-1", CAIRN_PURPOSE_SIGN, CAIRN_KEY_P256},
    {"cosign-1", CAIRN_PURPOSE_COSIGN, CAIRN_KEY_P256},
    {"note-1", CAIRN_PURPOSE_COSIGN, CAIRN_KEY_ED25519},
};
enum { FIRST_KEY_COUNT = sizeof first_keys / sizeof first_keys[0] };

cairn_err cairn_home_first_keys(cairn_arena *arena, cairn_signer *signer,
                                cairn_genesis_member *member, cairn_hash *ret_org)
{
    for (size_t i = 0; i < FIRST_KEY_COUNT; i++) {
        CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
        uint8_t encoded[CAIRN_COSE_KEY_SIZE_MAX];
        size_t size = 0;
        CAIRN_TRY(cairn_signer_generate(signer, first_keys[i].name, first_keys[i].type, &key));
        CAIRN_TRY(cairn_key_to_cose(key, encoded, &size));
        member->keys[i].purpose = first_keys[i].purpose;
        CAIRN_TRY(
            cairn_arena_copy(arena, cairn_bytes_of(encoded, size), &member->keys[i].cose_key));
        if (i == 0)
            cairn_org_id(cairn_key_id(key), ret_org);
    }
    member->key_count = FIRST_KEY_COUNT;
    return CAIRN_OK;
}

static cairn_err register_one(cairn_home *home, const char *name)
{
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    const cairn_state_source state = cairn_home_state(home);
    cairn_key_record record;
    cairn_verdict verdict;
    cairn_err err = cairn_signer_public(home->signer, name, &key);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK; /* it has others */
    CAIRN_TRY(err);
    err = cairn_registry_key(&state, &home->command->arena, cairn_key_id(key), &record);
    return err == CAIRN_ERR_NOT_FOUND
               ? cairn_home_register_key(home, name, CAIRN_PURPOSE_COSIGN, key, &verdict)
               : err;
}

cairn_err cairn_home_register_cosigners(cairn_home *home)
{
    for (size_t i = 0; i < FIRST_KEY_COUNT; i++)
        if (first_keys[i].purpose == CAIRN_PURPOSE_COSIGN)
            CAIRN_TRY(register_one(home, first_keys[i].name));
    return CAIRN_OK;
}
