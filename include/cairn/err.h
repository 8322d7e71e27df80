/* Error codes, the detail behind them, and the macros that carry both.
 *
 * A function that can fail returns `cairn_err`: zero is success. The number is part of the protocol
 * where it reaches a results tree (docs/formats/block-entry.md), so a number is never reused.
 * Source: house (STYLE, Errors). */
#ifndef CAIRN_ERR_H
#define CAIRN_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* X(name, number, text, HTTP status, exit code).
 * Groups: -1xx caller, -2xx peer (bytes that somebody sent), -3xx limit, -4xx state (the ledger
 * says no), -5xx io, -6xx internal. Exit codes: 1 the answer is no, 2 usage, 3 bad input, 4
 * environment. */
#define CAIRN_ERR_LIST(X)                                                                          \
    X(USAGE, -101, "wrong usage", 400, 2)                                                          \
    X(ARGUMENT, -102, "argument out of range", 400, 2)                                             \
    X(CONFIG, -103, "configuration is not valid", 500, 2)                                          \
    X(TRUNCATED, -201, "input ends too early", 400, 3)                                             \
    X(TRAILING, -202, "bytes follow the end of the object", 400, 3)                                \
    X(NOT_CANONICAL, -203, "encoding is not the deterministic one", 400, 3)                        \
    X(WRONG_TYPE, -204, "item has the wrong type", 400, 3)                                         \
    X(DUPLICATE_KEY, -205, "map holds a key twice", 400, 3)                                        \
    X(UNKNOWN_FIELD, -206, "field is not part of the schema", 400, 3)                              \
    X(MISSING_FIELD, -207, "field is missing", 400, 3)                                             \
    X(BAD_VALUE, -208, "field has a value outside its range", 400, 3)                              \
    X(BAD_TEXT, -209, "text is not valid UTF-8", 400, 3)                                           \
    X(BAD_VERSION, -210, "format version is not known", 400, 3)                                    \
    X(BAD_ALGORITHM, -211, "algorithm is not allowed here", 400, 3)                                \
    X(BAD_KEY, -212, "key is not valid", 400, 3)                                                   \
    X(BAD_SIGNATURE, -213, "signature does not verify", 400, 1)                                    \
    X(HIGH_S, -214, "signature has a high s", 400, 1)                                              \
    X(BAD_PROOF, -215, "proof does not verify", 400, 1)                                            \
    X(MISMATCH, -216, "content differs from what was committed", 400, 1)                           \
    X(NOT_TRUSTED, -217, "no trusted key vouches for this", 400, 1)                                \
    X(DISPUTED, -218, "a key that vouches for this is suspect at that height", 400, 1)             \
    X(TRUST_EXPIRED, -219, "trust has expired", 400, 1)                                            \
    X(INCONSISTENT, -220, "history is not an extension of what was seen", 409, 1)                  \
    X(BAD_MAC, -221, "authentication tag does not verify", 400, 1)                                 \
    X(PAGE_TOKEN, -222, "page token is not valid", 400, 3)                                         \
    X(MEDIA_TYPE, -223, "media type is not one that is taken here", 415, 3)                        \
    X(NOT_ACCEPTABLE, -224, "it is there in none of the forms that were asked for", 406, 3)        \
    X(NOT_IMPLEMENTED, -225, "what is asked for is not served here", 501, 3)                       \
    X(REFUSED, -226, "peer refused", 502, 1)                                                       \
    X(TOO_LARGE, -301, "object is larger than its limit", 413, 3)                                  \
    X(TOO_DEEP, -302, "nesting is deeper than its limit", 400, 3)                                  \
    X(TOO_MANY, -303, "more items than the limit", 400, 3)                                         \
    X(BUSY, -304, "queue is full, try again", 503, 4)                                              \
    X(RATE, -305, "caller asks too often", 429, 4)                                                 \
    X(TX_UNKNOWN_TYPE, -401, "transaction type is not known", 422, 1)                              \
    X(TX_WRONG_LEDGER, -402, "transaction is for another ledger", 422, 1)                          \
    X(TX_EXPIRED, -403, "transaction is no longer valid", 422, 1)                                  \
    X(TX_TOO_FAR_AHEAD, -404, "transaction is valid for longer than the ledger keeps ids", 422, 1) \
    X(TX_REPLAYED, -405, "transaction was already decided", 409, 1)                                \
    X(TX_UNKNOWN_SIGNER, -406, "signing key is not registered", 403, 1)                            \
    X(TX_SUSPENDED_SIGNER, -407, "signing organisation is suspended", 403, 1)                      \
    X(TX_REVOKED_SIGNER, -408, "signing key is revoked", 403, 1)                                   \
    X(TX_WRONG_PURPOSE, -409, "key has another purpose", 403, 1)                                   \
    X(TX_FORBIDDEN, -410, "signer may not do this", 403, 1)                                        \
    X(TX_NEEDS_APPROVAL, -411, "act needs an approval", 403, 1)                                    \
    X(TX_WRONG_VERSION, -412, "object has another version than expected", 409, 1)                  \
    X(TX_IDS_FULL, -413, "ledger holds as many recent ids as it may", 503, 4)                      \
    X(TX_NOT_ACTIVE, -414, "transaction type is not active at this application version", 422, 1)   \
    X(EXISTS, -420, "object already exists", 409, 1)                                               \
    X(NOT_FOUND, -421, "object does not exist", 404, 1)                                            \
    X(EXPIRED, -422, "object has expired", 410, 1)                                                 \
    X(CLOSED, -423, "object is closed", 409, 1)                                                    \
    X(VIEW_EXPIRED, -424, "view is too old to read from", 410, 4)                                  \
    X(ERASED, -425, "object was erased", 410, 1)                                                   \
    X(EARLY, -426, "it is too early for that", 409, 1)                                             \
    X(IO, -501, "input or output failed", 500, 4)                                                  \
    X(NO_SPACE, -502, "disk is full", 503, 4)                                                      \
    X(CORRUPT, -503, "stored data is corrupt", 500, 4)                                             \
    X(READ_ONLY, -504, "ledger is read-only after a failure", 503, 4)                              \
    X(LOCKED, -505, "another process holds this directory", 409, 4)                                \
    X(UNREACHABLE, -506, "peer cannot be reached", 502, 4)                                         \
    X(TOKEN, -507, "cryptographic token failed", 503, 4)                                           \
    X(PERMISSION, -508, "permission denied", 500, 4)                                               \
    X(ADDRESS_IN_USE, -509, "address is already in use", 500, 4)                                   \
    X(CHANGED, -510, "file changed while it was read", 409, 4)                                     \
    X(UNAVAILABLE, -511, "service is not available now, try again", 503, 4)                        \
    X(FOLLOWER, -512, "ledger is followed here: write to its source", 421, 4)                      \
    X(UNDECIDED, -513, "not decided in time: the same transaction may be sent again", 504, 4)      \
    X(NO_MEMORY, -601, "out of memory", 500, 4)                                                    \
    X(CRYPTO, -602, "cryptographic library failed", 500, 4)                                        \
    X(CANCELLED, -603, "operation was cancelled", 503, 4)                                          \
    X(INTERNAL, -604, "internal error", 500, 4)

