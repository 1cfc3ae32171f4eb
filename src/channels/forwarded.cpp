// SPDX-License-Identifier: MIT
#include "channels/forwarded.hpp"

#include "bridge/core/json.hpp"

namespace bridge::channels {
namespace {

/// Calls `visit` with each element, right-most first, until it returns false.
template <class Visit>
void visit_from_right(const net::Headers& headers, std::string_view name, Visit visit) {
  const auto& entries = headers.entries();
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!net::equals_ignoring_case(entry->first, name)) continue;
    std::string_view list = entry->second;
    for (bool more = true; more;) {
      const auto comma = list.rfind(',');
      more = comma != std::string_view::npos;
      const std::string_view element = trim(more ? list.substr(comma + 1) : list);
      if (more) list = list.substr(0, comma);
      if (!element.empty() && !visit(element)) return;
    }
  }
}

/// Some proxies write a port as well: "192.0.2.1:4711", "[2001:db8::1]:4711".
std::string_view without_port(std::string_view address) {
  if (address.starts_with('[')) {
    const auto end = address.find(']');
    return end == std::string_view::npos ? std::string_view() : address.substr(1, end - 1);
  }
  const auto colon = address.find(':');
  const bool one_colon = colon != std::string_view::npos && colon == address.rfind(':');
  return one_colon ? address.substr(0, colon) : address;
}

}  // namespace

std::string_view element_from_right(const net::Headers& headers, std::string_view name, int n) {
  std::string_view found;
  visit_from_right(headers, name, [&](std::string_view element) {
    if (--n > 0) return true;
    found = element;
    return false;
  });
  return found;
}

std::string_view forwarded(const net::Request& request, std::string_view name,
                           int trusted_proxies) {
  if (trusted_proxies <= 0) return {};
  std::string_view found;
  int n = trusted_proxies;
  visit_from_right(request.headers, name, [&](std::string_view element) {
    found = element;
    return --n > 0;
  });
  return found;
}

BucketKey client_key(const net::Request& request, int trusted_proxies) {
  if (trusted_proxies > 0) {
    const auto element = element_from_right(request.headers, "X-Forwarded-For", trusted_proxies);
    if (const auto key = address_key(without_port(element))) return *key;
  }
  return address_key(request.peer_address).value_or(BucketKey());
}

}  // namespace bridge::channels
