/* Four members whose programs are changed in turn, before and after the height from which another
 * application version judges: as sim_consortium. Who lacks the version stops there by name,
 * computes nothing, and goes on with the next program; who has it goes on without him. */
#include "sim/played.h"

static void warm_up(void)
{
    played_warm_up(SIM_POOL_FOR_UPGRADE);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_upgrade",
                                   .faults = SIM_FAULTS_ALL,
                                   .facts_size = sizeof(played_chain),
                                   .warm_up = warm_up,
                                   .live = played_live};
    return sim_main(argc, argv, &workload);
}
