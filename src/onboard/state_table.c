/* What follows what: one table, with a verdict for every state and event. */
#include "onboard/acts.h"

static const char clause[] = CAIRN_ONBOARD_CLAUSE;

static const char *const state_names[CAIRN_DEVICE_STATE_COUNT + 1] = {
    [CAIRN_DEVICE_REGISTERED] = "registered", [CAIRN_DEVICE_UNCLAIMED] = "unclaimed",
    [CAIRN_DEVICE_CLAIMED] = "claimed",       [CAIRN_DEVICE_RENDEZVOUS] = "rendezvous",
    [CAIRN_DEVICE_ONBOARDING] = "onboarding", [CAIRN_DEVICE_ONBOARDED] = "onboarded",
    [CAIRN_DEVICE_SUSPENDED] = "suspended",   [CAIRN_DEVICE_REVOKED] = "revoked",
    [CAIRN_DEVICE_RETIRED] = "retired",       [CAIRN_DEVICE_REPLACED] = "replaced",
};

static const char *const event_names[CAIRN_DEVICE_EVENT_COUNT + 1] = {
    [CAIRN_DEVICE_TRANSFER] = "transfer", [CAIRN_DEVICE_CLAIM] = "claim",
    [CAIRN_DEVICE_ANNOUNCE] = "announce", [CAIRN_DEVICE_BEGIN] = "begin",
    [CAIRN_DEVICE_FAIL] = "fail",         [CAIRN_DEVICE_REPLACE] = "onboarded",
    [CAIRN_DEVICE_SUSPEND] = "suspend",   [CAIRN_DEVICE_RESUME] = "resume",
    [CAIRN_DEVICE_REVOKE] = "revoke",     [CAIRN_DEVICE_RESET] = "reset",
    [CAIRN_DEVICE_RETIRE] = "retire",
};

const char *cairn_device_state_name(uint64_t state)
{
    return state >= 1 && state <= CAIRN_DEVICE_STATE_COUNT ? state_names[state] : "unknown";
}

const char *cairn_device_event_name(uint64_t event)
{
    return event >= 1 && event <= CAIRN_DEVICE_EVENT_COUNT ? event_names[event] : "unknown";
}

cairn_err cairn_device_event_find(cairn_bytes name, cairn_device_event *ret_event)
{
    for (unsigned e = 1; e <= CAIRN_DEVICE_EVENT_COUNT; e++)
        if (cairn_bytes_equal(name, cairn_bytes_str(event_names[e]))) {
            *ret_event = (cairn_device_event)e;
            return CAIRN_OK;
        }
    return CAIRN_FAIL(CAIRN_ERR_BAD_VALUE, clause, "device event: no such name");
}

/* AS_BEFORE: where it was when it was suspended. */
enum { AS_BEFORE = CAIRN_DEVICE_STATE_COUNT + 1 };

/* clang-format off */
#define TRANSFER(to) [CAIRN_DEVICE_TRANSFER] = CAIRN_DEVICE_##to
#define CLAIM(to) [CAIRN_DEVICE_CLAIM] = CAIRN_DEVICE_##to
#define ANNOUNCE [CAIRN_DEVICE_ANNOUNCE] = CAIRN_DEVICE_RENDEZVOUS
#define BEGIN [CAIRN_DEVICE_BEGIN] = CAIRN_DEVICE_ONBOARDING
#define FAIL [CAIRN_DEVICE_FAIL] = CAIRN_DEVICE_CLAIMED
#define REPLACE [CAIRN_DEVICE_REPLACE] = CAIRN_DEVICE_REPLACED
#define SUSPEND [CAIRN_DEVICE_SUSPEND] = CAIRN_DEVICE_SUSPENDED
#define RESUME [CAIRN_DEVICE_RESUME] = AS_BEFORE
#define REVOKE [CAIRN_DEVICE_REVOKE] = CAIRN_DEVICE_REVOKED
#define RESET [CAIRN_DEVICE_RESET] = CAIRN_DEVICE_UNCLAIMED
#define RETIRE [CAIRN_DEVICE_RETIRE] = CAIRN_DEVICE_RETIRED

