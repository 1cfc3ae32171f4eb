// SPDX-License-Identifier: MIT
// What a connected agent sends, as an answer or by itself. The checks follow the Activity protocol
// (microsoft/Agents, protocol-activity) and what the connector is known to do with it.
#include "bridge/core/random.hpp"
#include "sandbox/copilot/assistant.hpp"
#include "sandbox/copilot/conversation.hpp"
#include "sandbox/copilot/members.hpp"

namespace bridge::sandbox::copilot {
namespace {

/// The largest text that the strictest of the channels behind the connector shows.
constexpr std::size_t kMaxTextUnits = 28'000;
constexpr std::size_t kMaxShownBytes = 300'000;

const json::object* object_of(const json::object& activity, std::string_view name) {
  const json::value* value = activity.if_contains(name);
  return value ? value->if_object() : nullptr;
}

class Examination {
 public:
  Examination(Conversation& conversation, const json::object& activity, std::string_view by,
              Time now)
      : conversation_(conversation), activity_(activity), by_(by), now_(now) {}

  Taken run() {
    if (!activity_.contains("type")) return refuse("type_missing", "an activity without a type");
    const std::string type = text_of(activity_, "type");
    check_sender();
    const json::object* place = object_of(activity_, "conversation");
    if (!place) complain("conversation_missing", "an activity without a conversation");
    if (place && text_of(*place, "id") != conversation_.id)
      return refuse("wrong_conversation", "conversation.id is that of another conversation");
    const std::string reply_to = text_of(activity_, "replyToId");
    if (!reply_to.empty() && !conversation_.knows(reply_to))
      complain("reply_to_unknown", "replyToId is no activity of this conversation");
    if (by_ == "push" && conversation_.turn_expects_replies && !reply_to.empty() &&
        reply_to == conversation_.turn_in_flight)
      complain("push_in_expect_replies",
               "a turn that expects its replies in the answer was answered by a POST");
    if (type == "message") return message(reply_to);
    if (type == "typing") {
      conversation_.typed(now_);
    } else if (type == "event") {
      if (text_of(activity_, "name").empty()) complain("event_without_name", "");
      conversation_.add(sign(text_of(activity_, "name")), false);
    } else if (type == "endOfConversation") {
      end();
    } else {
      return refuse("type_not_supported", "the connector does not take the type " + type);
    }
    return {};
  }

 private:
  void complain(std::string code, std::string detail) {
    conversation_.complain(now_, std::move(code), std::move(detail), by_);
  }
  Taken refuse(std::string code, std::string detail) {
    complain(code, std::move(detail));
    return {400, std::move(code)};
  }

  void check_sender() {
    // The receiver assigns the first three, and nobody may send the last.
    for (const char* name : {"id", "timestamp", "serviceUrl", "callerId"}) {
      const json::value* value = activity_.if_contains(name);
      if (value && !value->is_null())
        complain("set_by_agent", std::string(name) + " is not for an agent to set");
    }
    const json::object* from = object_of(activity_, "from");
    if (from && (text_of(*from, "id") == conversation_.user_id || text_of(*from, "role") == "user"))
      complain("from_not_swapped", "from is the person, not the agent");
    const json::object* to = object_of(activity_, "recipient");
    if (to && text_of(*to, "role") == "connectoruser")
      complain("recipient_not_swapped", "recipient is the agent, not the person");
  }

  Sign sign(std::string name) const {
    const json::value* value = activity_.if_contains("value");
    Sign made;
    made.at = now_;
    made.name = std::move(name);
    made.text = text_of(activity_, "text");
    if (value) made.value = *value;
    made.by = by_;
    return made;
  }

  Taken message(const std::string& reply_to) {
    Entry entry;
    entry.from = "agent";
    entry.text = text_of(activity_, "text");
    if (const json::value* list = activity_.if_contains("attachments"); list && list->is_array())
      entry.attachments = list->get_array().size();
    if (entry.text.empty() && entry.attachments == 0)
      complain("message_without_text", "a message with neither text nor attachments");
    if (utf16_units(entry.text) > kMaxTextUnits)
      complain("text_too_long", std::to_string(utf16_units(entry.text)) + " UTF-16 code units");
    if (entry.text.size() > kMaxShownBytes) return refuse("text_too_long", "not shown");
    entry.activity_id = random_hex(16);
    entry.reply_to = reply_to;
    entry.by = by_;
    entry.at = now_;
    conversation_.show(std::move(entry));
    return {};
  }

  void end() {
    const std::string code = text_of(activity_, "code");
    if (code.empty()) complain("end_without_code", "");
    Sign end = sign(code);
    end.ended_delegation = conversation_.delegated;
    const json::value value = end.value;
    conversation_.add(std::move(end), true);
    if (!conversation_.delegated) return;
    conversation_.delegated = false;
    conversation_.first_words.clear();
    Entry entry;
    entry.from = "assistant";
    entry.text = hand_back_text(code, value);
    entry.activity_id = random_hex(16);
    entry.by = by_;
    entry.at = now_;
    conversation_.show(std::move(entry));
  }

  Conversation& conversation_;
  const json::object& activity_;
  const std::string by_;
  const Time now_;
};

}  // namespace

Taken take_activity(Conversation& conversation, const json::value& activity, std::string_view by,
                    Time now) {
  if (!activity.is_object()) {
    conversation.complain(now, "not_an_activity", "not a JSON object", by);
    return {400, "not_an_activity"};
  }
  return Examination(conversation, activity.get_object(), by, now).run();
}

}  // namespace bridge::sandbox::copilot
