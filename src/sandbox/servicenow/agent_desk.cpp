// SPDX-License-Identifier: MIT
// The part of the control interface that is an agent's desk: accept, speak, whisper, hand on, end.
#include "sandbox/servicenow/control.hpp"

#include <boost/json/serialize.hpp>

#include "sandbox/servicenow/seed.hpp"

namespace bridge::sandbox {
Result<std::string> Control::agent_for(const Record& interaction, const json::object& body) {
  Fields fields(body);
  const auto agent = fields.text("agent", 100);
  if (fields.problem()) return *fields.problem();
  if (agent) return *agent;
  sn_.tick();
  const auto item = sn_.awa().item_of(interaction.sys_id());
  const auto user = item ? sn_.instance().get("sys_user", item->text("assigned_to")) : std::nullopt;
  if (!user) return Error(Errc::invalid_argument, "agent is required");
  return user->text("user_name");
}

Result<Session> Control::agent_with(const Record& interaction, const json::object& body) {
  const auto agent = agent_for(interaction, body);
  if (!agent) return agent.error();
  auto session = sn_.instance().session_for(*agent);
  if (!session) return Error(Errc::not_found, "no user " + *agent);
  if (interaction.text("assigned_to") != session->user_id)
    return Error(Errc::conflict, *agent + " does not have this chat");
  return *session;
}

Result<json::value> Control::act(const Record& interaction, const std::string& action,
                                 const json::object& body) {
  if (action == "message") return speak(interaction, body, false);
  if (action == "whisper") return speak(interaction, body, true);
  if (action == "typing") return typing(interaction, body);
  if (action == "wrap-up") return finish(interaction, body, true);
  if (action == "end") return finish(interaction, body, false);

  Fields fields(body);
  const auto to_agent = fields.text("to_agent", 100);
  const auto to_queue = fields.text("to_queue", 100);
  if (fields.problem()) return *fields.problem();
  if (action != "accept" && action != "reject" && action != "transfer")
    return Error(Errc::not_found, "no such action; see docs/sandbox.md");
  const auto agent = agent_for(interaction, body);
  if (!agent) return agent.error();
  const std::string id = interaction.sys_id();
  const auto changed = action == "accept"   ? sn_.awa().accept(id, *agent)
                       : action == "reject" ? sn_.awa().reject(id, *agent)
                                            : sn_.awa().transfer(id, *agent, to_agent.value_or(""),
                                                                 to_queue.value_or(""));
  if (!changed) return changed.error();
  return json::value(show(*sn_.instance().get("interaction", id)));
}

/// {"text"}, or {"control": {...}} and {"file": {...}} for what an agent sends besides text (4.3):
/// their payload is JSON and their type one that the relay rule does not take.
Result<json::value> Control::speak(const Record& interaction, const json::object& body,
                                   bool internal) {
  Fields fields(body);
  const auto text = fields.text("text", 60000);
  const auto control = fields.object("control");
  const auto file = fields.object("file");
  if (fields.problem()) return *fields.problem();
  if (!text && !control && !file) return Error(Errc::invalid_argument, "text is required");
  auto session = agent_with(interaction, body);
  if (!session) return session.error();
  Utterance utterance;
  utterance.conversation = interaction.text("channel_metadata_document");
  utterance.internal = internal;
  if (control) {
    utterance.type = "controlMessage";
    utterance.text = json::serialize(*control);
  } else if (file) {
    utterance.type = "attachmentMessage";
    utterance.text = json::serialize(*file);
  } else {
    utterance.text = *text;
  }
  const auto row = sn_.chat().speak(utterance, *session);
  if (!row) return row.error();
  json::object sent;
  sent["sys_id"] = row->sys_id();
  sent["sequence"] = row->number("sequence");
  return json::value(std::move(sent));
}

Result<json::value> Control::finish(const Record& interaction, const json::object& body,
                                    bool wrap_up) {
  Fields fields(body);
  const std::string by = fields.text("by", 40).value_or("agent");
  if (fields.problem()) return *fields.problem();
  if (by != "agent" && by != "user")
    return Error(Errc::invalid_argument, "by must be agent or user");
  const std::string state = interaction.text("state");
  if (is_over_state(state) && (state != "wrap_up" || wrap_up))
    return Error(Errc::wrong_state, "the chat is over: " + state);
  const std::string conversation = interaction.text("channel_metadata_document");
  Session session = sn_.instance().system_session();
  if (by == "agent") {
    auto agent = agent_with(interaction, body);
    if (!agent) return agent.error();
    session = *agent;
  } else if (auto user = sn_.instance().session_for_id(interaction.text("opened_for"))) {
    session = *user;
  }
  const EndedBy ended = wrap_up ? EndedBy::wrap_up : by == "user" ? EndedBy::user : EndedBy::agent;
  if (auto result = sn_.chat().end(conversation, ended, session); !result) return result.error();
  return json::value(show(*sn_.instance().get("interaction", interaction.sys_id())));
}

/// On an instance an agent's typing leaves no row that a rule could relay (reference 10f), and only
/// the official API delivers it. This call to the webhook is a stand-in for such a sender.
Result<json::value> Control::typing(const Record& interaction, const json::object& body) {
  const auto session = agent_with(interaction, body);
  if (!session) return session.error();
  if (!sn_.options().chat.agent_typing_webhook) return done();
  const auto agent = sn_.instance().get("sys_user", session->user_id);
  json::object payload;
  payload["api"] = 2;
  payload["event"] = "typing";
  payload["bridge_session_id"] = interaction.text("u_bridge_session_id");
  payload["conversation_sys_id"] = interaction.text("channel_metadata_document");
  payload["interaction_sys_id"] = interaction.sys_id();
  payload["interaction_number"] = interaction.text("number");
  payload["rep_name"] = agent ? agent->text("name") : session->user_name;
  payload["sender_sys_id"] = session->user_id;
  OutboundRequest request;
  request.method = "POST";
  // Where the shipped rules call, so that whoever moves the bridge moves this too.
  request.url = sn_.instance()
                    .property("intranet_bridge.outbound_webhook_url")
                    .value_or(sn_.options().bridge_url + sn_.options().webhook_path);
  request.headers = {{"Content-Type", "application/json"},
                     {"X-Bridge-Secret", sn_.options().webhook_secret}};
  request.body = json::serialize(payload);
  request.timeout = std::chrono::seconds(8);
  request.source = "sandbox.typing";
  const OutboundReply reply = sn_.webhooks().send(request);
  json::object sent;
  sent["ok"] = true;
  sent["webhook_status"] = reply.status;
  return json::value(std::move(sent));
}

}  // namespace bridge::sandbox
