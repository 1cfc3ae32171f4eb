// SPDX-License-Identifier: MIT
#include "bridge/session/event_log.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

namespace bridge::session {

std::optional<Cursor> parse_cursor(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 32) return std::nullopt;
  Cursor cursor;
  cursor.epoch = text.substr(0, colon);
  const bool word = std::all_of(cursor.epoch.begin(), cursor.epoch.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
  });
  const std::string_view digits = text.substr(colon + 1);
  const auto [end, failed] =
      std::from_chars(digits.data(), digits.data() + digits.size(), cursor.seq);
  if (!word || failed != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return cursor;
}

std::string to_string(const Cursor& cursor) {
  return cursor.epoch + ":" + std::to_string(cursor.seq);
}

std::size_t LoggedEvent::bytes() const {
  std::size_t bytes = frame->size();
  if (!event.carried) return bytes;
  if (const auto* said = std::get_if<UserMessageEvent>(&event.what)) bytes += said->text.size();
  if (const auto* row = std::get_if<RepMessageEvent>(&event.what)) bytes += row->text.size();
  return bytes;
}

EventLog::EventLog(std::shared_ptr<const ColdEvents> cold, std::uint64_t last_seq)
    : cold_(std::move(cold)), last_seq_(last_seq) {}

void EventLog::thaw() const {
  if (!cold_) return;
  std::vector<LoggedEventPtr> all = cold_->thaw();
  cold_.reset();
  for (const LoggedEventPtr& event : all) bytes_ += event->bytes();
  all.insert(all.end(), events_.begin() + static_cast<std::ptrdiff_t>(begin_), events_.end());
  events_ = std::move(all);
  begin_ = 0;
}

void EventLog::append(Event event) {
  append(std::make_shared<const LoggedEvent>(std::move(event)));
}

void EventLog::append(LoggedEventPtr event) {
  assert(event->event.seq == last_seq_ + 1 || size() == 0);
  last_seq_ = event->event.seq;
  bytes_ += event->bytes();
  events_.push_back(std::move(event));
}

void EventLog::trim(const LogLimits& limits, Time now) {
  if (!at_hand()) return;
  const auto too_much = [&] {
    return size() > limits.max_events || bytes() > limits.max_bytes ||
           now - first_at() > limits.max_age;
  };
  while (size() > 1 && too_much()) {
    thaw();
    if (size() > 1) drop_first();
  }
}

void EventLog::drop_before(std::uint64_t seq) {
  if (seq == 0 || first_seq() >= seq) return;
  thaw();
  while (size() > 0 && front()->event.seq < seq) drop_first();
}

void EventLog::drop_first() {
  bytes_ -= front()->bytes();
  events_[begin_++].reset();
  if (begin_ < 16 || begin_ * 2 < events_.size()) return;
  events_.erase(events_.begin(), events_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
}

EventLog::Page EventLog::read(const Cursor& after, std::string_view epoch) const {
  thaw();
  const bool from_beginning = after.epoch == "0" && after.seq == 0;
  const bool same_life = from_beginning || after.epoch == epoch;
  Page page;
  page.recovered = same_life && after.seq <= last_seq_ && after.seq + 1 >= first_seq();
  const std::uint64_t from = page.recovered ? after.seq + 1 : first_seq();
  if (from <= last_seq_)
    page.events.assign(events_.begin() + static_cast<std::ptrdiff_t>(begin_ + (from - first_seq())),
                       events_.end());
  return page;
}

LoggedEventPtr EventLog::find(std::uint64_t seq) const {
  thaw();
  if (seq < first_seq() || seq > last_seq_) return nullptr;
  return events_[begin_ + (seq - first_seq())];
}

}  // namespace bridge::session
