// SPDX-License-Identifier: MIT
#include "bridge/session/speech.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <utility>

#include "session/speech_lines.hpp"

namespace bridge::session {
namespace {

namespace json = boost::json;

/// What every activity of ours has: the two sides exchanged, and what it replies to. A bot sets no
/// id, timestamp or service URL (Activity protocol, A2001 and following). What the other side has
/// not said is left out: Microsoft's Agents SDK refuses an activity with an empty id or channel.
json::object envelope(std::string_view type, const ActivityAddress& address) {
  json::object activity;
  activity["type"] = type;
  if (!address.channel_id.empty()) activity["channelId"] = address.channel_id;
  activity["conversation"] = json::object{{"id", address.conversation_id}};
  json::object from;
  if (!address.agent_id.empty()) from["id"] = address.agent_id;
  from["role"] = "bot";
  if (!address.agent_name.empty()) from["name"] = address.agent_name;
  activity["from"] = std::move(from);
  json::object recipient;
  if (!address.user_id.empty()) recipient["id"] = address.user_id;
  if (!address.user_name.empty()) recipient["name"] = address.user_name;
  if (!recipient.empty()) activity["recipient"] = std::move(recipient);
  if (!address.activity_id.empty()) activity["replyToId"] = address.activity_id;
  if (!address.locale.empty()) activity["locale"] = address.locale;
  return activity;
}

std::string message(const ActivityAddress& address, std::string_view markdown) {
  json::object activity = envelope("message", address);
  activity["text"] = markdown;
  activity["textFormat"] = "markdown";
  activity["inputHint"] = "acceptingInput";
  return json::serialize(activity);
}

/// Gives the conversation back to the assistant, and tells it how the chat ended.
std::string hand_back(const ActivityAddress& address, std::string_view code,
                      std::string_view outcome, std::string_view ticket) {
  json::object activity = envelope("endOfConversation", address);
  activity["code"] = code;
  activity["value"] = json::object{{"outcome", outcome}, {"ticketNumber", ticket}};
  return json::serialize(activity);
}

class Speaker {
 public:
  Speaker(const ActivityAddress& address, const Voice& voice, const Known& known)
      : address_(address), known_(known) {
    out_.voice = voice;
  }
  Spoken take() && { return std::move(out_); }

  void operator()(const StatusEvent& status) {
    switch (status.state) {
      case State::bot:
      case State::opening:
        return;
      case State::queued:
        out_.voice = {};
        if (status.interaction_number.empty()) return say(Line::queued_nameless);
        return say(Line::queued, status.interaction_number);
      case State::live:
        if (status.rep_name.empty() && out_.voice.speaker.empty())
          return say(Line::somebody_joined);
        return introduce(status.rep_name);
      case State::closed:
        return close(status.reason);
    }
  }
  void operator()(const UserMessageEvent&) {}
  void operator()(const RepMessageEvent& row) {
    if (!row.system) introduce(row.rep_name);
    std::string mark = row.late ? line(Line::late, address_.locale) : std::string();
    for (const std::string& part : split_text(row.text, kMaxTextUnits)) {
      out_.activities.push_back(message(address_, mark + escape_markdown(part)));
      mark.clear();
    }
  }
  void operator()(const ReceiptEvent& receipt) {
    if (known_.covered) return;
    if (receipt.status == Delivery::failed) say(Line::not_delivered, known_.quote);
    if (receipt.status == Delivery::unknown) say(Line::delivery_unknown, known_.quote);
  }
  void operator()(const NoticeEvent& event) {
    switch (event.notice) {
      case Notice::joined_queue:
        return say(Line::joined_queue, event.detail);
      case Notice::joined_live:
        if (event.detail.empty()) return say(Line::somebody_joined);
        out_.voice.speaker = event.detail;
        return say(Line::joined_live, event.detail);
      case Notice::another_chat:
        return say(Line::another_chat, event.detail);
      case Notice::still_connecting:
        return say(Line::still_connecting);
      case Notice::not_connected:
        say(Line::not_connected);
        return give_back("channelFailed", "not_connected", "");
      case Notice::open_unknown:
        return say(Line::open_unknown);
      case Notice::chat_over:
        say(Line::chat_over, event.detail);
        return give_back("completedSuccessfully", "chat_over", event.detail);
      case Notice::too_many:
        return say(Line::too_many);
      case Notice::no_files:
        return say(Line::no_files);
      case Notice::too_long:
        return say(Line::too_long, event.detail);
      case Notice::not_shown:
        return say(Line::not_shown);
    }
  }

 private:
  void say(Line which, std::string_view detail = {}) {
    out_.activities.push_back(
        message(address_, line(which, address_.locale, escape_markdown(detail))));
  }
  void give_back(std::string_view code, std::string_view outcome, std::string_view ticket) {
    out_.activities.push_back(hand_back(address_, code, outcome, ticket));
  }
  void introduce(const std::string& name) {
    if (name.empty() || name == out_.voice.speaker) return;
    out_.voice.speaker = name;
    say(Line::agent_joined, name);
  }
  void close(CloseReason reason) {
    out_.voice = {};
    switch (reason) {
      case CloseReason::agent_ended:
        say(Line::agent_ended, known_.ticket);
        return give_back("completedSuccessfully", to_string(reason), known_.ticket);
      case CloseReason::user_ended:
        say(Line::user_ended, known_.ticket);
        return give_back("userCancelled", to_string(reason), known_.ticket);
      case CloseReason::abandoned:
        say(Line::abandoned, known_.ticket);
        return give_back("botTimedOut", to_string(reason), known_.ticket);
      case CloseReason::error:
        say(Line::cut_off, known_.ticket);
        return give_back("channelFailed", to_string(reason), known_.ticket);
    }
  }

  const ActivityAddress& address_;
  const Known& known_;
  Spoken out_;
};

}  // namespace

bool is_spoken(const Event& event) {
  if (std::holds_alternative<StatusEvent>(event.what)) return true;
  // What stands on a page is not said here as well.
  if (!event.carried || std::holds_alternative<UserMessageEvent>(event.what)) return false;
  const auto* receipt = std::get_if<ReceiptEvent>(&event.what);
  return !receipt || receipt->status != Delivery::delivered;
}

Spoken speak(const Event& event, const ActivityAddress& address, const Voice& voice,
             const Known& known) {
  Speaker speaker(address, voice, known);
  if (is_spoken(event)) std::visit(speaker, event.what);
  return std::move(speaker).take();
}

std::string speak_gap(const ActivityAddress& address) {
  return message(address, line(Line::earlier_forgotten, address.locale));
}

std::string speak_typing(const ActivityAddress& address) {
  return json::serialize(envelope("typing", address));
}

}  // namespace bridge::session
