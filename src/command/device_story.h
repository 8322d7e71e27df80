/* A device's life from the factory on, checked against the ledger, for those who hold its passport:
 * the current owner, and the auditor to whom he shows it. Source: docs/formats/onboard.md. */
#ifndef CAIRN_COMMAND_DEVICE_STORY_H
#define CAIRN_COMMAND_DEVICE_STORY_H

#include "command/device_papers.h"

/* One step, in words. */
typedef struct cairn_device_scene {
    size_t life; /* from 0 */
    uint64_t version;
    const char *act;   /* "register", "transfer", … */
    const char *state; /* that it led to */
    uint64_t log_index;
    uint64_t height;
    uint64_t time_ms;
    bool has_org; /* who signed it; a bar is the members' */
    cairn_hash org;
    bool has_seller; /* of a transfer, when the passport names him */
    cairn_hash seller;
    cairn_hash transaction;
} cairn_device_scene;

/* In the command's arena. */
typedef struct cairn_device_story {
    size_t count;
    const cairn_device_scene *scenes;
    cairn_device device; /* the last life's record */
    cairn_hash index;
} cairn_device_story;

/* Goes through all lives of the passport: applies each transaction again and compares the last
 * record with the ledger's, opens the link to the next life, and the sellers' names. MISMATCH when
 * the ledger says otherwise, NOT_FOUND for a life that it does not know. */
cairn_err cairn_device_story_read(cairn_home *home, const cairn_passport *passport,
                                  cairn_device_story *ret_story) CAIRN_MUST_USE;

/* A timeline that any browser shows; in the command's arena. */
cairn_err cairn_device_story_svg(cairn_home *home, const cairn_device_story *story,
                                 cairn_bytes *ret_svg) CAIRN_MUST_USE;

#endif
