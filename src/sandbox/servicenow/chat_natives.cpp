// SPDX-License-Identifier: MIT
// sn_cs.* as scripts call it. Java exceptions reach a script as an Error whose text starts with
// "JavaException:" (3.5).
#include <algorithm>

#include "sandbox/servicenow/chat.hpp"
#include "sandbox/servicenow/seed.hpp"

namespace bridge::sandbox {
namespace {

[[noreturn]] void throw_java(const Error& error) {
  throw ScriptError(error.context(), "JavaException");
}

json::value sent_row(const Record& row, SendResult shape) {
  json::array result;
  if (shape == SendResult::ids) result.emplace_back(row.sys_id());
  if (shape == SendResult::objects) {
    json::object entry;
    entry["sys_id"] = row.sys_id();
    entry["sequence"] = row.number("sequence");
    entry["conversation"] = row.text("conversation");
    result.emplace_back(std::move(entry));
  }
  return result;
}

json::object message_object(const Record& row) {
  json::object message;
  for (const char* column : {"sys_id", "conversation", "sender", "direction", "payload",
                             "q_data_message_type", "visibility_type", "send_time"})
    message[column] = row.text(column);
  message["sequence"] = row.number("sequence");
  message["is_agent"] = row.flag("is_agent");
  return message;
}

}  // namespace

/// fetchMessages(conversation, boundary message, before, limit): a page in order of `sequence`,
/// the newest without a boundary, else those before or after it (9.39).
json::value Chat::fetch_messages(const json::array& arguments) {
  const std::string conversation = text_argument(arguments, 0);
  const std::string boundary = text_argument(arguments, 1);
  const bool before = flag_argument(arguments, 2);
  const std::string limit_text = text_argument(arguments, 3);
  std::size_t limit = 50;
  if (!limit_text.empty() && limit_text.find_first_not_of("0123456789") == std::string::npos &&
      limit_text.size() < 6)
    limit = std::clamp<std::size_t>(std::stoul(limit_text), 1, 1000);
  if (!instance_.get("sys_cs_conversation", conversation))
    throw ScriptError("com.glide.cs.qlue.CSException: Conversation not found", "JavaException");
  Query query;
  query.where("conversation", conversation);
  const auto row = boundary.empty() ? std::nullopt : instance_.get("sys_cs_message", boundary);
  const bool forward = row && !before;
  if (row) query.where("sequence", before ? "<" : ">", row->text("sequence"));
  if (forward) {
    query.order_by("sequence");
  } else {
    query.order_by_descending("sequence");
  }
  auto rows = instance_.find("sys_cs_message", query.first(limit));
  if (!forward) std::reverse(rows.begin(), rows.end());
  json::array page;
  for (const Record& each : rows) page.emplace_back(message_object(each));
  return page;
}

void Chat::install() {
  instance_.on_change("interaction", [this](const Change& change) { on_interaction(change); });

  const std::string va = "sn_cs.VASystemObject.";
  instance_.register_native(
      va + "createConversation", [this](ScriptContext& context, const json::array& arguments) {
        std::string user = context.session.user_id;
        const std::string argument = text_argument(arguments, 0);
        if (options_.consumer_of == ConsumerOf::argument && instance_.get("sys_user", argument))
          user = argument;
        auto made = create_conversation(context.session, user);
        if (!made) throw_java(made.error());
        return json::value(*made);
      });
  instance_.register_native(
      va + "endConversation", [this](ScriptContext& context, const json::array& arguments) {
        if (auto ended = end(text_argument(arguments, 0), EndedBy::user, context.session); !ended)
          throw_java(ended.error());
        return json::value(true);
      });
  instance_.register_native(
      va + "typingIndicator", [this](ScriptContext&, const json::array& arguments) {
        const std::string conversation = text_argument(arguments, 0);
        if (is_over(conversation))
          throw ScriptError("com.glide.graphql.GraphQLException: Chat has ended", "JavaException");
        if (instance_.get("sys_cs_conversation", conversation))
          typing_[conversation] = instance_.clock().now_text();
        return json::value(nullptr);
      });
  instance_.register_native(
      va + "isLiveChatInProgress", [this](ScriptContext&, const json::array& arguments) {
        const std::string conversation = text_argument(arguments, 0);
        const auto interaction = interaction_of(conversation);
        return json::value(interaction && !is_over(conversation) && is_engaged(*interaction));
      });
  instance_.register_native(
      va + "getSessionIdFromConversationId", [this](ScriptContext&, const json::array& arguments) {
        const auto binding =
            instance_.find_one("sys_cs_session_binding", "topic", text_argument(arguments, 0));
        return json::value(binding ? binding->text("session") : std::string());
      });

  const std::string agent_chat = "sn_cs.AgentChatScriptObject.";
  instance_.register_native(agent_chat + "send",
                            [this](ScriptContext& context, const json::array& arguments) {
                              Utterance utterance;
                              utterance.conversation = text_argument(arguments, 0);
                              utterance.text = text_argument(arguments, 1);
                              utterance.internal = flag_argument(arguments, 3);
                              auto row = speak(utterance, context.session);
                              if (!row) throw_java(row.error());
                              return sent_row(*row, options_.send_result);
                            });
  instance_.register_native(
      agent_chat + "fetchMessages",
      [this](ScriptContext&, const json::array& arguments) { return fetch_messages(arguments); });
  instance_.register_native(agent_chat + "getVersion",
                            [](ScriptContext&, const json::array&) { return json::value("2"); });
}

}  // namespace bridge::sandbox
