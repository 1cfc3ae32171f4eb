// SPDX-License-Identifier: MIT
#include "channels/activity_reading.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "bridge/core/fingerprint.hpp"
#include "bridge/core/random.hpp"
#include "bridge/session/speech.hpp"

namespace bridge::channels {
namespace {

using session::ActivityTaken;
using session::Notice;
using session::NoticeEvent;

constexpr std::size_t kMaxConversationId = 2'000;
constexpr std::size_t kMaxId = 1'000;
constexpr std::size_t kMaxName = 200;
constexpr std::size_t kMaxServiceUrl = 8 * 1024;
constexpr std::size_t kMaxContext = 4'000;
constexpr std::size_t kMaxVariable = 300;

/// A member as text: empty if absent or of another type. Control characters become spaces.
std::string text_of(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_string()) return {};
  std::string text(value->get_string());
  for (char& c : text)
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
      c = ' ';
  return std::string(trim(text));
}

const json::object& object_of(const json::object& object, std::string_view name) {
  static const json::object kNone;
  const json::value* value = object.if_contains(name);
  return value && value->is_object() ? value->get_object() : kNone;
}

const json::array& array_of(const json::object& object, std::string_view name) {
  static const json::array kNone;
  const json::value* value = object.if_contains(name);
  return value && value->is_array() ? value->get_array() : kNone;
}

/// The first `characters` of it.
std::string cut(std::string_view text, std::size_t characters) {
  std::size_t seen = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (begins && ++seen > characters) return std::string(text.substr(0, at));
  }
  return std::string(text);
}

bool looks_like_email(std::string_view text) {
  const auto at = text.find('@');
  return at != std::string_view::npos && at > 0 && text.find('.', at) != std::string_view::npos &&
         text.find_first_of(" <>\"") == std::string_view::npos && text.size() <= 320;
}

/// Session ids also travel as Direct Line user ids, which some senders give a prefix.
std::string as_session(std::string_view id) {
  if (id.starts_with("dl_")) id.remove_prefix(3);
  return is_hex(std::string(id), 32) ? std::string(id) : std::string();
}

/// A value of any type as a person would write it down.
std::string written(const json::value& value) {
  if (value.is_string()) return std::string(trim(value.get_string()));
  if (value.is_null()) return {};
  return json::serialize(value);
}

/// "name: value" for each member.
std::string lines_of(const json::object& object) {
  std::string lines;
  for (const auto& [name, value] : object) {
    const std::string text = cut(written(value), kMaxVariable);
    if (text.empty()) continue;
    if (!lines.empty()) lines += '\n';
    lines += std::string(name) + ": " + text;
    if (lines.size() > kMaxContext) break;
  }
  return lines;
}

/// In a group the text begins with a mention of the one who is spoken to.
std::string without_own_mention(std::string text, const json::object& activity,
                                const std::string& agent_id) {
  if (agent_id.empty()) return text;
  for (const json::value& entity : array_of(activity, "entities")) {
    if (!entity.is_object() || text_of(entity.get_object(), "type") != "mention") continue;
    if (text_of(object_of(entity.get_object(), "mentioned"), "id") != agent_id) continue;
    const std::string mention = text_of(entity.get_object(), "text");
    if (!mention.empty() && text.starts_with(mention)) text.erase(0, mention.size());
    break;  // a search for each of many would take its time
  }
  return std::string(trim(text));
}

/// Whether files came along. Teams adds the text once more as text/html, which is none.
bool has_files(const json::object& activity) {
  const json::array& attachments = array_of(activity, "attachments");
  return std::any_of(attachments.begin(), attachments.end(), [](const json::value& one) {
    if (!one.is_object()) return false;
    const std::string type = text_of(one.get_object(), "contentType");
    return one.get_object().contains("contentUrl") || type.starts_with("image/") ||
           type == "application/vnd.microsoft.teams.file.download.info";
  });
}

/// What was said before, out of the transcript that a handoff brings along; the end matters most.
std::string transcript_of(const json::object& activity) {
  std::vector<std::string> lines;
  for (const json::value& one : array_of(activity, "attachments")) {
    if (!one.is_object() || text_of(one.get_object(), "name") != "Transcript") continue;
    const json::object& content = object_of(one.get_object(), "content");
    for (const json::value& said : array_of(content, "activities")) {
      if (!said.is_object() || text_of(said.get_object(), "type") != "message") continue;
      const std::string text = text_of(said.get_object(), "text");
      if (text.empty()) continue;
      const std::string role = text_of(object_of(said.get_object(), "from"), "role");
      lines.push_back((role == "user" ? "User: " : "Assistant: ") + cut(text, kMaxVariable));
    }
  }
  std::string transcript;
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    if (transcript.size() + line->size() + 1 > kMaxContext / 2) break;
    transcript.insert(0, *line + "\n");
  }
  return transcript;
}

/// What the "Transfer conversation" node says about the conversation so far.
std::string context_of(const json::object& activity, const json::object& value) {
  json::object variables = value;
  variables.erase("va_AgentMessage");
  std::string context = cut(lines_of(variables), kMaxContext / 2);
  const std::string transcript = transcript_of(activity);
  if (!transcript.empty()) context += (context.empty() ? "" : "\n\n") + transcript;
  return cut(context, kMaxContext);
}

/// The first of these members that says something.
std::string first_text(const json::object& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names)
    if (std::string text = text_of(object, name); !text.empty()) return text;
  return {};
}

