/* Four members of a consortium through invented rounds, hostile proposals, decided blocks, replays
 * and crashes: sim/played.h says how and against what. */
#include "sim/played.h"

static void warm_up(void)
{
    played_warm_up(SIM_POOL_FOR_MANY);
}

int main(int argc, char **argv)
{
    const sim_workload workload = {.name = "sim_consortium",
                                   .faults = SIM_FAULTS_ALL,
                                   .facts_size = sizeof(played_chain),
                                   .warm_up = warm_up,
                                   .live = played_live};
    return sim_main(argc, argv, &workload);
}
