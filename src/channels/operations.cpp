// SPDX-License-Identifier: MIT
// What the platform asks: are you alive, may you have traffic, how are you; and what can you do.
#include "bridge/channels/channels.hpp"
#include "channels/guard.hpp"
#include "channels/openapi.hpp"
#include "channels/reply.hpp"

namespace bridge::channels {
namespace {

Task<net::Response> health() {
  co_return net::text_response(200, R"({"status":"ok"})", "application/json");
}

Task<net::Response> ready(const Readiness& readiness, const handoff::Handoff& handoff) {
  if (!readiness.ready)
    co_return reply(503, {{"status", "unavailable"}, {"reason", readiness.reason}});
  json::object body{{"status", "ready"}};
  const std::vector<std::string> reasons = handoff.degraded();
  if (!reasons.empty()) body["degraded"] = json::array(reasons.begin(), reasons.end());
  co_return reply(200, body);
}

Task<net::Response> metrics(const Options& options, Logger& logger, const net::Request& request) {
  if (options.metrics_token.configured() && !options.metrics_token.matches(bearer_token(request))) {
    Refusal refusal(401, "metrics token required");
    refusal.hint = "Send METRICS_TOKEN as Authorization: Bearer.";
    net::Response response = refuse(logger, request, refusal);
    response.headers.set("WWW-Authenticate", "Bearer");
    co_return response;
  }
  co_return net::text_response(200, options.metrics_text(),
                               "text/plain; version=0.0.4; charset=utf-8");
}

Task<net::Response> description() {
  // RFC 9512
  co_return net::text_response(200, std::string(openapi_yaml()), "application/yaml");
}

}  // namespace

void Channels::mount_operations(net::Router& router) {
  net::Route alive;
  alive.pattern = "/healthz";
  alive.handler = [](net::Request&) { return health(); };
  router.add(std::move(alive));
  net::Route may_serve;
  may_serve.pattern = "/readyz";
  may_serve.handler = [this](net::Request&) { return ready(readiness_, handoff_); };
  router.add(std::move(may_serve));
  net::Route described;
  described.pattern = "/openapi.yaml";
  described.handler = [](net::Request&) { return description(); };
  router.add(std::move(described));
  if (!options_.metrics_text) return;
  net::Route counted;
  counted.pattern = "/metrics";
  counted.handler = [this](net::Request& request) { return metrics(options_, logger_, request); };
  router.add(std::move(counted));
}

}  // namespace bridge::channels
