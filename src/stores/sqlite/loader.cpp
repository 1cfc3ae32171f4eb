// SPDX-License-Identifier: MIT
#include "stores/sqlite/loader.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "stores/session_codec.hpp"
#include "stores/sqlite/database.hpp"

namespace bridge::stores {
namespace {

using handoff::StoredSession;
using session::BridgeSession;

/// What one more thread costs is as much as so many sessions.
constexpr std::int64_t kSessionsPerThread = 1000;
constexpr std::size_t kMaxThreads = 4;

/// Sessions whose ids are at least `from` and less than `to`; an empty `to` is no bound.
struct Range {
  std::string from, to;
};

/// Ids are hex digits, drawn evenly.
std::vector<Range> split(std::size_t parts) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::vector<Range> ranges;
  std::string from;
  for (std::size_t part = 1; part <= parts; ++part) {
    const std::string to = part == parts ? "" : std::string(1, kDigits[16 * part / parts]);
    ranges.push_back({from, to});
    from = to;
  }
  return ranges;
}

/// The events of one session, row by row as they were stored.
class StoredEvents final : public session::ColdEvents {
 public:
  StoredEvents(std::shared_ptr<const BridgeSession> session,
               std::shared_ptr<const Unreadable> unreadable)
      : session_(std::move(session)), unreadable_(std::move(unreadable)) {}

  std::vector<session::LoggedEventPtr> thaw() const override {
    // The map of the store and whoever reads share what it became.
    if (!bytes_.empty()) decode();
    return events_;
  }

  /// Requires: consecutive rows.
  void fill(std::uint64_t first, const std::vector<std::pair<Time, std::size_t>>& rows,
            const std::string& values) {
    first_seq = first;
    last_seq = first + rows.size() - 1;
    first_at = rows.front().first;
    bytes = values.size();
    rows_ = rows;
    bytes_ = values;
  }

 private:
  void decode() const {
    SessionDecoder decoder(nullptr);
    std::size_t from = 0;
    std::uint64_t seq = first_seq;
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
  std::shared_ptr<const Unreadable> unreadable_;
  mutable std::vector<std::pair<Time, std::size_t>> rows_;  ///< when, and where its value ends
  mutable std::string bytes_;
  mutable std::vector<session::LoggedEventPtr> events_;
};

class PartLoader {
 public:
  PartLoader(const std::string& path, const Sealer* sealer, Range range,
             std::shared_ptr<const Unreadable> unreadable)
      : path_(path),
        decoder_(sealer),
        range_(std::move(range)),
        unreadable_(std::move(unreadable)) {}

  void load(Millis busy) {
    code_ = file_.open(path_, SQLITE_OPEN_READONLY, busy);
    // One view of the file for both tables.
    if (code_ == SQLITE_OK) code_ = file_.run("BEGIN");
    if (code_ == SQLITE_OK) load_states();
    if (code_ == SQLITE_OK) load_events();
    found_.unopened = decoder_.unopened();
  }

  int code() const { return code_; }
  Loaded& found() { return found_; }

 private:
  void load_states() {
    Statement rows = file_.prepare(
        "SELECT id, version, value FROM sessions WHERE id >= ?1 AND (?2 = '' OR id < ?2)");
    rows.bind(1, range_.from).bind(2, range_.to);
    while ((code_ = rows.step()) == SQLITE_ROW) {
      auto state = decoder_.session(rows.text(2));
      const bool fits = state && state->id == rows.text(0) &&
                        state->version == static_cast<std::uint64_t>(rows.integer(1));
      if (!fits) {
        found_.unreadable.emplace_back(rows.text(0));
        continue;
      }
      StoredSession stored;
      stored.state = std::make_shared<const BridgeSession>(std::move(*state));
      found_.sessions.push_back(std::move(stored));
    }
    if (code_ == SQLITE_DONE) code_ = SQLITE_OK;
    std::sort(
        found_.sessions.begin(), found_.sessions.end(),
        [](const StoredSession& a, const StoredSession& b) { return a.state->id < b.state->id; });
  }

