/* Cursors of the change feed: what is taken says the same when it is written and read again. */
#include "fuzz/fuzz.h"

#include "node/api/feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cairn_feed_place place;
    cairn_feed_place again;
    char text[CAIRN_FEED_CURSOR_SIZE];
    if (cairn_feed_place_parse(cairn_bytes_of(data, size), &place) != CAIRN_OK)
        return 0;
    cairn_feed_place_format(&place, text);
    CAIRN_ASSERT(cairn_feed_place_parse(cairn_bytes_str(text), &again) == CAIRN_OK);
    CAIRN_ASSERT(again.height == place.height && again.ordinal == place.ordinal);
    return 0;
}
