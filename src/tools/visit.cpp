// SPDX-License-Identifier: MIT
#include "tools/visit.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "bridge/core/random.hpp"

namespace bridge::tools {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kLongestWait{5};
constexpr seconds kCleanUpLimit{20};
/// A bridge that does not wait must not be asked without end.
constexpr milliseconds kPause{200};

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

bool is_true(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  return value && value->is_bool() && value->get_bool();
}

/// "502 forward_failed: timed_out (unknown); what to do (ref 1a2b)"
std::string refusal_text(unsigned status, const json::object& body) {
  std::string text = "answered " + std::to_string(status);
  const std::string error = text_of(body, "error"), detail = text_of(body, "detail"),
                    outcome = text_of(body, "outcome"), hint = text_of(body, "hint"),
                    ref = text_of(body, "ref"), reason = text_of(body, "reason");
  if (!error.empty()) text += " " + error;
  if (!detail.empty()) text += ": " + detail;
  if (!reason.empty()) text += ": " + reason;
  if (!outcome.empty()) text += " (" + outcome + ")";
  if (!hint.empty()) text += "; " + hint;
  if (!ref.empty()) text += " (ref " + ref + ")";
  if (error.empty() && reason.empty()) text += "; is there a bridge at this address?";
  return text;
}

const json::array* events_of(const json::object& page) {
  const json::value* const events = page.if_contains("events");
  return events && events->is_array() ? &events->get_array() : nullptr;
}

std::string_view name_of_state(std::string_view state) { return state.empty() ? "bot" : state; }

}  // namespace

Task<> Visit::play() {
  bool fine = co_await ready();
  if (fine) fine = co_await init_session();
  if (fine) fine = co_await escalate();
  if (fine) fine = co_await wait_for(Goal::queued);
  if (fine && options_.expect_agent) fine = co_await wait_for(Goal::live);
  if (fine) fine = co_await user_message();
  if (fine && options_.expect_agent) fine = co_await wait_for(Goal::reply);
  if (fine) fine = co_await read_all();
  if (fine) fine = co_await end();
  if (fine) fine = co_await wait_for(Goal::closed);
}

Task<bool> Visit::ready() {
  report_.begin("readyz");
  net::ClientRequest request(net::Method::get, options_.url + "/readyz");
  request.repeatable = true;
  const Answer answer = co_await call(std::move(request), step_deadline());
  if (!require_200(answer)) co_return false;
  std::string detail = text_of(answer.body, "status");
  if (const json::value* reasons = answer.body.if_contains("degraded"))
    detail += ", degraded: " + json::serialize(*reasons);
  report_.passed(detail);
  co_return true;
}

Task<bool> Visit::init_session() {
  report_.begin("init-session");
  json::object body{{"user_display_name", "Probe"}};
  const Answer answer =
      co_await post("/api/servicenow/init-session", std::move(body), step_deadline());
  if (!require_200(answer)) co_return false;
  token_ = text_of(answer.body, "session_token");
  report_.hide(token_);
  session_ = text_of(answer.body, "session_id");
  if (!is_hex(session_, 32) || token_.empty()) {
    report_.failed("the answer holds no session_id and session_token");
    co_return false;
  }
  report_.passed("session " + session_);
  co_return true;
}

Task<bool> Visit::escalate() {
  report_.begin("escalate");
  asked_for_person_ = true;
  json::object body{{"session_id", session_},
                    {"opening_message", "Probe: this chat is a test and ends by itself."}};
  const Answer answer = co_await post("/api/servicenow/escalate", std::move(body), step_deadline());
  if (!require_200(answer)) co_return false;
  interaction_ = text_of(answer.body, "interaction_number");
  report_.set_interaction(interaction_);
  if (interaction_.empty() || text_of(answer.body, "session_id") != session_) {
    report_.failed("the answer should name an interaction_number and this session");
    co_return false;
  }
  report_.passed(interaction_);
  co_return true;
}

Task<bool> Visit::user_message() {
  report_.begin("user-message");
  message_id_ = "probe-" + random_hex(8);
  json::object body{{"session_id", session_},
                    {"text", "Probe: a message of the user."},
                    {"client_message_id", message_id_}};
  const Answer answer =
      co_await post("/api/servicenow/user-message", std::move(body), step_deadline());
  if (!require_200(answer)) co_return false;
  report_.passed("ServiceNow has it");
  co_return true;
}

Task<bool> Visit::read_all() {
  report_.begin("read-all");
  const Answer answer = co_await poll("0:0", 0, step_deadline());
  if (!require_200(answer)) co_return false;
  std::size_t shown = 0, events = 0;
  if (const json::array* frames = events_of(answer.body)) {
    events = frames->size();
    for (const json::value& frame : *frames) {
      if (!frame.is_object()) continue;
      const json::object& row = frame.get_object();
      if (text_of(row, "type") == "message" && text_of(row, "client_message_id") == message_id_)
        ++shown;
    }
  }
  if (shown != 1) {
    report_.failed("the user's message should stand in the conversation once; it stands there " +
                   std::to_string(shown) + " times");
    co_return false;
  }
  report_.passed(std::to_string(events) + " events, the message once");
  co_return true;
}

