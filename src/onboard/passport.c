/* Reading, writing and growing it; and what it proves against the ledger. */
#include "onboard/passport.h"

#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;
static const char magic[] = "cairn/passport/1";

/* --- bytes --- */

static cairn_err read_party(cairn_cbor_reader *r, uint64_t above, cairn_passport_party *party)
{
    size_t count = 0;
    CAIRN_TRY(cairn_cbor_read_array(r, "party", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_uint(r, "version", above + 1, INT64_MAX, &party->version));
    CAIRN_TRY(cairn_cbor_read_hash(r, "organisation", &party->org));
    return cairn_cbor_read_hash(r, "blind", &party->blind);
}

static cairn_err read_life(cairn_arena *arena, cairn_cbor_reader *r, cairn_passport_life *life)
{
    size_t count = 0;
    void *memory = NULL;
    CAIRN_TRY(cairn_cbor_read_array(r, "life", 3, 3, &count));
    CAIRN_TRY(cairn_cbor_read_hash(r, "index", &life->index));
    CAIRN_TRY(cairn_cbor_read_hash(r, "salt", &life->salt));
    CAIRN_TRY(
        cairn_cbor_read_array(r, "parties", 0, CAIRN_PASSPORT_PARTIES_MAX, &life->party_count));
    CAIRN_TRY(cairn_arena_array(arena, life->party_count, sizeof *life->parties, &memory));
    life->parties = memory;
    for (size_t i = 0; i < life->party_count; i++)
        CAIRN_TRY(read_party(r, i == 0 ? 0 : life->parties[i - 1].version, &life->parties[i]));
    return CAIRN_OK;
}

static cairn_err read_guid(cairn_cbor_reader *r, cairn_fdo_guid *guid)
{
    cairn_bytes bytes;
    CAIRN_TRY(cairn_cbor_read_bytes(r, "guid", sizeof guid->b, sizeof guid->b, &bytes));
    memcpy(guid->b, bytes.data, sizeof guid->b);
    return CAIRN_OK;
}

static cairn_err check_index(const cairn_passport *passport)
{
    const cairn_passport_life *life = cairn_passport_current(passport);
    cairn_hash index;
    cairn_device_index(&life->salt, &passport->guid, &index);
    if (!cairn_hash_equal(&index, &life->index))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause, "passport.index: not of its salt and GUID");
    return CAIRN_OK;
}

cairn_err cairn_passport_decode(cairn_arena *arena, cairn_bytes in, cairn_passport *ret_passport)
{
    cairn_passport passport;
    cairn_cbor_reader r;
    size_t count = 0;
    void *memory = NULL;
    if (in.size > CAIRN_PASSPORT_SIZE_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_LARGE, clause, "passport: at most %d bytes",
                          CAIRN_PASSPORT_SIZE_MAX);
    CAIRN_TRY(cairn_cbor_open(&r, in, CAIRN_CBOR_STRICT, "passport", clause));
    CAIRN_TRY(cairn_cbor_read_array(&r, "passport", 4, 4, &count));
    CAIRN_TRY(cairn_cbor_read_magic(&r, magic));
    CAIRN_TRY(cairn_cbor_read_hash(&r, "ledger", &passport.ledger));
    CAIRN_TRY(read_guid(&r, &passport.guid));
    CAIRN_TRY(
        cairn_cbor_read_array(&r, "lives", 1, CAIRN_PASSPORT_LIVES_MAX, &passport.life_count));
    CAIRN_TRY(cairn_arena_array(arena, passport.life_count, sizeof *passport.lives, &memory));
    passport.lives = memory;
    for (size_t i = 0; i < passport.life_count; i++)
        CAIRN_TRY(read_life(arena, &r, &passport.lives[i]));
    CAIRN_TRY(cairn_cbor_end(&r));
    CAIRN_TRY(check_index(&passport));
    *ret_passport = passport;
    return CAIRN_OK;
}

static void put_life(cairn_cbor_writer *w, const cairn_passport_life *life)
{
    cairn_cbor_put_array(w, 3);
    cairn_cbor_put_hash(w, &life->index);
    cairn_cbor_put_hash(w, &life->salt);
    cairn_cbor_put_array(w, life->party_count);
    for (size_t i = 0; i < life->party_count; i++) {
        cairn_cbor_put_array(w, 3);
        cairn_cbor_put_uint(w, life->parties[i].version);
        cairn_cbor_put_hash(w, &life->parties[i].org);
        cairn_cbor_put_hash(w, &life->parties[i].blind);
    }
}

static void put(cairn_cbor_writer *w, const cairn_passport *passport)
{
    cairn_cbor_put_array(w, 4);
    cairn_cbor_put_text(w, magic);
    cairn_cbor_put_hash(w, &passport->ledger);
    cairn_cbor_put_bytes(w, cairn_bytes_of(passport->guid.b, sizeof passport->guid.b));
    cairn_cbor_put_array(w, passport->life_count);
    for (size_t i = 0; i < passport->life_count; i++)
        put_life(w, &passport->lives[i]);
}

