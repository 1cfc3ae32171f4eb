// SPDX-License-Identifier: MIT
#include "stores/sqlite/events_reader.hpp"

#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "stores/session_codec.hpp"

namespace bridge::stores {
namespace {

using handoff::StoredSession;
using session::BridgeSession;

/// Whether the events of a stretch have been read, for who waits for it.
class Progress {
 public:
  /// `begin` lets the reading begin, if it has not. Both it and `wait` belong to the loop.
  explicit Progress(std::function<void()> begin) : begin_(std::move(begin)) {}
  /// The reader is gone.
  void leave() { begin_ = nullptr; }

  void end(bool well) {
    state_ = well ? State::read : State::failed;
    state_.notify_all();
  }
  bool read() const { return state_ == State::read; }
  void wait() const {
    if (!read() && begin_) begin_();
    state_.wait(State::reading);
    if (!read()) throw std::runtime_error("the events of this session could not be read");
  }

 private:
  enum class State { reading, read, failed };
  std::atomic<State> state_ = State::reading;
  std::function<void()> begin_;
};

}  // namespace

/// The events of one session, row by row as they were stored. Filled by the thread that reads
/// them; from then on it belongs to the loop.
class StoredEvents final : public session::ColdEvents {
 public:
  StoredEvents(std::shared_ptr<const BridgeSession> session,
               std::shared_ptr<const Progress> reading,
               std::shared_ptr<const Unreadable> unreadable)
      : session_(std::move(session)),
        reading_(std::move(reading)),
        unreadable_(std::move(unreadable)) {}

  const std::string& id() const { return session_->id; }
  /// `rows` are consecutive. Without a call there are none.
  void fill(std::uint64_t first, const std::vector<std::pair<Time, std::size_t>>& rows,
            const std::string& values) {
    if (first + rows.size() != session_->last_seq + 1) return;  // not what the session had
    extent_.first_seq = first;
    extent_.last_seq = session_->last_seq;
    extent_.first_at = rows.front().first;
    extent_.bytes = values.size();
    rows_ = rows;
    bytes_ = values;
  }

  bool at_hand() const override { return reading_->read(); }
  const Extent& extent() const override {
    reading_->wait();
    return extent_;
  }
  std::vector<session::LoggedEventPtr> thaw() const override {
    reading_->wait();
    // The newest event is always kept, so there was one.
    if (extent_.size() == 0 && !std::exchange(missed_, true) && unreadable_)
      (*unreadable_)(session_->id);
    // The map of the store and whoever reads share what it became.
    if (!bytes_.empty()) decode();
    return events_;
  }

 private:
  void decode() const {
    SessionDecoder decoder(nullptr);
    std::size_t from = 0;
    std::uint64_t seq = extent_.first_seq;
    for (const auto& [at, end] : rows_) {
      auto event = decoder.event(seq++, at, std::string_view(bytes_).substr(from, end - from));
      from = end;
      if (event) {
        events_.push_back(std::make_shared<const session::LoggedEvent>(std::move(*event)));
        continue;
      }
      // Never a hole in the middle: what stands before it counts as trimmed, which readers are
      // told.
      events_.clear();
      if (unreadable_) (*unreadable_)(session_->id);
    }
    bytes_ = {};
    rows_ = {};
  }

