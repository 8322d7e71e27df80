/* The JSON cases of tendermint-rs' light client, brought into the engine's own spelling and order.
 */
#ifndef CAIRN_TESTS_SUPPORT_LIGHT_CASES_H
#define CAIRN_TESTS_SUPPORT_LIGHT_CASES_H

#include "ledger/light/light_json.h"
#include "support/shared.h"

enum { CASES_NS_PER_MS = 1000000 };

static inline const json_t *cases_at(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    assert_non_null(value);
    return value;
}

static inline const char *cases_text(const json_t *json, const char *name)
{
    const char *text = json_string_value(cases_at(json, name));
    assert_non_null(text);
    return text;
}

static inline long long cases_power(const json_t *validator)
{
    return strtoll(cases_text(validator, "voting_power"), NULL, 10);
}

/* The engine's order: more power first, then by address. */
static inline void cases_sort(json_t *list)
{
    for (size_t i = 1; i < json_array_size(list); i++) {
        json_t *item = json_incref(json_array_get(list, i));
        size_t k = i;
        while (k > 0 && (cases_power(json_array_get(list, k - 1)) < cases_power(item) ||
                         (cases_power(json_array_get(list, k - 1)) == cases_power(item) &&
                          strcmp(cases_text(json_array_get(list, k - 1), "address"),
                                 cases_text(item, "address")) > 0)))
            k--;
        assert_int_equal(json_array_remove(list, i), 0);
        assert_int_equal(json_array_insert_new(list, k, item), 0);
    }
}

/* They spell a part set and the time of an absent vote as tendermint-rs does, and leave out block
 * ids and empty lists, and its validators are in any order. */
static inline void cases_respell(json_t *json)
{
    const char *name = NULL;
    json_t *value = NULL;
    size_t i = 0;
    void *next = NULL;
    json_t *parts = json_object_get(json, "part_set_header");
    if (parts != NULL)
        assert_int_equal(json_object_set(json, "parts", parts), 0);
    if (json_is_null(json_object_get(json, "last_block_id")))
        assert_int_equal(json_object_set_new(json, "last_block_id",
                                             json_pack("{s:s, s:{s:i, s:s}}", "hash", "", "parts",
                                                       "total", 0, "hash", "")),
                         0);
    if (json_is_null(json_object_get(json, "signatures")))
        assert_int_equal(json_object_set_new(json, "signatures", json_array()), 0);
    if (json_integer_value(json_object_get(json, "block_id_flag")) == 1)
        assert_int_equal(
            json_object_set_new(json, "timestamp", json_string("0001-01-01T00:00:00Z")), 0);
    value = json_object_get(json, "validators");
    if (json_object_get(json_array_get(value, 0), "address") != NULL)
        cases_sort(value);
    json_object_foreach_safe(json, next, name, value) cases_respell(value);
    json_array_foreach(json, i, value) cases_respell(value);
}

static inline json_t *cases_load(const char *path)
{
    json_error_t error;
    json_t *json = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL)
        print_message("%s: %s\n", path, error.text);
    assert_non_null(json);
    cases_respell(json);
    return json;
}

static inline cairn_light_time cases_time(const json_t *json, const char *name)
{
    cairn_light_time time;
    assert_int_equal(cairn_light_time_parse(cases_text(json, name), &time), CAIRN_OK);
    return time;
}

static inline uint64_t cases_period_ms(const json_t *json, const char *name)
{
    return strtoull(cases_text(json, name), NULL, 10) / CASES_NS_PER_MS;
}

/* The vote of `address`, or an absent one. */
static inline json_t *cases_vote_of(const json_t *votes, const char *address)
{
    json_t *vote = NULL;
    size_t i = 0;
    json_array_foreach(votes, i, vote)
    {
        if (strcmp(cases_text(vote, "validator_address"), address) == 0)
            return json_incref(vote);
    }
    return json_pack("{s:i, s:s, s:s, s:s}", "block_id_flag", 1, "validator_address", "",
                     "timestamp", "0001-01-01T00:00:00Z", "signature", "");
}

/* tendermint-rs takes votes in any order; the engine has them in that of the validators. A commit
 * with strangers' votes, or too many, stays as it is. */
static inline void cases_reorder(const json_t *block)
{
    json_t *commit = json_object_get(cases_at(block, "signed_header"), "commit");
    const json_t *votes = cases_at(commit, "signatures");
    json_t *ordered = json_array();
    json_t *validator = NULL;
    size_t i = 0;
    size_t before = 0;
    size_t after = 0;
    json_array_foreach(cases_at(cases_at(block, "validator_set"), "validators"), i, validator)
    {
        json_t *vote = cases_vote_of(votes, cases_text(validator, "address"));
        after += json_integer_value(cases_at(vote, "block_id_flag")) == 2;
        assert_int_equal(json_array_append_new(ordered, vote), 0);
    }
    json_array_foreach(votes, i, validator) before +=
        json_integer_value(cases_at(validator, "block_id_flag")) == 2;
    if (before == after && json_array_size(votes) == json_array_size(ordered))
        assert_int_equal(json_object_set(commit, "signatures", ordered), 0);
    json_decref(ordered);
}

#endif
