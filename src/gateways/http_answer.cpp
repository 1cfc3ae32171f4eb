// SPDX-License-Identifier: MIT
#include "gateways/http_answer.hpp"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "bridge/core/json.hpp"

namespace bridge::gateways {
namespace {

constexpr std::chrono::seconds kLongestWait = std::chrono::hours(24);

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::optional<Time> parse_http_date(const std::string& text) {
  std::tm parts{};
  // IMF-fixdate, the only form that RFC 9110, 5.6.7 lets a server generate.
  const char* const end = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  if (!end || *end != '\0') return std::nullopt;
  return Time(std::chrono::seconds(timegm(&parts)));
}

}  // namespace

bool is_json(const net::Response& response) {
  std::string type(response.headers.get("Content-Type"));
  type.resize(std::min(type.find(';'), type.size()));
  std::transform(type.begin(), type.end(), type.begin(), lower);
  const std::string_view name = trim(type);
  return name == "application/json" ||
         (name.starts_with("application/") && name.ends_with("+json"));
}

bool contains_ignoring_case(std::string_view text, std::string_view needle) {
  return std::search(text.begin(), text.end(), needle.begin(), needle.end(),
                     [](char a, char b) { return lower(a) == b; }) != text.end();
}

std::optional<std::chrono::seconds> retry_after(const net::Response& response, Time now) {
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

Error transport_error(const Error& error, const std::string& doing, const std::string& hint) {
  std::string context = doing;
  if (!error.context().empty()) context += ": " + error.context();
  return Error(error.code(), std::move(context))
      .with_hint(hint)
      .with_outcome(error.outcome())
      .with_retry_after(error.retry_after());
}

}  // namespace bridge::gateways
