// SPDX-License-Identifier: MIT
#include "handoff/entry.hpp"

#include <algorithm>

#include "handoff/vitals.hpp"

namespace bridge::handoff {

namespace {
/// Not worth looking which of them the log has dropped.
constexpr std::size_t kFew = 16;
}  // namespace

void PlainReader::offer(const session::LoggedEventPtr& event, const session::EventLog& log) {
  if (!session::shown_to_plain_readers(event->event)) return;
  if (newest_ && leaving_.empty()) {
    newest_->on_event(event);
    return;
  }
  waiting_.push_back(event->event.seq);
  // A page with a cursor never asks for these, so nobody else takes them away.
  if (waiting_.size() > kFew && waiting_.size() - kFew > 2 * log.size())
    std::erase_if(waiting_, [&](std::uint64_t seq) { return seq < log.first_seq(); });
}

void PlainReader::attach(Subscriber& subscriber, const session::EventLog& log) {
  if (newest_) {
    leaving_.push_back(newest_);
    newest_->on_replaced();
  }
  newest_ = &subscriber;
  if (leaving_.empty()) hand_over(log);
}

void PlainReader::detach(Subscriber& subscriber, const std::vector<std::uint64_t>& unconfirmed,
                         const session::EventLog& log) {
  if (newest_ == &subscriber) newest_ = nullptr;
  std::erase(leaving_, &subscriber);
  waiting_.insert(waiting_.end(), unconfirmed.begin(), unconfirmed.end());
  if (newest_ && leaving_.empty()) hand_over(log);
}

std::vector<session::LoggedEventPtr> PlainReader::drain(const session::EventLog& log) {
  std::vector<session::LoggedEventPtr> events;
  // What a leaving socket has lost stands before these, and is known only when it is gone.
  if (!leaving_.empty()) return events;
  look_up_resumed(log);
  std::sort(waiting_.begin(), waiting_.end());
  waiting_.erase(std::unique(waiting_.begin(), waiting_.end()), waiting_.end());
  for (const std::uint64_t seq : waiting_)
    if (auto event = log.find(seq)) events.push_back(std::move(event));
  waiting_.clear();
  return events;
}

std::uint64_t PlainReader::handed_upto(const session::EventLog& log) const {
  std::uint64_t next = log.last_seq() + 1;
  if (resumed_from_ <= resumed_upto_) next = resumed_from_;
  for (const std::uint64_t seq : waiting_) next = std::min(next, seq);
  const auto not_before = [&next](const Subscriber* subscriber) {
    const std::uint64_t seq = subscriber->first_unconfirmed();
    if (seq != 0) next = std::min(next, seq);
  };
  if (newest_) not_before(newest_);
  for (const Subscriber* subscriber : leaving_) not_before(subscriber);
  return next - 1;
}

void PlainReader::resume(std::uint64_t handed, const session::EventLog& log) {
  resumed_from_ = handed + 1;
  resumed_upto_ = log.last_seq();
}

void PlainReader::look_up_resumed(const session::EventLog& log) {
  for (std::uint64_t seq = std::max(resumed_from_, log.first_seq()); seq <= resumed_upto_; ++seq) {
    const auto event = log.find(seq);
    if (event && session::shown_to_plain_readers(event->event)) waiting_.push_back(seq);
  }
  resumed_from_ = resumed_upto_ + 1;
}

void PlainReader::take_back(const std::vector<std::uint64_t>& seqs, const session::EventLog& log) {
  waiting_.insert(waiting_.end(), seqs.begin(), seqs.end());
  if (newest_ && leaving_.empty()) hand_over(log);
}

void PlainReader::hand_over(const session::EventLog& log) {
  for (const auto& event : drain(log)) newest_->on_event(event);
}

Subscription::Subscription(std::shared_ptr<Entry> entry, Subscriber* subscriber, bool plain)
    : entry_(std::move(entry)), subscriber_(subscriber), plain_(plain) {}

Subscription::Subscription(Subscription&& other) noexcept { *this = std::move(other); }

Subscription& Subscription::operator=(Subscription&& other) noexcept {
  detach();
  entry_ = std::move(other.entry_);
  subscriber_ = other.subscriber_;
  plain_ = other.plain_;
  other.entry_.reset();
  return *this;
}

Subscription::~Subscription() { detach(); }

void Subscription::detach(std::vector<std::uint64_t> unconfirmed) {
  if (!entry_) return;
  if (plain_) {
    entry_->plain.detach(*subscriber_, unconfirmed, entry_->log);
  } else {
    std::erase(entry_->subscribers, subscriber_);
  }
  --entry_->presence.attached;
  entry_->vitals->sockets.add(-1);
  const bool alone = entry_->subscribers.empty() && !entry_->plain.newest();
  if (alone && !unconfirmed.empty()) {
    const std::uint64_t first = *std::min_element(unconfirmed.begin(), unconfirmed.end());
    entry_->handed = std::min(entry_->handed, first - 1);
  }
  entry_->on_detached();
  entry_.reset();
}

}  // namespace bridge::handoff
