// SPDX-License-Identifier: MIT
#include "bridge/gateways/directline.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "bridge/core/json.hpp"
#include "gateways/http_answer.hpp"

namespace bridge::gateways {
namespace {

/// One of the two ways to a token, with what to do about its failures.
struct Way {
  std::string name;
  std::string_view refused_hint;
  std::string_view path_hint;
};

const Way& endpoint_way() {
  static const Way way{
      "token endpoint",
      "The token endpoint is closed, as it is while web channel security is on: set "
      "DIRECTLINE_SECRET, or turn the security off in Copilot Studio.",
      "DIRECTLINE_TOKEN_ENDPOINT is not the address that the channel page of the assistant shows."};
  return way;
}

const Way& secret_way() {
  static const Way way{
      "Direct Line tokens",
      "Direct Line does not accept DIRECTLINE_SECRET: copy it again from Copilot Studio, and for "
      "an agent bound to a region set DIRECTLINE_ENDPOINT_BASE.",
      "DIRECTLINE_ENDPOINT_BASE is not a Direct Line host."};
  return way;
}

/// The token's JSON as it came, or what the answer means otherwise.
Result<handoff::DirectLineToken> read_token(const net::Response& response, const Way& way,
                                            std::string user_id) {
  const unsigned status = response.status;
  const auto fail = [&](Errc code, std::string_view hint) {
    return Error(code, way.name + " answered " + std::to_string(status))
        .with_hint(std::string(hint));
  };
  if (status == 401 || status == 403)
    return Error(fail(Errc::upstream_credentials, way.refused_hint));
  if (status == 404) return Error(fail(Errc::upstream_path, way.path_hint));
  if (status == 429)
    return Error(
               fail(Errc::upstream_rate_limited, "Direct Line limits the calls; try again later."))
        .with_retry_after(retry_after(response, SystemTime().now()));
  if (status >= 500)
    return Error(fail(Errc::upstream_failed, "Direct Line failed inside; try again later."));
  if (status >= 400) return Error(fail(Errc::upstream_rejected, way.path_hint));
  if (status < 200 || status >= 300) return Error(fail(Errc::upstream_garbled, way.path_hint));

  auto body = parse_object(response.body);
  const json::value* const token = body ? body->if_contains("token") : nullptr;
  if (!is_json(response) || !token || !token->is_string() || token->get_string().empty())
    return Error(fail(Errc::upstream_garbled, way.path_hint));
  handoff::DirectLineToken result;
  result.body = response.body;
  if (const json::value* id = body->if_contains("conversationId"); id && id->is_string())
    result.conversation_id = std::string(id->get_string());
  result.user_id = std::move(user_id);
  return result;
}

std::string hint_for(const Error& error) {
  if (error.is(Errc::unreachable))
    return "Direct Line cannot be reached: check the name service and the firewall.";
  return "Direct Line did not answer in time or not whole; try again later.";
}

class DirectLine final : public handoff::TokenBroker {
 public:
  DirectLine(net::HttpClient& http, DirectLineOptions options, Logger& logger, Metrics& metrics)
      : http_(http), options_(std::move(options)), logger_(logger), metrics_(metrics) {}

  Task<Result<handoff::DirectLineToken>> mint(std::string user_id, Deadline deadline) override {
    const bool has_secret = !options_.secret.empty();
    if (!options_.token_endpoint.empty()) {
      auto token = co_await from_endpoint(user_id, deadline);
      if (token || !has_secret) co_return token;
    }
    if (!has_secret)
      co_return Error(Errc::not_configured, "Direct Line is not configured")
          .with_hint("Set DIRECTLINE_TOKEN_ENDPOINT or DIRECTLINE_SECRET.");
    co_return co_await from_secret(user_id, deadline);
  }

 private:
  Task<Result<handoff::DirectLineToken>> from_endpoint(std::string user_id, Deadline deadline) {
    std::string url = options_.token_endpoint;
    if (!user_id.empty()) {
      url += url.find('?') == std::string::npos ? '?' : '&';
      url += "userId=" + net::percent_encode(user_id);
    }
    net::ClientRequest request(net::Method::get, std::move(url));
    return call(std::move(request), endpoint_way(), std::move(user_id), deadline);
  }

  Task<Result<handoff::DirectLineToken>> from_secret(std::string user_id, Deadline deadline) {
    net::ClientRequest request(net::Method::post,
                               options_.endpoint_base + "/v3/directline/tokens/generate");
    request.headers.set("Authorization", "Bearer " + std::string(options_.secret.reveal()));
    request.headers.set("Content-Type", "application/json");
    json::object body;
    if (!user_id.empty()) {
      json::object user;
      user["id"] = user_id;
      body["user"] = std::move(user);
    }
    request.body = json::serialize(body);
    return call(std::move(request), secret_way(), std::move(user_id), deadline);
  }

  Task<Result<handoff::DirectLineToken>> call(net::ClientRequest request, const Way& way,
                                              std::string user_id, Deadline deadline) {
    request.headers.set("Accept", "application/json");
    request.repeatable = true;  // a token too many expires unused
    const Deadline limit = std::min(deadline, in(options_.request_timeout));
    auto response = co_await http_.send(std::move(request), limit);
    if (!response) {
      Error error = transport_error(response.error(), way.name, hint_for(response.error()));
      error = std::move(error).with_outcome(Outcome::failed);
      report(way, error);
      co_return error;
    }
    auto token = read_token(*response, way, std::move(user_id));
    if (token) {
      metrics_.count("directline_tokens", "ok");
    } else {
      report(way, token.error());
    }
    co_return token;
  }

  void report(const Way& way, const Error& error) {
    metrics_.count("directline_tokens", id_of(error.errc()));
    logger_.warning("directline_token_failed",
                    {{"way", way.name}, {"error", error.to_string()}, {"hint", error.hint()}});
  }

  net::HttpClient& http_;
  DirectLineOptions options_;
  Logger& logger_;
  Metrics& metrics_;
};

}  // namespace

std::unique_ptr<handoff::TokenBroker> make_directline(net::HttpClient& http,
                                                      DirectLineOptions options, Logger& logger,
                                                      Metrics& metrics) {
  return std::make_unique<DirectLine>(http, std::move(options), logger, metrics);
}

}  // namespace bridge::gateways
