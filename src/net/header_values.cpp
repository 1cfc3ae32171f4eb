// SPDX-License-Identifier: MIT
#include "bridge/net/header_values.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include "bridge/core/json.hpp"

namespace bridge::net {
namespace {

constexpr std::chrono::seconds kLongestWait = std::chrono::hours(24);

std::optional<Time> parse_http_date(const std::string& text) {
  // RFC 9110, 5.6.7: servers write the first form; the two old ones have to be understood.
  static constexpr std::array kForms = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
  for (const char* const form : kForms) {
    std::tm parts{};
    const char* const end = strptime(text.c_str(), form, &parts);
    if (end && *end == '\0') return Time(std::chrono::seconds(timegm(&parts)));
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::seconds> retry_after(const Response& response, Time now) {
  const std::string value(trim(response.headers.get("Retry-After")));
  if (value.empty()) return std::nullopt;
  std::chrono::seconds wait{0};
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failed == std::errc() && end == value.data() + value.size()) {
    wait = std::chrono::seconds(std::clamp<std::int64_t>(number, 0, kLongestWait.count()));
  } else if (const auto date = parse_http_date(value)) {
    wait = std::chrono::ceil<std::chrono::seconds>(*date - now);
  } else {
    return std::nullopt;
  }
  return std::clamp(wait, std::chrono::seconds(0), kLongestWait);
}

std::string base64(std::string_view bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = (group << 8) | (j < here ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      text.push_back(j <= here ? kDigits[(group >> (18 - 6 * j)) & 63] : '=');
  }
  return text;
}

}  // namespace bridge::net