cairn_err cairn_passport_encode(cairn_arena *arena, const cairn_passport *passport,
                                cairn_bytes *ret_encoded)
{
    cairn_cbor_writer w;
    void *memory = NULL;
    cairn_cbor_writer_init(&w, NULL, 0); /* counts */
    put(&w, passport);
    size_t size = w.size;
    CAIRN_TRY(cairn_arena_alloc(arena, size, &memory));
    cairn_cbor_writer_init(&w, memory, size);
    put(&w, passport);
    return cairn_cbor_writer_end(&w, ret_encoded);
}

/* --- how it grows --- */

const cairn_passport_life *cairn_passport_current(const cairn_passport *passport)
{
    return &passport->lives[passport->life_count - 1];
}

/* The lives of `passport` and room for one more. */
static cairn_err copy_lives(cairn_arena *arena, const cairn_passport *passport,
                            cairn_passport_life **ret_lives)
{
    void *memory = NULL;
    CAIRN_TRY(cairn_arena_array(arena, passport->life_count + 1, sizeof **ret_lives, &memory));
    *ret_lives = memory;
    if (passport->life_count > 0)
        memcpy(memory, passport->lives, passport->life_count * sizeof **ret_lives);
    return CAIRN_OK;
}

cairn_err cairn_passport_renewed(cairn_arena *arena, const cairn_passport *passport,
                                 const cairn_fdo_guid *guid, const cairn_hash *salt,
                                 cairn_passport *ret_passport)
{
    cairn_passport grown = *passport;
    if (passport->life_count == CAIRN_PASSPORT_LIVES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "passport.lives: at most %d",
                          CAIRN_PASSPORT_LIVES_MAX);
    CAIRN_TRY(copy_lives(arena, passport, &grown.lives));
    cairn_passport_life *life = &grown.lives[grown.life_count++];
    *life = (cairn_passport_life){.salt = *salt};
    cairn_device_index(salt, guid, &life->index);
    grown.guid = *guid;
    *ret_passport = grown;
    return CAIRN_OK;
}

cairn_err cairn_passport_new(cairn_arena *arena, const cairn_hash *ledger,
                             const cairn_fdo_guid *guid, const cairn_hash *salt,
                             cairn_passport *ret_passport)
{
    const cairn_passport none = {.ledger = *ledger};
    return cairn_passport_renewed(arena, &none, guid, salt, ret_passport);
}

cairn_err cairn_passport_sold(cairn_arena *arena, const cairn_passport *passport,
                              const cairn_passport_party *party, cairn_passport *ret_passport)
{
    cairn_passport grown = *passport;
    void *memory = NULL;
    const size_t count = cairn_passport_current(passport)->party_count;
    if (count == CAIRN_PASSPORT_PARTIES_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "passport.parties: at most %d",
                          CAIRN_PASSPORT_PARTIES_MAX);
    CAIRN_TRY(copy_lives(arena, passport, &grown.lives));
    cairn_passport_life *life = &grown.lives[grown.life_count - 1];
    CAIRN_TRY(cairn_arena_array(arena, count + 1, sizeof *life->parties, &memory));
    if (count > 0)
        memcpy(memory, life->parties, count * sizeof *life->parties);
    life->parties = memory;
    life->parties[life->party_count++] = *party;
    *ret_passport = grown;
    return CAIRN_OK;
}

/* --- what it proves --- */

/* [X1353-R26] Who has the new salt can go back; nobody can go forward without it. */
cairn_err cairn_passport_check_link(const cairn_passport *passport, size_t number,
                                    const cairn_device *device)
{
    const cairn_passport_life *life = &passport->lives[number];
    cairn_hash successor;
    cairn_device_successor(&life[1].salt, &life->index, &life[1].index, &successor);
    if (!cairn_hash_equal(&successor, &device->successor))
        return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                          "passport: life %zu did not go on as the next one", number + 1);
    return CAIRN_OK;
}

/* [X1353-R11] */
cairn_err cairn_passport_open_party(const cairn_passport *passport, size_t number, uint64_t version,
                                    const cairn_hash *party, cairn_hash *ret_org)
{
    const cairn_passport_life *life = &passport->lives[number];
    for (size_t i = 0; i < life->party_count; i++) {
        cairn_hash opened;
        if (life->parties[i].version != version)
            continue;
        cairn_device_party(&life->parties[i].blind, &life->parties[i].org, &opened);
        if (!cairn_hash_equal(&opened, party))
            return CAIRN_FAIL(CAIRN_ERR_MISMATCH, clause,
                              "passport: version %llu was sold by another",
                              (unsigned long long)version);
        *ret_org = life->parties[i].org;
        return CAIRN_OK;
    }
    return CAIRN_FAIL(CAIRN_ERR_NOT_FOUND, clause, "passport: does not say who sold version %llu",
                      (unsigned long long)version);
}
