// SPDX-License-Identifier: MIT
#include "config/values.hpp"

#include <algorithm>
#include <array>
#include <boost/url/parse.hpp>
#include <boost/url/scheme.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <cmath>
#include <utility>

#include "bridge/core/json.hpp"

namespace bridge::config {
namespace {

/// A decimal number without sign or exponent, and what follows it.
std::optional<std::pair<double, std::string_view>> split_number(std::string_view text) {
  text = trim(text);
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string_view digits = text.substr(0, end);
  double number = 0;
  const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number,
                                              std::chars_format::fixed);
  if (digits.empty() || failed != std::errc() || stop != digits.data() + digits.size())
    return std::nullopt;
  return std::pair(number, trim(text.substr(end)));
}

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array kTimeUnits = {Unit{"d", 86'400'000}, Unit{"h", 3'600'000}, Unit{"m", 60'000},
                                   Unit{"s", 1000}, Unit{"ms", 1}};
constexpr std::array kSizeUnits = {Unit{"MiB", 1024 * 1024}, Unit{"KiB", 1024},
                                   Unit{"MB", 1'000'000}, Unit{"KB", 1000}, Unit{"B", 1}};

/// Above every range in the table, below what overflows.
constexpr double kMaxScaled = 1e15;

template <std::size_t N>
std::optional<std::int64_t> scaled(std::string_view text, const std::array<Unit, N>& units,
                                   std::int64_t factor_without_unit) {
  const auto parts = split_number(text);
  if (!parts) return std::nullopt;
  const auto& [number, unit] = *parts;
  std::int64_t factor = unit.empty() ? factor_without_unit : 0;
  for (const Unit& known : units)
    if (to_lower(known.name) == to_lower(unit)) factor = known.factor;
  const double value = number * static_cast<double>(factor);
  if (factor == 0 || value > kMaxScaled) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(value));
}

template <std::size_t N>
std::string formatted(std::int64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units)
    if (value != 0 && value % unit.factor == 0)
      return std::to_string(value / unit.factor) + std::string(unit.name);
  return "0";
}

Error wrong(std::string what) { return Error(Errc::invalid_argument, std::move(what)); }

}  // namespace

std::optional<Millis> parse_duration(std::string_view text) {
  const auto value = scaled(text, kTimeUnits, 1000);
  if (!value) return std::nullopt;
  return Millis(*value);
}

std::string format_duration(Millis duration) { return formatted(duration.count(), kTimeUnits); }

std::optional<std::size_t> parse_size(std::string_view text) {
  const auto value = scaled(text, kSizeUnits, 1);
  if (!value) return std::nullopt;
  return static_cast<std::size_t>(*value);
}

std::string format_size(std::size_t bytes) {
  return formatted(static_cast<std::int64_t>(bytes), kSizeUnits);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  text = trim(text);
  std::int64_t number = 0;
  const auto [stop, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc() || stop != text.data() + text.size())
    return std::nullopt;
  return number;
}

std::optional<bool> parse_switch(std::string_view text) {
  const std::string word = to_lower(trim(text));
  if (word == "1" || word == "true" || word == "yes" || word == "on") return true;
  if (word == "0" || word == "false" || word == "no" || word == "off") return false;
  return std::nullopt;
}

Result<std::string> parse_url(std::string_view text, const UrlRule& rule) {
  const auto parsed = boost::urls::parse_uri(trim(text));
  if (!parsed) return wrong("is not an absolute URL");
  const boost::urls::url_view url = *parsed;
  const bool http = url.scheme_id() == boost::urls::scheme::http;
  if (!http && url.scheme_id() != boost::urls::scheme::https) return wrong("is not an https URL");
  if (http && !rule.allow_http)
    return wrong("is plain http, which is refused unless ALLOW_INSECURE_UPSTREAM=1");
  if (url.encoded_host().empty()) return wrong("has no host");
  // Boost.URL 1.81 reads "https://10.0.0.1.example.com" as host 10.0.0.1 and path ".example.com".
  if (!url.encoded_path().empty() && !url.encoded_path().starts_with('/'))
    return wrong("has a host that begins like an IP address");
  if (url.has_userinfo()) return wrong("holds a user name or password");
  if (url.has_fragment()) return wrong("holds a '#' part");
  if (url.has_query() && !rule.allow_query) return wrong("holds a '?' part");

  std::string path(url.encoded_path());
  if (!url.has_query())
    while (path.ends_with('/')) path.pop_back();
  if (rule.origin_only && !path.empty()) return wrong("holds a path");

  std::string result = to_lower(url.scheme()) + "://" + to_lower(url.encoded_host());
  const std::string_view port = url.port();
  const std::string_view usual = http ? "80" : "443";
  if (!port.empty() && port != usual) result.append(":").append(port);
  result += path;
  if (url.has_query()) result.append("?").append(std::string_view(url.encoded_query()));
  return result;
}

Result<std::string> parse_origin(std::string_view text) {
  return parse_url(text, UrlRule{.allow_http = true, .origin_only = true, .allow_query = false});
}

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = trim(text.substr(0, comma));
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7F;
  });
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

}  // namespace bridge::config
