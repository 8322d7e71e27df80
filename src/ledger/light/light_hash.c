/* What the engine hashes and signs: protobuf, written field by field as CometBFT writes it. */
#include <stdio.h>
#include <string.h>

#include "cairn/light_client.h"
#include "cairn/merkle.h"
#include "ledger/light/light_vote.h"
#include "ledger/log/merkle.h"

enum {
    HEADER_FIELDS = 14,
    MESSAGE_MAX = 192, /* the longest: a vote to be signed */
    HASH_SIZE = 32,    /* bytes; also of a public key */
    WIRE_VARINT = 0,   /* protobuf wire types */
    WIRE_FIXED64 = 1,  /* little-endian */
    WIRE_BYTES = 2,
};

/* A message being written. What may come in is bounded, so that it fits. */
typedef struct message {
    size_t size;
    uint8_t bytes[MESSAGE_MAX];
} message;

static void put_byte(message *m, uint8_t byte)
{
    CAIRN_ASSERT(m->size < sizeof m->bytes);
    m->bytes[m->size++] = byte;
}

static void put_varint(message *m, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        put_byte(m, (uint8_t)(value | 0x80));
    put_byte(m, (uint8_t)value);
}

static void put_tag(message *m, unsigned field, unsigned wire)
{
    put_varint(m, field << 3 | wire);
}

static void put_uint(message *m, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    put_tag(m, field, WIRE_VARINT);
    put_varint(m, value);
}

static void put_fixed64(message *m, unsigned field, uint64_t value)
{
    if (value == 0)
        return;
    put_tag(m, field, WIRE_FIXED64);
    for (unsigned i = 0; i < 64; i += 8)
        put_byte(m, (uint8_t)(value >> i));
}

/* An embedded message is written even when it is empty; bytes and text are not. */
static void put_message(message *m, unsigned field, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    put_tag(m, field, WIRE_BYTES);
    put_varint(m, size);
    for (size_t i = 0; i < size; i++)
        put_byte(m, bytes[i]);
}

static void put_bytes(message *m, unsigned field, cairn_bytes value)
{
    if (value.size > 0)
        put_message(m, field, value.data, value.size);
}

static void put_time(message *m, cairn_light_time time)
{
    put_uint(m, 1, (uint64_t)time.seconds); /* a negative one has ten bytes */
    put_uint(m, 2, time.nanoseconds);
}

static void put_block_id(message *m, cairn_bytes hash, const cairn_light_parts *parts)
{
    message inner = {0};
    put_uint(&inner, 1, parts->count);
    put_bytes(&inner, 2, parts->hash);
    put_bytes(m, 1, hash);
    put_message(m, 2, inner.bytes, inner.size);
}

static void hash_leaf(message *m, cairn_hash *ret_leaf)
{
    cairn_merkle_leaf(cairn_bytes_of(m->bytes, m->size), ret_leaf);
    m->size = 0;
}

void cairn_light_header_hash(const cairn_light_header *header, cairn_hash *ret_hash)
{
    const cairn_bytes strings[] = {
        header->last_commit_hash,     header->data_hash,      header->validators_hash,
        header->next_validators_hash, header->consensus_hash, header->app_hash,
        header->last_results_hash,    header->evidence_hash,  header->proposer_address,
    };
    enum { STRINGS = sizeof strings / sizeof strings[0], OTHERS = HEADER_FIELDS - STRINGS };
    cairn_hash leaves[HEADER_FIELDS];
    message m = {0};
    put_uint(&m, 1, header->block_version);
    put_uint(&m, 2, header->app_version);
    hash_leaf(&m, &leaves[0]);
    put_bytes(&m, 1, header->chain_id);
    hash_leaf(&m, &leaves[1]);
    put_uint(&m, 1, header->height);
    hash_leaf(&m, &leaves[2]);
    put_time(&m, header->time);
    hash_leaf(&m, &leaves[3]);
    put_block_id(&m, header->last_block_hash, &header->last_block_parts);
    hash_leaf(&m, &leaves[4]);
    for (size_t i = 0; i < STRINGS; i++) {
        put_bytes(&m, 1, strings[i]);
        hash_leaf(&m, &leaves[OTHERS + i]);
    }
    cairn_merkle_root(leaves, HEADER_FIELDS, ret_hash);
}

