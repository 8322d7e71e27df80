/* Names that lead from a device to the ledger and not back: SHA-256 over a text and parts of fixed
 * size, but for a last one. */
#include "cairn/sha256.h"
#include "onboard/onboard.h"

/* [X1353-R26] */
void cairn_device_index(const cairn_hash *salt, const cairn_fdo_guid *guid, cairn_hash *ret_index)
{
    const cairn_bytes parts[] = {cairn_bytes_str("cairn/device/1"), cairn_bytes_hash(salt),
                                 cairn_bytes_of(guid->b, sizeof guid->b)};
    cairn_sha256_parts(parts, 3, ret_index);
}

static void two(const char *tag, const cairn_hash *secret, cairn_bytes what, cairn_hash *ret_name)
{
    const cairn_bytes parts[] = {cairn_bytes_str(tag), cairn_bytes_hash(secret), what};
    cairn_sha256_parts(parts, 3, ret_name);
}

void cairn_device_nullifier(const cairn_hash *ledger, const cairn_hash *kid,
                            cairn_hash *ret_nullifier)
{
    two("cairn/device-key/1", ledger, cairn_bytes_hash(kid), ret_nullifier);
}

void cairn_device_successor(const cairn_hash *new_salt, const cairn_hash *old_index,
                            const cairn_hash *new_index, cairn_hash *ret_successor)
{
    const cairn_bytes parts[] = {cairn_bytes_str("cairn/device/next/1"), cairn_bytes_hash(new_salt),
                                 cairn_bytes_hash(old_index), cairn_bytes_hash(new_index)};
    cairn_sha256_parts(parts, 4, ret_successor);
}

void cairn_device_party(const cairn_hash *blind, const cairn_hash *org, cairn_hash *ret_party)
{
    two("cairn/party/1", blind, cairn_bytes_hash(org), ret_party);
}

void cairn_device_rendezvous(const cairn_hash *salt, cairn_bytes to1d, cairn_hash *ret_commitment)
{
    two("cairn/rendezvous/1", salt, to1d, ret_commitment);
}

void cairn_device_fact(const cairn_hash *blind, cairn_bytes content, cairn_hash *ret_commitment)
{
    two("cairn/device-fact/1", blind, content, ret_commitment);
}

void cairn_device_owner_key(cairn_bytes public_key, cairn_hash *ret_owner_key)
{
    cairn_sha256_of(public_key.data, public_key.size, ret_owner_key);
}
