// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/chat.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "bridge/core/random.hpp"
#include "sandbox/servicenow/seed.hpp"

namespace bridge::sandbox {
namespace {

// Names of the platform's InteractionType enum constants; only QnA has a witness (4.2).
constexpr std::array<std::string_view, 1> kInteractionTypes = {"QnA"};

struct Closing {
  std::string state;
  std::string reason;
};

/// 9.34 and 9.35. Only what an agent does is documented.
Closing closing_for(EndedBy by, bool engaged, const ChatOptions& options) {
  switch (by) {
    case EndedBy::agent:
      return {"closed_complete", "Agent Ended"};
    case EndedBy::wrap_up:
      return {"wrap_up", "Agent Ended"};
    case EndedBy::idle:
      return {options.closing_idle, "No User Response"};
    case EndedBy::max_wait:
      return {options.closing_max_wait, "Auto Closed"};
    case EndedBy::user:
      break;
  }
  if (engaged) return {options.closing_script, "User Ended"};
  return {options.closing_unanswered, "Left Before Engagement"};
}

constexpr const char* kPaneNote = "pane";

std::string to_note(const std::string& conversation, const PaneEntry& entry) {
  return json::serialize(json::object{{"conversation", conversation},
                                      {"sequence", entry.sequence},
                                      {"from", entry.from},
                                      {"sender_name", entry.sender_name},
                                      {"text", entry.text},
                                      {"internal", entry.internal}});
}

Error java_error(const std::string& text, Errc code = Errc::wrong_state) { return {code, text}; }

}  // namespace

bool is_over_state(std::string_view state) {
  return state == "wrap_up" || state == "closed_complete" || state == "closed_abandoned" ||
         state == "faulted";
}

Chat::Chat(Instance& instance, const ChatOptions& options)
    : instance_(instance), options_(options) {}

void Chat::restore() {
  const std::lock_guard guard(instance_.lock());
  for (const auto& [sys_id, note] : instance_.remembered(kPaneNote)) {
    const json::value whole = json::parse(note);
    PaneEntry entry;
    entry.sys_id = sys_id;
    entry.sequence = whole.at("sequence").to_number<std::int64_t>();
    entry.from = std::string(whole.at("from").as_string());
    entry.sender_name = std::string(whole.at("sender_name").as_string());
    entry.text = std::string(whole.at("text").as_string());
    entry.internal = whole.at("internal").as_bool();
    panes_[std::string(whole.at("conversation").as_string())].push_back(std::move(entry));
  }
}

void Chat::clear() {
  const std::lock_guard guard(instance_.lock());
  panes_.clear();
  typing_.clear();
}

std::string Chat::consumer_of(const std::string& user_sys_id, Session& session) {
  if (const auto known = instance_.find_one("sys_cs_consumer", "user", user_sys_id))
    return known->sys_id();
  const auto user = instance_.get("sys_user", user_sys_id);
  Record consumer("sys_cs_consumer");
  consumer.set("user", user_sys_id).set("vendor", std::string(kVendorId));
  consumer.set("name", user ? user->text("name") : std::string());
  const auto made = instance_.insert(consumer, session);
  if (!made) return {};
  Record account("sys_cs_consumer_account");
  account.set("consumer", made->sys_id()).set("user", user_sys_id);
  account.set("vendor", std::string(kVendorId)).set("vendor_account_id", user_sys_id);
  (void)instance_.insert(account, session);
  return made->sys_id();
}

Result<std::string> Chat::create_conversation(Session& session, const std::string& user_sys_id) {
  const std::lock_guard guard(instance_.lock());
  const std::string consumer = consumer_of(user_sys_id, session);
  if (options_.reuse_conversation) {
    const auto open = instance_.find("sys_cs_conversation",
                                     "consumer=" + consumer + "^conversation_completedISEMPTY", 1);
    if (!open.empty()) return open.front().sys_id();
  }
  const auto account = instance_.find_one("sys_cs_consumer_account", "consumer", consumer);
  Record conversation("sys_cs_conversation");
  conversation.set("vendor", std::string(kVendorId)).set("consumer", consumer);
  conversation.set("consumer_account", account ? account->sys_id() : std::string());
  conversation.set("current_device", random_hex(16)).set("device_type", "mweb");
  conversation.set("state", "started").set("conversation_type", "chat");
  // Compressed binary on an instance; that it is there is all that anybody may rely on.
  conversation.set("context", "H4sI" + random_hex(48));
  const auto made = instance_.insert(conversation, session);
  if (!made) return made.error();

  const std::string now = instance_.clock().now_text();
  Record interaction("interaction");
  interaction.set("type", "chat").set("direction", "inbound").set("state", "new");
  interaction.set("opened_for", user_sys_id).set("opened_by", user_sys_id).set("opened_at", now);
  interaction.set("assigned_to", instance_.property("com.glide.cs.va.sys_user").value_or(""));
  interaction.set_flag("virtual_agent", true);
  interaction.set("channel_metadata_table", "sys_cs_conversation");
  interaction.set("channel_metadata_document", made->sys_id());
  const auto opened = instance_.insert(interaction, session);
  if (!opened) return opened.error();
  return made->sys_id();
}

std::optional<Record> Chat::interaction_of(const std::string& conversation) {
  if (conversation.empty()) return std::nullopt;
  return instance_.find_one("interaction", "channel_metadata_document", conversation);
}

bool Chat::is_engaged(const Record& interaction) {
  const std::string assigned = interaction.text("assigned_to");
  return !assigned.empty() &&
         assigned != instance_.property("com.glide.cs.va.sys_user").value_or("");
}

bool Chat::is_over(const std::string& conversation) {
  const std::lock_guard guard(instance_.lock());
  const auto row = instance_.get("sys_cs_conversation", conversation);
  if (row && row->get("conversation_completed")) return true;
  const auto interaction = interaction_of(conversation);
  return interaction && is_over_state(interaction->text("state"));
}

/// What the platform needs before anybody can speak, in the order in which it fails (4.2).
Result<Record> Chat::live_session_of(const Record& conversation) {
  if (!conversation.get("context")) {
    return java_error(
        "java.lang.NullPointerException: Cannot invoke \"String.length()\" because the return "
        "value "
        "of \"com.glide.cs.qlue.entity.ConversationContext.getBrandingKey()\" is null");
  }
  const std::string id = conversation.sys_id();
  std::optional<Record> binding;
  std::optional<Record> session;
  for (const Record& each : instance_.find("sys_cs_session_binding", "topic=" + id)) {
    session = instance_.get("sys_cs_session", each.text("session"));
    if (!session) continue;
    if (each.text("system_topic") == id) binding = each;
    break;
  }
  if (!session) {
    // Not bound yet: the session of that device, if it is nobody else's.
    Query query;
    query.where("consumer", conversation.text("consumer"));
    if (conversation.get("current_device"))
      query.where("device_id", conversation.text("current_device"));
    query.order_by_descending("sys_created_on");
    for (const Record& each : instance_.find("sys_cs_session", query)) {
      if (instance_.find_one("sys_cs_session_binding", "session", each.sys_id())) continue;
      session = each;
      break;
    }
  }
  if (!session) return java_error("com.glide.cs.qlue.CSException: Can't find a live session");
  const std::string type = session->text("interaction");
  if (std::find(kInteractionTypes.begin(), kInteractionTypes.end(), type) ==
      kInteractionTypes.end()) {
    return java_error(
        "java.lang.IllegalArgumentException: No enum constant "
        "com.glide.cs.qlue.entity.InteractionType." +
        type);
  }
  if (!binding) {
    return java_error(
        "java.lang.NullPointerException: Cannot invoke "
        "\"com.glide.cs.qlue.channel.IChannelSession.isMessageBatching()\" because "
        "\"channelSession\" "
        "is null");
  }
  return *session;
}

Result<Record> Chat::speak(const Utterance& utterance, Session& session) {
  const std::lock_guard guard(instance_.lock());
  const auto conversation = instance_.get("sys_cs_conversation", utterance.conversation);
  if (!conversation)
    return java_error("com.glide.cs.qlue.CSException: Conversation not found", Errc::not_found);
  if (is_over(utterance.conversation))
    return java_error("com.glide.graphql.GraphQLException: Chat has ended", Errc::chat_ended);
  const auto live = live_session_of(*conversation);
  if (!live) return live.error();
  return write_row(utterance, *conversation, live->sys_id(), session);
}

Result<Record> Chat::announce(const std::string& conversation_id, const std::string& text,
                              const std::string& sender) {
  const std::lock_guard guard(instance_.lock());
  const auto conversation = instance_.get("sys_cs_conversation", conversation_id);
  if (!conversation) return Error(Errc::not_found, "no such conversation");
  Utterance utterance;
  utterance.conversation = conversation_id;
  utterance.text = text;
  utterance.type = "systemTextMessage";
  utterance.sender = sender;
  const auto binding = instance_.find_one("sys_cs_session_binding", "topic", conversation_id);
  Session system = instance_.system_session();
  return write_row(utterance, *conversation, binding ? binding->text("session") : std::string(),
                   system);
}

Result<Record> Chat::write_row(const Utterance& utterance, const Record& conversation,
                               const std::string& session_sys_id, Session& session) {
  const std::string sender = utterance.sender.empty() ? session.user_id : utterance.sender;
  const std::string now = instance_.clock().now_text();
  Record row("sys_cs_message");
  row.set("conversation", conversation.sys_id()).set("session", session_sys_id);
  row.set("consumer", conversation.text("consumer"));
  row.set("consumer_account", conversation.text("consumer_account"));
  row.set("vendor", conversation.text("vendor"));
  row.set("direction", "outbound").set_flag("is_agent", true);
  row.set("sender", sender).set("sender_profile", profile_of(sender));
  row.set("message_type", "Text").set("q_data_message_type", utterance.type);
  row.set("payload", utterance.text);
  row.set_number("message_size", static_cast<std::int64_t>(utterance.text.size()));
  row.set("status", "sent").set("send_time", now);
  row.set("visibility_type",
          utterance.internal ? options_.internal_visibility : options_.public_visibility);
  // A row without its place in the pane would never show, however often it is sent again.
  const WholeChange whole(instance_);
  auto written = instance_.insert(row, session);
  if (written) publish(*written, utterance);
  return written;
}

void Chat::publish(const Record& message, const Utterance& utterance) {
  const std::string sender = message.text("sender");
  const auto interaction = interaction_of(utterance.conversation);
  PaneEntry entry;
  entry.sys_id = message.sys_id();
  entry.sequence = message.number("sequence");
  if (utterance.type == "systemTextMessage") {
    entry.from = "system";
  } else {
    const bool agent =
        interaction && is_engaged(*interaction) && interaction->text("assigned_to") == sender;
    entry.from = agent ? "agent" : "user";
  }
  if (const auto user = instance_.get("sys_user", sender)) entry.sender_name = user->text("name");
  entry.text = utterance.text;
  entry.internal = utterance.internal;
  instance_.remember(kPaneNote, entry.sys_id, to_note(utterance.conversation, entry));
  auto& pane = panes_[utterance.conversation];
  pane.push_back(std::move(entry));
  if (pane.size() > kMaxPaneEntries) {
    instance_.forget(kPaneNote, pane.front().sys_id);
    pane.pop_front();
  }
  if (const auto binding =
          instance_.find_one("sys_cs_session", "sys_id", message.text("session"))) {
    Record session("sys_cs_session");
    session.set("sys_id", binding->sys_id());
    session.set_number("number_of_messages", binding->number("number_of_messages") + 1);
    Session system = instance_.system_session();
    (void)instance_.update(session, system);
  }
}

Result<> Chat::end(const std::string& conversation_id, EndedBy by, Session& session) {
  const std::lock_guard guard(instance_.lock());
  if (!instance_.get("sys_cs_conversation", conversation_id))
    return Error(Errc::not_found, "no such conversation");
  const auto interaction = interaction_of(conversation_id);
  const std::string state = interaction ? interaction->text("state") : std::string();
  if (interaction && (!is_over_state(state) || (state == "wrap_up" && by == EndedBy::agent))) {
    const Closing closing = closing_for(by, is_engaged(*interaction), options_);
    Record update("interaction");
    update.set("sys_id", interaction->sys_id());
    update.set("state", closing.state).set("state_reason", closing.reason);
    if (closing.state != "wrap_up") update.set("closed_at", instance_.clock().now_text());
    if (auto written = instance_.update(update, session); !written) return written.error();
  }
  if (!interaction) {
    Record update("sys_cs_conversation");
    update.set("sys_id", conversation_id).set("state", "closed");
    update.set("conversation_completed", instance_.clock().now_text());
    (void)instance_.update(update, session);
  }
  return {};
}

void Chat::on_interaction(const Change& change) {
  if (change.operation != Operation::update || !change.changed("state")) return;
  const std::string state = change.after.text("state");
  if (!is_over_state(state)) return;
  Session system = instance_.system_session();
  const std::string now = instance_.clock().now_text();
  const std::string conversation_id = change.after.text("channel_metadata_document");
  const auto conversation = instance_.get("sys_cs_conversation", conversation_id);
  if (conversation && !conversation->get("conversation_completed")) {
    Record update("sys_cs_conversation");
    update.set("sys_id", conversation_id).set("state", "closed");
    update.set("conversation_completed", now);
    (void)instance_.update(update, system);
    for (const Record& binding :
         instance_.find("sys_cs_session_binding", "topic=" + conversation_id)) {
      Record session("sys_cs_session");
      session.set("sys_id", binding.text("session")).set("end_time", now);
      (void)instance_.update(session, system);
    }
  }
  if (state == "wrap_up") return;
  Record closed("interaction");
  closed.set("sys_id", change.after.sys_id()).set_flag("active", false);
  if (!change.after.get("closed_at")) closed.set("closed_at", now);
  WriteOptions quiet;
  quiet.workflow = false;
  (void)instance_.update(closed, system, quiet);
  finish_work_items(change.after);
}

/// The service channel maps closed interaction states to completed work (4.5).
void Chat::finish_work_items(const Record& interaction) {
  Session system = instance_.system_session();
  Query query;
  query.where("document_table", "interaction").where("document_id", interaction.sys_id());
  query.where("active", "1");
  for (const Record& item : instance_.find("awa_work_item", query)) {
    Record update("awa_work_item");
    update.set("sys_id", item.sys_id()).set_flag("active", false);
    if (item.text("state") != "accepted") {
      update.set("state", "canceled").set("cancel_reason", "Disqualified");
    }
    (void)instance_.update(update, system);
  }
}

std::string Chat::profile_of(const std::string& user_sys_id) {
  if (user_sys_id.empty()) return {};
  if (const auto known = instance_.find_one("sys_cs_channel_user_profile", "user", user_sys_id))
    return known->sys_id();
  const auto user = instance_.get("sys_user", user_sys_id);
  if (!user) return {};
  Record profile("sys_cs_channel_user_profile");
  profile.set("user", user_sys_id).set("name", user->text("name"));
  profile.set("table", "sys_user").set("document", user_sys_id);
  Session system = instance_.system_session();
  const auto made = instance_.insert(profile, system);
  return made ? made->sys_id() : std::string();
}

void Chat::join(const std::string& conversation, const std::string& user_sys_id) {
  const std::lock_guard guard(instance_.lock());
  Record member("sys_cs_conversation_member");
  member.set("conversation", conversation).set("member", profile_of(user_sys_id));
  member.set("member_type", "public_fulfiller").set_flag("active", true);
  Session system = instance_.system_session();
  (void)instance_.insert(member, system);
}

void Chat::leave(const std::string& conversation, const std::string& user_sys_id) {
  const std::lock_guard guard(instance_.lock());
  Session system = instance_.system_session();
  Query query;
  query.where("conversation", conversation).where("member", profile_of(user_sys_id));
  for (const Record& each : instance_.find("sys_cs_conversation_member", query)) {
    Record member("sys_cs_conversation_member");
    member.set("sys_id", each.sys_id()).set_flag("active", false);
    (void)instance_.update(member, system);
  }
}

std::vector<PaneEntry> Chat::pane(const std::string& conversation) {
  const std::lock_guard guard(instance_.lock());
  const auto found = panes_.find(conversation);
  if (found == panes_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::string Chat::typing_since(const std::string& conversation) {
  const std::lock_guard guard(instance_.lock());
  const auto found = typing_.find(conversation);
  return found == typing_.end() ? std::string() : found->second;
}

}  // namespace bridge::sandbox
