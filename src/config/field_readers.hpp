// SPDX-License-Identifier: MIT
// Readers for the settings that are a kind of their own. Each returns what is wrong with the text,
// to be read behind the name of the variable, or puts the value in its place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bridge/config/config.hpp"

namespace bridge::config {

using Wrong = std::optional<std::string>;

/// Placeholders of sample files and control characters are not secrets.
Wrong check_secret(std::string_view text);

Wrong read_user(Config& config, std::string_view text);
Wrong read_api_base(Config& config, std::string_view text);
Wrong read_ca_file(Config& config, std::string_view text);
Wrong read_host(Config& config, std::string_view text);
Wrong read_public_url(Config& config, std::string_view text);
Wrong read_web_dir(Config& config, std::string_view text);
Wrong read_origins(Config& config, std::string_view text);

}  // namespace bridge::config
