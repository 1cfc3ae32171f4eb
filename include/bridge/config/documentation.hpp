// SPDX-License-Identifier: MIT
// What the table of fields says about itself. docs/configuration.md and docker/.env.sample are
// made from here; a unit test compares them with the tree (see CONTRIBUTING.md, "Add a setting").
#pragma once

#include <string>

#include "bridge/config/config.hpp"

namespace bridge::config {

/// For `--help`.
std::string help_text();
/// For `--print-config`: NAME=value, one a line; of secrets only whether they are set.
std::string print_config(const Config& config);
/// docs/configuration.md
std::string configuration_markdown();
/// docker/.env.sample
std::string env_sample();

}  // namespace bridge::config
