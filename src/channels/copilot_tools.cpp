// SPDX-License-Identifier: MIT
// The HTTP tools of a Copilot Studio agent: hand the user over, or file an incident.
#include "channels/guard.hpp"
#include "channels/reply.hpp"
#include "channels/tracing.hpp"

namespace bridge::channels {
namespace {

class CopilotTools {
 public:
  CopilotTools(handoff::Handoff& handoff, Guard& guard, const Options& options, Logger& logger)
      : handoff_(handoff), guard_(guard), options_(options), logger_(logger) {}

  Task<net::Response> escalate(net::Request& request);
  Task<net::Response> create_ticket(net::Request& request);

 private:
  handoff::Handoff& handoff_;
  Guard& guard_;
  const Options& options_;
  Logger& logger_;
};

Task<net::Response> CopilotTools::escalate(net::Request& request) {
  if (const auto allowed = guard_.agent(request); !allowed)
    co_return refuse(logger_, request, allowed.error());
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger_, request, body.error());
  Fields fields(*body);
  const auto session_id = fields.text("session_id", 256);
  const auto user_id = fields.text("user_id", 256);
  const auto opening = fields.text("opening_message", options_.max_text_characters);
  const auto summary = fields.text("summary", options_.max_text_characters);
  if (fields.problem()) co_return refuse(logger_, request, *fields.problem());
  if (!session_id && !user_id) co_return refuse(logger_, request, Refusal(400, kSessionIdRequired));

  auto id = co_await handoff_.resolve(session_id.value_or(user_id.value_or("")));
  if (!id && id.error().is(Errc::not_found) && session_id && user_id)
    id = co_await handoff_.resolve(*user_id);
  if (!id) co_return refuse(logger_, request, id.error());
  handoff::EscalateRequest order;
  order.opening_message = opening.value_or(summary.value_or(""));
  order.trace = trace_of(request);
  auto escalated = co_await handoff_.escalate(*id, std::move(order));
  if (!escalated && is_our_own(escalated.error()))
    co_return refuse(logger_, request, escalated.error());
  if (!escalated) co_return refuse_as(logger_, request, 502, "escalate_failed", escalated.error());
  co_return reply(200, {{"ticket_number", escalated->interaction_number},
                        {"ticket_sys_id", escalated->interaction_sys_id},
                        {"state", session::shown(escalated->state)}});
}

Task<net::Response> CopilotTools::create_ticket(net::Request& request) {
  if (const auto allowed = guard_.agent(request); !allowed)
    co_return refuse(logger_, request, allowed.error());
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger_, request, body.error());
  Fields fields(*body);
  handoff::TicketOrder order;
  order.short_description = fields.text("short_description", 1'000).value_or("");
  order.description = fields.text("description", 4'000).value_or("");
  order.caller = fields.text("caller_email", 320).value_or("");
  order.request_id = fields.text("request_id", 100).value_or("");
  order.trace = trace_of(request);
  if (fields.problem()) co_return refuse(logger_, request, *fields.problem());
  if (order.short_description.empty())
    co_return refuse(logger_, request, Refusal(400, "short_description required"));
  auto ticket = co_await handoff_.create_ticket(std::move(order));
  if (!ticket && ticket.error().is(Errc::invalid_argument))
    co_return refuse(logger_, request, ticket.error());
  if (!ticket) co_return refuse_as(logger_, request, 502, "create_failed", ticket.error());
  co_return reply(200, {{"ticket_number", ticket->number}, {"ticket_sys_id", ticket->sys_id}});
}

}  // namespace

void Channels::mount_copilot_tools(net::Router& router) {
  const auto tools = std::make_shared<CopilotTools>(handoff_, *guard_, options_, logger_);
  net::Route escalate;
  escalate.method = net::Method::post;
  escalate.pattern = "/api/servicenow/agent/escalate";
  escalate.body_limit = 2 * 12 * options_.max_text_characters + 16 * 1024;  // JSON escapes
  escalate.handler = [tools](net::Request& request) { return tools->escalate(request); };
  router.add(std::move(escalate));
  net::Route ticket;
  ticket.method = net::Method::post;
  ticket.pattern = "/api/servicenow/agent/create-ticket";
  ticket.body_limit = 80 * 1024;
  ticket.handler = [tools](net::Request& request) { return tools->create_ticket(request); };
  router.add(std::move(ticket));
}

}  // namespace bridge::channels
