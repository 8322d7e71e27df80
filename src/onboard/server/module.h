/* What an owner does with a device once both are proved: a queue of service-info modules, one after
 * the other, of those that the device has announced. Source: FDO 1.1 section 3.8, FIDO FDO service
 * info modules; docs/features/onboard.md. */
#ifndef CAIRN_ONBOARD_MODULE_H
#define CAIRN_ONBOARD_MODULE_H

#include "onboard/server/service.h"
#include "onboard/wire/to2.h"

enum {
    CAIRN_FDO_MODULES_MAX = 16,         /* of one run */
    CAIRN_FDO_FACT_SIZE_MAX = 128,      /* bytes of one of the facts below, more is cut */
    CAIRN_FDO_NAMES_SIZE_MAX = 2048,    /* bytes of all names that a device announces */
    CAIRN_FDO_VALUE_SIZE_MAX = 1 << 16, /* bytes of one value, put together from its pieces */
};

typedef struct cairn_fdo_run cairn_fdo_run;

/* Pairs for the device, as long as there is room. */
typedef struct cairn_fdo_giver {
    cairn_arena *arena;
    const char *module;
    size_t room; /* bytes */
    cairn_fdo_info_list list;
    struct cairn_fdo_rest *rest;
} cairn_fdo_giver;

/* The room for the value of one more pair of that name, in bytes. */
size_t cairn_fdo_give_room(const cairn_fdo_giver *giver, const char *name);
/* One encoded item. Where there is no room for all of it, the rest follows in the next messages,
 * and nothing else may be given before that: TOO_LARGE. */
cairn_err cairn_fdo_give(cairn_fdo_giver *giver, const char *name, cairn_bytes item) CAIRN_MUST_USE;
cairn_err cairn_fdo_give_bool(cairn_fdo_giver *giver, const char *name, bool value) CAIRN_MUST_USE;
cairn_err cairn_fdo_give_uint(cairn_fdo_giver *giver, const char *name,
                              uint64_t value) CAIRN_MUST_USE;
cairn_err cairn_fdo_give_text(cairn_fdo_giver *giver, const char *name,
                              const char *value) CAIRN_MUST_USE;
cairn_err cairn_fdo_give_bytes(cairn_fdo_giver *giver, const char *name,
                               cairn_bytes value) CAIRN_MUST_USE;

typedef struct cairn_fdo_module_type {
    const char *name; /* "fdo.download" */
    /* One whole item that the device says under "module:name". An error ends the run. */
    cairn_err (*take)(void *state, cairn_fdo_run *run, cairn_bytes name, cairn_bytes item);
    /* Adds what there is to say. `ret_done`: the module has nothing more to say or to hear. */
    cairn_err (*give)(void *state, cairn_fdo_run *run, cairn_fdo_giver *giver, bool *ret_done);
    void (*free)(void *state);
    bool is_ended_by_device; /* "active" comes to `take`; else false means that it is not there */
} cairn_fdo_module_type;

/* Adds a module at the end of the queue, from the plan alone; takes the state, also when it fails.
 * A device that has not announced it does without, unless it is required: then the run fails.
 * TOO_MANY. */
cairn_err cairn_fdo_run_add(cairn_fdo_run *run, const cairn_fdo_module_type *type, void *state,
                            bool required) CAIRN_MUST_USE;
bool cairn_fdo_run_announces(const cairn_fdo_run *run, const char *module);

/* What a device says of itself; each is NUL-terminated, and a stranger's word. */
typedef struct cairn_fdo_facts {
    char os[CAIRN_FDO_FACT_SIZE_MAX + 1];
    char arch[CAIRN_FDO_FACT_SIZE_MAX + 1];
    char version[CAIRN_FDO_FACT_SIZE_MAX + 1];
    char device[CAIRN_FDO_FACT_SIZE_MAX + 1];
} cairn_fdo_facts;
const cairn_fdo_facts *cairn_fdo_run_facts(const cairn_fdo_run *run);

const cairn_fdo_guid *cairn_fdo_run_guid(const cairn_fdo_run *run);  /* by which it came */
const cairn_fdo_guid *cairn_fdo_run_after(const cairn_fdo_run *run); /* by which it leaves */
/* What certificates call it: the same in each run with this owner, and known to nobody else. */
const cairn_hash *cairn_fdo_run_pseudonym(const cairn_fdo_run *run);
/* The nonces that no other run has: NonceTO2ProveDv, NonceTO2SetupDv. */
const cairn_fdo_nonce *cairn_fdo_run_prove_nonce(const cairn_fdo_run *run);
const cairn_fdo_nonce *cairn_fdo_run_setup_nonce(const cairn_fdo_run *run);

/* Holds back the answer to the device until it is released, once for each hold: from `take` or
 * `give`, for what takes time. The release may come from any thread; an error ends the run. */
void cairn_fdo_run_hold(cairn_fdo_run *run);
void cairn_fdo_run_release(cairn_fdo_run *run, cairn_err err);

#endif
