// SPDX-License-Identifier: MIT
// The browser's endpoints: open a session, ask for a person, talk, leave, read by polling.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "bridge/core/random.hpp"
#include "bridge/identity/tokens.hpp"
#include "channels/guard.hpp"
#include "channels/reply.hpp"
#include "channels/tracing.hpp"

namespace bridge::channels {
namespace {

using handoff::Handoff;
using session::State;

constexpr std::size_t kMaxEmail = 320;
constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMaxContext = 4'000;
constexpr std::chrono::seconds kMaxWait{60};
/// What pages of the old bridge send when the user presses "end".
constexpr std::string_view kOldEndText = "[user ended the chat]";

/// A session that was just made, with what its owner needs.
class Opened {
 public:
  std::string id;
  std::string token;
  std::string cookie;  ///< Set-Cookie
};

class Web {
 public:
  Web(Handoff& handoff, Guard& guard, const Options& options, Logger& logger)
      : handoff_(handoff), guard_(guard), options_(options), logger_(logger) {}

  Task<net::Response> init_session(net::Request& request);
  Task<net::Response> escalate(net::Request& request);
  Task<net::Response> user_message(net::Request& request);
  Task<net::Response> typing(net::Request& request);
  Task<net::Response> end(net::Request& request);
  Task<net::Response> poll(net::Request& request);

 private:
  Task<Result<Opened>> open(const net::Request& request, std::string email, std::string name);
  /// The owner's session that `session_id` of the body names; an answer if there is none.
  Task<Result<SessionView>> own_session(const net::Request& request, const json::object& body);

