/* UTF-8 (RFC 3629). Source: RFC 3629 section 4. */
#ifndef CAIRN_CORE_CODEC_UTF8_H
#define CAIRN_CORE_CODEC_UTF8_H

#include "cairn/bytes.h"

/* True when `text` is well-formed: shortest forms, no surrogates, nothing above U+10FFFF. */
bool cairn_utf8_valid(cairn_bytes text);

#endif
