/* Files and signatures of a device's papers. */
#include "command/device_papers.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <unistd.h>

#include "command/files.h"
#include "core/store/file.h"

static const char suffix[] = ".passport";

cairn_err cairn_device_random(cairn_hash *ret_random)
{
    if (RAND_bytes(ret_random->b, sizeof ret_random->b) != 1)
        return CAIRN_FAIL(CAIRN_ERR_CRYPTO, "house", "device: no random bytes");
    return CAIRN_OK;
}

/* --- the passport --- */

static cairn_err passport_path(const char *path, char ret_path[CAIRN_PATH_SIZE_MAX])
{
    const size_t size = strlen(path), end = sizeof suffix - 1;
    bool named = size > end && strcmp(path + size - end, suffix) == 0;
    if (snprintf(ret_path, CAIRN_PATH_SIZE_MAX, "%s%s", path, named ? "" : suffix) >=
        CAIRN_PATH_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "%s: path is too long", path);
    return CAIRN_OK;
}

cairn_err cairn_device_passport_write(cairn_home *home, const char *path,
                                      const cairn_passport *passport)
{
    char name[CAIRN_PATH_SIZE_MAX];
    cairn_bytes encoded;
    CAIRN_TRY(passport_path(path, name));
    CAIRN_TRY(cairn_passport_encode(&home->command->arena, passport, &encoded));
    return cairn_output_write(name, 0600, encoded);
}

cairn_err cairn_device_passport_read(cairn_home *home, const char *path,
                                     cairn_passport *ret_passport)
{
    cairn_arena *arena = &home->command->arena;
    char name[CAIRN_PATH_SIZE_MAX];
    cairn_bytes encoded;
    cairn_passport passport;
    CAIRN_TRY(passport_path(path, name));
    if (access(name, F_OK) != 0)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house",
                          "%s is not there: without its passport a device is not found on the "
                          "ledger",
                          name);
    CAIRN_TRY(cairn_input_read(arena, name, CAIRN_PASSPORT_SIZE_MAX, &encoded));
    CAIRN_TRY(cairn_passport_decode(arena, encoded, &passport));
    if (!cairn_hash_equal(&passport.ledger, &home->ledger))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s is of another ledger", name);
    *ret_passport = passport;
    return CAIRN_OK;
}

/* --- both --- */

static cairn_err read_voucher(cairn_home *home, const char *path, cairn_device_papers *papers)
{
    cairn_arena *arena = &home->command->arena;
    cairn_bytes pem, encoded;
    CAIRN_TRY(cairn_input_read(arena, path, 2 * CAIRN_FDO_VOUCHER_SIZE_MAX, &pem));
    CAIRN_TRY(cairn_fdo_voucher_from_pem(arena, pem, &encoded));
    CAIRN_TRY(cairn_fdo_voucher_read(encoded, &papers->voucher));
    CAIRN_TRY(cairn_fdo_chain_check(&papers->voucher, NULL, 0, &papers->device));
    return cairn_fdo_voucher_verify(arena, &papers->voucher, &papers->head);
}

static cairn_err read_both(cairn_home *home, const char *path, cairn_device_papers *papers)
{
    CAIRN_TRY(read_voucher(home, path, papers));
    cairn_err err = cairn_device_passport_read(home, path, &papers->passport);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_OK;
    CAIRN_TRY(err);
    papers->has_passport = true;
    if (memcmp(&papers->passport.guid, &papers->voucher.header.guid,
               sizeof papers->passport.guid) != 0)
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, "house", "%s%s is of another device", path, suffix);
    return CAIRN_OK;
}

cairn_err cairn_device_papers_read(cairn_home *home, const char *path,
                                   cairn_device_papers *ret_papers)
{
    CAIRN_CLEANUP(cairn_device_papers_done) cairn_device_papers papers = {.path = path};
    CAIRN_TRY(read_both(home, path, &papers));
    *ret_papers = papers;
    papers = (cairn_device_papers){.path = NULL};
    return CAIRN_OK;
}

void cairn_device_papers_done(cairn_device_papers *papers)
{
    cairn_fdo_voucher_done(&papers->voucher);
    cairn_fdo_head_done(&papers->head);
    cairn_key_free(papers->device);
    papers->device = NULL;
}

