/* The same as sim_consortium over sockets: each application is served to its engine as in a node,
 * and every request is followed by a Flush. Of the faults only those that end the process: an
 * allocation of the server's own threads has no fixed number. */
#include "sim/played.h"

static void warm_up(void)
{
    played_warm_up(SIM_POOL_FOR_MANY);
    sim_replica_by_socket = true;
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_socket",
                                   .faults = SIM_FAULT(CRASH) | SIM_FAULT(KILL),
                                   .facts_size = sizeof(played_chain),
                                   .warm_up = warm_up,
                                   .live = played_live};
    return sim_main(argc, argv, &workload);
}
