/* The token endpoint, the authenticators and the dispatcher over plain HTTP on the loopback, for
 * oauth.sh: prints its port, writes the key of the client "robot", serves until its input ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "support/auth_world.h"

static const cairn_auth_directory none;
static test_world world;

/* A port that is free now; the issuer's name holds it before anybody listens. */
static uint16_t free_port(void)
{
    uint16_t port = 0;
    (void)close(raw_listen(&port));
    return port;
}

static void write_key(const char *path)
{
    cairn_bytes pem;
    assert_int_equal(cairn_key_to_pem(world.client_key, true, &world.arena, &pem), CAIRN_OK);
    assert_int_equal(cairn_file_replace(path, 0600, pem, NULL), CAIRN_OK);
}

int main(int argc, char **argv)
{
    char issuer[64];
    cairn_clock now = cairn_clock_system();
    if (argc != 2) {
        (void)fputs("usage: oauth-server KEY.pem\n", stderr);
        return 2;
    }
    world_prepare(&world);
    world.manual.wall_ms = cairn_clock_wall_ms(&now);
    world.server.port = free_port();
    (void)snprintf(issuer, sizeof issuer, "http://127.0.0.1:%u", world.server.port);
    world_accounts(&world);
    world_oauth(&world, issuer);
    world_issuers(&world);
    world_serve(&world, &none);
    write_key(argv[1]);
    (void)printf("%u\n", world.server.port);
    (void)fflush(stdout);
    while (getchar() != EOF)
        continue;
    world_stop(&world);
    return 0;
}