void read_message(const json::object& activity, handoff::ActivityTurn& turn) {
  turn.says = ActivityTaken::Says::message;
  turn.text = without_own_mention(text_of(activity, "text"), activity, turn.address.agent_id);
  // A card that was submitted has a value and no text.
  const json::value* value = activity.if_contains("value");
  if (turn.text.empty() && value)
    turn.text = value->is_object() ? lines_of(value->get_object()) : written(*value);
  if (has_files(activity)) turn.remark = NoticeEvent{Notice::no_files, {}};
  turn.asks_for_person = session::asks_for_a_person(turn.text);
  turn.asks_to_leave = session::asks_to_leave(turn.text);
}

void read_event(const json::object& activity, handoff::ActivityTurn& turn) {
  const std::string name = text_of(activity, "name");
  const json::object& value = object_of(activity, "value");
  if (name == "handoff.initiate") {
    turn.says = ActivityTaken::Says::ask;
    turn.text = first_text(value, {"va_AgentMessage", "va_LastPhrases"});
    turn.context = context_of(activity, value);
  } else if (name == "startConversation") {
    // The greeting of a conversation, unless it says what the person wants.
    turn.text = first_text(value, {"ProblemDescription", "initialQuery", "summary", "text"});
    if (!turn.text.empty()) turn.says = ActivityTaken::Says::ask;
  }
}

void read_edit(const json::object& activity, handoff::ActivityTurn& turn) {
  const std::string text = text_of(activity, "text");
  if (text.empty()) return;
  turn.says = ActivityTaken::Says::edit;
  turn.text = "(edited) " + text;
  // An edit has the id of what it changes.
  turn.activity_id += "\nedit\n" + std::to_string(fingerprint(text));
}

void read_kind(std::string_view type, const json::object& activity, handoff::ActivityTurn& turn) {
  if (type == "message") return read_message(activity, turn);
  if (type == "event") return read_event(activity, turn);
  if (type == "messageUpdate") return read_edit(activity, turn);
  // With a text it is a piece of what an assistant is writing.
  if (type == "typing" && text_of(activity, "text").empty())
    turn.says = ActivityTaken::Says::typing;
  if (type == "endOfConversation") turn.says = ActivityTaken::Says::leave;
}

void read_person(const json::object& activity, const json::object& from,
                 handoff::ActivityTurn& turn) {
  const json::object& channel = object_of(activity, "channelData");
  turn.user_name = cut(text_of(from, "name"), kMaxName);
  turn.user_email = cut(text_of(channel, "userEmail"), 320);
  if (turn.user_email.empty()) {
    // Not the name: whoever writes chooses that, also one that looks like an address.
    const std::string named = first_text(from, {"userPrincipalName", "email"});
    if (looks_like_email(named)) turn.user_email = named;
  }
  turn.web_session = as_session(text_of(channel, "bridgeSessionId"));
  turn.web_user = as_session(text_of(from, "id"));
}

DeliveryMode mode_of(std::string_view name) {
  if (name == "expectReplies") return DeliveryMode::expect_replies;
  if (name == "stream") return DeliveryMode::stream;
  return DeliveryMode::normal;  // also what nobody knows (Activity protocol, deliveryMode)
}

}  // namespace

Result<ReadActivity> read_activity(const json::object& activity, std::size_t max_text_characters) {
  const std::string type = text_of(activity, "type");
  if (type.empty()) return Error(Errc::invalid_argument, "type must be a string");
  ReadActivity read;
  handoff::ActivityTurn& turn = read.turn;
  session::ActivityAddress& address = turn.address;
  address.conversation_id = text_of(object_of(activity, "conversation"), "id");
  if (address.conversation_id.empty())
    return Error(Errc::invalid_argument, "conversation.id must be a string");
  // The second is how the JavaScript Agents SDK writes it when it plays the parent.
  address.channel_id = cut(first_text(activity, {"channelId", "_channelId"}), 100);
  std::replace(address.channel_id.begin(), address.channel_id.end(), '\n', ' ');
  const json::object& from = object_of(activity, "from");
  const json::object& recipient = object_of(activity, "recipient");
  address.user_id = text_of(from, "id");
  address.user_name = cut(text_of(from, "name"), kMaxName);
  address.agent_id = text_of(recipient, "id");
  address.agent_name = cut(text_of(recipient, "name"), kMaxName);
  address.locale = cut(text_of(activity, "locale"), 35);
  address.activity_id = text_of(activity, "id");
  // Ids are compared whole, so one that is cut would be another one's.
  if (address.conversation_id.size() > kMaxConversationId)
    return Error(Errc::invalid_argument, "conversation.id is too long");
  for (const std::string* id : {&address.user_id, &address.agent_id, &address.activity_id})
    if (id->size() > kMaxId) return Error(Errc::invalid_argument, "an id is too long");
  std::string url = text_of(activity, "serviceUrl");
  if (url.size() > kMaxServiceUrl) return Error(Errc::invalid_argument, "serviceUrl is too long");
  address.service_url = Secret(std::move(url));

  turn.activity_id = address.activity_id;
  read_person(activity, from, turn);
  read_kind(type, activity, turn);
  turn.query = text_of(object_of(activity, "channelData"), "initialQuery");
  if (count_characters(turn.text) > max_text_characters) {
    turn.text = cut(turn.text, max_text_characters);
    turn.remark = NoticeEvent{Notice::too_long, std::to_string(max_text_characters)};
  }
  turn.query = cut(turn.query, max_text_characters);
  read.mode = mode_of(text_of(activity, "deliveryMode"));
  turn.carries_answer = read.mode != DeliveryMode::normal;
  read.invoke = type == "invoke";
  return read;
}

}  // namespace bridge::channels
