/* The list of all features of this build. */
#ifndef CAIRN_FEATURE_LIST_H
#define CAIRN_FEATURE_LIST_H

#include "ledger/feature.h"

extern const cairn_features cairn_all_features;

#endif
