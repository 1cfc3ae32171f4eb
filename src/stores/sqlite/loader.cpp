// SPDX-License-Identifier: MIT
#include "stores/sqlite/loader.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "stores/session_codec.hpp"

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

bool by_id(const StoredSession& a, const StoredSession& b) { return a.state->id < b.state->id; }

/// What one thread reads, with a connection of its own.
class PartLoader {
 public:
  PartLoader(const std::string& path, const Sealer* sealer) : path_(path), decoder_(sealer) {}

  void open(Millis busy) {
    code_ = file_.open(path_, SQLITE_OPEN_READONLY, busy);
    // One view of the file for both tables.
    if (code_ == SQLITE_OK) code_ = file_.run("BEGIN");
  }
  /// In the order in which they stand in the file: by their ids each would cost a page of its own.
  void load_states(Rows which);

  int code() const { return code_; }
  /// Sorted by their ids.
  Loaded& found() { return found_; }
  Database& file() { return file_; }

 private:
  std::string path_;
  Database file_;
  SessionDecoder decoder_;
  Loaded found_;
  int code_ = SQLITE_OK;
};

void PartLoader::load_states(Rows which) {
  if (code_ != SQLITE_OK) return;
  Statement rows =
      file_.prepare("SELECT id, version, value FROM sessions WHERE rowid BETWEEN ?1 AND ?2");
  rows.bind(1, which.from).bind(2, which.upto);
  while ((code_ = rows.step()) == SQLITE_ROW) {
    auto state = std::make_shared<BridgeSession>();
    const bool fits = decoder_.session(rows.text(2), *state) && state->id == rows.text(0) &&
                      state->version == static_cast<std::uint64_t>(rows.integer(1));
    if (!fits) {
      found_.unreadable.emplace_back(rows.text(0));
      continue;
    }
    StoredSession stored;
    stored.state = std::move(state);
    found_.sessions.push_back(std::move(stored));
  }
  if (code_ == SQLITE_DONE) code_ = SQLITE_OK;
  found_.unopened = decoder_.unopened();
  std::sort(found_.sessions.begin(), found_.sessions.end(), by_id);
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
  while (parts.size() < threads) parts.push_back(std::make_unique<PartLoader>(path, sealer));
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

  // The connections go on with the view of the file that they have.
  std::vector<Database> files;
  for (const auto& part : parts) files.push_back(std::move(part->file()));
  if (files.size() > 1) files.pop_back();  // a core for who serves meanwhile
  all.events =
      std::make_unique<EventsReader>(std::move(files), all.sessions, std::move(unreadable));
  return all;
}

}  // namespace bridge::stores
