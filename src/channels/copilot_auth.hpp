// SPDX-License-Identifier: MIT
// Whether a call to /api/messages comes from who may call: Copilot Studio with a key, or with an
// access token of Entra. Used by the Activity channel.
//
// What surprises: the body of the call plays no part, and a key is looked for in one header alone;
// a request that has that header is judged by it, whatever else it carries.
#pragma once

#include <string>

#include "channels/guard.hpp"

namespace bridge::channels {

enum class CopilotProof { none, key, entra };

/// Who called.
class CopilotCaller {
 public:
  CopilotCaller() = default;
  explicit CopilotCaller(CopilotProof p, std::string app = {}) : proof(p), app_id(std::move(app)) {}

  CopilotProof proof = CopilotProof::none;
  std::string app_id;  ///< of the calling application, from its token; empty with another proof
};

class CopilotAuth {
 public:
  /// Lifetime: all of them must outlive the object, and the object every call.
  CopilotAuth(Guard& guard, const CopilotAccess& access, Logger& logger, Metrics& metrics);

  /// Errors: not_configured; unauthorized (no proof, or a wrong one), forbidden (a good token of
  /// somebody who may not call), unreachable (Entra's keys cannot be had: nobody can tell),
  /// rate_limited (wrong once too often).
  /// Lifetime: the request must outlive the task.
  Task<Result<CopilotCaller>> check(const net::Request& request);

  /// The answer to an error of `check`: 503, 401 with WWW-Authenticate, 403 or 429.
  net::Response refuse(const net::Request& request, const Error& error) const;

 private:
  Task<Result<CopilotCaller>> judge(const net::Request& request);
  Result<CopilotCaller> by_key(std::string_view presented);
  Task<Result<CopilotCaller>> by_token(const net::Request& request);
  std::string challenge(bool presented) const;

  Guard& guard_;
  const CopilotAccess& access_;
  Logger& logger_;
  bool key_is_bearer_;
  Counter& by_nothing_;
  Counter& by_key_;
  Counter& by_entra_;
  Counter& wrong_;
  Counter& not_allowed_;
  Counter& unknown_;
};

}  // namespace bridge::channels
