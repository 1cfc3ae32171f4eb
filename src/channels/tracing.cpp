// SPDX-License-Identifier: MIT
#include "channels/tracing.hpp"

#include <algorithm>

#include "bridge/core/random.hpp"

namespace bridge::channels {
namespace {

// W3C Trace Context, 3.2: version-traceid-parentid-flags, lower-case hex.
constexpr std::size_t kLength = 55;

bool is_zero(std::string_view digits) {
  return digits.find_first_not_of('0') == std::string_view::npos;
}

bool is_lower_hex(std::string_view digits) {
  return std::all_of(digits.begin(), digits.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

std::string checked_traceparent(std::string_view value) {
  if (value.size() < kLength || value.size() > 512) return {};
  const std::string_view version = value.substr(0, 2);
  // A later version may say more behind a dash; what we pass on is what version 00 knows.
  if (version == "00" ? value.size() != kLength : value.size() > kLength && value[kLength] != '-')
    return {};
  const std::string_view trace = value.substr(3, 32);
  const std::string_view parent = value.substr(36, 16);
  const std::string_view flags = value.substr(53, 2);
  if (value[2] != '-' || value[35] != '-' || value[52] != '-') return {};
  if (!is_lower_hex(version) || version == "ff" || !is_lower_hex(trace) || is_zero(trace) ||
      !is_lower_hex(parent) || is_zero(parent) || !is_lower_hex(flags))
    return {};
  return "00" + std::string(value.substr(2, kLength - 2));
}

std::string draw_request_id() { return random_hex(8); }

Trace trace_of(net::Request& request) {
  if (request.id.empty()) request.id = draw_request_id();
  std::string parent;
  // Two of them contradict each other, so neither counts.
  if (request.headers.count("traceparent") == 1)
    parent = checked_traceparent(request.headers.get("traceparent"));
  return Trace(request.id, std::move(parent));
}

}  // namespace bridge::channels
