// SPDX-License-Identifier: MIT
// As whom we call: user name and password, or an OAuth token of a client. Whichever it is, a
// refusal is not repeated again and again (see SignInGuard, ClientCredentials).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bridge/gateways/servicenow.hpp"
#include "bridge/identity/client_credentials.hpp"
#include "gateways/servicenow/sign_in_guard.hpp"

namespace bridge::gateways {

class Account {
 public:
  /// Lifetime: `http` and `options` must outlive the object, and the object its passes.
  Account(net::HttpClient& http, const ServiceNowOptions& options);

  /// The right to make one call with the account. Dropped without a verdict it counts for nothing.
  class Pass {
   public:
    Pass(Account& account, bool proving) : account_(&account), proving_(proving) {}
    Pass(Pass&& other) noexcept
        : account_(std::exchange(other.account_, nullptr)),
          proving_(other.proving_),
          token_(std::move(other.token_)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass();

    /// The value of the Authorization field.
    std::string authorization() const;
    /// ServiceNow knows us, whatever else it answered.
    void accepted();
    /// 401.
    void refused();
    /// 401, and another token may help: the next pass has one.
    bool renew();

   private:
    friend class Account;
    void settle();

    Account* account_;
    bool proving_;
    identity::ClientCredentials::Token token_;
  };

  /// Waits while somebody else finds out whether the credentials hold, or asks for a token.
  /// Errors: upstream_credentials with retry_after while they are known to be refused, and what
  /// ClientCredentials::token says. The outcome is always `failed`: nothing was called yet.
  Task<Result<std::unique_ptr<Pass>>> enter(Deadline deadline);

  /// Whether calls are refused without being tried.
  bool held() const;
  /// What to do about a 401.
  const std::string& refused_hint() const { return refused_hint_; }

 private:
  Error hold_error() const;

  const ServiceNowOptions& options_;
  std::string refused_hint_;
  Secret basic_;
  std::unique_ptr<identity::ClientCredentials> tokens_;
  SignInGuard guard_;
  std::shared_ptr<async::Signal> settled_;  ///< while somebody proves; made when there is a context
};

}  // namespace bridge::gateways
