# Of src/features.c makes the tables of a program that knows another application version.
s/app_version = 1}/app_version = 2}/
0,/^};/s/^};/    \&test_feature_2,\n};/
s|#include "feature_list.h"|&\n#include "support/versions.h"|
