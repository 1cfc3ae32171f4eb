// SPDX-License-Identifier: MIT
// Where activities may be posted to, judged by the URL alone. Pure. The URL comes from outside and
// is posted to with our address, so its form is held to less than the RFCs allow: what two readers
// could understand differently is refused. No text that leaves here holds more than the host.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/error.hpp"

namespace bridge::gateways {

class ServiceUrlPolicy {
 public:
  /// `hosts`: lower case, `name` or `.suffix`. `insecure`: also http, any port, and numeric
  /// addresses that are listed.
  ServiceUrlPolicy(std::vector<std::string> hosts, bool learn, bool insecure);

  /// The host, in lower case. Errors: invalid_argument for the form, with a context that says what
  /// about it; forbidden for a host that is not listed, with the host as context.
  Result<std::string> check(std::string_view url) const;

  struct Admitted {
    std::string host;
    bool learned = false;  ///< just now
  };
  /// As above, but lets the first other host in if learning is on. Only names that could be public
  /// are learned.
  Result<Admitted> admit(std::string_view url);

  /// What to set so that this host is let in: "CS_SERVICE_HOSTS=...".
  std::string setting_with(const std::string& host) const;

 private:
  bool is_listed(std::string_view host) const;

  std::vector<std::string> hosts_;
  bool learn_;
  bool insecure_;
  std::string learned_;  ///< empty: none yet
};

}  // namespace bridge::gateways
