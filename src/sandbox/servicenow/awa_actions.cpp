// SPDX-License-Identifier: MIT
// What an agent does with work: be there, accept, reject, hand on.
#include "sandbox/servicenow/awa.hpp"
#include "sandbox/servicenow/seed.hpp"

namespace bridge::sandbox {
Result<std::string> Awa::agent_id(const std::string& agent_name) {
  const auto user = instance_.find_one("sys_user", "user_name", agent_name);
  if (!user || !instance_.find_one("awa_agent_presence", "agent", user->sys_id()))
    return Error(Errc::not_found, "no agent " + agent_name);
  return user->sys_id();
}

Result<> Awa::set_presence(const std::string& agent_name, const std::string& state) {
  const std::lock_guard guard(instance_.lock());
  if (state != "available" && state != "offline")
    return Error(Errc::invalid_argument, "state must be available or offline");
  const auto agent = agent_id(agent_name);
  if (!agent) return agent.error();
  const auto presence = instance_.find_one("awa_agent_presence", "agent", *agent);
  Record change = change_of(*presence);
  change.set_flag("available", state == "available");
  change.set("current_presence_state",
             std::string(state == "available" ? kPresenceAvailableId : kPresenceOfflineId));
  Session system = instance_.system_session();
  if (auto written = instance_.update(change, system); !written) return written.error();
  // Who comes back is asked again.
  if (state == "available")
    for (auto& [item, agents] : declined_)
      if (agents.erase(*agent) > 0) note_declined(item);
  dirty_ = true;
  return {};
}

Result<Record> Awa::offered_item(const std::string& interaction, const std::string& agent_name) {
  const auto agent = agent_id(agent_name);
  if (!agent) return agent.error();
  const auto item = item_of(interaction);
  if (!item) return Error(Errc::conflict, "the interaction has no work item");
  const std::string state = item->text("state");
  if (state == "pending_accept" && item->text("assigned_to") == *agent) return *item;
  if (state == "pending_accept")
    return Error(Errc::conflict, "offered to " + instance_.display_value(*item, "assigned_to") +
                                     ", not to " + agent_name);
  if (state == "queued") {
    const std::string reason = why_waiting(*item);
    return Error(Errc::conflict,
                 "not offered to anybody" + (reason.empty() ? std::string() : ": " + reason));
  }
  return Error(Errc::wrong_state, "the work item is " + (state.empty() ? "not queued" : state));
}

Result<Record> Awa::accept(const std::string& interaction_id, const std::string& agent_name) {
  const std::lock_guard guard(instance_.lock());
  const WholeChange whole(instance_);
  dirty_ = true;
  tick();
  const auto item = offered_item(interaction_id, agent_name);
  if (!item) return item.error();
  const auto interaction = instance_.get("interaction", interaction_id);
  auto session = instance_.session_for(agent_name);
  if (!interaction || !session) return Error(Errc::not_found, "no such interaction");
  const std::string now = instance_.clock().now_text();

  Record accepted = change_of(*item);
  accepted.set("state", "accepted").set("accepted_on", now);
  if (auto written = instance_.update(accepted, *session); !written) return written.error();
  declined_.erase(item->sys_id());
  note_declined(item->sys_id());

  Record change = change_of(*interaction);
  change.set("assigned_to", session->user_id).set("state", "work_in_progress");
  change.set("queue", item->text("queue"));
  change.set_flag("agent_chat", true).set_flag("virtual_agent", false);
  auto written = instance_.update(change, *session);
  if (!written) return written;

  const std::string conversation = interaction->text("channel_metadata_document");
  chat_.join(conversation, session->user_id);
  // The queue's "Initial agent response" speaks before the agent does (4.3).
  const auto queue = instance_.get("awa_queue", item->text("queue"));
  if (queue && queue->get("initial_agent_response"))
    (void)chat_.announce(
        conversation, queue->text("initial_agent_response"),
        chat_options_.greeting_by_agent ? session->user_id : std::string(kVirtualAgentId));
  return written;
}

Result<Record> Awa::reject(const std::string& interaction_id, const std::string& agent_name) {
  const std::lock_guard guard(instance_.lock());
  tick();
  const auto item = offered_item(interaction_id, agent_name);
  if (!item) return item.error();
  put_back(*item, item->text("assigned_to"), "rejected");
  tick();
  return *instance_.get("awa_work_item", item->sys_id());
}

Result<Record> Awa::transfer(const std::string& interaction_id, const std::string& from_agent,
                             const std::string& to_agent, const std::string& to_queue) {
  const std::lock_guard guard(instance_.lock());
  const WholeChange whole(instance_);
  const auto from = agent_id(from_agent);
  if (!from) return from.error();
  const auto interaction = instance_.get("interaction", interaction_id);
  const auto item = item_of(interaction_id);
  if (!interaction || !item) return Error(Errc::not_found, "no work item");
  if (item->text("state") != "accepted" || item->text("assigned_to") != *from ||
      is_over_state(interaction->text("state")))
    return Error(Errc::conflict, from_agent + " does not have this chat");
  std::string target;
  if (!to_agent.empty()) {
    const auto to = agent_id(to_agent);
    if (!to) return to.error();
    if (*to == *from) return Error(Errc::invalid_argument, "to_agent must be somebody else");
    if (!is_available(*to)) return Error(Errc::conflict, to_agent + " is not available");
    target = *to;
  }
  const std::string queue = to_queue.empty() ? item->text("queue") : to_queue;
  if (!instance_.get("awa_queue", queue)) return Error(Errc::not_found, "no such queue");

  Session system = instance_.system_session();
  Record done = change_of(*item);
  done.set_flag("active", false);
  (void)instance_.update(done, system);
  Record released = change_of(*interaction);
  released.set_null("assigned_to");
  (void)instance_.update(released, system);
  chat_.leave(interaction->text("channel_metadata_document"), *from);

  Record next("awa_work_item");
  next.set("document_table", "interaction").set("document_id", interaction_id);
  next.set("queue", queue).set("previous_work_item", item->sys_id()).set_flag("active", true);
  const auto made = instance_.insert(next, system);
  if (!made) return made.error();
  if (target.empty()) {
    declined_[made->sys_id()].insert(*from);
    note_declined(made->sys_id());
    Record queued = change_of(*made);
    queued.set("state", "queued");
    (void)instance_.update(queued, system);
    tick();
  } else {
    Agent agent;
    agent.sys_id = target;
    (void)offer(*made, agent);
  }
  return *instance_.get("awa_work_item", made->sys_id());
}

}  // namespace bridge::sandbox