typedef enum cairn_err_code {
    CAIRN_OK = 0,
#define X(name, number, text, http, exit_code) CAIRN_ERR_##name = (number),
    CAIRN_ERR_LIST(X)
#undef X
} cairn_err_code;

/* Zero or one of `cairn_err_code`. Every function that returns it is must-use. */
typedef int cairn_err;
#define CAIRN_MUST_USE __attribute__((warn_unused_result))

/* True for zero and for the codes of the list: what another process says is checked first. */
bool cairn_err_is_known(cairn_err err);

/* Static text of a code, "unknown error" for a number that is not listed. Never NULL. */
const char *cairn_err_text(cairn_err err);

/* Stable name of a code as printed in JSON and problem documents, such as "TX_EXPIRED". Never NULL.
 */
const char *cairn_err_name(cairn_err err);

/* HTTP status of a code; 200 for success, 500 for an unknown number. */
int cairn_err_http(cairn_err err);

/* Exit code of the command: 0 for success, else 1 to 4. */
int cairn_err_exit(cairn_err err);

/* Detail of the last CAIRN_FAIL on this thread: "object.field: what (clause)". Never NULL; "" if
 * none. The pointer stays valid until the next CAIRN_FAIL of the same thread. */
const char *cairn_err_detail(void);

/* Forgets the detail of this thread. */
void cairn_err_clear(void);

/* Stores the detail and returns `code`; call it by CAIRN_FAIL. `clause` names the document and
 * section that the input breaks, or "house". Text is cut at 512 bytes; bytes outside printable
 * ASCII become '?', so that a peer cannot write to the terminal or the log. */
cairn_err cairn_err_set(cairn_err code, const char *clause, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Same, from errno: ENOSPC and EDQUOT give NO_SPACE, ENOMEM NO_MEMORY, EACCES and EPERM PERMISSION,
 * else IO. `what` names the operation and the file. */
cairn_err cairn_err_from_errno(int errnum, const char *what);

/* Its value is `code` itself, so that compilers and analyzers see that a failure is not zero. */
#define CAIRN_FAIL(code, clause, ...)                              \
    __extension__({                                                \
        cairn_err cairn_failure = (code);                          \
        (void)cairn_err_set(cairn_failure, (clause), __VA_ARGS__); \
        cairn_failure;                                             \
    })

#define CAIRN_TRY(call)                   \
    do {                                  \
        cairn_err cairn_try_err = (call); \
        if (cairn_try_err != CAIRN_OK)    \
            return cairn_try_err;         \
    } while (0)

/* Our own mistake, in release builds too: prints the place and aborts. Input never reaches it
 * unchecked. */
#define CAIRN_ASSERT(cond)                                  \
    do {                                                    \
        if (!(cond))                                        \
            cairn_assert_failed(#cond, __FILE__, __LINE__); \
    } while (0)
void cairn_assert_failed(const char *cond, const char *file, int line) __attribute__((noreturn));

/* Frees a local at scope end: `CAIRN_CLEANUP(cairn_key_free_p) cairn_key *key = NULL;`. `fn` takes
 * the address of the local. CAIRN_STEAL hands the pointer over and disarms the cleanup. */
#define CAIRN_CLEANUP(fn) __attribute__((cleanup(fn)))
#define CAIRN_STEAL(p)                    \
    __extension__({                       \
        __typeof__(p) cairn_stolen = (p); \
        (p) = NULL;                       \
        cairn_stolen;                     \
    })

/* Defines `name##_p(type **p)`, the cleanup form of a free function that takes NULL. */
#define CAIRN_DEFINE_CLEANUP(type, name)  \
    static inline void name##_p(type **p) \
    {                                     \
        name(*p);                         \
    }

#endif
