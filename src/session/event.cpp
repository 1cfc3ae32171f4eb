// SPDX-License-Identifier: MIT
#include "bridge/session/event.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace bridge::session {
namespace {

namespace json = boost::json;

json::value name_or_null(const std::string& name) {
  return name.empty() ? json::value(nullptr) : json::value(name);
}

struct Render {
  std::uint64_t seq;

  json::object operator()(const StatusEvent& e) const {
    json::object frame{{"type", "status"}, {"state", shown(e.state)}};
    if (e.state == State::queued) frame["interaction_number"] = e.interaction_number;
    if (e.state == State::closed) {
      frame["reason"] = to_string(e.reason);
    } else {
      frame["rep_name"] = name_or_null(e.rep_name);
    }
    frame["seq"] = seq;
    return frame;
  }
  json::object operator()(const UserMessageEvent& e) const {
    return {{"type", "message"},
            {"from", "user"},
            {"text", e.text},
            {"client_message_id", e.client_message_id},
            {"seq", seq}};
  }
  json::object operator()(const RepMessageEvent& e) const {
    json::object frame{{"type", "message"},
                       {"from", "rep"},
                       {"rep_name", name_or_null(e.rep_name)},
                       {"text", e.text}};
    if (!e.message_sys_id.empty()) frame["id"] = e.message_sys_id;
    if (!e.sent_at.empty()) frame["sent_at"] = e.sent_at;
    if (e.system) frame["system"] = true;
    if (e.late) frame["late"] = true;
    frame["seq"] = seq;
    return frame;
  }
  json::object operator()(const ReceiptEvent& e) const {
    return {{"type", "receipt"},
            {"client_message_id", e.client_message_id},
            {"status", to_string(e.status)},
            {"seq", seq}};
  }
};

}  // namespace

std::string_view shown(State state) {
  switch (state) {
    case State::bot:
    case State::opening:
      return "bot";
    case State::queued:
      return "queued";
    case State::live:
      return "live";
    case State::closed:
      return "closed";
  }
  return "bot";
}

std::string_view to_string(State state) {
  return state == State::opening ? "opening" : shown(state);
}

std::string_view to_string(CloseReason reason) {
  switch (reason) {
    case CloseReason::agent_ended:
      return "agent_ended";
    case CloseReason::user_ended:
      return "user_ended";
    case CloseReason::abandoned:
      return "abandoned";
    case CloseReason::error:
      return "error";
  }
  return "error";
}

std::string_view to_string(Delivery delivery) {
  switch (delivery) {
    case Delivery::delivered:
      return "delivered";
    case Delivery::failed:
      return "failed";
    case Delivery::unknown:
      return "unknown";
  }
  return "unknown";
}

bool shown_to_plain_readers(const Event& event) {
  return std::holds_alternative<StatusEvent>(event.what) ||
         std::holds_alternative<RepMessageEvent>(event.what);
}

std::string render(const Event& event) {
  return json::serialize(std::visit(Render{event.seq}, event.what));
}

std::string render_typing(const std::string& rep_name) {
  return json::serialize(json::object{{"type", "typing"}, {"rep_name", name_or_null(rep_name)}});
}

}  // namespace bridge::session