cairn_err cairn_device_papers_index(const cairn_device_papers *papers, const cairn_hash **ret_index)
{
    if (!papers->has_passport)
        return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, "house",
                          "%s%s is not there: without its passport a device is not found on the "
                          "ledger",
                          papers->path, suffix);
    *ret_index = &cairn_passport_current(&papers->passport)->index;
    return CAIRN_OK;
}

/* --- on the ledger --- */

cairn_err cairn_device_named(cairn_home *home, const char *word, cairn_hash *ret_index)
{
    cairn_passport passport;
    if (strlen(word) == 2 * sizeof ret_index->b && access(word, F_OK) != 0)
        return cairn_hex_decode(word, ret_index->b, sizeof ret_index->b);
    CAIRN_TRY(cairn_device_passport_read(home, word, &passport));
    *ret_index = cairn_passport_current(&passport)->index;
    return CAIRN_OK;
}

cairn_err cairn_device_record(cairn_home *home, const cairn_hash *index, cairn_device *ret_device)
{
    const cairn_state_source state = cairn_home_state(home);
    cairn_err err = cairn_device_get(&state, &home->command->arena, index, ret_device);
    if (err == CAIRN_ERR_NOT_FOUND)
        return CAIRN_FAIL(err, "house", "the ledger knows no device by this index");
    return err;
}

void cairn_device_commit(const cairn_arguments *arguments, const char *option,
                         const cairn_hash *blind, cairn_hash *ret_commitment)
{
    const char *text = cairn_option_value(arguments, option);
    cairn_device_fact(blind, cairn_bytes_str(text == NULL ? "" : text), ret_commitment);
}

cairn_err cairn_device_send(cairn_home *home, uint16_t type, cairn_bytes body, json_t *facts)
{
    cairn_verdict verdict;
    CAIRN_TRY(cairn_home_send(home, type, body, &verdict));
    if (verdict.code != CAIRN_OK)
        return CAIRN_FAIL(verdict.code, "docs/formats/onboard.md", "the ledger refuses it: %s",
                          cairn_err_text(verdict.code));
    cairn_facts_hash(facts, "transaction", &verdict.id);
    cairn_facts_number(facts, "height", verdict.height);
    cairn_facts_number(facts, "log_index", verdict.index);
    return CAIRN_OK;
}

/* --- the owner's key --- */

typedef struct search {
    const cairn_key *wanted;
    char name[CAIRN_SIGNER_NAME_SIZE_MAX + 1];
} search;

static cairn_err look_at_key(void *context, const char *name, const cairn_key *public_key)
{
    search *s = context;
    if (cairn_hash_equal(cairn_key_id(public_key), cairn_key_id(s->wanted)))
        (void)snprintf(s->name, sizeof s->name, "%s", name);
    return CAIRN_OK;
}

cairn_err cairn_device_owner_sign(cairn_home *home, const cairn_fdo_key *owner, cairn_bytes payload,
                                  cairn_bytes *ret_message)
{
    cairn_arena *arena = &home->command->arena;
    search s = {.wanted = cairn_fdo_key_ec(owner)};
    cairn_fdo_unsigned message;
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    if (s.wanted != NULL)
        CAIRN_TRY(cairn_signer_each(home->signer, look_at_key, &s));
    if (s.name[0] == '\0')
        return CAIRN_FAIL(CAIRN_ERR_USAGE, "house",
                          "the voucher's owner key is not one of this directory");
    const cairn_alg alg =
        cairn_fdo_key_get_type(owner) == CAIRN_FDO_KEY_P256 ? CAIRN_ALG_ES256 : CAIRN_ALG_ES384;
    CAIRN_TRY(cairn_fdo_sign_begin(arena, alg, cairn_bytes_of("\xa0", 1), payload, &message));
    CAIRN_TRY(cairn_signer_sign_wait_for(home->signer, CAIRN_SIGNER_FOR_OWNER, s.name,
                                         message.to_sign, signature, &size));
    return cairn_fdo_sign_end(arena, &message, cairn_bytes_of(signature, size), ret_message);
}
