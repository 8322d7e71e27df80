/* The `cairn` command. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "command/verb.h"
#include "node/process/process.h"

/* A standard descriptor that is closed would become the first file that is opened, and what is
 * printed would be written into a ledger. Open the wrong way round, each still fails as it should.
 */
static bool hold_standard_descriptors(void)
{
    static const int flags[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", flags[fd]) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    int exit_code = 0;
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of the write */
    (void)signal(SIGXFSZ, SIG_IGN); /* and so is a file that grows past its limit */
    if (!hold_standard_descriptors())
        return cairn_err_exit(CAIRN_ERR_IO);
    if (cairn_process_main(argc, argv, NULL, 0, &exit_code))
        return exit_code;
    return cairn_command_main(argc, argv, stdout, stderr);
}
