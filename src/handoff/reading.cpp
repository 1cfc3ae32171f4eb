// SPDX-License-Identifier: MIT
// How readers get what happened: by cursor as often as they like, or as a plain page of the old
// bridge, once. DESIGN 4.3.
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "bridge/handoff/handoff.hpp"
#include "handoff/effects.hpp"
#include "handoff/engine.hpp"
#include "handoff/vitals.hpp"

namespace bridge::handoff {

using session::Cursor;
using session::SessionId;

namespace {

std::shared_ptr<const std::string> resync_frame(const Entry& entry) {
  namespace json = boost::json;
  const session::BridgeSession& now = *entry.state;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
  };
  return std::make_shared<const std::string>(json::serialize(
      json::object{{"type", "resync"},
                   {"state", session::shown(now.state)},
                   {"rep_name", text_or_null(now.chat.rep_name)},
                   {"interaction_number", text_or_null(now.chat.interaction_number)},
                   {"cursor", session::to_string(Cursor{now.epoch, entry.log.first_seq() - 1})}}));
}

/// Counts a waiting poll as a reader for as long as it waits.
class WaitingPoll {
 public:
  explicit WaitingPoll(Entry& entry) : entry_(entry) {
    ++entry_.presence.attached;
    entry_.vitals->waiting_polls.add(1);
  }
  WaitingPoll(const WaitingPoll&) = delete;
  WaitingPoll& operator=(const WaitingPoll&) = delete;
  ~WaitingPoll() {
    --entry_.presence.attached;
    entry_.vitals->waiting_polls.add(-1);
    entry_.on_detached();
  }

 private:
  Entry& entry_;
};

/// Fills the page with what there is now; says whether there was anything. `handed`: what nobody
/// else without a cursor is given.
bool read_now(Entry& entry, const std::optional<Cursor>& after, PollPage& page,
              std::vector<std::uint64_t>& handed) {
  std::vector<session::LoggedEventPtr> events;
  if (after) {
    session::EventLog::Page read = entry.log.read(*after, entry.state->epoch);
    page.recovered = read.recovered;
    if (!read.recovered) page.frames.push_back(resync_frame(entry));
    events = std::move(read.events);
  } else {
    events = entry.plain.drain(entry.log);
    for (const session::LoggedEventPtr& event : events) handed.push_back(event->event.seq);
  }
  entry.handed = entry.log.last_seq();
  for (const session::LoggedEventPtr& event : events) page.frames.push_back(event->frame);
  return !page.frames.empty();
}

}  // namespace

Task<Result<PollPage>> Handoff::poll(SessionId id, std::optional<Cursor> after, Millis wait) {
  auto found = co_await engine_->entry(std::move(id));
  if (!found) co_return found.error();
  const EntryPtr entry = *found;
  PollPage page;
  std::vector<std::uint64_t> handed;  // to a reader without a cursor
  const bool have = read_now(*entry, after, page, handed);
  if (!have && wait > Millis(0) && !ending_) {
    const WaitingPoll waiting(*entry);
    engine_->schedule(entry);
    const Deadline deadline = in(wait);
    const std::uint64_t typed = entry->transients;
    while (!entry->forgotten) {
      const std::uint64_t seen = entry->changed.generation();
      if (!co_await entry->changed.wait(seen, deadline)) break;
      if (entry->transients != typed) page.frames.push_back(entry->transient);
      if (read_now(*entry, after, page, handed) || ending_) break;
    }
  } else {
    entry->presence.see(ports_.time.now());
    engine_->schedule(entry);
  }
  if (entry->forgotten) co_return Error(Errc::not_found, "session");
  if (!after) engine_->note_plain_place(entry);
  if (!handed.empty())
    page.receipt = [entry, handed](bool arrived) {
      if (arrived || entry->forgotten) return;
      entry->plain.take_back(handed, entry->log);
      entry->changed.notify();
    };
  page.state = entry->state->state;
  page.rep_name = entry->state->chat.rep_name;
  page.interaction_number = entry->state->chat.interaction_number;
  page.cursor = session::to_string(Cursor{entry->state->epoch, entry->log.last_seq()});
  co_return page;
}

void Handoff::end_waits() {
  ending_ = true;
  engine_->wake_readers();
}

Task<Result<Subscription>> Handoff::subscribe(SessionId id, std::optional<Cursor> after,
                                              Subscriber& subscriber) {
  auto found = co_await engine_->entry(std::move(id));
  if (!found) co_return found.error();
  const EntryPtr entry = *found;
  // From here to the end nothing awaits, so nothing can happen between backlog and subscription.
  if (after) {
    const session::EventLog::Page page = entry->log.read(*after, entry->state->epoch);
    if (!page.recovered) subscriber.on_transient(resync_frame(*entry));
    for (const session::LoggedEventPtr& event : page.events) subscriber.on_event(event);
    entry->subscribers.push_back(&subscriber);
  } else {
    entry->plain.attach(subscriber, entry->log);
    engine_->note_plain_place(entry);
  }
  entry->handed = entry->log.last_seq();
  ++entry->presence.attached;
  entry->vitals->sockets.add(1);
  engine_->schedule(entry);
  co_return Subscription(entry, &subscriber, !after);
}

}  // namespace bridge::handoff