  void load_events() {
    Statement rows = file_.prepare(
        "SELECT session, seq, at, value FROM events WHERE session >= ?1 AND (?2 = '' OR session < "
        "?2) ORDER BY session, seq");
    rows.bind(1, range_.from).bind(2, range_.to);
    auto session = found_.sessions.begin();
    while ((code_ = rows.step()) == SQLITE_ROW) {
      const std::string_view id = rows.text(0);
      while (session != found_.sessions.end() && session->state->id < id) finish(*session++);
      if (session == found_.sessions.end()) continue;  // read on: the pages must be sound
      if (session->state->id != id) continue;          // of one that could not be read
      add(static_cast<std::uint64_t>(rows.integer(1)), Time(Millis(rows.integer(2))), rows.text(3));
    }
    if (session != found_.sessions.end()) finish(*session);
    if (code_ == SQLITE_DONE) code_ = SQLITE_OK;
  }

  void add(std::uint64_t seq, Time at, std::string_view bytes) {
    if (!rows_.empty() && seq != first_ + rows_.size()) start_anew();  // as an unreadable one
    if (rows_.empty()) first_ = seq;
    values_.append(bytes);
    rows_.emplace_back(at, values_.size());
    ++found_.events;
  }

  /// The session has no more rows.
  void finish(StoredSession& session) {
    if (rows_.empty()) return;
    auto cold = std::make_shared<StoredEvents>(session.state, unreadable_);
    cold->fill(first_, rows_, values_);
    session.log = session::EventLog(std::move(cold));
    start_anew();
  }
  void start_anew() {
    rows_.clear();
    values_.clear();
  }

  std::string path_;
  Database file_;
  SessionDecoder decoder_;
  Range range_;
  std::shared_ptr<const Unreadable> unreadable_;
  Loaded found_;
  // Of the session whose rows are being read.
  std::uint64_t first_ = 0;
  std::vector<std::pair<Time, std::size_t>> rows_;
  std::string values_;
  int code_ = SQLITE_OK;
};

}  // namespace

Result<Loaded> load_sessions(const std::string& path, const Sealer* sealer, Millis busy,
                             std::shared_ptr<const Unreadable> unreadable) {
  Database file;
  int code = file.open(path, SQLITE_OPEN_READONLY, busy);
  const std::int64_t count =
      code == SQLITE_OK ? file.number("SELECT count(*) FROM sessions", 0, &code) : 0;
  const std::size_t threads = std::clamp<std::size_t>(
      std::min<std::size_t>(std::thread::hardware_concurrency(),
                            static_cast<std::size_t>(count / kSessionsPerThread)),
      1, kMaxThreads);
  std::vector<std::unique_ptr<PartLoader>> parts;
  for (Range& range : split(threads))
    parts.push_back(std::make_unique<PartLoader>(path, sealer, std::move(range), unreadable));
  if (code == SQLITE_OK) {
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < parts.size(); ++i)
      helpers.emplace_back([&part = *parts[i], busy] { part.load(busy); });
    parts.front()->load(busy);
  }
  Loaded all;
  all.sessions.reserve(static_cast<std::size_t>(count));
  for (const auto& part : parts) {
    if (code == SQLITE_OK) code = part->code();
    Loaded& found = part->found();
    std::move(found.sessions.begin(), found.sessions.end(), std::back_inserter(all.sessions));
    all.unreadable.insert(all.unreadable.end(), found.unreadable.begin(), found.unreadable.end());
    all.events += found.events;
    all.unopened += found.unopened;
  }
  if (code != SQLITE_OK)
    return storage_error(path, "cannot be read: " + std::string(reason_of(code)),
                         mend_of(code, path));
  return all;
}

}  // namespace bridge::stores
