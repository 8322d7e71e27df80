/* What an access token costs whoever authenticates a call: verified, as the first call with it is
 * and every call once was, and remembered. Beside them the signature alone. CPU time, best and
 * median of the rounds. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "core/store/file.h"
#include "node/auth/auth.h"

enum { ROUNDS = 9, OPERATIONS = 2000, TOKENS = ROUNDS * OPERATIONS };

#define URL "https://node.example"

static char directory[] = "/tmp/cairn-bench-auth-XXXXXX";
static cairn_clock the_clock;
static cairn_arena arena;
static cairn_accounts *accounts;
static cairn_signer *signer;
static cairn_password_pool *pool;
static cairn_oauth *oauth;
static cairn_key *key;
static cairn_jwk *jwk;
static cairn_bytes tokens[TOKENS], inputs[TOKENS];

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "bench_auth: %s: %s\n", what, cairn_err_detail());
    exit(1);
}

static double now_us(clockid_t clock)
{
    struct timespec t;
    must(clock_gettime(clock, &t) == 0, "clock");
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print(const char *what, double us[ROUNDS])
{
    qsort(us, ROUNDS, sizeof us[0], by_value);
    printf("%-44s %8.2f us CPU best, %.2f median\n", what, us[0], us[ROUNDS / 2]);
}

/* --- preparation --- */

static void open_parts(void)
{
    char path[128];
    cairn_bytes pem;
    cairn_oauth_options options = cairn_oauth_defaults();
    const cairn_password_pool_options one = cairn_password_pool_defaults();
    must(mkdtemp(directory) != NULL, "mkdtemp");
    (void)snprintf(path, sizeof path, "%s/access", directory);
    must(cairn_accounts_open(path, &accounts) == CAIRN_OK, "accounts");
    (void)snprintf(path, sizeof path, "%s/keys", directory);
    must(mkdir(path, 0700) == 0 && cairn_signer_open_files(path, &signer) == CAIRN_OK, "signer");
    must(cairn_password_pool_new(&the_clock, &one, &pool) == CAIRN_OK, "pool");
    options.clock = the_clock;
    options.issuer = URL;
    options.audience = URL;
    options.signer = signer;
    options.accounts = accounts;
    options.pool = pool;
    must(cairn_oauth_new(&options, &oauth) == CAIRN_OK, "token endpoint");
    (void)snprintf(path, sizeof path, "%s/keys/token-1.pem", directory);
    must(cairn_file_read(&arena, path, 4096, &pem) == CAIRN_OK, "key");
    must(cairn_key_from_pem(pem, &key) == CAIRN_OK, "key");
    must(cairn_jwk_of_key(key, NULL, &jwk) == CAIRN_OK, "key");
}

static void make_token(size_t i)
{
    char claims[512];
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    unsigned long long now_s = cairn_clock_wall_ms(&the_clock) / 1000;
    (void)snprintf(claims, sizeof claims,
                   "{\"iss\":\"" URL "\",\"aud\":\"" URL "\",\"sub\":\"shop\",\"client_id\":"
                   "\"shop\",\"jti\":\"%zu\",\"scope\":\"ledger.read\",\"iat\":%llu,\"exp\":%llu}",
                   i, now_s, now_s + 3000);
    must(cairn_jws_signing_input(&arena, CAIRN_JOSE_ES256, cairn_jwk_kid(jwk), "at+jwt",
                                 cairn_bytes_str(claims), &inputs[i]) == CAIRN_OK,
         "input");
    must(cairn_key_sign(key, inputs[i], signature, &size) == CAIRN_OK, "sign");
    must(cairn_jws_assemble(&arena, inputs[i], cairn_bytes_of(signature, size), &tokens[i]) ==
             CAIRN_OK,
         "token");
}

static cairn_auth *open_auth(void)
{
    const cairn_auth_options options = {.clock = the_clock, .oauth = oauth};
    cairn_auth *auth = NULL;
    must(cairn_auth_new(&options, &auth) == CAIRN_OK, "authenticators");
    return auth;
}

/* --- calls --- */

static void on_done(void *context, const cairn_auth_result *result)
{
    (void)context;
    must(result->verdict == CAIRN_AUTH_FOUND, result->reason);
}

static void call(const cairn_authenticator *authenticator, cairn_bytes token)
{
    char field[CAIRN_JWS_SIZE_MAX];
    int size =
        snprintf(field, sizeof field, "Bearer %.*s", (int)token.size, (const char *)token.data);
    const cairn_http_header header = {cairn_bytes_str("authorization"),
                                      cairn_bytes_of(field, (size_t)size)};
    const cairn_http_request request = {.headers = &header, .header_count = 1};
    const cairn_auth_evidence evidence = {.request = &request};
    authenticator->authenticate(authenticator->context, &evidence, on_done, NULL);
}

/* Each token is new to the authenticator, or all are one. */
static void bench(const char *what, bool fresh)
{
    double us[ROUNDS];
    cairn_auth *auth = open_auth();
    const cairn_authenticator authenticator = cairn_auth_authenticator(auth);
    if (!fresh)
        call(&authenticator, tokens[0]);
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = now_us(CLOCK_THREAD_CPUTIME_ID);
        for (size_t i = 0; i < OPERATIONS; i++)
            call(&authenticator, tokens[fresh ? round * OPERATIONS + i : 0]);
        us[round] = (now_us(CLOCK_THREAD_CPUTIME_ID) - start) / OPERATIONS;
    }
    print(what, us);
    cairn_auth_free(auth);
}

static void bench_signature(void)
{
    double us[ROUNDS];
    cairn_bytes message = inputs[0];
    uint8_t signature[CAIRN_SIGNATURE_SIZE_MAX];
    size_t size = 0;
    must(cairn_key_sign(key, message, signature, &size) == CAIRN_OK, "sign");
    for (size_t round = 0; round < ROUNDS; round++) {
        double start = now_us(CLOCK_THREAD_CPUTIME_ID);
        for (size_t i = 0; i < OPERATIONS; i++)
            must(cairn_key_verify(key, message, cairn_bytes_of(signature, size)) == CAIRN_OK,
                 "verify");
        us[round] = (now_us(CLOCK_THREAD_CPUTIME_ID) - start) / OPERATIONS;
    }
    print("baseline: its ES256 signature alone", us);
}

int main(void)
{
    char command[sizeof directory + 16];
    the_clock = cairn_clock_system();
    cairn_arena_init(&arena, (size_t)256 << 20);
    open_parts();
    for (size_t i = 0; i < TOKENS; i++)
        make_token(i);
    bench_signature();
    bench("verified, as each call once was", true);
    bench("remembered", false);
    cairn_jwk_free(jwk);
    cairn_key_free(key);
    cairn_oauth_free(oauth);
    cairn_password_pool_free(pool);
    cairn_signer_free(signer);
    cairn_accounts_close(accounts);
    cairn_arena_done(&arena);
    (void)snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command) == 0 ? 0 : 1;
}
