// SPDX-License-Identifier: MIT
#include "stores/sqlite/loader.hpp"

#include <algorithm>
#include <span>
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

/// Rows of the table of sessions, both included.
struct Rows {
  std::int64_t from = 0, upto = -1;
};

/// Sessions that stand beside each other in the order of their ids. Their events are those of all
/// ids that are at least `from` and less than `to`, known or not; an empty `to` is no bound.
struct Stretch {
  std::string from, to;
  std::span<StoredSession> sessions;
};

bool by_id(const StoredSession& a, const StoredSession& b) { return a.state->id < b.state->id; }

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

/// What one thread reads, with a connection of its own.
class PartLoader {
 public:
  PartLoader(const std::string& path, const Sealer* sealer,
             std::shared_ptr<const Unreadable> unreadable)
      : path_(path), decoder_(sealer), unreadable_(std::move(unreadable)) {}

  void open(Millis busy) {
    code_ = file_.open(path_, SQLITE_OPEN_READONLY, busy);
    // Every page is read once: a system call for each costs more than its rows.
    if (code_ == SQLITE_OK) code_ = file_.run("PRAGMA mmap_size = 1073741824");
    // One view of the file for both tables.
    if (code_ == SQLITE_OK) code_ = file_.run("BEGIN");
  }
  /// In the order in which they stand in the file: by their ids each would cost a page of its own.
  void load_states(Rows which);
  void load_events(const Stretch& which);

  int code() const { return code_; }
  /// Sorted by their ids.
  Loaded& found() { return found_; }

 private:
  void add(std::uint64_t seq, Time at, std::string_view bytes);
  void finish(StoredSession& session);
  void start_anew() {
    rows_.clear();
    values_.clear();
  }

  std::string path_;
  Database file_;
  SessionDecoder decoder_;
  std::shared_ptr<const Unreadable> unreadable_;
  Loaded found_;
  // Of the session whose rows are being read.
  std::uint64_t first_ = 0;
  std::vector<std::pair<Time, std::size_t>> rows_;
  std::string values_;
  int code_ = SQLITE_OK;
};

void PartLoader::load_states(Rows which) {
  if (code_ != SQLITE_OK) return;
  Statement rows =
      file_.prepare("SELECT id, version, value FROM sessions WHERE rowid BETWEEN ?1 AND ?2");
  rows.bind(1, which.from).bind(2, which.upto);
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
  found_.unopened = decoder_.unopened();
  std::sort(found_.sessions.begin(), found_.sessions.end(), by_id);
}

void PartLoader::load_events(const Stretch& which) {
  if (code_ != SQLITE_OK) return;
  Statement rows = file_.prepare(
      "SELECT session, seq, at, value FROM events WHERE session >= ?1 AND (?2 = '' OR session < "
      "?2) ORDER BY session, seq");
  rows.bind(1, which.from).bind(2, which.to);
  auto session = which.sessions.begin();
  while ((code_ = rows.step()) == SQLITE_ROW) {
    const std::string_view id = rows.text(0);
    while (session != which.sessions.end() && session->state->id < id) finish(*session++);
    if (session == which.sessions.end()) continue;  // read on: the pages must be sound
    if (session->state->id != id) continue;         // of one that could not be read
    add(static_cast<std::uint64_t>(rows.integer(1)), Time(Millis(rows.integer(2))), rows.text(3));
  }
  if (session != which.sessions.end()) finish(*session);
  if (code_ == SQLITE_DONE) code_ = SQLITE_OK;
}

void PartLoader::add(std::uint64_t seq, Time at, std::string_view bytes) {
  if (!rows_.empty() && seq != first_ + rows_.size()) start_anew();  // as an unreadable one
  if (rows_.empty()) first_ = seq;
  values_.append(bytes);
  rows_.emplace_back(at, values_.size());
  ++found_.events;
}

/// The session has no more rows.
void PartLoader::finish(StoredSession& session) {
  if (rows_.empty()) return;
  auto cold = std::make_shared<StoredEvents>(session.state, unreadable_);
  cold->fill(first_, rows_, values_);
  session.log = session::EventLog(std::move(cold));
  start_anew();
}