  Handoff& handoff_;
  Guard& guard_;
  const Options& options_;
  Logger& logger_;
};

/// What send_message.js takes as the key of a message.
bool is_message_id(std::string_view id) {
  constexpr std::string_view kOthers = "._:@=+/~-";
  return std::all_of(id.begin(), id.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

std::string context_text(const json::object& body) {
  const json::value* context = body.if_contains("context");
  if (!context || context->is_null()) return {};
  return context->is_string() ? std::string(context->get_string()) : json::serialize(*context);
}

Task<Result<Opened>> Web::open(const net::Request& request, std::string email, std::string name) {
  Opened opened;
  opened.token = identity::new_token();
  std::string browser = browser_cookie(request);
  if (!browser.empty()) {
    auto known = co_await handoff_.knows_browser(identity::token_hash(browser));
    if (!known) co_return known.error();
    if (!*known) browser.clear();  // not one of ours, or all its sessions are gone
  }
  if (browser.empty()) browser = identity::new_token();
  handoff::NewSession session;
  session.user_email = std::move(email);
  session.user_display_name = std::move(name);
  session.token_hash = identity::token_hash(opened.token);
  session.browser_hash = identity::token_hash(browser);
  auto id = co_await handoff_.open_session(std::move(session));
  if (!id) co_return id.error();
  opened.id = *id;
  opened.cookie = "bridge_session=" + browser + "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax";
  if (came_by_https(request, options_)) opened.cookie += "; Secure";
  co_return opened;
}

Task<net::Response> Web::init_session(net::Request& request) {
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger_, request, body.error());
  Fields fields(*body);
  const std::string email = fields.text("user_email", kMaxEmail).value_or("");
  const std::string name = fields.text("user_display_name", kMaxName).value_or("");
  if (fields.problem()) co_return refuse(logger_, request, *fields.problem());
  auto opened = co_await open(request, email, name);
  if (!opened) co_return refuse(logger_, request, opened.error());
  net::Response response =
      reply(200, {{"session_id", opened->id}, {"state", "bot"}, {"session_token", opened->token}});
  response.headers.add("Set-Cookie", opened->cookie);
  co_return response;
}

Task<Result<SessionView>> Web::own_session(const net::Request& request, const json::object& body) {
  Fields fields(body);
  const std::string id = fields.text("session_id", 64).value_or("");
  if (fields.problem()) co_return *fields.problem();
  if (id.empty()) co_return Error(Errc::invalid_argument, std::string(kSessionIdRequired));
  co_return co_await guard_.session(request, id);
}

Task<net::Response> Web::escalate(net::Request& request) {
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger_, request, body.error());
  Fields fields(*body);
  std::string id = fields.text("session_id", 64).value_or("");
  handoff::EscalateRequest order;
  order.user_email = fields.text("user_email", kMaxEmail).value_or("");
  order.user_display_name = fields.text("user_display_name", kMaxName).value_or("");
  order.opening_message = fields.text("opening_message", options_.max_text_characters).value_or("");
  order.context = context_text(*body);
  order.trace = trace_of(request);
  if (fields.problem()) co_return refuse(logger_, request, *fields.problem());
  if (count_characters(order.context) > kMaxContext)
    co_return refuse(logger_, request,
                     Error(Errc::invalid_argument, "context is longer than 4000 characters"));

  Opened made;
  bool unknown = id.empty();
  if (!unknown) {
    auto session = co_await guard_.session(request, id);
    unknown = !session && session.error().is(Errc::not_found);
    if (!session && !unknown) co_return refuse(logger_, request, session.error());
    if (!unknown) {
      if (const auto admitted = guard_.admit_escalation(request, id); !admitted)
        co_return refuse(logger_, request, admitted.error());
    }
  }
  if (unknown) {  // as the old bridge did
    auto opened = co_await open(request, order.user_email, order.user_display_name);
    if (!opened) co_return refuse(logger_, request, opened.error());
    made = *opened;
    id = made.id;
  }
  auto escalated = co_await handoff_.escalate(id, std::move(order));
  json::object answer{{"session_id", id}};
  if (!made.token.empty()) answer["session_token"] = made.token;
  net::Response response;
  if (escalated) {
    answer["state"] = session::shown(escalated->state);
    answer["interaction_number"] = escalated->interaction_number;
    answer["interaction_sys_id"] = escalated->interaction_sys_id;
    if (escalated->already) answer["already_escalated"] = true;
    response = reply(200, answer);
  } else if (is_our_own(escalated.error())) {
    response = refuse(logger_, request, escalated.error());
  } else {
    // A session that was made on the way is told all the same: the chat may yet open in it.
    if (made.token.empty()) answer.clear();
    response = refuse_as(logger_, request, 502, "servicenow_create_failed", escalated.error(),
                         std::move(answer));
  }
  if (!made.cookie.empty()) response.headers.add("Set-Cookie", made.cookie);
  co_return response;
}

Task<net::Response> Web::user_message(net::Request& request) {
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger_, request, body.error());
  Fields fields(*body);
  const std::string id = fields.text("session_id", 64).value_or("");
  const std::string text = fields.text("text", options_.max_text_characters).value_or("");
  const std::string message_id = fields.text("client_message_id", 64).value_or("");
  if (fields.problem()) co_return refuse(logger_, request, *fields.problem());
  if (!is_message_id(message_id))
    co_return refuse(
        logger_, request,
        Error(Errc::invalid_argument, "client_message_id may hold A-Z a-z 0-9 . _ : @ = + / ~ -"));
  if (id.empty() || text.empty())
    co_return refuse(logger_, request, Refusal(400, "session_id and text required"));
  auto session = co_await guard_.session(request, id);
  if (!session) co_return refuse(logger_, request, session.error());
  if (text == kOldEndText) {
    auto ended = co_await handoff_.end(id, session::CloseReason::user_ended, trace_of(request));
    if (!ended) co_return refuse(logger_, request, ended.error());
    co_return reply(200, {{"ok", true}});
  }
  auto sent = co_await handoff_.user_message(id, text, message_id, trace_of(request));
  if (!sent) co_return refuse(logger_, request, sent.error());
  if (sent->status == session::Send::Status::delivered) co_return reply(200, {{"ok", true}});
  if (sent->chat_ended) co_return refuse(logger_, request, Refusal(409, "session closed"));
  Refusal refusal(502, "forward_failed");
  refusal.detail = sent->error_id;
  refusal.hint = sent->hint;
  refusal.outcome = sent->status == session::Send::Status::unknown ? "unknown" : "failed";
  co_return refuse(logger_, request, refusal);
}

Task<net::Response> Web::typing(net::Request& request) {
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger_, request, body.error());
  auto session = co_await own_session(request, *body);
  if (!session) co_return refuse(logger_, request, session.error());
  auto done = co_await handoff_.user_typing((*session)->id, trace_of(request));
  if (!done) co_return refuse(logger_, request, done.error());
  co_return reply(200, {{"ok", true}});
}

