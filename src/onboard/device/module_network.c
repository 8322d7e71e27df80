/* x.mno: the operator's profile, by his key of the ledger; the provider only carries it. At the end
 * of the run it becomes files: its trust anchors, and a network block for wpa_supplicant. Bytes:
 * docs/formats/device.md, docs/formats/network-profile.md. [X1353-R16] */
#include <stdio.h>
#include <stdlib.h>

#include "cairn/sha256.h"
#include "core/crypto/pem.h"
#include "onboard/device/module_join.h"

static const char name_[] = "x.mno";
static const char clause[] = "docs/formats/device.md";
static const char message_file[] = "network.profile"; /* as signed: its counter is the last one */
static const char anchors_file[] = "network.anchors.pem";
static const char block_file[] = "wpa_supplicant.network";
static const char counter_file[] = "network.counter";

enum { ARENA_SIZE = 64 << 10, COUNTER_SIZE_MAX = 8, CERTIFICATE_SIZE_MAX = 8192 };

typedef struct network {
    module_join *join;
    module_object object; /* whole and verified between the run's `take` and its end */
} network;

static void reset(network *n)
{
    cairn_info_object_drop(&n->object);
}

static void begin(void *context, const cairn_fdo_client_run_facts *facts)
{
    network *n = context;
    reset(n);
    n->join->facts = facts;
}

static void activate(void *context)
{
    reset(context);
}

/* Of the profile in use; 0: there is none. [X1353-R30] */
static cairn_err read_counter(const network *n, cairn_arena *arena, uint32_t *ret_counter)
{
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes file;
    uint32_t counter = 0;
    CAIRN_TRY(cairn_info_join_path(n->join, counter_file, path));
    cairn_err err = cairn_file_read(arena, path, COUNTER_SIZE_MAX, &file);
    if (err == CAIRN_ERR_NOT_FOUND) {
        *ret_counter = 0;
        return CAIRN_OK;
    }
    CAIRN_TRY(err);
    bool good = file.size > 0;
    for (size_t i = 0; good && i < file.size; i++) {
        good = file.data[i] >= '0' && file.data[i] <= '9';
        counter = counter * 10 + (uint32_t)(file.data[i] - '0');
    }
    if (!good || counter > CAIRN_PROFILE_COUNTER_MAX)
        return CAIRN_FAIL(CAIRN_ERR_CORRUPT, clause, "%s: no counter", path);
    *ret_counter = counter;
    return CAIRN_OK;
}

/* SHA-256 of the certificate that fdo.csr has brought in this run or before. */
static cairn_err read_certificate(const network *n, cairn_arena *arena, cairn_hash *ret_hash)
{
    char name[MODULE_FILE_NAME_MAX + 1];
    char path[CAIRN_PATH_SIZE_MAX];
    cairn_bytes pem, der;
    (void)snprintf(name, sizeof name, "%.64s.crt.pem", n->join->config->join->network_key);
    CAIRN_TRY(cairn_info_join_path(n->join, name, path));
    CAIRN_TRY(cairn_file_read(arena, path, CERTIFICATE_SIZE_MAX, &pem));
    CAIRN_TRY(cairn_pem_decode(arena, "CERTIFICATE", pem, &der));
    cairn_sha256_of(der.data, der.size, ret_hash);
    return CAIRN_OK;
}

static cairn_err open_profile(const network *n, cairn_arena *arena, cairn_network_profile *profile)
{
    cairn_bytes message = cairn_bytes_of(n->object.data, n->object.size);
    cairn_err err = CAIRN_FAIL(CAIRN_ERR_NOT_TRUSTED, clause,
                               "x.mno: the ledger has named no operator in this run");
    for (size_t i = 0; i < n->join->key_count && err == CAIRN_ERR_NOT_TRUSTED; i++)
        err = cairn_network_profile_open(arena, message, n->join->keys[i], profile);
    return err;
}

static cairn_err check(const network *n, cairn_arena *arena)
{
    const cairn_fdo_client_run_facts *run = n->join->facts;
    const cairn_fdo_client_join *join = n->join->config->join;
    cairn_network_profile *profile = NULL;
    cairn_profile_facts facts = {.guid = run->next_guid};
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &profile));
    CAIRN_TRY(open_profile(n, arena, profile));
    cairn_network_profile_nonce(&run->prove_nonce, &run->setup_nonce, &facts.nonce);
    CAIRN_TRY(read_certificate(n, arena, &facts.certificate));
    CAIRN_TRY(read_counter(n, arena, &facts.counter_before));
    if (join->time_ms != NULL)
        facts.time_ms = join->time_ms(join->time_context);
    return cairn_network_profile_check(profile, &facts);
}

static cairn_err take(void *context, cairn_bytes name, cairn_bytes value)
{
    network *n = context;
    cairn_arena arena;
    CAIRN_TRY(cairn_info_object_take(&n->object, name_, name, value));
    if (!n->object.whole)
        return CAIRN_OK;
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err = check(n, &arena);
    cairn_arena_done(&arena);
    if (err != CAIRN_OK)
        reset(n);
    return err;
}

static cairn_err write_block(const network *n, cairn_arena *arena,
                             const cairn_network_profile *profile)
{
    module_join_files where;
    cairn_bytes block;
    CAIRN_TRY(
        cairn_info_join_files(n->join, anchors_file, n->join->config->join->network_key, &where));
    CAIRN_TRY(cairn_network_profile_render_wpa(arena, profile, &where.files, &block));
    return cairn_info_join_write(n->join, block_file, block);
}

/* The counter last: cut short, it is done again. */
static cairn_err write_all(const network *n, cairn_arena *arena)
{
    cairn_network_profile *profile = NULL;
    char counter[COUNTER_SIZE_MAX + 1];
    CAIRN_TRY(CAIRN_ARENA_NEW(arena, &profile));
    CAIRN_TRY(open_profile(n, arena, profile));
    CAIRN_TRY(cairn_info_join_write_anchors(n->join, anchors_file, profile->anchors,
                                            profile->anchor_count));
    CAIRN_TRY(write_block(n, arena, profile));
    CAIRN_TRY(cairn_info_join_write(n->join, message_file,
                                    cairn_bytes_of(n->object.data, n->object.size)));
    (void)snprintf(counter, sizeof counter, "%u", profile->counter);
    return cairn_info_join_write(n->join, counter_file, cairn_bytes_str(counter));
}

static cairn_err commit(void *context)
{
    network *n = context;
    cairn_arena arena;
    if (!n->object.whole)
        return CAIRN_OK;
    cairn_arena_init(&arena, ARENA_SIZE);
    cairn_err err = write_all(n, &arena);
    cairn_arena_done(&arena);
    return err;
}

static void drop(void *context)
{
    reset(context);
}

static void free_state(void *state)
{
    network *n = state;
    reset(n);
    cairn_info_join_release(n->join);
    free(n);
}

cairn_err cairn_info_network_open(module_join *join, module_slot *slot)
{
    network *n = calloc(1, sizeof *n);
    if (n == NULL)
        return CAIRN_FAIL(CAIRN_ERR_NO_MEMORY, "house", "x.mno");
    n->join = join;
    n->object.size_max = CAIRN_NETWORK_PROFILE_SIZE_MAX;
    join->users++;
    *slot = (module_slot){
        .module = {.name = name_,
                   .context = n,
                   .begin = begin,
                   .activate = activate,
                   .take = take,
                   .commit = commit,
                   .drop = drop},
        .free_state = free_state,
    };
    return CAIRN_OK;
}
