// SPDX-License-Identifier: MIT
// Who is calling: basic auth, OAuth bearer tokens, session cookies (reference/servicenow.md 2).
// What surprises: from outside all reasons for a 401 look alike; only the system log tells a wrong
// password from a locked account or the basic-auth restriction.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "bridge/net/http.hpp"
#include "sandbox/glide/instance.hpp"

namespace bridge::sandbox {

/// One HTTP session (JSESSIONID). Requests that share one run one at a time, and an impersonation
/// that a script left behind is still there for the next.
struct HttpSession {
  std::string id;
  Session session;
  std::mutex busy;
};

struct Caller {
  std::shared_ptr<HttpSession> http;
  /// No valid cookie came: the answer hands out a new one.
  bool fresh = false;
  /// The token belongs to a securely scoped client (2.2): unscoped APIs answer 403.
  bool scoped_token = false;
  std::string user_name;
};

struct Token {
  std::string access;
  std::string refresh;  ///< empty for client_credentials
  std::string client;
  std::string user;
  std::string grant;
  bool scoped = false;
  Time expires{};
  Time refresh_expires{};
};

class Accounts {
 public:
  explicit Accounts(Instance& instance) : instance_(instance) {}

  /// Nothing: 401.
  std::optional<Caller> authenticate(const net::Request& request);
  /// POST /oauth_token.do
  net::Response grant_token(const net::Request& request);
  void clear();

  static void add_cookies(const Caller& caller, net::Response& response);

 private:
  static constexpr std::size_t kMaxSessions = 2000;
  static constexpr std::size_t kMaxTokens = 1000;

  std::optional<std::string> check_basic(std::string_view credentials);
  std::optional<Token> check_bearer(std::string_view token);
  /// The account behind name and password, if it may be used at all.
  std::optional<Record> check_password(const std::string& name, std::string_view password);
  bool basic_restricted(const Record& user);
  std::optional<Record> usable(const std::string& user_sys_id);
  std::optional<Token> issue(const net::Request& request);
  Token token_for(const Record& client, const std::string& user, const std::string& grant);
  void log(const std::string& source, const std::string& text);

  Instance& instance_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<HttpSession>, std::less<>> sessions_;
  std::map<std::string, Token, std::less<>> tokens_;
};

}  // namespace bridge::sandbox
