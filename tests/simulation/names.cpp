// SPDX-License-Identifier: MIT
#include "simulation/names.hpp"

#include "bridge/session/event.hpp"

namespace bridge::simulation {

using namespace session;

namespace {

std::string number(std::int64_t value) { return std::to_string(value); }

/// The telling end of an id.
std::string tail(const std::string& id) { return id.size() > 8 ? id.substr(id.size() - 4) : id; }

std::string outcome(const std::optional<Error>& error) {
  if (!error) return "ok";
  return error->to_string() + (error->outcome() == Outcome::unknown ? " (unknown)" : " (certain)");
}

struct InputName {
  std::string operator()(const Escalate& input) const {
    return "Escalate '" + input.opening_message + "'";
  }
  std::string operator()(const OpenAnswered& input) const {
    return "OpenAnswered chat " + number(input.chat_number) + " " + outcome(input.error) +
           (input.opening_not_sent ? " opening_not_sent" : "") + " first_sequence " +
           number(input.first_message_sequence);
  }
  std::string operator()(const UserMessage& input) const {
    return "UserMessage " + input.client_message_id + " '" + input.text + "'";
  }
  std::string operator()(const SendAnswered& input) const {
    return "SendAnswered " + number(static_cast<std::int64_t>(input.send_id)) + " " +
           outcome(input.error) + " sequence " + number(input.sequence);
  }
  std::string operator()(const SendSettled& input) const {
    return "SendSettled " + number(static_cast<std::int64_t>(input.send_id)) + " " +
           outcome(input.error) + (input.sent ? " sent" : "");
  }
  std::string operator()(const Reconciled& input) const {
    std::string text = "Reconciled chat " + number(input.chat_number);
    if (input.failed) return text + " failed";
    text += " newest " + number(input.newest) + (input.more ? " more" : "") +
            (input.with_agent ? " with_agent" : "") + (input.over ? " over" : "");
    for (const AgentEvent& row : input.rows) text += "\n                  " + describe(row);
    return text;
  }
  std::string operator()(const Recheck&) const { return "Recheck"; }
  std::string operator()(const UserTyping&) const { return "UserTyping"; }
  std::string operator()(const End& input) const {
    return "End " + std::string(to_string(input.reason));
  }
  std::string operator()(const EndAnswered& input) const {
    return "EndAnswered " + tail(input.key) + " " + outcome(input.error);
  }
  std::string operator()(const AgentSaid& input) const {
    return "AgentSaid " + describe(input.event);
  }
  std::string operator()(const InteractionAnswered& input) const {
    return "InteractionAnswered chat " + number(input.chat_number) +
           (input.with_agent ? " with_agent" : "") + (input.over ? " over" : "") +
           (input.failed ? " failed" : "");
  }
  std::string operator()(const Tick&) const { return "Tick"; }
  std::string operator()(const Restarted&) const { return "Restarted"; }
  template <class Other>
  std::string operator()(const Other&) const {
    return "input";
  }
};

struct EffectName {
  std::string operator()(const OpenChat& effect) const {
    return "OpenChat" + std::string(effect.ask_first ? "(ask first)" : "");
  }
  std::string operator()(const SendMessage& effect) const {
    return "SendMessage " + number(static_cast<std::int64_t>(effect.send_id)) + " " +
           effect.client_message_id;
  }
  std::string operator()(const SettleSend& effect) const {
    return "SettleSend " + number(static_cast<std::int64_t>(effect.send_id)) + " " +
           effect.client_message_id;
  }
  std::string operator()(const Reconcile& effect) const {
    return "Reconcile chat " + number(effect.chat.number) + " after " + number(effect.after) +
           (effect.owed ? " owed" : "");
  }
  std::string operator()(const EndChat& effect) const {
    return "EndChat of " + number(effect.chat.number);
  }
  std::string operator()(const TouchChat&) const { return "TouchChat"; }
  std::string operator()(const AskInteraction&) const { return "AskInteraction"; }
  std::string operator()(const Count& effect) const { return std::string(to_string(effect.what)); }
  template <class Other>
  std::string operator()(const Other&) const {
    return "effect";
  }
};

}  // namespace

std::string name_of(const Input& input) { return std::visit(InputName(), input); }

std::string describe(const Event& event) { return render(event); }

std::string describe(const AgentEvent& event) {
  static constexpr const char* kKinds[] = {"reply", "claimed", "closed", "typing", "other"};
  std::string text = kKinds[static_cast<int>(event.kind)];
  text += " of " + tail(event.key) + " conversation " + tail(event.conversation_sys_id);
  if (!event.message_sys_id.empty()) text += " row " + tail(event.message_sys_id);
  if (!event.text.empty()) text += " '" + event.text + "'";
  if (event.sequence) text += " sequence " + number(*event.sequence);
  if (event.prev_sequence) text += " after " + number(*event.prev_sequence);
  if (event.last_sequence) text += " last " + number(*event.last_sequence);
  return text;
}

std::string describe(const Decision& decision) {
  static constexpr const char* kVerdicts[] = {
      "accepted", "already",    "no_live_chat", "session_closed", "other_text",  "unknown_outcome",
      "too_many", "other_chat", "repeat",       "echo",           "not_prepared"};
  std::string text(to_string(decision.next.state));
  const auto verdict = static_cast<std::size_t>(decision.verdict);
  if (verdict > 0 && verdict < std::size(kVerdicts)) text += std::string(", ") + kVerdicts[verdict];
  for (const Event& event : decision.events) text += "\n                  " + describe(event);
  for (const Effect& effect : decision.effects)
    text += "\n                  -> " + std::visit(EffectName(), effect);
  return text;
}

}  // namespace bridge::simulation
