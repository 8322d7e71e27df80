/* What organisations are, by approval: the roles of the Recommendations. What each opens is said
 * where it is asked for. Source: house (ARCHITECTURE, The node). */
#ifndef CAIRN_LEDGER_ROLES_H
#define CAIRN_LEDGER_ROLES_H

#include "cairn/bytes.h"

/* X(NAME, bit, name, what it does). Bits are part of the ledger's format and are never reused. */
#define CAIRN_ROLE_LIST(X)                                                               \
    X(MANUFACTURER, 0, "manufacturer", "makes devices or vehicles and their identities") \
    X(SUPPLIER, 1, "supplier", "makes parts or software of them")                        \
    X(DISTRIBUTOR, 2, "distributor", "sells, integrates and passes them on")             \
    X(OWNER, 3, "owner", "owns devices, vehicles, buildings or data")                    \
    X(OPERATOR, 4, "operator", "runs a mobile network and its slices")                   \
    X(PROVIDER, 5, "provider", "provides a service")                                     \
    X(PLATFORM, 6, "platform", "runs an IoT or location platform")                       \
    X(RENDEZVOUS, 7, "rendezvous", "tells a new device where its owner is")              \
    X(VERIFIER, 8, "verifier", "appraises attestation evidence")                         \
    X(VALIDATOR, 9, "validator", "takes part in consensus")                              \
    X(AUDITOR, 10, "auditor", "reads histories and audit records")                       \
    X(CONTROLLER, 11, "controller", "decides why and how personal data are used")        \
    X(PROCESSOR, 12, "processor", "uses data for a controller")                          \
    X(COORDINATOR, 13, "coordinator", "coordinates a community that shares threats")     \
    X(INVESTIGATOR, 14, "investigator", "investigates crashes")                          \
    X(INSURER, 15, "insurer", "insures vehicles and their keepers")                      \
    X(REGULATOR, 16, "regulator", "supervises by law")                                   \
    X(SECURITY, 17, "security", "provides cybersecurity services")                       \
    X(PARTNER, 18, "partner", "is a third-party provider of products or services")       \
    X(CLOUD, 19, "cloud", "runs a core or regional cloud")                               \
    X(EDGE, 20, "edge", "runs edge sites")                                               \
    X(APPLICATION, 21, "application", "provides applications")                           \
    X(CUSTOMER, 22, "customer", "orders ledgers, clouds, slices or services")            \
    X(DEVELOPER, 23, "developer", "develops contracts and applications")                 \
    X(PUBLISHER, 24, "publisher", "publishes images and packages")                       \
    X(SECRETARIAT, 25, "secretariat", "keeps the papers of a consultation")

typedef enum cairn_role {
#define X(name, bit, text, doc) CAIRN_ROLE_##name = 1 << (bit),
    CAIRN_ROLE_LIST(X)
#undef X
} cairn_role;

#define CAIRN_ROLES_ALL UINT32_C(0x03ffffff)

/* Name of one role, "unknown" for anything else. */
const char *cairn_role_name(uint32_t role);

/* The role with this name; BAD_VALUE when there is none. */
cairn_err cairn_role_find(cairn_bytes name, uint32_t *ret_role) CAIRN_MUST_USE;

#endif
