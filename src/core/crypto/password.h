/* Passwords: memory-hard hashes as PHC strings, and the threads on which they are checked.
 *
 * scrypt, because OpenSSL 3.0 has no Argon2. A check costs tens of milliseconds and of megabytes by
 * design: it never runs on a loop, at most a few run at once, and what was right a moment ago is
 * remembered for a short time. Source: RFC 7914; PHC string format; OWASP password storage. */
#ifndef CAIRN_CORE_CRYPTO_PASSWORD_H
#define CAIRN_CORE_CRYPTO_PASSWORD_H

#include "cairn/bytes.h"
#include "core/clock.h"

enum {
    CAIRN_PASSWORD_SIZE_MAX = 256, /* bytes of a password */
    CAIRN_PASSWORD_SIZE_MIN = 8,   /* bytes of a new one */
    CAIRN_PHC_SIZE_MAX = 192,      /* bytes of a PHC string with its NUL */
    CAIRN_SCRYPT_LOG_N_MIN = 10,
    CAIRN_SCRYPT_LOG_N_MAX = 17,
    CAIRN_SCRYPT_R_MAX = 16,
    CAIRN_SCRYPT_P_MAX = 16,
    CAIRN_SCRYPT_MEMORY_MAX = 128 << 20, /* bytes: 128 * r * 2^log_n */
    CAIRN_SCRYPT_WORK_MAX = 1 << 21,     /* r * p * 2^log_n */
    CAIRN_SCRYPT_SALT_SIZE_MIN = 8,
    CAIRN_SCRYPT_SALT_SIZE_MAX = 64,
    CAIRN_SCRYPT_HASH_SIZE_MIN = 16,
    CAIRN_SCRYPT_HASH_SIZE_MAX = 64,
};

typedef struct cairn_scrypt_params {
    unsigned log_n, r, p;
} cairn_scrypt_params;

/* log_n 15, r 8, p 3: 32 MiB. */
cairn_scrypt_params cairn_scrypt_defaults(void);

/* "$scrypt$ln=15,r=8,p=3$SALT$HASH" with a fresh salt of 16 bytes and a hash of 32. ARGUMENT for
 * parameters out of range or a password longer than CAIRN_PASSWORD_SIZE_MAX; CRYPTO, NO_MEMORY.
 * Blocks. */
cairn_err cairn_password_hash(const cairn_scrypt_params *params, cairn_bytes password,
                              char ret_phc[CAIRN_PHC_SIZE_MAX]) CAIRN_MUST_USE;

/* MISMATCH when it is another password; BAD_VALUE for a string that is not a scrypt PHC string
 * within the bounds above. Compared in constant time. Blocks. */
cairn_err cairn_password_verify(const char *phc, cairn_bytes password) CAIRN_MUST_USE;

/* BAD_VALUE as in verify. Cheap. */
cairn_err cairn_phc_check(const char *phc) CAIRN_MUST_USE;

/* The threads. */
typedef struct cairn_password_pool cairn_password_pool;

typedef struct cairn_password_pool_options {
    unsigned thread_count;    /* 1 to 8: checks at once, each in its own memory */
    unsigned queue_max;       /* 1 to 1024 checks that wait */
    uint32_t remember_ms;     /* how long a right password is remembered; 0: not at all */
    cairn_scrypt_params cost; /* that the known hashes have: so an unknown user costs the same */
} cairn_password_pool_options;

/* 2 threads, 64 waiting, 60 s, scrypt's defaults. */
cairn_password_pool_options cairn_password_pool_defaults(void);

/* `clock` is copied. ARGUMENT, NO_MEMORY, CRYPTO. */
cairn_err cairn_password_pool_new(const cairn_clock *clock,
                                  const cairn_password_pool_options *options,
                                  cairn_password_pool **ret_pool) CAIRN_MUST_USE;
/* Finishes what waits, then frees. Takes NULL. */
void cairn_password_pool_free(cairn_password_pool *pool);
CAIRN_DEFINE_CLEANUP(cairn_password_pool, cairn_password_pool_free)

/* Called once a check, on a thread of the pool or, for one that is remembered, on the caller's
 * before check returns. `err` as of cairn_password_verify. */
typedef void (*cairn_password_done_fn)(void *context, cairn_err err);

/* Queues a check; `phc` and `password` are copied and wiped. With `phc` NULL (there is no such
 * user) the work of options.cost is done, and the verdict is MISMATCH; so it is, after the user's
 * own work, for a password that is longer than CAIRN_PASSWORD_SIZE_MAX. BUSY when the queue is
 * full: `done` is not called then. Any thread.
 *
 * What is remembered is HMAC-SHA-256, under a key of this process, of the PHC string and the
 * password: a changed or removed hash is forgotten with it, and no wrong password is. */
cairn_err cairn_password_check(cairn_password_pool *pool, const char *phc, cairn_bytes password,
                               cairn_password_done_fn done, void *context) CAIRN_MUST_USE;

#endif
