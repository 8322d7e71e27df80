/* The one list of features, in fixed order. */
#include "feature_list.h"

#include "identity/identity.h"
#include "ledger/governance.h"
#include "onboard/onboard.h"
#include "record/record.h"

static const cairn_feature *const list[] = {
    &cairn_governance_feature,      &cairn_identity_feature, &cairn_identity_ca_feature,
    &cairn_identity_status_feature, &cairn_onboard_feature,  &cairn_record_feature,
};

const cairn_features cairn_all_features = {
    .list = list, .count = sizeof list / sizeof list[0], .app_version = 1};
