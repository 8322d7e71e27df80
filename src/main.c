/* The `cairn` command. */
#include <signal.h>
#include <stdio.h>

#include "command/verb.h"

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of the write */
    return cairn_command_main(argc, argv, stdout, stderr);
}
