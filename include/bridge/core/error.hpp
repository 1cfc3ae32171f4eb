// SPDX-License-Identifier: MIT
// Expected failures are values: a function that can fail returns Result<T>, and the Error in it
// says what happened (a stable code), what to do about it, and whether the thing that was asked
// for may have happened all the same. Exceptions mean a bug, exhaustion, or a cancelled coroutine.
#pragma once

#include <boost/assert/source_location.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace bridge {

/// Everything that the bridge itself can call a failure. Asio and OpenSSL codes travel unchanged
/// beside these inside an Error.
enum class Errc {
  // What a caller did.
  invalid_argument = 1,  ///< a field has the wrong type, length or form
  malformed,             ///< not JSON, not a frame, not a URL
  too_large,             ///< over a configured size
  unauthorized,          ///< no proof of identity
  forbidden,             ///< a proof, but not for this
  not_found,             ///< no such session, path or record
  conflict,              ///< another writer was faster, or the same key with another content
  wrong_state,           ///< not possible in this state of the chat
  chat_ended,            ///< the chat is closed on the other side
  rate_limited,          ///< too many calls; see Error::retry_after
  overloaded,            ///< a bound of ours is reached
  storage_failed,        ///< sessions cannot be written at the moment: disk full, not writable
  superseded,            ///< another process has taken over our sessions
  not_configured,        ///< a setting is missing
  // What the network did.
  unreachable,      ///< nothing was sent: no address, refused, TLS failed
  timed_out,        ///< a deadline passed
  connection_lost,  ///< sent, but the answer never came whole
  // What an upstream said (ServiceNow, Direct Line).
  upstream_credentials,   ///< wrong user name or password, or basic auth is restricted
  upstream_role,          ///< the account lacks a role or an ACL denies it
  upstream_path,          ///< no such API: wrong base path or scripts not installed
  upstream_asleep,        ///< a developer instance hibernates
  upstream_rate_limited,  ///< 429
  upstream_quota,         ///< a transaction quota cancelled the call
  upstream_rejected,      ///< a complete, well-formed refusal
  upstream_failed,        ///< a complete 5xx
  upstream_garbled,       ///< not JSON, truncated, or without `result`
  internal,               ///< a bug; see the log
};

boost::system::error_code make_error_code(Errc code);

/// The stable public id of a code, for example "upstream_asleep". Never changes between releases.
std::string_view id_of(Errc code);

/// Whether the thing that was asked for certainly did not happen, or may have.
enum class Outcome { failed, unknown };

class Error {
 public:
  Error() = default;
  Error(Errc code, std::string context = {})
      : code_(make_error_code(code)), context_(std::move(context)) {}
  Error(boost::system::error_code code, std::string context = {})
      : code_(code), context_(std::move(context)) {}

  const boost::system::error_code& code() const { return code_; }
  /// Safe to show and to log: says who and what, never an upstream body, a secret or a message
  /// text.
  const std::string& context() const { return context_; }
  /// What to do about it, in one sentence; may be empty.
  const std::string& hint() const { return hint_; }
  Outcome outcome() const { return outcome_; }
  /// How long an upstream asked us to wait, if it did.
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

  /// The code as one of ours; `Errc::internal` for a foreign one.
  Errc errc() const;
  bool is(Errc code) const { return code_ == make_error_code(code); }

  Error&& with_hint(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
  }
  Error&& with_outcome(Outcome outcome) && {
    outcome_ = outcome;
    return std::move(*this);
  }
  Error&& with_retry_after(std::optional<std::chrono::seconds> wait) && {
    retry_after_ = wait;
    return std::move(*this);
  }

  /// "timed_out: open_chat" for logs.
  std::string to_string() const;

 private:
  boost::system::error_code code_;
  std::string context_;
  std::string hint_;
  Outcome outcome_ = Outcome::failed;
  std::optional<std::chrono::seconds> retry_after_;
};

/// What `Result::value()` throws when there is none: asking without looking is a bug.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

/// boost::system::result under our name, made nodiscard. `error()` returns a copy.
template <class T = void>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
  using Base = boost::system::result<T, Error>;

 public:
  using Base::Base;
};

}  // namespace bridge

template <>
struct boost::system::is_error_code_enum<bridge::Errc> : std::true_type {};
