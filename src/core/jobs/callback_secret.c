/* One root, from the vault once, then from memory. */
#include "core/jobs/callback_secret.h"

#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/hmac.h"
#include "core/jobs/jobs_impl.h"

enum { ROOT_SIZE = 32 };

static const char subject_name[] = "cairn/callback-secrets/1";
static const char label[] = "cairn/callback-secret/1";
static const char address_key[] = "callback_root";

struct cairn_callback_secrets {
    cairn_vault *vault;
    pthread_mutex_t lock; /* guards what follows */
    cairn_jobs *jobs;
    cairn_secret root; /* empty: not read yet */
};

cairn_err cairn_callback_secrets_new(cairn_vault *vault, cairn_callback_secrets **ret_secrets)
{
    cairn_callback_secrets *secrets = calloc(1, sizeof *secrets);
    if (secrets == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "callback: secrets");
    secrets->vault = vault;
    int rc = pthread_mutex_init(&secrets->lock, NULL);
    if (rc != 0) {
        free(secrets);
        return cairn_err_from_errno(rc, "callback: lock");
    }
    *ret_secrets = secrets;
    return CAIRN_OK;
}

void cairn_callback_secrets_free(cairn_callback_secrets *secrets)
{
    if (secrets == NULL)
        return;
    cairn_secret_wipe(&secrets->root);
    (void)pthread_mutex_destroy(&secrets->lock);
    free(secrets);
}

void cairn_callback_secrets_bind(cairn_callback_secrets *secrets, cairn_jobs *jobs)
{
    (void)pthread_mutex_lock(&secrets->lock);
    secrets->jobs = jobs;
    (void)pthread_mutex_unlock(&secrets->lock);
}

static void subject_of(cairn_hash *ret_subject)
{
    cairn_sha256_of(subject_name, sizeof subject_name - 1, ret_subject);
}

/* Where the root lies. NOT_FOUND without a detail when there never was one. */
static cairn_err find_address(cairn_jobs *jobs, cairn_hash *ret_address)
{
    cairn_kv_txn *kv = NULL;
    cairn_bytes value;
    CAIRN_TRY(cairn_kv_begin(jobs->kv, false, &kv));
    cairn_err err = cairn_kv_get(kv, JOBS_META, cairn_bytes_str(address_key), &value);
    if (err == CAIRN_OK && value.size != sizeof ret_address->b)
        err = CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "callback root: address");
    if (err == CAIRN_OK)
        memcpy(ret_address->b, value.data, sizeof ret_address->b);
    cairn_kv_abort(kv);
    return err;
}

/* All of an object that is no larger than a root. */
static cairn_err read_object(cairn_vault_get *get, cairn_secret *root)
{
    cairn_bytes chunk;
    do {
        CAIRN_TRY(cairn_vault_get_next(get, &chunk));
        if (root->size + chunk.size > ROOT_SIZE)
            return CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "callback root: size");
        if (chunk.size > 0)
            memcpy(root->data + root->size, chunk.data, chunk.size);
        root->size += chunk.size;
    } while (chunk.size > 0);
    return root->size == ROOT_SIZE
               ? CAIRN_OK
               : CAIRN_FAIL(CAIRN_ERR_CORRUPT, "docs/formats/jobs.md", "callback root: size");
}

static cairn_err read_root(cairn_vault *vault, const cairn_hash *address, cairn_secret *ret_root)
{
    CAIRN_CLEANUP(cairn_vault_get_free_p) cairn_vault_get *get = NULL;
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret root = {0};
    cairn_hash subject;
    subject_of(&subject);
    CAIRN_TRY(cairn_vault_get_open(vault, &subject, address, &get));
    CAIRN_TRY(read_object(get, &root));
    return cairn_secret_set(ret_root, cairn_secret_view(&root));
}

static cairn_err put_address(void *context, cairn_jobs_txn *txn)
{
    return cairn_kv_put(txn->kv, JOBS_META, cairn_bytes_str(address_key),
                        cairn_bytes_hash(context));
}

/* The address is durable before anything is derived: no secret was ever of a root that is lost. */
static cairn_err make_root(cairn_callback_secrets *secrets, cairn_secret *ret_root)
{
    CAIRN_CLEANUP(cairn_vault_put_free_p) cairn_vault_put *put = NULL;
    CAIRN_CLEANUP(cairn_secret_wipe) cairn_secret root = {0};
    cairn_hash subject, address;
    subject_of(&subject);
    CAIRN_TRY(cairn_secret_random(&root, ROOT_SIZE));
    CAIRN_TRY(cairn_vault_put_begin(secrets->vault, &subject, &put));
    CAIRN_TRY(cairn_vault_put_write(put, cairn_secret_view(&root)));
    CAIRN_TRY(cairn_vault_put_end(put, &address));
    CAIRN_TRY(cairn_jobs_update(secrets->jobs, put_address, &address));
    return cairn_secret_set(ret_root, cairn_secret_view(&root));
}

/* With the lock. */
static cairn_err need_root(cairn_callback_secrets *secrets)
{
    cairn_hash address;
    if (secrets->root.size > 0)
        return CAIRN_OK;
    if (secrets->vault == NULL || secrets->jobs == NULL)
        return CAIRN_FAIL(CAIRN_ERR_UNAVAILABLE, "house", "callback: there is no vault");
    cairn_err err = find_address(secrets->jobs, &address);
    if (err == CAIRN_ERR_NOT_FOUND)
        return make_root(secrets, &secrets->root);
    CAIRN_TRY(err);
    return read_root(secrets->vault, &address, &secrets->root);
}

cairn_err cairn_callback_secrets_find(void *context, const char *tenant, const char *name,
                                      cairn_secret *ret_secret)
{
    cairn_callback_secrets *secrets = context;
    cairn_hash mac;
    const cairn_bytes nul = cairn_bytes_of("", 1);
    const cairn_bytes parts[] = {cairn_bytes_str(label), nul, cairn_bytes_str(tenant), nul,
                                 cairn_bytes_str(name)};
    (void)pthread_mutex_lock(&secrets->lock);
    cairn_err err = need_root(secrets);
    if (err == CAIRN_OK)
        err = cairn_hmac_sha256(cairn_secret_view(&secrets->root), parts,
                                sizeof parts / sizeof parts[0], &mac);
    (void)pthread_mutex_unlock(&secrets->lock);
    CAIRN_TRY(err);
    err = cairn_secret_set(ret_secret, cairn_bytes_hash(&mac));
    cairn_wipe(&mac, sizeof mac);
    return err;
}
