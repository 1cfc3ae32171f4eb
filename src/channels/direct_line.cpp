// SPDX-License-Identifier: MIT
// POST /directline/token: a Direct Line token for the page, so that no secret reaches a browser.
#include "bridge/core/random.hpp"
#include "channels/guard.hpp"
#include "channels/reply.hpp"

namespace bridge::channels {
namespace {

Task<net::Response> mint(handoff::Handoff& handoff, Guard& guard, Logger& logger,
                         net::Request& request) {
  if (const auto admitted = guard.admit(request); !admitted)
    co_return refuse(logger, request, admitted.error());
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger, request, body.error());
  Fields fields(*body);
  const std::string user_id = fields.text("user_id", 256).value_or("");
  if (fields.problem()) co_return refuse(logger, request, *fields.problem());
  // A user id that is a session speaks for it later, so it needs the session's proof now.
  std::string session_id;
  // Direct Line itself wants user ids that begin with "dl_"; `resolve` takes both forms as well.
  const std::string named = user_id.starts_with("dl_") ? user_id.substr(3) : user_id;
  if (is_hex(named, 32)) {
    auto session = co_await guard.session(request, named);
    if (session) {
      session_id = named;
    } else if (!session.error().is(Errc::not_found)) {
      co_return refuse(logger, request, session.error());
    }
  }
  auto token = co_await handoff.mint_token(user_id, session_id);
  if (token) co_return net::text_response(200, std::move(token->body), "application/json");
  if (token.error().is(Errc::not_configured)) {
    Refusal refusal(501, "not_configured");
    refusal.hint = "Set DIRECTLINE_TOKEN_ENDPOINT or DIRECTLINE_SECRET.";
    co_return refuse(logger, request, refusal);
  }
  if (is_our_own(token.error())) co_return refuse(logger, request, token.error());
  co_return refuse_as(logger, request, 502, "upstream_error", token.error());
}

}  // namespace

void Channels::mount_direct_line(net::Router& router) {
  net::Route route;
  route.method = net::Method::post;
  route.pattern = "/directline/token";
  route.body_limit = 16 * 1024;
  route.handler = [this](net::Request& request) {
    return mint(handoff_, *guard_, logger_, request);
  };
  router.add(std::move(route));
}

}  // namespace bridge::channels
