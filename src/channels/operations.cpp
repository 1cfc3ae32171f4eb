// SPDX-License-Identifier: MIT
// What the platform asks: are you alive, may you have traffic.
#include "bridge/channels/channels.hpp"
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
}

}  // namespace bridge::channels
