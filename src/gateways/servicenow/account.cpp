// SPDX-License-Identifier: MIT
#include "gateways/servicenow/account.hpp"

#include "gateways/http_answer.hpp"
#include "gateways/servicenow/answer.hpp"

namespace bridge::gateways {
namespace {

constexpr const char* kOauthHint =
    "ServiceNow does not give a token for SN_CLIENT_ID with SN_CLIENT_SECRET. The causes look "
    "alike "
    "from outside: a wrong secret, an inactive client, no 'OAuth Application User' on it, that "
    "user "
    "locked or 'Password needs reset', or the property "
    "glide.oauth.inbound.client.credential.grant_type.enabled is not true.";
constexpr const char* kTokenHint =
    "ServiceNow gives a token but does not accept it: look at the 'OAuth Application User' of "
    "SN_CLIENT_ID (active, not locked out) and at the API access policies of the instance.";
constexpr const char* kTokenPathHint =
    "What answers at SN_INSTANCE/oauth_token.do is not an OAuth token endpoint: check SN_INSTANCE, "
    "and whether the plugin OAuth 2.0 is active, or a login page or proxy stands in front.";

std::optional<Error> asleep(const net::Response& response) {
  if (is_json(response) || !contains_ignoring_case(response.body, "hibernat")) return std::nullopt;
  return Error(Errc::upstream_asleep,
               "ServiceNow token endpoint answered " + std::to_string(response.status))
      .with_hint(std::string(kAsleepHint));
}

}  // namespace

Account::Account(net::HttpClient& http, const ServiceNowOptions& options) : options_(options) {
  if (options.auth == ServiceNowAuth::basic) {
    refused_hint_ = kCredentialsHint;
    basic_ = Secret("Basic " + base64(options.user + ":" + std::string(options.password.reveal())));
    return;
  }
  refused_hint_ = kTokenHint;
  identity::ClientCredentialsOptions client;
  client.token_url = options.instance + "/oauth_token.do";
  client.client_id = options.client_id;
  client.client_secret = options.client_secret;
  client.request_timeout = options.request_timeout;
  client.name = "ServiceNow token endpoint";
  client.refused_hint = kOauthHint;
  client.path_hint = kTokenPathHint;
  client.recognise = asleep;
  tokens_ = std::make_unique<identity::ClientCredentials>(http, std::move(client));
}

Task<Result<std::unique_ptr<Account::Pass>>> Account::enter(Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  auto answer = guard_.ask(std::chrono::steady_clock::now());
  while (answer == SignInGuard::Answer::wait) {
    const std::shared_ptr<async::Signal> settled = settled_;
    const bool in_time = co_await settled->wait(settled->generation(), deadline);
    if (!in_time)
      co_return Error(Errc::timed_out, "ServiceNow: still waiting for the first answer to our name")
          .with_hint(
              "The instance is slow to answer the first call; SN_REQUEST_TIMEOUT is the "
              "limit of one.");
    answer = guard_.ask(std::chrono::steady_clock::now());
  }
  if (answer == SignInGuard::Answer::hold) co_return hold_error();
  const bool proving = answer == SignInGuard::Answer::prove;
  if (proving) settled_ = std::make_shared<async::Signal>(executor);
  auto pass = std::make_unique<Pass>(*this, proving);
  if (tokens_) {
    auto token = co_await tokens_->token(deadline);
    if (!token) co_return token.error();
    pass->token_ = *token;
  }
  co_return pass;
}

bool Account::held() const {
  if (tokens_ && tokens_->paused()) return true;
  return guard_.hold_left(std::chrono::steady_clock::now()).has_value();
}

Error Account::hold_error() const {
  const auto left = guard_.hold_left(std::chrono::steady_clock::now());
  return Error(Errc::upstream_credentials,
               "ServiceNow refused our credentials; the next try is later, so that the account is "
               "not locked")
      .with_hint(refused_hint_ + " Mend it and start the bridge again, or wait.")
      .with_retry_after(left.value_or(std::chrono::seconds(1)));
}

Account::Pass::~Pass() {
  if (!account_) return;
  if (proving_) account_->guard_.abandoned();
  settle();
}

void Account::Pass::settle() {
  Account* const account = std::exchange(account_, nullptr);
  if (proving_ && account->settled_) account->settled_->notify();
}

std::string Account::Pass::authorization() const {
  if (token_) return "Bearer " + std::string(token_->reveal());
  return std::string(account_->basic_.reveal());
}

void Account::Pass::accepted() {
  if (!account_) return;
  account_->guard_.accepted();
  settle();
}

void Account::Pass::refused() {
  if (!account_) return;
  if (account_->tokens_) account_->tokens_->refused(token_);
  account_->guard_.refused(std::chrono::steady_clock::now(), proving_);
  settle();
}

bool Account::Pass::renew() {
  if (!account_ || !token_) return false;
  account_->tokens_->refused(token_);
  return true;
}

}  // namespace bridge::gateways
