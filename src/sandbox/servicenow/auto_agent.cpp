// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/auto_agent.hpp"

#include <cstdlib>

namespace bridge::sandbox {
namespace {

constexpr const char* kReadNote = "auto_agent";

}  // namespace

AutoAgent::AutoAgent(Instance& instance, Chat& chat, Awa& awa, std::string agent_name)
    : instance_(instance), chat_(chat), awa_(awa), agent_name_(std::move(agent_name)) {}

void AutoAgent::restore() {
  const std::lock_guard guard(instance_.lock());
  for (const auto& [conversation, sequence] : instance_.remembered(kReadNote))
    read_[conversation] = std::strtoll(sequence.c_str(), nullptr, 10);
}

void AutoAgent::has_read(const std::string& conversation, std::int64_t sequence) {
  read_[conversation] = sequence;
  instance_.remember(kReadNote, conversation, std::to_string(sequence));
}

void AutoAgent::clear() {
  const std::lock_guard guard(instance_.lock());
  present_ = false;
  read_.clear();
}

void AutoAgent::tick() {
  if (agent_name_.empty()) return;
  const std::lock_guard guard(instance_.lock());
  if (!present_) present_ = awa_.set_presence(agent_name_, "available").has_value();
  const auto session = instance_.session_for(agent_name_);
  if (!session) return;
  accept_offers(session->user_id);
  answer(session->user_id);
}

void AutoAgent::accept_offers(const std::string& agent) {
  for (const Record& item : awa_.offered_to(agent)) {
    const WholeChange whole(instance_);
    const auto interaction = awa_.accept(item.text("document_id"), agent_name_);
    if (!interaction) continue;
    const std::string conversation = interaction->text("channel_metadata_document");
    auto session = instance_.session_for(agent_name_);
    const auto user = instance_.get("sys_user", agent);
    Utterance hello;
    hello.conversation = conversation;
    hello.text =
        "Hello, this is " + (user ? user->text("name") : agent_name_) + ". How can I help you?";
    // What was said while the chat waited is greeted, not answered one by one.
    const auto pane = chat_.pane(conversation);
    has_read(conversation, pane.empty() ? 0 : pane.back().sequence);
    (void)chat_.speak(hello, *session);
  }
}

void AutoAgent::answer(const std::string& agent) {
  for (auto at = read_.begin(); at != read_.end();) {
    const std::string conversation = at->first;
    const auto interaction = chat_.interaction_of(conversation);
    if (!interaction || chat_.is_over(conversation) || interaction->text("assigned_to") != agent) {
      instance_.forget(kReadNote, conversation);
      at = read_.erase(at);
      continue;
    }
    for (const PaneEntry& entry : chat_.pane(conversation)) {
      if (entry.sequence <= at->second) continue;
      const WholeChange whole(instance_);
      has_read(conversation, entry.sequence);
      if (entry.from != "user") continue;
      auto session = instance_.session_for(agent_name_);
      Utterance reply;
      reply.conversation = conversation;
      reply.text = "You wrote: \"" + entry.text + "\". Let me look into that.";
      (void)chat_.speak(reply, *session);
    }
    ++at;
  }
}

}  // namespace bridge::sandbox
