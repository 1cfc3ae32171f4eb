// SPDX-License-Identifier: MIT
#include "sandbox/copilot/agent_client.hpp"

#include <algorithm>

#include "sandbox/copilot/behaviour.hpp"

namespace bridge::sandbox::copilot {
namespace {

constexpr auto kTokenLimit = std::chrono::seconds(10);
/// A token is renewed so long before it ends.
constexpr auto kTokenMargin = std::chrono::seconds(60);

std::string_view name_of(Auth auth) {
  return auth == Auth::key ? "key" : auth == Auth::entra ? "entra" : "none";
}

bool is_url(const std::string& text) {
  return text.starts_with("http://") || text.starts_with("https://");
}

std::string form_field(std::string_view name, std::string_view value) {
  return std::string(name) + "=" + net::percent_encode(value);
}

}  // namespace

Result<> AgentClient::start(const asio::any_io_executor& executor, const std::string& ca_file,
                            Logger& logger) {
  net::ClientOptions options;
  options.allow_http = true;
  options.ca_file = ca_file;
  options.ca_setting = "--ca-file";
  options.max_connections_per_origin = 64;  // a turn that hangs must not hold up the others
  auto made = net::make_http_client(executor, options, logger);
  if (!made) return made.error();
  client_ = std::move(*made);
  return {};
}

void AgentClient::set_default_url(std::string url) {
  if (connection_.url.empty()) connection_.url = url;
  if (started_with_.url.empty()) started_with_.url = std::move(url);
}

void AgentClient::stop() {
  if (client_) client_->close();
}

void AgentClient::reset() {
  connection_ = started_with_;
  token_.clear();
}

Result<> AgentClient::change(const json::object& wish) {
  if (auto known = only_known(wish, {"url", "callback_base", "auth", "header", "key", "token_url",
                                     "client_id", "client_secret", "scope"});
      !known)
    return known;
  Connection next = connection_;
  Fields fields(wish);
  const auto read = [&](std::string_view name, std::string& into) {
    if (auto value = fields.text(name, 4000)) into = *value;
  };
  read("url", next.url);
  read("callback_base", next.callback_base);
  read("header", next.header);
  read("key", next.key);
  read("token_url", next.token_url);
  read("client_id", next.client_id);
  read("client_secret", next.client_secret);
  read("scope", next.scope);
  const auto auth = fields.text("auth", 10);
  if (fields.problem()) return *fields.problem();
  if (auth) {
    if (*auth != "none" && *auth != "key" && *auth != "entra")
      return Error(Errc::invalid_argument, "auth must be none|key|entra");
    next.auth = *auth == "key" ? Auth::key : *auth == "entra" ? Auth::entra : Auth::none;
  }
  if (!is_url(next.url) || (!next.callback_base.empty() && !is_url(next.callback_base)))
    return Error(Errc::invalid_argument, "url and callback_base must be http or https URLs");
  if (next.auth == Auth::key && next.key.empty())
    return Error(Errc::invalid_argument, "key is required with auth key");
  if (next.auth == Auth::entra && (!is_url(next.token_url) || next.client_id.empty()))
    return Error(Errc::invalid_argument, "token_url and client_id are required with auth entra");
  while (next.callback_base.ends_with('/')) next.callback_base.pop_back();
  connection_ = std::move(next);
  token_.clear();
  return {};
}

json::object AgentClient::show() const {
  json::object out;
  out["url"] = connection_.url;
  out["callback_base"] = connection_.callback_base;
  out["auth"] = name_of(connection_.auth);
  out["header"] = connection_.header;
  out["key"] = connection_.key.empty() ? "unset" : "set";
  out["token_url"] = connection_.token_url;
  out["client_id"] = connection_.client_id;
  out["client_secret"] = connection_.client_secret.empty() ? "unset" : "set";
  out["scope"] = connection_.scope;
  return out;
}

Task<Result<std::string>> AgentClient::token(Deadline deadline) {
  if (!token_.empty() && std::chrono::steady_clock::now() < token_until_) co_return token_;
  net::ClientRequest request(net::Method::post, connection_.token_url);
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.headers.set("Accept", "application/json");
  request.body = "grant_type=client_credentials&" + form_field("client_id", connection_.client_id) +
                 "&" + form_field("client_secret", connection_.client_secret);
  if (!connection_.scope.empty()) request.body += "&" + form_field("scope", connection_.scope);
  request.repeatable = true;
  const auto answer =
      co_await client_->send(std::move(request), std::min(deadline, in(kTokenLimit)));
  if (!answer) co_return Error(Errc::upstream_credentials, answer.error().to_string());
  const auto body = parse_object(answer->body);
  const json::value* token = body ? body->if_contains("access_token") : nullptr;
  if (answer->status != 200 || !token || !token->is_string())
    co_return Error(Errc::upstream_credentials,
                    "the token endpoint answered " + std::to_string(answer->status));
  Fields fields(*body);
  const auto lifetime = std::chrono::seconds(
      std::clamp<std::int64_t>(fields.integer("expires_in").value_or(0), 0, 24 * 3600));
  token_ = std::string(token->get_string());
  token_until_ = in(lifetime)-kTokenMargin;
  co_return token_;
}

Task<Delivery> AgentClient::deliver(std::string activity, bool stream,
                                    std::chrono::milliseconds limit) {
  Delivery made;
  const auto begin = std::chrono::steady_clock::now();
  const Deadline deadline = begin + limit;
  net::ClientRequest request(net::Method::post, connection_.url);
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Accept", stream ? "text/event-stream" : "application/json");
  // Marks the connector's traffic (microsoft/Agents, issue 219).
  request.headers.set("connector", "true");
  request.body = std::move(activity);
  bool ready = true;
  if (connection_.auth == Auth::key) request.headers.set(connection_.header, connection_.key);
  if (connection_.auth == Auth::entra) {
    const auto bearer = co_await token(deadline);
    ready = bearer.has_value();
    if (ready) {
      request.headers.set("Authorization", "Bearer " + *bearer);
    } else {
      made.attempt.outcome = "no_token: " + bearer.error().context();
    }
  }
  if (ready) {
    auto answer = co_await client_->send(std::move(request), deadline);
    if (answer) {
      made.attempt.status = static_cast<int>(answer->status);
      made.response = std::move(*answer);
      made.attempt.outcome = made.ok() ? "ok" : "refused";
      if (made.response->status == 401) token_.clear();
    } else {
      const Error error = answer.error();
      made.attempt.outcome = std::string(id_of(error.errc()));
    }
  }
  made.attempt.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                                 std::chrono::steady_clock::now() - begin)
                                 .count();
  record(made);
  co_return made;
}

void AgentClient::record(const Delivery& delivery) {
  Call call;
  call.direction = "out";
  call.time = clock_.now();
  call.target = "copilot";
  call.method = "POST";
  call.path = connection_.url.substr(0, connection_.url.find('?'));
  call.status = delivery.attempt.status;
  call.outcome = delivery.ok() ? "ok" : delivery.response ? "error" : "no_answer";
  call.duration_ms = delivery.attempt.duration_ms;
  call.detail = delivery.ok() ? "" : delivery.attempt.outcome;
  ledger_.add(std::move(call));
}

}  // namespace bridge::sandbox::copilot