/* [X1353-R04] An empty place is refused. */
static const uint8_t table[CAIRN_DEVICE_STATE_COUNT + 1][CAIRN_DEVICE_EVENT_COUNT + 1] = {
    [CAIRN_DEVICE_REGISTERED] = {TRANSFER(UNCLAIMED), CLAIM(CLAIMED), SUSPEND, REVOKE, RETIRE},
    [CAIRN_DEVICE_UNCLAIMED] = {TRANSFER(UNCLAIMED), CLAIM(CLAIMED), REVOKE},
    [CAIRN_DEVICE_CLAIMED] = {TRANSFER(UNCLAIMED), CLAIM(CLAIMED), ANNOUNCE, BEGIN, REPLACE, SUSPEND,
                              REVOKE, RESET, RETIRE},
    [CAIRN_DEVICE_RENDEZVOUS] = {TRANSFER(UNCLAIMED), CLAIM(CLAIMED), ANNOUNCE, BEGIN, REPLACE,
                                 SUSPEND, REVOKE, RESET, RETIRE},
    [CAIRN_DEVICE_ONBOARDING] = {ANNOUNCE, FAIL, REPLACE, SUSPEND, REVOKE, RESET, RETIRE},
    [CAIRN_DEVICE_ONBOARDED] = {TRANSFER(UNCLAIMED), CLAIM(ONBOARDED), SUSPEND, REVOKE, RESET,
                                RETIRE},
    [CAIRN_DEVICE_SUSPENDED] = {RESUME, REVOKE, RETIRE},
};
/* clang-format on */

cairn_err cairn_device_next(uint64_t state, uint64_t event, uint64_t resume, uint64_t *ret_state)
{
    uint64_t next = 0;
    if (state <= CAIRN_DEVICE_STATE_COUNT && event <= CAIRN_DEVICE_EVENT_COUNT)
        next = table[state][event];
    if (next == 0)
        return CAIRN_FAIL(CAIRN_ERR_CLOSED, clause, "device.state: %s when %s",
                          cairn_device_event_name(event), cairn_device_state_name(state));
    *ret_state = next == AS_BEFORE ? resume : next;
    return CAIRN_OK;
}

cairn_err cairn_device_move(cairn_device *device, cairn_device_event event)
{
    uint64_t before = device->state;
    CAIRN_TRY(cairn_device_next(before, event, device->resume_state, &device->state));
    device->resume_state = event == CAIRN_DEVICE_SUSPEND ? before : CAIRN_SCHEMA_ABSENT;
    return CAIRN_OK;
}

cairn_err cairn_device_check_holder(const cairn_device_saying *saying, const cairn_device *device)
{
    static const cairn_hash nobody;
    bool unsold = device->state == CAIRN_DEVICE_REGISTERED ||
                  (device->state == CAIRN_DEVICE_SUSPENDED &&
                   device->resume_state == CAIRN_DEVICE_REGISTERED);
    const cairn_hash *holder = unsold ? &device->manufacturer : &device->owner;
    if (cairn_hash_equal(holder, &nobody))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause, "device.owner: it is not claimed");
    if (!cairn_hash_equal(holder, &saying->org))
        return CAIRN_FAIL(CAIRN_ERR_TX_FORBIDDEN, clause,
                          "device.owner: is not the signer's organisation");
    return CAIRN_OK;
}

void cairn_device_release(cairn_device *device)
{
    static const cairn_hash none;
    device->owner = none;
    device->contract = none;
    device->platform = none;
    device->policy = none;
    device->rendezvous = none;
    device->rendezvous_expires_ms = CAIRN_SCHEMA_ABSENT;
}
