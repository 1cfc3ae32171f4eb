// SPDX-License-Identifier: MIT
#include "config/field_table.hpp"

#include "config/field_groups.hpp"

namespace bridge::config {

const std::vector<Field>& field_table() {
  static const std::vector<Field> table = [] {
    std::vector<Field> all;
    for (auto part :
         {servicenow_fields(), network_fields(), caller_fields(), directline_fields(),
          copilot_fields(), connector_fields(), web_fields(), store_fields(), timer_fields(),
          limit_fields(), connection_fields(), guard_fields(), log_fields(), metrics_fields()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return table;
}

const std::vector<IgnoredName>& ignored_names() {
  static const std::vector<IgnoredName> names = {
      {"A2A_APP_PASSWORD", "belongs to channels that this version does not serve"},
      {"A2A_PUBLIC_URL", "belongs to channels that this version does not serve"},
      {"SKILL_*", "the old bridge's skill relay; but see CS_TENANT_ID and CS_APP_ID"},
      {"TEAMS_*", "the old bridge's Teams relay"},
      {"BRIDGE_INTERNAL_URL", "the old bridge's relay programs"},
      {"SN_ADMIN_*", "scripts that set up an instance"},
      {"POWERPLATFORM_*", "scripts that set up Copilot Studio"},
  };
  return names;
}

}  // namespace bridge::config
