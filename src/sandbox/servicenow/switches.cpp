// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/switches.hpp"

#include <functional>

namespace bridge::sandbox {
namespace {

/// One row of the table. `set` is empty-handed (returns false) for a value it does not know.
struct Switch {
  std::string_view name;
  std::string_view values;
  std::string_view about;
  std::function<std::string(const ChatOptions&, const InstanceOptions&)> get;
  std::function<bool(std::string_view, ChatOptions&, InstanceOptions&)> set;
};

std::optional<bool> parse_flag(std::string_view value) {
  if (value == "on" || value == "true") return true;
  if (value == "off" || value == "false") return false;
  return std::nullopt;
}

Switch chat_flag(std::string_view name, bool ChatOptions::*member, std::string_view about) {
  return {name, "on|off", about,
          [member](const ChatOptions& chat, const InstanceOptions&) {
            return std::string(chat.*member ? "on" : "off");
          },
          [member](std::string_view value, ChatOptions& chat, InstanceOptions&) {
            const auto flag = parse_flag(value);
            if (flag) chat.*member = *flag;
            return flag.has_value();
          }};
}

Switch instance_flag(std::string_view name, bool InstanceOptions::*member, std::string_view about) {
  return {name, "on|off", about,
          [member](const ChatOptions&, const InstanceOptions& instance) {
            return std::string(instance.*member ? "on" : "off");
          },
          [member](std::string_view value, ChatOptions&, InstanceOptions& instance) {
            const auto flag = parse_flag(value);
            if (flag) instance.*member = *flag;
            return flag.has_value();
          }};
}

Switch chat_text(std::string_view name, std::string ChatOptions::*member, std::string_view about) {
  return {name, "any text", about,
          [member](const ChatOptions& chat, const InstanceOptions&) { return chat.*member; },
          [member](std::string_view value, ChatOptions& chat, InstanceOptions&) {
            chat.*member = std::string(value);
            return value.size() <= 40;
          }};
}

Switch closing(std::string_view name, std::string ChatOptions::*member, std::string_view about) {
  return {name, "closed_complete|closed_abandoned|faulted", about,
          [member](const ChatOptions& chat, const InstanceOptions&) { return chat.*member; },
          [member](std::string_view value, ChatOptions& chat, InstanceOptions&) {
            if (value != "closed_complete" && value != "closed_abandoned" && value != "faulted")
              return false;
            chat.*member = std::string(value);
            return true;
          }};
}

Switch consumer_switch() {
  return {
      "consumer", "session_user|argument", "whose conversation createConversation makes",
      [](const ChatOptions& chat, const InstanceOptions&) {
        return std::string(chat.consumer_of == ConsumerOf::argument ? "argument" : "session_user");
      },
      [](std::string_view value, ChatOptions& chat, InstanceOptions&) {
        if (value != "session_user" && value != "argument") return false;
        chat.consumer_of = value == "argument" ? ConsumerOf::argument : ConsumerOf::session_user;
        return true;
      }};
}

Switch send_result_switch() {
  return {"send_result", "objects|ids|empty", "what is in the array that send returns",
          [](const ChatOptions& chat, const InstanceOptions&) {
            switch (chat.send_result) {
              case SendResult::ids:
                return std::string("ids");
              case SendResult::empty:
                return std::string("empty");
              case SendResult::objects:
                break;
            }
            return std::string("objects");
          },
          [](std::string_view value, ChatOptions& chat, InstanceOptions&) {
            if (value == "objects") {
              chat.send_result = SendResult::objects;
            } else if (value == "ids") {
              chat.send_result = SendResult::ids;
            } else if (value == "empty") {
              chat.send_result = SendResult::empty;
            } else {
              return false;
            }
            return true;
          }};
}

const std::vector<Switch>& table() {
  static const std::vector<Switch> switches = {
      consumer_switch(),
      chat_flag("reuse_conversation", &ChatOptions::reuse_conversation,
                "createConversation answers with the consumer's open conversation"),
      send_result_switch(),
      chat_text("internal_visibility", &ChatOptions::internal_visibility,
                "visibility_type of a whisper"),
      chat_text("public_visibility", &ChatOptions::public_visibility,
                "visibility_type of what the customer may see"),
      chat_flag("greeting_by_agent", &ChatOptions::greeting_by_agent,
                "the queue's initial response has the agent as its sender, else the Virtual Agent"),
      chat_flag("idle_while_queued", &ChatOptions::idle_while_queued,
                "the idle job also ends chats that wait in a queue"),
      closing("closing_max_wait", &ChatOptions::closing_max_wait,
              "state of an interaction that waited too long"),
      closing("closing_idle", &ChatOptions::closing_idle,
              "state of an interaction that the idle job ended"),
      closing("closing_script", &ChatOptions::closing_script,
              "state after endConversation while an agent has the chat"),
      closing("closing_unanswered", &ChatOptions::closing_unanswered,
              "state after endConversation before an agent has the chat"),
      chat_flag("agent_typing_webhook", &ChatOptions::agent_typing_webhook,
                "the control interface's /typing calls the webhook (a stand-in)"),
      instance_flag("password2_clear", &InstanceOptions::password2_clear,
                    "gs.getProperty gives a password2 property in clear, else as stored"),
      instance_flag("timeout_throws", &InstanceOptions::outbound_timeout_throws,
                    "RESTMessageV2.execute throws on a time-out, else status 0"),
      instance_flag("refused_throws", &InstanceOptions::outbound_refused_throws,
                    "RESTMessageV2.execute throws when nobody listens, else status 0"),
      instance_flag("async_reorder", &InstanceOptions::async_reorder,
                    "async rules may overtake one another"),
      instance_flag("interleave", &InstanceOptions::interleave,
                    "scripts that run at once take turns at every row, else one after the other"),
  };
  return switches;
}

}  // namespace

std::vector<SwitchState> list_switches(const ChatOptions& chat, const InstanceOptions& instance) {
  std::vector<SwitchState> states;
  for (const Switch& each : table()) {
    SwitchState state;
    state.name = each.name;
    state.values = each.values;
    state.value = each.get(chat, instance);
    state.about = each.about;
    states.push_back(std::move(state));
  }
  return states;
}

Result<> set_switch(std::string_view name, std::string_view value, ChatOptions& chat,
                    InstanceOptions& instance) {
  for (const Switch& each : table()) {
    if (each.name != name) continue;
    if (each.set(value, chat, instance)) return {};
    return Error(Errc::invalid_argument,
                 std::string(name) + " must be " + std::string(each.values));
  }
  return Error(Errc::not_found, "no switch " + std::string(name));
}

}  // namespace bridge::sandbox
