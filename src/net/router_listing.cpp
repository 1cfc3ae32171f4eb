// SPDX-License-Identifier: MIT
#include "bridge/net/router.hpp"

namespace bridge::net {

std::vector<std::pair<std::string, std::string>> Router::listing() const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& [segments, route] : routes_)
    all.emplace_back(to_string(route.method), route.pattern);
  for (const auto& [segments, route] : websockets_)
    all.emplace_back(to_string(Method::get), route.pattern);
  return all;
}

}  // namespace bridge::net
