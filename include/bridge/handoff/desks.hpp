// SPDX-License-Identifier: MIT
// The smaller ports: incidents, people, and Direct Line tokens.
#pragma once

#include <optional>
#include <string>

#include "bridge/async/task.hpp"
#include "bridge/core/trace.hpp"

namespace bridge::handoff {

class TicketRequest {
 public:
  TicketRequest() = default;
  std::string short_description;
  std::string description;
  std::string caller_sys_id;  ///< empty: no caller
  std::string caller_claim;   ///< who the caller says to be, when that could not be resolved
  std::string request_id;     ///< incident.correlation_id; a repeat finds the first incident
  Trace trace;
};

struct Ticket {
  std::string number;
  std::string sys_id;
};

class TicketDesk {
 public:
  virtual ~TicketDesk() = default;
  virtual Task<Result<Ticket>> create(TicketRequest request, Deadline deadline) = 0;
};

class UserDirectory {
 public:
  virtual ~UserDirectory() = default;
  /// The sys_id of the one active user with that e-mail or user name; nothing for none or several.
  /// Errors: invalid_argument for text that could alter the query (`^`, control characters).
  virtual Task<Result<std::optional<std::string>>> resolve(std::string email_or_user_name,
                                                           Trace trace, Deadline deadline) = 0;
};

struct DirectLineToken {
  std::string body;             ///< the upstream's JSON, passed through
  std::string conversation_id;  ///< empty if the upstream did not say
  std::string user_id;          ///< as asked for
};

class TokenBroker {
 public:
  virtual ~TokenBroker() = default;
  /// Errors: not_configured; any upstream code.
  virtual Task<Result<DirectLineToken>> mint(std::string user_id, Deadline deadline) = 0;
};

}  // namespace bridge::handoff
