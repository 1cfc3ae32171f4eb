// SPDX-License-Identifier: MIT
// How answers look: JSON bodies, and the one shape that every error has (DESIGN 4.1).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/json.hpp"
#include "bridge/core/logger.hpp"
#include "bridge/net/http.hpp"

namespace bridge::channels {

/// The context of a `forbidden` that is about a session; it is also its public id.
inline constexpr std::string_view kNotYourSession = "not your session";

/// The context of a `forbidden` that is about a signature used before; likewise.
inline constexpr std::string_view kReplayed = "replayed";

inline constexpr std::string_view kSessionIdRequired = "session_id required";

net::Response reply(unsigned status, const json::object& body);

/// `{"error":..., "detail":..., "hint":..., "ref":...}`; empty members are left out. The same `ref`
/// is logged, so that a user's screenshot finds the line.
class Refusal {
 public:
  Refusal(unsigned code, std::string_view id) : status(code), error(id) {}
  unsigned status;
  std::string error;
  std::string detail;
  std::string hint;
  std::string outcome;  ///< "failed" or "unknown", where the difference matters
  std::optional<std::chrono::seconds> retry_after;
  json::object more;  ///< further members of the answer; not logged
};
net::Response refuse(Logger& logger, const net::Request& request, const Refusal& refusal);

/// The answer to an error that needs no name of its own: bad input, unknown session, too many.
net::Response refuse(Logger& logger, const net::Request& request, const Error& error);

/// As above under the public id that an endpoint promises, with what ServiceNow said as the detail.
net::Response refuse_as(Logger& logger, const net::Request& request, unsigned status,
                        std::string_view id, const Error& error, json::object more = {});

/// Whether an escalation failed on our side of the wire: not for ServiceNow's sake.
bool is_our_own(const Error& error);

}  // namespace bridge::channels
