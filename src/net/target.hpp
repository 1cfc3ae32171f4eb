// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace bridge::net {

/// The path of a request target, still encoded, without the query. The absolute form
/// ("GET http://host/path", RFC 9112, 3.2.2) loses its scheme and authority.
inline std::string_view path_of(std::string_view target) {
  target = target.substr(0, target.find('?'));
  if (target.starts_with('/')) return target;
  const auto scheme = target.find("://");
  if (scheme == std::string_view::npos) return target;
  const auto slash = target.find('/', scheme + 3);
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

}  // namespace bridge::net
