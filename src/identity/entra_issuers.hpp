// SPDX-License-Identifier: MIT
// Which names Entra gives itself, derived from its address and our tenant.
#pragma once

#include <string>
#include <string_view>

namespace bridge::identity {

class EntraIssuers {
 public:
  EntraIssuers(std::string_view authority, std::string_view tenant);

  std::string tenant;    ///< lower case
  std::string v1, v2;    ///< what `iss` may be
  std::string metadata;  ///< URL
  std::string origin;    ///< scheme, host and port, where the keys must be too
};

/// "https://Login.Example:443/x" -> "https://login.example"; empty for what is no such URL, or one
/// with a user name.
std::string origin_of(std::string_view url);

std::string in_lower_case(std::string_view text);

}  // namespace bridge::identity