Task<net::Response> Web::end(net::Request& request) {
  const auto body = parse_object(request.body);
  if (!body) co_return refuse(logger_, request, body.error());
  auto session = co_await own_session(request, *body);
  if (!session) co_return refuse(logger_, request, session.error());
  auto done =
      co_await handoff_.end((*session)->id, session::CloseReason::user_ended, trace_of(request));
  if (!done) co_return refuse(logger_, request, done.error());
  co_return reply(200, {{"ok", true}});
}

Task<net::Response> Web::poll(net::Request& request) {
  auto session = co_await guard_.session(request, request.parameter("sid"));
  if (!session) co_return refuse(logger_, request, session.error());
  std::optional<session::Cursor> after;
  if (const auto text = request.query("after")) {
    after = session::parse_cursor(*text);
    if (!after)
      co_return refuse(logger_, request,
                       Error(Errc::invalid_argument, "after must be <epoch>:<seq>"));
  }
  std::chrono::seconds wait{0};
  if (const auto text = request.query("wait")) {
    unsigned value = 0;
    const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), value);
    const bool huge = failed == std::errc::result_out_of_range;
    if ((failed != std::errc() && !huge) || end != text->data() + text->size())
      co_return refuse(logger_, request,
                       Error(Errc::invalid_argument, "wait must be a number of seconds"));
    wait = huge ? kMaxWait : std::min(std::chrono::seconds(value), kMaxWait);
  }
  Seats::Seat seat;
  if (wait.count() > 0) {
    auto taken = guard_.poll_seat((*session)->id);
    if (!taken) co_return refuse(logger_, request, taken.error());
    seat = std::move(*taken);
  }
  auto page = co_await handoff_.poll((*session)->id, after, wait);
  if (!page) co_return refuse(logger_, request, page.error());
  // The frames are rendered already; only what is around them is built here.
  const auto quoted = [](const std::string& text) {
    return text.empty() ? std::string("null") : json::serialize(json::string(text));
  };
  std::string out = "{\"state\":\"" + std::string(session::shown(page->state)) +
                    "\",\"rep_name\":" + quoted(page->rep_name) +
                    ",\"interaction_number\":" + quoted(page->interaction_number) + ",\"events\":[";
  for (std::size_t i = 0; i < page->frames.size(); ++i) {
    if (i > 0) out += ',';
    out += *page->frames[i];
  }
  out += "],\"cursor\":\"" + page->cursor +
         "\",\"recovered\":" + (page->recovered ? "true}" : "false}");
  net::Response response = net::text_response(200, std::move(out), "application/json");
  response.receipt = std::move(page->receipt);
  co_return response;
}

Task<net::Response> at_once(net::Response response) { co_return response; }

}  // namespace

void Channels::mount_web(net::Router& router) {
  const auto web = std::make_shared<Web>(handoff_, *guard_, options_, logger_);
  // JSON may write a character as "\ud83d\ude00". What is not a text fits in the rest.
  const std::size_t text_limit = 12 * (options_.max_text_characters + kMaxContext) + 16 * 1024;
  const auto post = [&](std::string path, Task<net::Response> (Web::*handler)(net::Request&),
                        std::size_t body_limit = 16 * 1024) {
    net::Route route;
    route.method = net::Method::post;
    route.body_limit = body_limit;
    route.pattern = "/api/servicenow/" + path;
    route.handler = [this, web, handler](net::Request& request) {
      if (const auto admitted = guard_->admit(request); !admitted)
        return at_once(refuse(logger_, request, admitted.error()));
      return (web.get()->*handler)(request);
    };
    router.add(std::move(route));
  };
  post("init-session", &Web::init_session);
  post("escalate", &Web::escalate, text_limit);
  post("user-message", &Web::user_message, text_limit);
  post("typing", &Web::typing);
  post("end", &Web::end);
  net::Route poll;
  poll.pattern = "/api/servicenow/poll/{sid}";
  poll.handler = [web](net::Request& request) { return web->poll(request); };
  router.add(std::move(poll));
}

}  // namespace bridge::channels
