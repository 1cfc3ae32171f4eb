// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/idle_job.hpp"

#include <charconv>

#include "sandbox/servicenow/seed.hpp"

namespace bridge::sandbox {

IdleJob::IdleJob(Instance& instance, Chat& chat, const ChatOptions& options)
    : instance_(instance),
      chat_(chat),
      options_(options),
      next_run_(instance.clock().now() + kEvery) {}

Time IdleJob::next_run() const {
  const std::lock_guard guard(instance_.lock());
  return next_run_;
}

void IdleJob::clear() {
  const std::lock_guard guard(instance_.lock());
  next_run_ = instance_.clock().now() + kEvery;
}

void IdleJob::tick() {
  const std::lock_guard guard(instance_.lock());
  const Time now = instance_.clock().now();
  if (now < next_run_) return;
  next_run_ = now + kEvery;
  run();
}

std::int64_t IdleJob::seconds_property(const char* name, std::int64_t otherwise) {
  const std::string text = instance_.property(name).value_or("");
  std::int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  return failed == std::errc() && seconds > 0 ? seconds : otherwise;
}

void IdleJob::run() {
  for (const Record& binding : instance_.find("sys_cs_session_binding", std::string_view()))
    if (!chat_.is_over(binding.text("topic"))) look_at(binding);
}

bool IdleJob::agent_spoke_since(const std::string& conversation, const std::string& agent,
                                const std::string& since) {
  if (agent.empty()) return false;
  Query query;
  query.where("conversation", conversation).where("sender", agent);
  query.where("q_data_message_type", "consumerTextMessage").where("sys_created_on", ">=", since);
  return instance_.count("sys_cs_message", query) > 0;
}

void IdleJob::look_at(const Record& binding) {
  const std::string conversation = binding.text("topic");
  const auto interaction = chat_.interaction_of(conversation);
  if (!interaction) return;
  const bool engaged = chat_.is_engaged(*interaction);
  if (!engaged && !options_.idle_while_queued) return;
  const std::string last = binding.get("last_client_activity_time")
                               ? binding.text("last_client_activity_time")
                               : binding.text("sys_created_on");
  const auto since = parse_glide_time(last);
  if (!since) return;
  if (instance_.property("com.glide.cs.start_idle_timeout_after_agent_response") == "true" &&
      !agent_spoke_since(conversation, interaction->text("assigned_to"), last))
    return;
  const auto idle =
      std::chrono::duration_cast<std::chrono::seconds>(instance_.clock().now() - *since).count();
  Session system = instance_.system_session();
  if (idle > seconds_property("com.glide.cs.idle_chat_cancel_timeout", 360)) {
    (void)chat_.announce(conversation, "It seems that you have left. This chat has been closed.",
                         std::string(kVirtualAgentId));
    (void)chat_.end(conversation, EndedBy::idle, system);
  } else if (idle > seconds_property("com.glide.cs.idle_chat_reminder_timeout", 180) &&
             !binding.flag("sent_reminder")) {
    Record change("sys_cs_session_binding");
    change.set("sys_id", binding.sys_id()).set_flag("sent_reminder", true);
    (void)instance_.update(change, system);
    (void)chat_.announce(conversation, "Are you still there?", std::string(kVirtualAgentId));
  }
}

}  // namespace bridge::sandbox
