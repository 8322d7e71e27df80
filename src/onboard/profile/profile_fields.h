/* What both profiles have in common: texts of closed alphabets, and trust anchors. They go into
 * files of other programs, so nothing in them can end a line or a quotation. Source:
 * docs/formats/network-profile.md. */
#ifndef CAIRN_ONBOARD_PROFILE_FIELDS_H
#define CAIRN_ONBOARD_PROFILE_FIELDS_H

#include "cairn/cbor.h"
#include "cairn/network_profile.h"

#define CAIRN_PROFILE_CLAUSE "docs/formats/network-profile.md"

enum {
    CAIRN_PROFILE_NAME_SIZE_MAX = 253,
    CAIRN_PROFILE_WORD_SIZE_MAX = 64,
    CAIRN_PROFILE_URI_SIZE_MAX = 256,
};

/* A host name: lower-case letters, digits and hyphens between dots, no label empty, longer than 63
 * or with a hyphen at an end. BAD_VALUE. */
cairn_err cairn_profile_read_name(cairn_cbor_reader *reader, const char *field, size_t size_max,
                                  cairn_bytes *ret_name) CAIRN_MUST_USE;
/* Text of letters, digits and the characters of `others`. BAD_VALUE. */
cairn_err cairn_profile_read_word(cairn_cbor_reader *reader, const char *field, size_t size_max,
                                  const char *others, cairn_bytes *ret_word) CAIRN_MUST_USE;

/* One to four certificates, whose bytes are only looked at by whoever uses them. */
cairn_err cairn_profile_read_anchors(cairn_cbor_reader *reader, size_t *ret_count,
                                     cairn_bytes anchors[CAIRN_PROFILE_ANCHORS_MAX]) CAIRN_MUST_USE;
void cairn_profile_put_anchors(cairn_cbor_writer *writer, const cairn_bytes *anchors, size_t count);

#endif
