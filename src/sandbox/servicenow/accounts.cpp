// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/accounts.hpp"

#include <boost/json/serialize.hpp>

#include "bridge/core/json.hpp"
#include "bridge/core/random.hpp"
#include "sandbox/glide/base64.hpp"
#include "sandbox/servicenow/platform.hpp"

namespace bridge::sandbox {
namespace {

/// The part after "<scheme> ", whose case does not matter.
std::optional<std::string_view> credentials_of(std::string_view header, std::string_view scheme) {
  if (header.size() <= scheme.size() || header[scheme.size()] != ' ') return std::nullopt;
  if (!net::equals_ignoring_case(header.substr(0, scheme.size()), scheme)) return std::nullopt;
  return trim(header.substr(scheme.size() + 1));
}

std::pair<std::string, std::string> split_credentials(const std::string& pair) {
  const auto colon = pair.find(':');
  if (colon == std::string::npos) return {pair, {}};
  return {pair.substr(0, colon), pair.substr(colon + 1)};
}

std::int64_t seconds_between(Time from, Time to) {
  return std::chrono::ceil<std::chrono::seconds>(to - from).count();
}

net::Response access_denied() {
  return json_response(401, R"({"error_description":"access_denied","error":"server_error"})");
}

}  // namespace

void Accounts::log(const std::string& source, const std::string& text) {
  LogEntry entry;
  entry.time = instance_.clock().now();
  entry.level = "warning";
  entry.source = source;
  entry.message = text;
  instance_.system_log().add(std::move(entry));
}

void Accounts::clear() {
  const std::lock_guard guard(mutex_);
  sessions_.clear();
  tokens_.clear();
}

/// Passwords are compared through the 2-way form that Set Password stores; a literal text written
/// through the Table API decrypts to nothing and never matches (2.1).
std::optional<Record> Accounts::check_password(const std::string& name, std::string_view password) {
  const auto user = instance_.find_one("sys_user", "user_name", name);
  if (!user) {
    log("BasicAuth", "unknown user " + name);
    return std::nullopt;
  }
  const auto stored = Instance::decrypt_password2(user->text("user_password"));
  if (!stored || stored->empty() || *stored != password) {
    log("BasicAuth", "wrong password for " + name);
    return std::nullopt;
  }
  return usable(user->sys_id());
}

std::optional<Record> Accounts::usable(const std::string& user_sys_id) {
  auto user = instance_.get("sys_user", user_sys_id);
  const char* reason = !user                                ? "no such user"
                       : !user->flag("active")              ? "user is inactive"
                       : user->flag("locked_out")           ? "user is locked out"
                       : user->flag("password_needs_reset") ? "password needs reset"
                                                            : nullptr;
  if (!reason) return user;
  log("Authentication",
      std::string(reason) + ": " + (user ? user->text("user_name") : user_sys_id));
  return std::nullopt;
}

bool Accounts::basic_restricted(const Record& user) {
  const std::string prefix = "glide.authenticate.basic_auth.restriction.";
  if (instance_.property(prefix + "active") != "true" ||
      instance_.property(prefix + "enforce") != "true")
    return false;
  if (instance_.property(prefix + "allow_wsao") != "false" && user.flag("web_service_access_only"))
    return false;
  // In so many words: here admin is no substitute for the role (2.1).
  const std::string roles = "," + instance_.property(prefix + "allowed_roles").value_or("") + ",";
  for (const std::string& role : instance_.roles_of(user.sys_id()))
    if (roles.find("," + role + ",") != std::string::npos) return false;
  log("SNCRestrictBasicAuthUserAuthenticationGate",
      "basic authentication is restricted: " + user.text("user_name"));
  return true;
}

std::optional<std::string> Accounts::check_basic(std::string_view credentials) {
  const auto decoded = base64_decode(credentials);
  if (!decoded) return std::nullopt;
  const auto [name, password] = split_credentials(*decoded);
  const auto user = check_password(name, password);
  if (!user || basic_restricted(*user)) return std::nullopt;
  return user->sys_id();
}

std::optional<Token> Accounts::check_bearer(std::string_view token) {
  std::optional<Token> known;
  {
    const std::lock_guard guard(mutex_);
    const auto found = tokens_.find(token);
    if (found != tokens_.end()) known = found->second;
  }
  if (!known || known->expires <= instance_.clock().now()) {
    log("OAuth", known ? "access token expired" : "unknown access token");
    return std::nullopt;
  }
  if (!usable(known->user)) return std::nullopt;
  return known;
}

std::optional<Caller> Accounts::authenticate(const net::Request& request) {
  const std::string_view authorization = request.headers.get("Authorization");
  Caller caller;
  std::string user;
  if (const auto basic = credentials_of(authorization, "Basic")) {
    const auto checked = check_basic(*basic);
    if (!checked) return std::nullopt;
    user = *checked;
  } else if (const auto bearer = credentials_of(authorization, "Bearer")) {
    const auto token = check_bearer(*bearer);
    if (!token) return std::nullopt;
    user = token->user;
    caller.scoped_token = token->scoped;
  } else if (!authorization.empty()) {
    return std::nullopt;
  }

  const auto cookie = request.cookie("JSESSIONID");
  {
    const std::lock_guard guard(mutex_);
    if (cookie) {
      const auto found = sessions_.find(*cookie);
      if (found != sessions_.end()) caller.http = found->second;
    }
  }
  if (user.empty()) {
    // By cookie alone: a write needs X-UserToken too, which only pages have (2.4).
    if (!caller.http || request.method != net::Method::get) return std::nullopt;
  } else if (!caller.http || caller.http->session.login_id != user) {
    const auto session = instance_.session_for_id(user);
    if (!session) return std::nullopt;
    caller.http = std::make_shared<HttpSession>();
    caller.http->id = random_hex(16);
    caller.http->session = *session;
    caller.fresh = true;
    const std::lock_guard guard(mutex_);
    if (sessions_.size() >= kMaxSessions) sessions_.erase(sessions_.begin());
    sessions_[caller.http->id] = caller.http;
  }
  const auto record = instance_.get("sys_user", caller.http->session.login_id);
  if (record) caller.user_name = record->text("user_name");
  return caller;
}

void Accounts::add_cookies(const Caller& caller, net::Response& response) {
  if (!caller.fresh) return;
  response.headers.add("Set-Cookie", "JSESSIONID=" + caller.http->id + "; Path=/; HttpOnly");
  response.headers.add("Set-Cookie", "glide_user_route=glide.sandbox; Path=/; HttpOnly");
  response.headers.add(
      "Set-Cookie", "glide_session_store=" + caller.http->id + "; Max-Age=1800; Path=/; HttpOnly");
}

net::Response Accounts::grant_token(const net::Request& request) {
  if (request.method != net::Method::post ||
      media_type(request.headers.get("Content-Type")) != "application/x-www-form-urlencoded") {
    log("OAuth", "the token request is not a form");
    return access_denied();
  }
  const auto token = issue(request);
  if (!token) return access_denied();
  json::object answer;
  answer["access_token"] = token->access;
  if (!token->refresh.empty()) answer["refresh_token"] = token->refresh;
  answer["scope"] = "useraccount";
  answer["token_type"] = "Bearer";
  // Of a token that was handed out before, the rest of its life (2.2, trap 24).
  answer["expires_in"] = seconds_between(instance_.clock().now(), token->expires);
  return json_response(200, json::serialize(answer));
}

std::optional<Token> Accounts::issue(const net::Request& request) {
  net::Request form;
  form.target = "/?" + request.body;
  std::string id = form.query("client_id").value_or("");
  std::string secret = form.query("client_secret").value_or("");
  if (const auto basic = credentials_of(request.headers.get("Authorization"), "Basic"))
    if (const auto decoded = base64_decode(*basic))
      std::tie(id, secret) = split_credentials(*decoded);
  const auto client = instance_.find_one("oauth_entity", "client_id", id);
  if (id.empty() || !client || !client->flag("active") ||
      Instance::decrypt_password2(client->text("client_secret")) != secret) {
    log("OAuth", "unknown client or wrong client secret");
    return std::nullopt;
  }
  const std::string grant = form.query("grant_type").value_or("");
  if (grant == "client_credentials") {
    if (instance_.property("glide.oauth.inbound.client.credential.grant_type.enabled") != "true") {
      log("OAuth", "the client_credentials grant is switched off");
      return std::nullopt;
    }
    const auto user = usable(client->text("user"));
    if (!user) return std::nullopt;
    return token_for(*client, user->sys_id(), grant);
  }
  if (grant == "password") {
    if (instance_.property("glide.oauth.inbound.ropc.grant_type.disabled") == "true") {
      log("OAuth", "the password grant is switched off");
      return std::nullopt;
    }
    const auto user =
        check_password(form.query("username").value_or(""), form.query("password").value_or(""));
    if (!user) return std::nullopt;
    if (user->flag("web_service_access_only")) {
      log("OAuth", "web service users cannot log in: " + user->text("user_name"));
      return std::nullopt;
    }
    return token_for(*client, user->sys_id(), grant);
  }
  if (grant == "refresh_token") {
    const std::string refresh = form.query("refresh_token").value_or("");
    std::string user;
    {
      const std::lock_guard guard(mutex_);
      for (auto at = tokens_.begin(); at != tokens_.end(); ++at) {
        const Token& token = at->second;
        if (refresh.empty() || token.refresh != refresh || token.client != client->sys_id() ||
            token.refresh_expires <= instance_.clock().now())
          continue;
        user = token.user;
        tokens_.erase(at);
        break;
      }
    }
    if (!user.empty() && usable(user)) return token_for(*client, user, "password");
  }
  log("OAuth", "grant refused: " + grant.substr(0, 40));
  return std::nullopt;
}

Token Accounts::token_for(const Record& client, const std::string& user, const std::string& grant) {
  const Time now = instance_.clock().now();
  const std::lock_guard guard(mutex_);
  for (const auto& [access, token] : tokens_) {
    if (token.client == client.sys_id() && token.user == user && token.grant == grant &&
        token.expires > now)
      return token;
  }
  if (tokens_.size() >= kMaxTokens) tokens_.erase(tokens_.begin());
  Token token;
  token.access = random_hex(43);
  if (grant != "client_credentials") token.refresh = random_hex(43);
  token.client = client.sys_id();
  token.user = user;
  token.grant = grant;
  token.scoped = client.flag("securely_scoped");
  token.expires = now + std::chrono::seconds(client.number("access_token_lifespan"));
  token.refresh_expires = now + std::chrono::seconds(client.number("refresh_token_lifespan"));
  tokens_[token.access] = token;
  return token;
}

}  // namespace bridge::sandbox
