/* One step of the light client: from a trusted header to another one. */
#include "cairn/key.h"
#include "cairn/light_client.h"

static const char clause[] = "docs/formats/commit-proof.md, Check";

enum {
    KEY_SIZE = 32,
    SIGNATURE_SIZE = 64,
    MS_PER_SECOND = 1000,
    NS_PER_MS = 1000000,
    NS_PER_SECOND = 1000000000,
};

int cairn_light_time_compare(cairn_light_time a, cairn_light_time b)
{
    if (a.seconds != b.seconds)
        return a.seconds < b.seconds ? -1 : 1;
    return a.nanoseconds < b.nanoseconds ? -1 : a.nanoseconds > b.nanoseconds;
}

static cairn_light_time later(cairn_light_time time, uint64_t ms)
{
    uint64_t ns = time.nanoseconds + ms % MS_PER_SECOND * NS_PER_MS;
    time.seconds += (int64_t)(ms / MS_PER_SECOND + ns / NS_PER_SECOND);
    time.nanoseconds = (uint32_t)(ns % NS_PER_SECOND);
    return time;
}

cairn_light_time cairn_light_time_of_ms(uint64_t wall_ms)
{
    return later((cairn_light_time){0}, wall_ms);
}

uint64_t cairn_light_time_to_ms(cairn_light_time time)
{
    if (time.seconds < 0)
        return 0;
    return (uint64_t)time.seconds * MS_PER_SECOND + time.nanoseconds / NS_PER_MS;
}

/* Place of a key in the set, or its count. `guess` is looked at first: sets change little. */
static size_t find(const cairn_light_set *set, const uint8_t *public_key, size_t guess)
{
    size_t i = 0;
    if (guess < set->count && memcmp(set->validators[guess].public_key, public_key, KEY_SIZE) == 0)
        return guess;
    while (i < set->count && memcmp(set->validators[i].public_key, public_key, KEY_SIZE) != 0)
        i++;
    return i;
}

cairn_err cairn_light_set_check(const cairn_light_set *set, uint64_t *ret_total)
{
    uint64_t total = 0;
    if (set->count == 0)
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "validators: none");
    if (set->count > CAIRN_LIGHT_VALIDATORS_MAX)
        return CAIRN_FAIL(CAIRN_ERR_TOO_MANY, clause, "validators: %zu", set->count);
    for (size_t i = 0; i < set->count; i++) {
        const cairn_light_validator *validator = &set->validators[i];
        const cairn_light_set before = {.count = i, .validators = set->validators};
        if (validator->power == 0 || validator->power > CAIRN_LIGHT_POWER_MAX - total)
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "validators[%zu].power: %llu", i,
                              (unsigned long long)validator->power);
        total += validator->power;
        if (find(&before, validator->public_key, 0) < i)
            return CAIRN_FAIL(CAIRN_ERR_DUPLICATE_KEY, clause, "validators[%zu]: twice", i);
    }
    *ret_total = total;
    return CAIRN_OK;
}

static bool hashes_to(const cairn_light_set *set, cairn_bytes want)
{
    cairn_hash hash;
    cairn_light_set_hash(set, &hash);
    return cairn_bytes_equal(cairn_bytes_hash(&hash), want);
}

static cairn_err bad(const char *what)
{
    return CAIRN_FAIL(CAIRN_ERR_BAD_PROOF, clause, "%s", what);
}

static cairn_err check_not_early(const cairn_light_header *header, const cairn_light_rules *rules)
{
    cairn_light_time latest = later(rules->now, rules->clock_drift_ms);
    if (cairn_light_time_compare(header->time, latest) >= 0)
        return CAIRN_FAIL(CAIRN_ERR_EARLY, clause, "header.time: in the future");
    return CAIRN_OK;
}

cairn_err cairn_light_check_period(const cairn_light_state *trusted, const cairn_light_rules *rules)
{
    cairn_light_time end = later(trusted->header.time, rules->trusting_period_ms);
    if (cairn_light_time_compare(rules->now, end) >= 0)
        return CAIRN_FAIL(CAIRN_ERR_TRUST_EXPIRED, clause,
                          "trusted.time: its trusting period is over");
    return check_not_early(&trusted->header, rules);
}

