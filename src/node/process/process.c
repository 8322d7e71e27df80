/* One program, four processes: the first argument tells which. */
#include "node/process/process.h"

#include "node/process/keyd.h"

bool cairn_process_main(int argc, char **argv, const cairn_worker_parser *parsers,
                        size_t parser_count, int *ret_exit)
{
    if (argc < 1)
        return false;
    if (strcmp(argv[0], "cairn-spawner") == 0)
        *ret_exit = cairn_spawner_main(argc, argv);
    else if (strcmp(argv[0], "cairn-keyd") == 0)
        *ret_exit = cairn_keyd_main(argc, argv);
    else if (strcmp(argv[0], "cairn-worker") == 0)
        *ret_exit = cairn_worker_main(argc, argv, parsers, parser_count);
    else
        return false;
    return true;
}
