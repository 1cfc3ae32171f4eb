// SPDX-License-Identifier: MIT
#include "bridge/channels/channels.hpp"

#include "bridge/core/exception.hpp"
#include "channels/guard.hpp"
#include "channels/reply.hpp"
#include "channels/tracing.hpp"
#include "channels/web_files.hpp"

namespace bridge::channels {

Channels::Channels(handoff::Handoff& handoff, Options options, const Readiness& readiness,
                   Logger& logger, Metrics& metrics, const TimeSource& time)
    : handoff_(handoff),
      options_(std::move(options)),
      readiness_(readiness),
      logger_(logger),
      metrics_(metrics),
      guard_(std::make_unique<Guard>(handoff_, options_, logger_, metrics, time)),
      files_(std::make_unique<WebFiles>(options_.web_dir)) {}

Channels::~Channels() = default;

void Channels::mount(net::Router& router) {
  mount_web(router);
  mount_web_socket(router);
  mount_copilot_tools(router);
  mount_activity(router);
  mount_servicenow_events(router);
  mount_direct_line(router);
  mount_operations(router);
  mount_web_files(router);

  router.set_on_exception([this](const net::Request& request, const std::exception_ptr& thrown) {
    logger_.error("handler_failed", {{"path", request.path}, {"reason", describe(thrown)}});
    return refuse(logger_, request, Refusal(500, "internal"));
  });
  router.set_finish([this](const net::Request& request, net::Response& response) {
    response.headers.set("X-Content-Type-Options", "nosniff");
    if (!response.headers.has("X-Request-Id"))
      response.headers.set("X-Request-Id", request.id.empty() ? draw_request_id() : request.id);
    if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-store");
    if (options_.allowed_origins.empty()) return;
    // Also without an Origin: whoever keeps that answer must not hand it to a page that has one.
    response.headers.add("Vary", "Origin");
    const std::string_view origin = request.headers.get("Origin");
    if (origin.empty() || !guard_->origin_is_listed(origin)) return;
    response.headers.set("Access-Control-Allow-Origin", std::string(origin));
    response.headers.set("Access-Control-Expose-Headers", "Retry-After");
    if (request.method == net::Method::options) {
      response.headers.set("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
      response.headers.set("Access-Control-Allow-Headers", "Authorization, Content-Type");
      response.headers.set("Access-Control-Max-Age", "600");
    }
  });
}

}  // namespace bridge::channels
