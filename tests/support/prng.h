/* The simulations' source of chance, for unit tests. */
#ifndef CAIRN_TESTS_SUPPORT_PRNG_H
#define CAIRN_TESTS_SUPPORT_PRNG_H

#include "sim/prng.h"

#endif
