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
  virtual ~ColdEvents() = default;
  /// All of them in order. If one cannot be read, only those after it.
  virtual std::vector<LoggedEventPtr> thaw() const = 0;

  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::size_t bytes = 0;  ///< about what they will count
  Time first_at{};
};

class EventLog {
 public:
  EventLog() = default;
  /// Requires: at least one event.
  explicit EventLog(std::shared_ptr<const ColdEvents> cold);

  /// Requires: consecutive `seq`, the first being one more than the last that was appended.
  void append(Event event);
  void append(LoggedEventPtr event);
  /// Drops what the limits no longer allow; always keeps the newest event.
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
  std::uint64_t first_seq() const {
    if (cold_) return cold_->first_seq;
    return size() == 0 ? last_seq_ + 1 : front()->event.seq;
  }
  std::uint64_t last_seq() const { return last_seq_; }
  std::size_t size() const {
    const std::size_t cold = cold_ ? cold_->last_seq - cold_->first_seq + 1 : 0;
    return cold + events_.size() - begin_;
  }
  std::size_t bytes() const { return bytes_; }

 private:
  void drop_first();
  void thaw() const;
  const LoggedEventPtr& front() const { return events_[begin_]; }
  Time first_at() const { return cold_ ? cold_->first_at : front()->event.at; }

  // Reading a log thaws it, which changes nothing that can be seen.
  mutable std::shared_ptr<const ColdEvents> cold_;  ///< those before `events_`; null as a rule
  // A deque would hold 600 bytes for each of thousands of logs that have no event yet.
  mutable std::vector<LoggedEventPtr> events_;
  mutable std::size_t begin_ = 0;  ///< those before it have been dropped
  std::uint64_t last_seq_ = 0;
  mutable std::size_t bytes_ = 0;
};

}  // namespace bridge::session
