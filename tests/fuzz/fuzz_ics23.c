/* ICS-23 proofs. Input: tree (bit 0: tendermint; bit 1: absence) ‖ root (32) ‖ key size ‖ key ‖
 * value size ‖ value ‖ proof. What verifies must not verify for another root, nor as the other
 * answer. */
#include "cairn/ics23.h"
#include "fuzz/fuzz.h"

static bool take(cairn_bytes *input, size_t size, cairn_bytes *ret_part)
{
    if (input->size < size)
        return false;
    *ret_part = cairn_bytes_of(input->data, size);
    *input = cairn_bytes_of(input->data + size, input->size - size);
    return true;
}

static bool take_sized(cairn_bytes *input, cairn_bytes *ret_part)
{
    cairn_bytes size;
    return take(input, 1, &size) && take(input, size.data[0], ret_part);
}

static cairn_err verify(const cairn_ics23_spec *spec, bool absent, const cairn_hash *root,
                        cairn_bytes key, cairn_bytes value, cairn_bytes proof)
{
    return absent ? cairn_ics23_verify_absent(spec, root, key, proof)
                  : cairn_ics23_verify_exist(spec, root, key, value, proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_bytes proof = cairn_bytes_of(data, size);
    cairn_bytes tree, hash, key, value;
    if (!take(&proof, 1, &tree) || !take(&proof, 32, &hash) || !take_sized(&proof, &key) ||
        !take_sized(&proof, &value))
        return 0;
    const cairn_ics23_spec *spec =
        (tree.data[0] & 1) != 0 ? &cairn_ics23_tendermint : &cairn_ics23_smt;
    bool absent = (tree.data[0] & 2) != 0;
    cairn_hash root;
    memcpy(root.b, hash.data, 32);
    if (verify(spec, absent, &root, key, value, proof) != CAIRN_OK)
        return 0;
    CAIRN_ASSERT(verify(spec, !absent, &root, key, value, proof) != CAIRN_OK);
    root.b[31] ^= 1;
    CAIRN_ASSERT(verify(spec, absent, &root, key, value, proof) != CAIRN_OK);
    return 0;
}
