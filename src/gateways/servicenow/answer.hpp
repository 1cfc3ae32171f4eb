// SPDX-License-Identifier: MIT
// Reading one answer of a ServiceNow instance. Pure: every shape of failure that the platform, its
// front end or a script is known to produce is one row of this file's tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/clock.hpp"
#include "bridge/core/json.hpp"
#include "bridge/core/trace.hpp"
#include "bridge/net/http.hpp"

namespace bridge::gateways {

inline constexpr std::string_view kCredentialsHint =
    "ServiceNow does not accept SN_USER with SN_PASSWORD. The causes look alike from outside: a "
    "wrong password, a locked or inactive account, 'Password needs reset', or the restriction of "
    "basic authentication (give the account snc_basic_auth_api_access or make it web service "
    "access only).";
inline constexpr std::string_view kAsleepHint =
    "The developer instance hibernates. Wake it on the developer site; that takes some minutes.";

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
  /// Who asks comes again by itself, or does not care: one attempt is enough.
  bool retried_above = false;
  /// Nobody waits for it: while the instance is not well it can be left for later (see Gate).
  bool in_background = false;
  /// It was made before, under the same key, and nobody knows what came of that.
  bool doubtful = false;
  std::optional<std::size_t> max_response_bytes;
  Trace trace;
};

/// The `result` member: an object or an array. Errors: chat_ended and the upstream codes, with a
/// hint, an outcome, and a context that holds nothing of the answer but its status and, from our
/// own scripts (api 2), their stable error id.
Result<json::value> read_answer(const net::Response& response, const Call& call, Time now);

/// Whose word a failure is, and about what.
enum class Word {
  nobodys,  ///< the answer is lost, or the platform failed around the script
  busy,     ///< of our script: another call with this key is at work
  itself,   ///< of a script, about this call: earlier ones with the same key may have done more
  final,    ///< of our script, about them all: none of them did anything, or ever will
};
Word word_of(const net::Response& response);

/// Whether one of our scripts, or the Table API, got to answer: a failure is then its own, and no
/// sign that the platform is not well.
bool is_from_script(const net::Response& response);

/// A member as text: strings and numbers as they are, references as their value, everything else
/// as empty (the Table API writes all scalars as strings).
std::string text_of(const json::object& object, std::string_view name);
/// A member as a number, written as such or as text; 0 if it is neither.
std::int64_t number_of(const json::object& object, std::string_view name);

/// 32 hex digits in either case.
bool is_sys_id(std::string_view text);
bool is_over(std::string_view interaction_state);

}  // namespace bridge::gateways