  std::shared_ptr<const BridgeSession> session_;
  std::shared_ptr<const Progress> reading_;
  std::shared_ptr<const Unreadable> unreadable_;
  Extent extent_;
  mutable std::vector<std::pair<Time, std::size_t>> rows_;  ///< when, and where its value ends
  mutable std::string bytes_;
  mutable std::vector<session::LoggedEventPtr> events_;
  mutable bool missed_ = false;
};

/// Sessions that stand beside each other in the order of their ids. Their events are those of all
/// ids that are at least `from` and less than `to`, known or not; an empty `to` is no bound.
struct EventsReader::Stretch {
  Database file;
  std::string from, to;
  std::vector<std::shared_ptr<StoredEvents>> sessions;
  std::shared_ptr<Progress> progress;
  Outcome outcome;
};

EventsReader::EventsReader(std::vector<Database> files, std::vector<StoredSession>& sessions,
                           std::shared_ptr<const Unreadable> unreadable) {
  // Of fewer sessions than threads there is nothing to share.
  const std::size_t parts = sessions.size() < files.size() ? 1 : files.size();
  for (std::size_t part = 0; part < parts; ++part) {
    auto stretch = std::make_unique<Stretch>();
    stretch->file = std::move(files[part]);
    stretch->progress = std::make_shared<Progress>([this] { begin(); });
    const std::size_t from = sessions.size() * part / parts;
    const std::size_t to = sessions.size() * (part + 1) / parts;
    if (part > 0) stretch->from = sessions[from].state->id;
    if (part + 1 < parts) stretch->to = sessions[to].state->id;
    for (StoredSession& stored : std::span(sessions).subspan(from, to - from)) {
      if (stored.state->last_seq == 0) continue;  // it never had an event
      auto events = std::make_shared<StoredEvents>(stored.state, stretch->progress, unreadable);
      stored.log = session::EventLog(events, stored.state->last_seq);
      stretch->sessions.push_back(std::move(events));
    }
    stretches_.push_back(std::move(stretch));
  }
}

EventsReader::~EventsReader() {
  stop_ = true;
  for (const auto& stretch : stretches_) {
    stretch->progress->leave();
    if (threads_.empty()) stretch->progress->end(false);
  }
}

void EventsReader::begin() {
  if (!threads_.empty()) return;
  left_ = stretches_.size();
  for (const auto& stretch : stretches_)
    threads_.emplace_back([this, &one = *stretch] { read(one); });
}

void EventsReader::read(Stretch& stretch) {
  stretch.outcome.code = read_rows(stretch);
  stretch.file = Database();  // its view would keep the log of the file from being emptied
  stretch.progress->end(stretch.outcome.code == SQLITE_OK);
  if (--left_ > 0) return;
  Outcome all;
  for (const auto& one : stretches_) {
    all.events += one->outcome.events;
    if (all.code == SQLITE_OK) all.code = one->outcome.code;
  }
  done_(all);
}

int EventsReader::read_rows(Stretch& stretch) const {
  Statement rows = stretch.file.prepare(
      "SELECT session, seq, at, value FROM events WHERE session >= ?1 AND (?2 = '' OR session < "
      "?2) ORDER BY session, seq");
  rows.bind(1, stretch.from).bind(2, stretch.to);
  // Of the session whose rows are being read.
  std::uint64_t first = 0;
  std::vector<std::pair<Time, std::size_t>> ends;
  std::string values;
  const auto start_anew = [&] {
    ends.clear();
    values.clear();
  };
  auto session = stretch.sessions.begin();
  const auto finish = [&] {
    if (!ends.empty()) (*session)->fill(first, ends, values);
    start_anew();
    ++session;
  };
  int code = SQLITE_OK;
  while ((code = rows.step()) == SQLITE_ROW) {
    if (stop_) return SQLITE_ABORT;
    const std::string_view id = rows.text(0);
    while (session != stretch.sessions.end() && (*session)->id() < id) finish();
    if (session == stretch.sessions.end()) continue;  // read on: the pages must be sound
    if ((*session)->id() != id) continue;             // of one that could not be read
    const auto seq = static_cast<std::uint64_t>(rows.integer(1));
    if (!ends.empty() && seq != first + ends.size()) start_anew();  // as an unreadable one
    if (ends.empty()) first = seq;
    values.append(rows.text(3));
    ends.emplace_back(Time(Millis(rows.integer(2))), values.size());
    ++stretch.outcome.events;
  }
  if (session != stretch.sessions.end()) finish();
  return code == SQLITE_DONE ? SQLITE_OK : code;
}

}  // namespace bridge::stores
