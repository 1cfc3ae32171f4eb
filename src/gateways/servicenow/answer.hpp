// SPDX-License-Identifier: MIT
// Reading one answer of a ServiceNow instance. Pure: every shape of failure that the platform, its
// front end or a script is known to produce is one row of this file's tests.
#pragma once

#include <string>

#include "bridge/core/clock.hpp"
#include "bridge/core/json.hpp"
#include "bridge/core/trace.hpp"
#include "bridge/net/http.hpp"

namespace bridge::gateways {

/// What was called, as far as reading the answer depends on it.
class Call {
 public:
  /// `scripted`: one of our resources, as opposed to the Table API.
  /// `creates`: after an unclear answer the thing may exist all the same.
  Call(std::string n, bool scripted_resource, bool creates_something)
      : name(std::move(n)), scripted(scripted_resource), creates(creates_something) {}

  std::string name;
  bool scripted;
  bool creates;
  bool repeatable = false;  ///< changes nothing, or carries its own key
  Trace trace;
};

/// The `result` member: an object or an array. Errors: chat_ended and the upstream codes, with a
/// hint, an outcome, and a context that holds nothing of the answer but its status and, from our
/// own scripts (api 2), their stable error id.
Result<json::value> read_answer(const net::Response& response, const Call& call, Time now);

/// A member as text: strings and numbers as they are, references as their value, everything else
/// as empty (the Table API writes all scalars as strings).
std::string text_of(const json::object& object, std::string_view name);
/// A member as a number, written as such or as text; 0 if it is neither.
std::int64_t number_of(const json::object& object, std::string_view name);

/// 32 hex digits in either case.
bool is_sys_id(std::string_view text);
bool is_over(std::string_view interaction_state);

}  // namespace bridge::gateways
