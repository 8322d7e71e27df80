/* Texts and trust anchors of the profiles. */
#include "onboard/profile/profile_fields.h"

static const char clause[] = CAIRN_PROFILE_CLAUSE;

enum { LABEL_SIZE_MAX = 63 };

static bool is_lower_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_name(cairn_bytes name)
{
    size_t label = 0; /* bytes of it so far */
    for (size_t i = 0; i <= name.size; i++) {
        bool ends = i == name.size || name.data[i] == '.';
        if (ends && (label == 0 || label > LABEL_SIZE_MAX || name.data[i - 1] == '-'))
            return false;
        if (!ends && !is_lower_or_digit(name.data[i]) && (name.data[i] != '-' || label == 0))
            return false;
        label = ends ? 0 : label + 1;
    }
    return true;
}

cairn_err cairn_profile_read_name(cairn_cbor_reader *reader, const char *field, size_t size_max,
                                  cairn_bytes *ret_name)
{
    cairn_bytes name;
    CAIRN_TRY(cairn_cbor_read_text(reader, field, 1, size_max, &name));
    if (!is_name(name))
        return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "%s.%s: no host name", reader->object,
                          field);
    *ret_name = name;
    return CAIRN_OK;
}

static bool is_of(uint8_t c, const char *others)
{
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || (c != 0 && strchr(others, c) != NULL);
}

cairn_err cairn_profile_read_word(cairn_cbor_reader *reader, const char *field, size_t size_max,
                                  const char *others, cairn_bytes *ret_word)
{
    cairn_bytes word;
    CAIRN_TRY(cairn_cbor_read_text(reader, field, 1, size_max, &word));
    for (size_t i = 0; i < word.size; i++) {
        if (!is_of(word.data[i], others))
            return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause,
                              "%s.%s: character %zu is not of its alphabet", reader->object, field,
                              i);
    }
    *ret_word = word;
    return CAIRN_OK;
}

cairn_err cairn_profile_read_anchors(cairn_cbor_reader *reader, size_t *ret_count,
                                     cairn_bytes anchors[CAIRN_PROFILE_ANCHORS_MAX])
{
    CAIRN_TRY(cairn_cbor_read_array(reader, "anchors", 1, CAIRN_PROFILE_ANCHORS_MAX, ret_count));
    for (size_t i = 0; i < *ret_count; i++)
        CAIRN_TRY(cairn_cbor_read_bytes(reader, "anchors", 1, CAIRN_PROFILE_ANCHOR_SIZE_MAX,
                                        &anchors[i]));
    return CAIRN_OK;
}

void cairn_profile_put_anchors(cairn_cbor_writer *writer, const cairn_bytes *anchors, size_t count)
{
    cairn_cbor_put_array(writer, count);
    for (size_t i = 0; i < count; i++)
        cairn_cbor_put_bytes(writer, anchors[i]);
}
