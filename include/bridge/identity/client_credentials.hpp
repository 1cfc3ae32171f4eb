// SPDX-License-Identifier: MIT
// Access tokens for ourselves by OAuth's client credentials grant (RFC 6749, 4.4): kept, renewed
// before they end, asked for by one call at a time however many need one.
//
// What surprises: ServiceNow hands the same token out again while it lives, with a smaller
// `expires_in`; asking early therefore does not lengthen anything. And a client that was refused
// is not asked about again before a pause that grows, whoever comes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "bridge/async/signal.hpp"
#include "bridge/core/secret.hpp"
#include "bridge/net/http_client.hpp"

namespace bridge::identity {

class ClientCredentialsOptions {
 public:
  ClientCredentialsOptions() = default;

  std::string token_url;
  std::string client_id;
  Secret client_secret;
  std::string scope;  ///< empty: none is asked for
  Millis request_timeout{15'000};
  /// Before the end of a token a new one is asked for; while that fails the old one serves.
  std::chrono::seconds margin{60};
  std::chrono::seconds first_pause{10};  ///< after a refusal; doubles
  std::chrono::seconds longest_pause{600};

  std::string name = "token endpoint";  ///< who, in contexts
  std::string refused_hint;             ///< what to do about a refusal of the client
  std::string path_hint;                ///< about 404 and answers that are no token
  /// Knows answers that mean something special there, such as a sleeping instance; may be empty.
  std::function<std::optional<Error>(const net::Response&)> recognise;
  std::function<Deadline()> now;  ///< for tests; empty: the steady clock
};

/// One client at one token endpoint. One thread.
class ClientCredentials {
 public:
  /// A token as one value, so that `refused` can tell which one was meant.
  using Token = std::shared_ptr<const Secret>;

  /// Lifetime: `http` must outlive the object, and the object every call.
  ClientCredentials(net::HttpClient& http, ClientCredentialsOptions options);
  ~ClientCredentials();

  /// A token that holds for now. Waits for the call that is asking for one, if there is one, up to
  /// the deadline.
  /// Errors, always with outcome `failed`, since nothing was asked of the resource:
  /// upstream_credentials (also during the pause after it, with retry_after), the transport's,
  /// upstream_rate_limited, upstream_failed, upstream_path, upstream_garbled.
  Task<Result<Token>> token(Deadline deadline);

  /// The resource did not accept that token: the next call gets another. Nothing if it is not the
  /// one that is kept, because somebody else has replaced it by now.
  void refused(const Token& token);

  /// For how long the client is not asked about because it was refused; nothing if it is.
  std::optional<std::chrono::seconds> paused() const;

 private:
  struct Flight;
  class Landing;

  Deadline now() const;
  Task<Result<Token>> ask(Deadline deadline);
  Result<Token> read(const net::Response& response);
  Error refuse(const net::Response& response);
  Error wait_error() const;

  net::HttpClient& http_;
  ClientCredentialsOptions options_;
  Token token_;
  Deadline fresh_until_{};
  Deadline usable_until_{};
  std::shared_ptr<Flight> flight_;
  std::optional<Error> refusal_;  ///< the last answer, while we do not ask again
  Deadline ask_again_{};
  std::chrono::seconds pause_;
};

}  // namespace bridge::identity
