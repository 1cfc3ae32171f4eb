// SPDX-License-Identifier: MIT
// What ServiceNow's relay rules post: /api/servicenow/webhook, and /api/sn-webhook of the older
// second rule. A rule calls once and never again, so everything that can be understood is taken.
// DESIGN 5.2.
#include <array>
#include <boost/json/monotonic_resource.hpp>

#include "bridge/session/relayed.hpp"
#include "channels/guard.hpp"
#include "channels/reply.hpp"
#include "channels/tracing.hpp"

namespace bridge::channels {
namespace {

constexpr std::size_t kMaxBody = 1024 * 1024;
constexpr std::size_t kMaxDepth = 32;

Result<session::AgentEvent> read_event(std::string_view text) {
  // Read once and not kept: on the stack, where a document of two dozen values costs no memory.
  std::array<unsigned char, 4096> room;
  json::monotonic_resource memory(room.data(), room.size());
  const auto parsed = parse_object(text, kMaxDepth, &memory);
  if (!parsed) return parsed.error();
  return session::read_relayed(*parsed);
}

Task<net::Response> take(handoff::Handoff& handoff, Guard& guard, Logger& logger,
                         net::Request& request, bool unmatched_is_fine) {
  auto pass = guard.webhook(request);
  if (!pass) co_return refuse(logger, request, pass.error());
  auto event = read_event(request.body);
  if (!event) co_return refuse(logger, request, event.error());
  auto taken = co_await handoff.agent_event(std::move(*event), trace_of(request));
  if (taken) {
    pass->keep();
    json::object answer{{"ok", true}};
    if (unmatched_is_fine) answer["matched"] = true;
    co_return reply(200, answer);
  }
  if (!taken.error().is(Errc::not_found)) co_return refuse(logger, request, taken.error());
  if (unmatched_is_fine) co_return reply(200, {{"ok", true}, {"matched", false}});
  co_return refuse(logger, request, Refusal(404, "session not found"));
}

}  // namespace

void Channels::mount_servicenow_events(net::Router& router) {
  const auto mount = [&](std::string path, bool unmatched_is_fine) {
    net::Route route;
    route.method = net::Method::post;
    route.pattern = std::move(path);
    route.body_limit = kMaxBody;
    route.handler = [this, unmatched_is_fine](net::Request& request) {
      return take(handoff_, *guard_, logger_, request, unmatched_is_fine);
    };
    router.add(std::move(route));
  };
  mount("/api/servicenow/webhook", false);
  mount("/api/sn-webhook", true);
}

}  // namespace bridge::channels