/* What a header must be that follows `trusted`, whoever signed it. */
static cairn_err check_header(const cairn_light_header *trusted, const cairn_light_rules *rules,
                              const cairn_light_block *block)
{
    const cairn_light_header *header = &block->state.header;
    if (!cairn_bytes_equal(header->chain_id, trusted->chain_id))
        return bad("header.chain_id: another chain");
    if (header->height <= trusted->height)
        return bad("header.height: not above the trusted one");
    if (cairn_light_time_compare(header->time, trusted->time) <= 0)
        return bad("header.time: not after the trusted one");
    CAIRN_TRY(check_not_early(header, rules));
    if (!hashes_to(&block->state.validators, header->validators_hash))
        return bad("header.validators_hash: of another set");
    if (block->commit.vote_count != block->state.validators.count)
        return bad("commit.votes: not as many as validators");
    return CAIRN_OK;
}

/* A commit that is being counted: each vote is verified at most once. */
typedef struct count {
    const cairn_light_block *block;
    cairn_hash hash; /* of the header */
    bool verified[CAIRN_LIGHT_VALIDATORS_MAX];
} count;

static cairn_err verify_vote(count *c, size_t i)
{
    uint8_t bytes[CAIRN_LIGHT_SIGN_BYTES_MAX];
    const cairn_light_vote *vote = &c->block->commit.votes[i];
    const uint8_t *public_key = c->block->state.validators.validators[i].public_key;
    CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;
    if (c->verified[i])
        return CAIRN_OK;
    CAIRN_TRY(cairn_key_from_public(CAIRN_KEY_ED25519, cairn_bytes_of(public_key, KEY_SIZE), &key));
    size_t size = cairn_light_sign_bytes(&c->block->state.header, &c->hash, &c->block->commit,
                                         vote->time, bytes);
    CAIRN_TRY(cairn_key_verify(key, cairn_bytes_of(bytes, size),
                               cairn_bytes_of(vote->signature, SIGNATURE_SIZE)));
    c->verified[i] = true;
    return CAIRN_OK;
}

/* Power in `weights` of the validator who cast vote i; 0 for none. */
static uint64_t weight(const count *c, const cairn_light_set *weights, size_t i)
{
    if (c->block->commit.votes[i].signature == NULL)
        return 0;
    size_t at = find(weights, c->block->state.validators.validators[i].public_key, i);
    return at < weights->count ? weights->validators[at].power : 0;
}

/* More than `needed` of the power in `weights` voted for the block; `code` when not. Votes count in
 * order, and those that are not needed are not looked at. */
static cairn_err check_power(count *c, const cairn_light_set *weights, uint64_t needed,
                             cairn_err code, const char *share)
{
    uint64_t sum = 0;
    size_t end = 0;
    while (sum <= needed && end < c->block->commit.vote_count)
        sum += weight(c, weights, end++);
    if (sum <= needed)
        return CAIRN_FAIL(code, clause, "commit.votes: not more than %s", share);
    for (size_t i = 0; i < end; i++)
        if (weight(c, weights, i) > 0)
            CAIRN_TRY(verify_vote(c, i));
    return CAIRN_OK;
}

/* The validators of a block that is not the next are believed by those that we know. */
static cairn_err check_overlap(count *c, const cairn_light_state *trusted)
{
    uint64_t total = 0;
    CAIRN_TRY(cairn_light_set_check(&trusted->validators, &total));
    return check_power(c, &trusted->validators, total / 3, CAIRN_ERR_NOT_TRUSTED,
                       "a third of the trusted power");
}

cairn_err cairn_light_verify(const cairn_light_state *trusted, const cairn_light_rules *rules,
                             const cairn_light_block *block, cairn_hash *ret_hash)
{
    const cairn_light_header *from = &trusted->header;
    const cairn_light_header *header = &block->state.header;
    const cairn_light_set *set = &block->state.validators;
    count c = {.block = block};
    uint64_t total = 0;
    if (!hashes_to(&trusted->validators, from->validators_hash) &&
        !hashes_to(&trusted->validators, from->next_validators_hash))
        return CAIRN_FAIL(CAIRN_ERR_ARGUMENT, "house", "trusted.validators: not the header's");
    CAIRN_TRY(cairn_light_check_period(trusted, rules));
    CAIRN_TRY(check_header(from, rules, block));
    CAIRN_TRY(cairn_light_set_check(set, &total));
    cairn_light_header_hash(header, &c.hash);
    if (header->height != from->height + 1)
        CAIRN_TRY(check_overlap(&c, trusted));
    else if (!cairn_bytes_equal(header->validators_hash, from->next_validators_hash))
        return bad("header.validators_hash: not the next validators");
    CAIRN_TRY(check_power(&c, set, total * 2 / 3, CAIRN_ERR_BAD_PROOF, "two thirds of the power"));
    *ret_hash = c.hash;
    return CAIRN_OK;
}
