// SPDX-License-Identifier: MIT
// Access tokens that Microsoft Entra gave to somebody who calls us: Copilot Studio's client
// credentials for /api/messages. A token is accepted if Entra signed it, in our tenant, for our
// application, for an application that may call, and for now.
//
// What surprises: nothing is believed that the token itself says about where its keys are. Issuers
// are derived from the authority and the tenant, for every cloud and for a stand-in alike:
//   version 2.0   <authority>/<tenant>/v2.0
//   version 1.0   https://sts.windows.net/<tenant>/ (in China https://sts.chinacloudapi.cn/...)
// and the authority's metadata, <authority>/<tenant>/v2.0/.well-known/openid-configuration, must
// announce the former as its `issuer`, or its keys are not used. Each call checks the signature
// anew: it costs less than a hash table would have to be thought about.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/net/http_client.hpp"

namespace bridge::identity {

class EntraOptions {
 public:
  EntraOptions() = default;

  /// No slash at its end; may have a path. What is plain http is refused by the HttpClient, unless
  /// it was told otherwise.
  std::string authority = "https://login.microsoftonline.com";
  std::string tenant;                          ///< GUID
  std::vector<std::string> audiences;          ///< `aud`, compared without case
  std::vector<std::string> allowed_callers;    ///< application ids, compared without case
  Millis fetch_timeout{5'000};                 ///< for metadata and keys together
  std::chrono::seconds fresh{24 * 3600};       ///< then the keys are fetched again
  std::chrono::seconds usable{5 * 24 * 3600};  ///< for how long old ones serve while that fails
  /// A key that is not known is looked for once, and then not again before this.
  std::chrono::seconds unknown_pause{60};
  std::chrono::seconds failure_pause{10};  ///< after a fetch that failed
  std::function<Deadline()> now;           ///< for tests; empty: the steady clock
};

/// Who called, as a token that was accepted says.
class Caller {
 public:
  Caller() = default;

  std::string app_id;   ///< of the calling application, in lower case
  std::string tenant;   ///< in lower case
  std::string version;  ///< of the token: "1.0" or "2.0"
};

/// One thread.
class EntraTokens {
 public:
  /// Lifetime: all of them must outlive the object, and the object every call.
  EntraTokens(net::HttpClient& http, EntraOptions options, const TimeSource& time, Logger& logger,
              Metrics& metrics);
  ~EntraTokens();

  /// Checks the value of an Authorization header. Contexts and hints hold nothing of the token.
  /// Errors: unauthorized (no token, or one that is not good here), forbidden (a good one of
  /// another tenant, of a user, or of an application that may not call), unreachable (the keys
  /// could not be fetched, so nobody can tell).
  Task<Result<Caller>> verify(std::string authorization, Deadline deadline);

 private:
  class Inner;
  std::unique_ptr<Inner> inner_;
};

}  // namespace bridge::identity
