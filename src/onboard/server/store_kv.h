/* The servers' store on LMDB, every row sealed: AES-256-GCM under one key, with the row's table and
 * GUID as associated data. The key lies in the vault; where it is erased there, no row can be read
 * any more. One thread writes, many rows in one commit. Source: house (docs/formats/fdo.md). */
#ifndef CAIRN_ONBOARD_STORE_KV_H
#define CAIRN_ONBOARD_STORE_KV_H

#include "core/crypto/secret.h"
#include "onboard/server/store.h"

typedef struct cairn_fdo_store_kv cairn_fdo_store_kv;

/* `path` is made when it is missing; `key` has 32 bytes. The errors of cairn_kv_open. */
cairn_err cairn_fdo_store_kv_open(const char *path, size_t map_size, const cairn_secret *key,
                                  cairn_fdo_store_kv **ret_store) CAIRN_MUST_USE;
/* Writes what was taken. Takes NULL. */
void cairn_fdo_store_kv_close(cairn_fdo_store_kv *store);
CAIRN_DEFINE_CLEANUP(cairn_fdo_store_kv, cairn_fdo_store_kv_close)

/* Lives as long as `store`. */
cairn_fdo_store cairn_fdo_store_kv_ops(cairn_fdo_store_kv *store);

#endif