void cairn_light_set_hash(const cairn_light_set *set, cairn_hash *ret_hash)
{
    cairn_log_frontier frontier = {0};
    message m = {0};
    for (size_t i = 0; i < set->count; i++) {
        message key = {0};
        cairn_hash leaf;
        put_bytes(&key, 1, cairn_bytes_of(set->validators[i].public_key, HASH_SIZE));
        put_message(&m, 1, key.bytes, key.size);
        put_uint(&m, 2, set->validators[i].power);
        hash_leaf(&m, &leaf);
        (void)cairn_log_frontier_append(&frontier, &leaf, NULL);
    }
    cairn_log_frontier_root(&frontier, ret_hash);
}

size_t cairn_light_canonical_vote(const cairn_light_ballot *ballot,
                                  uint8_t ret_bytes[CAIRN_LIGHT_SIGN_BYTES_MAX])
{
    message m = {0};
    message inner = {0};
    message framed = {0};
    put_uint(&m, 1, ballot->type);
    put_fixed64(&m, 2, ballot->height);
    put_fixed64(&m, 3, ballot->round);
    if (ballot->hash != NULL) {
        put_block_id(&inner, cairn_bytes_hash(ballot->hash), &ballot->parts);
        put_message(&m, 4, inner.bytes, inner.size);
    }
    inner.size = 0;
    put_time(&inner, ballot->time);
    put_message(&m, 5, inner.bytes, inner.size);
    put_bytes(&m, 6, ballot->chain_id);
    put_varint(&framed, m.size);
    CAIRN_ASSERT(framed.size + m.size <= CAIRN_LIGHT_SIGN_BYTES_MAX);
    memcpy(ret_bytes, framed.bytes, framed.size);
    memcpy(ret_bytes + framed.size, m.bytes, m.size);
    return framed.size + m.size;
}

size_t cairn_light_sign_bytes(const cairn_light_header *header, const cairn_hash *hash,
                              const cairn_light_commit *commit, cairn_light_time time,
                              uint8_t ret_bytes[CAIRN_LIGHT_SIGN_BYTES_MAX])
{
    const cairn_light_ballot ballot = {.type = CAIRN_LIGHT_PRECOMMIT,
                                       .height = header->height,
                                       .round = commit->round,
                                       .hash = hash,
                                       .parts = commit->parts,
                                       .time = time,
                                       .chain_id = header->chain_id};
    return cairn_light_canonical_vote(&ballot, ret_bytes);
}

/* --- names --- */

/* "cairn-", 24 digits of the ledger's id, "-": the height follows. */
static size_t put_prefix(const cairn_hash *ledger, char out[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1])
{
    enum { LEDGER_BYTES = 12 };
    char hex[2 * LEDGER_BYTES + 1];
    cairn_hex_encode(cairn_bytes_of(ledger->b, LEDGER_BYTES), hex);
    return (size_t)snprintf(out, CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1, "cairn-%s-", hex);
}

void cairn_light_chain_id(const cairn_hash *ledger, uint64_t height,
                          char ret_id[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1])
{
    size_t size = put_prefix(ledger, ret_id);
    (void)snprintf(ret_id + size, CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1 - size, "%llu",
                   (unsigned long long)(height & INT64_MAX));
}

bool cairn_light_chain_is_of(cairn_bytes chain_id, const cairn_hash *ledger)
{
    char prefix[CAIRN_LIGHT_CHAIN_ID_SIZE_MAX + 1];
    size_t size = put_prefix(ledger, prefix);
    return chain_id.size > size && memcmp(chain_id.data, prefix, size) == 0;
}
