// SPDX-License-Identifier: MIT
// Readers for the kinds of values that settings have. They say yes or no; what is accepted is told
// to people by the table of fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/clock.hpp"
#include "bridge/core/error.hpp"

namespace bridge::config {

/// "15s", "500ms", "10m", "2h", "1d"; "15" and "7.5" are seconds, as in the old bridge.
std::optional<Millis> parse_duration(std::string_view text);
std::string format_duration(Millis duration);

/// "64KiB", "1MiB", "500KB", "1024" (bytes).
std::optional<std::size_t> parse_size(std::string_view text);
std::string format_size(std::size_t bytes);

std::optional<std::int64_t> parse_integer(std::string_view text);
/// 1/0, true/false, yes/no, on/off.
std::optional<bool> parse_switch(std::string_view text);

struct UrlRule {
  bool allow_http = false;
  bool origin_only = false;  ///< no path
  bool allow_query = false;
};
/// The URL without a slash at its end, scheme and host in lower case; or what is wrong with it.
Result<std::string> parse_url(std::string_view text, const UrlRule& rule);
/// "https://Portal.Example:443/" -> "https://portal.example", as browsers write an Origin.
Result<std::string> parse_origin(std::string_view text);

/// The trimmed parts between commas, empty ones left out.
std::vector<std::string> split_list(std::string_view text);

bool has_control_characters(std::string_view text);
std::string to_lower(std::string_view text);

}  // namespace bridge::config
