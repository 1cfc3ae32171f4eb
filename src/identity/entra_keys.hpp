// SPDX-License-Identifier: MIT
// The keys that Entra signs with now: fetched when somebody needs one, kept for a day, asked for
// anew when a token names one that is not known, by one caller at a time. While fetching fails the
// old ones serve.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bridge/async/signal.hpp"
#include "bridge/identity/entra_tokens.hpp"
#include "bridge/identity/jwt.hpp"
#include "identity/entra_issuers.hpp"

namespace bridge::identity {

class EntraKey {
 public:
  EntraKey(RsaKey k, std::string i) : key(std::move(k)), issuer(std::move(i)) {}
  RsaKey key;
  std::string issuer;  ///< whose tokens it may sign; empty if the set does not say
};

/// By `kid`. Keys of other kinds and sizes are left out.
using EntraKeySet = std::map<std::string, std::shared_ptr<const EntraKey>, std::less<>>;

/// Reads a JWK set (RFC 7517, 5). Errors: upstream_garbled, also if no key in it can be used.
Result<EntraKeySet> read_key_set(std::string_view body);

class EntraKeys {
 public:
  using Found = std::shared_ptr<const EntraKey>;

  /// Lifetime: all of them must outlive the object, and the object every call.
  EntraKeys(net::HttpClient& http, const EntraOptions& options, const EntraIssuers& issuers,
            Logger& logger, Metrics& metrics);
  ~EntraKeys();

  /// Errors: unauthorized (there is no such key), unreachable (nobody knows).
  Task<Result<Found>> find(std::string key_id, Deadline deadline);

 private:
  struct Flight;
  class Landing;

  Deadline now() const;
  Found held(const std::string& key_id) const;
  /// What to answer without asking Entra.
  Result<Found> answer(const std::string& key_id) const;
  Task<Result<EntraKeySet>> fetch(Deadline deadline);
  Task<Result<std::string>> get(std::string url, std::string_view what, Deadline deadline);
  void take(EntraKeySet keys, bool for_unknown);
  void fail(const Error& error);

  net::HttpClient& http_;
  const EntraOptions& options_;
  const EntraIssuers& issuers_;
  Logger& logger_;
  Counter& fetched_;
  Counter& failed_;
  EntraKeySet keys_;
  Deadline fresh_until_{};
  Deadline usable_until_{};
  Deadline ask_again_{};
  std::optional<Error> failure_;  ///< of the last fetch
  std::shared_ptr<Flight> flight_;
};

}  // namespace bridge::identity