using Parts = std::vector<std::unique_ptr<PartLoader>>;

/// Each part's work on a thread of its own; the caller's is the first one's.
template <class Work>
void together(const Parts& parts, Work work) {
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < parts.size(); ++i)
    helpers.emplace_back([&work, i, &part = *parts[i]] { work(part, i); });
  work(*parts.front(), 0);
}

/// As many rows for each, all in all from `first` to `last`.
Rows share_of(std::int64_t first, std::int64_t last, std::size_t part, std::size_t parts) {
  const auto upto = [&](std::size_t n) {
    return first +
           (last - first + 1) / static_cast<std::int64_t>(parts) * static_cast<std::int64_t>(n);
  };
  return {upto(part), part + 1 == parts ? last : upto(part + 1) - 1};
}

std::vector<Stretch> split(std::span<StoredSession> sorted, std::size_t parts) {
  std::vector<Stretch> stretches(parts);
  for (std::size_t part = 0; part < parts; ++part) {
    const std::size_t from = sorted.size() * part / parts;
    const std::size_t to = sorted.size() * (part + 1) / parts;
    stretches[part].sessions = sorted.subspan(from, to - from);
    if (part > 0) stretches[part].from = sorted[from].state->id;
    if (part + 1 < parts) stretches[part].to = sorted[to].state->id;
  }
  return stretches;
}

}  // namespace

Result<Loaded> load_sessions(const std::string& path, const Sealer* sealer, Millis busy,
                             std::shared_ptr<const Unreadable> unreadable) {
  const auto failed = [&path](int code) {
    return storage_error(path, "cannot be read: " + std::string(reason_of(code)),
                         mend_of(code, path));
  };
  Database file;
  int code = file.open(path, SQLITE_OPEN_READONLY, busy);
  if (code != SQLITE_OK) return failed(code);
  const std::int64_t first = file.number("SELECT ifnull(min(rowid), 0) FROM sessions", 0, &code);
  if (code != SQLITE_OK) return failed(code);
  const std::int64_t last = file.number("SELECT ifnull(max(rowid), -1) FROM sessions", 0, &code);
  if (code != SQLITE_OK) return failed(code);
  const std::size_t threads = std::clamp<std::size_t>(
      std::min<std::size_t>(std::thread::hardware_concurrency(),
                            static_cast<std::size_t>((last - first) / kSessionsPerThread)),
      1, kMaxThreads);

  Parts parts;
  while (parts.size() < threads)
    parts.push_back(std::make_unique<PartLoader>(path, sealer, unreadable));
  together(parts, [&](PartLoader& part, std::size_t i) {
    part.open(busy);
    part.load_states(share_of(first, last, i, threads));
  });
  Loaded all;
  std::size_t found = 0;
  for (const auto& part : parts) found += part->found().sessions.size();
  all.sessions.reserve(found);
  for (const auto& part : parts) {
    if (part->code() != SQLITE_OK) return failed(part->code());
    Loaded& own = part->found();
    const auto sorted = static_cast<std::ptrdiff_t>(all.sessions.size());
    std::move(own.sessions.begin(), own.sessions.end(), std::back_inserter(all.sessions));
    std::inplace_merge(all.sessions.begin(), all.sessions.begin() + sorted, all.sessions.end(),
                       by_id);
    all.unreadable.insert(all.unreadable.end(), own.unreadable.begin(), own.unreadable.end());
    all.unopened += own.unopened;
  }

  // Of too few sessions that could be read there is nothing to share.
  const std::vector<Stretch> stretches =
      split(all.sessions, all.sessions.size() < threads ? 1 : threads);
  parts.resize(stretches.size());
  together(parts, [&](PartLoader& part, std::size_t i) { part.load_events(stretches[i]); });
  for (const auto& part : parts) {
    if (part->code() != SQLITE_OK) return failed(part->code());
    all.events += part->found().events;
  }
  return all;
}

}  // namespace bridge::stores
