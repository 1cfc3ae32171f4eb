// SPDX-License-Identifier: MIT
#include "handoff/reconciler.hpp"

#include <algorithm>

namespace bridge::handoff {
namespace {

constexpr int kReaders = 2;
/// Wishes that come together, as after an outage, are gathered for a moment.
constexpr Millis kGathering{20};

session::CloseReason reason_of(std::string_view interaction_state) {
  if (interaction_state == "faulted") return session::CloseReason::error;
  if (interaction_state == "closed_abandoned") return session::CloseReason::abandoned;
  return session::CloseReason::agent_ended;
}

session::Reconciled input_of(int chat_number, ChatMessages& read, const std::string& account) {
  session::Reconciled input;
  input.chat_number = chat_number;
  input.failed = !read.found;
  input.rows = std::move(read.rows);
  input.newest = read.newest;
  input.more = read.more;
  input.with_agent = read.status.with_agent;
  input.over = read.status.over;
  input.reason = reason_of(read.status.state);
  input.agent_name = std::move(read.status.agent_name);
  if (read.status.with_agent) input.agent_sys_id = std::move(read.status.assigned_to);
  input.service_account = account;
  return input;
}

}  // namespace

void Reconciler::want(const EntryPtr& entry, const session::Reconcile& effect) {
  Wish wish;
  wish.entry = entry;
  wish.chat_number = effect.chat.number;
  wish.owed = effect.owed;
  wish.position.conversation_sys_id = effect.chat.conversation_sys_id;
  wish.position.after = effect.after;
  wishes_.push_back(std::move(wish));
  engine_->vitals().read_wanted(ports_.time.now());
  if (readers_ == kReaders) return;
  ++readers_;
  tasks_.spawn("reconcile", run());
}

Task<> Reconciler::run() {
  co_await async::sleep_for(kGathering);
  while (!wishes_.empty()) co_await read(take_some());
  --readers_;
}

std::vector<Reconciler::Wish> Reconciler::take_some() {
  const auto count = static_cast<std::ptrdiff_t>(std::min(wishes_.size(), LiveChat::kMaxPositions));
  std::vector<Wish> some(std::make_move_iterator(wishes_.begin()),
                         std::make_move_iterator(wishes_.begin() + count));
  wishes_.erase(wishes_.begin(), wishes_.begin() + count);
  return some;
}

Task<> Reconciler::read(std::vector<Wish> wishes) {
  std::vector<ChatPosition> positions;
  positions.reserve(wishes.size());
  for (const Wish& wish : wishes) positions.push_back(wish.position);
  auto answer = co_await ports_.chat.messages(std::move(positions), in(options_.read_deadline));
  const bool whole = answer && answer->size() == wishes.size();
  if (!answer)
    ports_.logger.warning("reconcile_failed",
                          {{"chats", wishes.size()}, {"reason", answer.error().to_string()}});
  std::string account;
  if (whole) account = co_await account_();
  engine_->vitals().reads(whole, ports_.time.now());
  for (std::size_t i = 0; i < wishes.size(); ++i) {
    session::Reconciled input;
    input.chat_number = wishes[i].chat_number;
    input.failed = true;
    if (whole) input = input_of(wishes[i].chat_number, (*answer)[i], account);
    input.owed = wishes[i].owed;
    tasks_.spawn("reconciled", hand_over(wishes[i].entry, std::move(input)));
  }
}

/// In line with webhooks of the same session: each is compared with what has been taken before it.
Task<> Reconciler::hand_over(EntryPtr entry, session::Reconciled input) {
  const auto turn = co_await entry->webhooks.lock();
  (void)co_await engine_->insist(entry, std::move(input));  // it ends only with the session
}

}  // namespace bridge::handoff