Task<bool> Visit::end() {
  report_.begin("end");
  json::object body{{"session_id", session_}};
  const Answer answer = co_await post("/api/servicenow/end", std::move(body), step_deadline());
  if (!require_200(answer)) co_return false;
  report_.passed();
  co_return true;
}

Task<bool> Visit::wait_for(Goal goal) {
  static constexpr const char* kNames[] = {"queued", "live", "reply", "closed"};
  static constexpr const char* kMissing[] = {"the chat should wait in the queue by now",
                                             "nobody accepted the chat", "the agent wrote nothing",
                                             "the chat should be closed by now"};
  report_.begin(kNames[static_cast<int>(goal)]);
  const Deadline deadline = step_deadline();
  for (;;) {
    const auto now = steady_clock::now();
    if (now >= deadline) {
      report_.failed(std::string(kMissing[static_cast<int>(goal)]) + "; it is " +
                     std::string(name_of_state(state_)));
      co_return false;
    }
    const auto left = std::chrono::duration_cast<seconds>(deadline - now) - seconds(1);
    const auto wait = std::clamp(left, seconds(0), kLongestWait);
    const std::string before = cursor_;
    const Answer answer = co_await poll(cursor_, static_cast<int>(wait.count()), deadline);
    if (!require_200(answer)) co_return false;
    take(answer.body);
    if (reached(goal)) break;
    if (closed_) {
      report_.failed(std::string(kMissing[static_cast<int>(goal)]) + "; it was closed instead");
      co_return false;
    }
    if (cursor_ == before && steady_clock::now() - now < kPause)
      co_await async::sleep_for(std::min<steady_clock::duration>(kPause, deadline - now));
  }
  report_.passed(goal == Goal::live ? rep_name_ : std::string());
  co_return true;
}

void Visit::take(const json::object& page) {
  state_ = text_of(page, "state");
  closed_ = state_ == "closed";
  if (std::string name = text_of(page, "rep_name"); !name.empty()) rep_name_ = std::move(name);
  if (std::string next = text_of(page, "cursor"); !next.empty()) cursor_ = std::move(next);
  const json::array* const frames = events_of(page);
  if (!frames) return;
  for (const json::value& frame : *frames) {
    if (!frame.is_object()) continue;
    const json::object& row = frame.get_object();
    // A greeting of the queue's also comes from "rep", but no person wrote it.
    if (text_of(row, "type") == "message" && text_of(row, "from") == "rep" &&
        !is_true(row, "system"))
      agent_wrote_ = true;
  }
}

bool Visit::reached(Goal goal) const {
  switch (goal) {
    case Goal::queued:
      return state_ == "queued" || state_ == "live";
    case Goal::live:
      return state_ == "live";
    case Goal::reply:
      return agent_wrote_;
    case Goal::closed:
      return closed_;
  }
  return false;
}

Task<> Visit::clean_up() {
  if (!asked_for_person_ || closed_) co_return;
  report_.begin("clean-up");
  const Deadline deadline = in(kCleanUpLimit);
  json::object body{{"session_id", session_}};
  const Answer ended = co_await post("/api/servicenow/end", std::move(body), deadline);
  if (!require_200(ended)) {
    report_.note("the chat " + (interaction_.empty() ? "of session " + session_ : interaction_) +
                 " may still be open; end it in ServiceNow");
    co_return;
  }
  const Answer page = co_await poll(cursor_, 0, deadline);
  if (page.status == 200) take(page.body);
  report_.passed("the session is " + std::string(name_of_state(state_)));
}

Task<Visit::Answer> Visit::post(std::string path, json::object body, Deadline deadline) {
  net::ClientRequest request(net::Method::post, options_.url + path);
  request.headers.set("Content-Type", "application/json");
  if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
  request.body = json::serialize(body);
  co_return co_await call(std::move(request), deadline);
}

Task<Visit::Answer> Visit::poll(std::string after, int wait_seconds, Deadline deadline) {
  net::ClientRequest request(net::Method::get, options_.url + "/api/servicenow/poll/" + session_ +
                                                   "?after=" + net::percent_encode(after) +
                                                   "&wait=" + std::to_string(wait_seconds));
  request.headers.set("Authorization", "Bearer " + token_);
  request.repeatable = true;
  co_return co_await call(std::move(request), deadline);
}

Task<Visit::Answer> Visit::call(net::ClientRequest request, Deadline deadline) {
  Answer answer;
  auto response = co_await client_.send(std::move(request), deadline);
  if (!response) {
    answer.failure = response.error();
    co_return answer;
  }
  answer.status = response->status;
  if (auto body = parse_object(response->body)) answer.body = std::move(*body);
  co_return answer;
}

bool Visit::require_200(const Answer& answer) {
  if (answer.status == 200 && !answer.body.empty()) return true;
  if (!answer.failure) {
    report_.failed(refusal_text(answer.status, answer.body));
    return false;
  }
  std::string reason = answer.failure->to_string();
  if (!answer.failure->hint().empty()) reason += "; " + answer.failure->hint();
  report_.failed(reason);
  return false;
}

}  // namespace bridge::tools
