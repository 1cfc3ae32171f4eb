// SPDX-License-Identifier: MIT
// The events of one session that are still kept, and how readers find their place in them.
// Reading never removes anything; only count, bytes and age do.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/session/event.hpp"

namespace bridge::session {

/// A place in one session's log: everything up to and including `seq` has been read. The epoch is
/// drawn once per session, so a cursor of another life of the session is told from one of this.
struct Cursor {
  std::string epoch;
  std::uint64_t seq = 0;
  bool operator==(const Cursor&) const = default;
};

/// "<epoch>:<seq>", or nothing. "0:0" is the beginning of what is kept.
std::optional<Cursor> parse_cursor(std::string_view text);
std::string to_string(const Cursor& cursor);

struct LogLimits {
  std::size_t max_events = 1000;
  std::size_t max_bytes = 256 * 1024;  ///< of rendered frames
  std::chrono::seconds max_age{24 * 3600};
};

/// An event with its frame, rendered once and shared by all readers.
struct LoggedEvent {
  explicit LoggedEvent(Event e)
      : event(std::move(e)), frame(std::make_shared<const std::string>(render(event))) {}
  /// What it counts in a log: a carried event's frame holds only its place.
  std::size_t bytes() const;

  Event event;
  std::shared_ptr<const std::string> frame;
};
using LoggedEventPtr = std::shared_ptr<const LoggedEvent>;

/// Events as a store has read them, which become real when somebody asks for one: most sessions
/// that a process finds at its start are never read again.
class ColdEvents {
 public:
  struct Extent {
    std::uint64_t first_seq = 1;
    std::uint64_t last_seq = 0;  ///< there are none if it is less than the first
    std::size_t bytes = 0;       ///< about what they will count
    Time first_at{};
    std::size_t size() const { return last_seq + 1 - first_seq; }
  };
  virtual ~ColdEvents() = default;
  /// Whether the store has read them. Until then the others wait for it; they throw if it could
  /// not.
  virtual bool at_hand() const = 0;
  virtual const Extent& extent() const = 0;
  /// All of them in order. If one cannot be read, only those after it.
  virtual std::vector<LoggedEventPtr> thaw() const = 0;
};

class EventLog {
 public:
  EventLog() = default;
  /// Requires: `last_seq` is the last of `cold`, unless that turns out to be empty.
  EventLog(std::shared_ptr<const ColdEvents> cold, std::uint64_t last_seq);

  /// Requires: consecutive `seq`, the first being one more than the last that was appended.
  void append(Event event);
  void append(LoggedEventPtr event);
  /// Drops what the limits no longer allow; always keeps the newest event. Nothing yet, if the
  /// events are not at hand.
  void trim(const LogLimits& limits, Time now);

  void drop_before(std::uint64_t seq);

  struct Page {
    std::vector<LoggedEventPtr> events;
    bool recovered = true;  ///< false: another epoch, or what followed the cursor has been trimmed
  };
  /// What follows `after`, or everything that is kept if that place is no longer there.
  Page read(const Cursor& after, std::string_view epoch) const;

  /// The event with that seq, or null if it is not kept.
  LoggedEventPtr find(std::uint64_t seq) const;
  /// False for a moment after a start; until then whatever asks for the first or for one of the
  /// events waits, and `last_seq` is what is known.
  bool at_hand() const { return !cold_ || cold_->at_hand(); }
  std::uint64_t first_seq() const {
    if (cold_size() > 0) return cold_->extent().first_seq;
    return begin_ == events_.size() ? last_seq_ + 1 : front()->event.seq;
  }
  std::uint64_t last_seq() const { return last_seq_; }
  std::size_t size() const { return cold_size() + events_.size() - begin_; }
  std::size_t bytes() const { return bytes_ + (cold_ ? cold_->extent().bytes : 0); }

 private:
  void drop_first();
  void thaw() const;
  const LoggedEventPtr& front() const { return events_[begin_]; }
  std::size_t cold_size() const { return cold_ ? cold_->extent().size() : 0; }
  Time first_at() const { return cold_size() > 0 ? cold_->extent().first_at : front()->event.at; }

  // Reading a log thaws it, which changes nothing that can be seen.
  mutable std::shared_ptr<const ColdEvents> cold_;  ///< those before `events_`; null as a rule
  // A deque would hold 600 bytes for each of thousands of logs that have no event yet.
  mutable std::vector<LoggedEventPtr> events_;
  mutable std::size_t begin_ = 0;  ///< those before it have been dropped
  std::uint64_t last_seq_ = 0;
  mutable std::size_t bytes_ = 0;  ///< of `events_`
};

}  // namespace bridge::session
