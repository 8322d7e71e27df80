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
