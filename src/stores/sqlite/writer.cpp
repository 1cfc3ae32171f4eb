// SPDX-License-Identifier: MIT
#include "stores/sqlite/writer.hpp"

#include <algorithm>
#include <utility>

#include "stores/session_codec.hpp"

namespace bridge::stores {
namespace {

/// After an erasure and so long a silence the log, which may hold what was erased, is emptied.
constexpr std::chrono::seconds kLogRest{10};
/// Errands that are not done after so long are told again.
constexpr std::chrono::seconds kRemind{30};

}  // namespace

Writer::Writer(Database file, const SqliteOptions& options, std::string owner,
               std::function<void(Report)> report)
    : options_(options),
      owner_(std::move(owner)),
      report_(std::move(report)),
      file_(std::move(file)),
      begin_(file_.prepare("BEGIN IMMEDIATE")),
      commit_(file_.prepare("COMMIT")),
      owned_(file_.prepare("SELECT id FROM owner")),
      create_(file_.prepare("INSERT INTO sessions (id, version, state, last_activity, value) "
                            "VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING")),
      update_(file_.prepare("UPDATE sessions SET version = ?2, state = ?3, last_activity = ?4, "
                            "value = ?5 WHERE id = ?1 AND version = ?2 - 1")),
      append_(file_.prepare("INSERT OR REPLACE INTO events (session, seq, at, value) "
                            "VALUES (?1, ?2, ?3, ?4)")),
      drop_(file_.prepare("DELETE FROM events WHERE session = ?1 AND seq < ?2")),
      erase_(file_.prepare("DELETE FROM sessions WHERE id = ?1")),
      erase_events_(file_.prepare("DELETE FROM events WHERE session = ?1")),
      data_version_(file_.prepare("PRAGMA data_version")),
      touch_(file_.prepare("UPDATE owner SET tried = tried + 1 WHERE id = ?1")),
      thread_([this] { run(); }) {}

Writer::~Writer() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Writer::add(std::unique_ptr<Job> job) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void Writer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait_for(lock, options_.look, [&] { return ending_ || !queue_.empty(); });
    if (queue_.empty() && ending_) break;
    Group group;
    while (!queue_.empty() && group.size() < options_.max_group) {
      group.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    lock.unlock();
    if (!group.empty()) write(std::move(group));
    const auto now = Steady::now();
    if (!superseded_ && now >= next_look_) {
      next_look_ = now + options_.look;
      look();
    }
    lock.lock();
  }
  lock.unlock();
  if (superseded_) return;
  // Nobody has to wait for us, and nothing that was erased stays behind.
  Statement leave = file_.prepare("DELETE FROM owner WHERE id = ?1");
  (void)leave.bind(1, owner_).run();
  if (erased_) (void)file_.empty_log();
}

bool Writer::is_owner(int& code) {
  code = owned_.step();
  const bool ours = code == SQLITE_ROW && owned_.text(0) == owner_;
  const bool sure = code == SQLITE_ROW || code == SQLITE_DONE;
  owned_.reset();
  if (sure) code = SQLITE_OK;
  if (sure && !ours) superseded_ = true;
  return ours;
}

void Writer::write(Group group) {
  Report report;
  report.tried = true;
  const bool before = superseded_;
  if (!superseded_) {
    report.code = transact(group);
    file_.roll_back();
    last_try_ = Steady::now();
    failing_ = report.code != SQLITE_OK;
  }
  if (superseded_ || report.code != SQLITE_OK)
    for (const auto& job : group)
      job->result = superseded_ ? Errc::superseded : Errc::storage_failed;
  report.superseded = superseded_ && !before;
  report.group = std::move(group);
  tell(std::move(report));
}

int Writer::transact(Group& group) {
  if (file_.has_moved()) return kFileGone;
  int code = begin_.run();
  if (code != SQLITE_OK) return code;
  if (!is_owner(code)) return code;
  for (const auto& job : group) {
    code = write_job(*job);
    if (code != SQLITE_OK) return code;
  }
  return commit_.run();
}

int Writer::write_job(Job& job) {
  if (!job.erased.empty()) {
    erased_ = true;
    last_erased_ = Steady::now();
    const int code = erase_.bind(1, job.erased).run();
    return code == SQLITE_OK ? erase_events_.bind(1, job.erased).run() : code;
  }
  const session::BridgeSession& next = *job.commit.next;
  const std::string value = encode(next, options_.sealer);
  int code = (next.version == 1 ? create_ : update_)
                 .bind(1, next.id)
                 .bind(2, static_cast<std::int64_t>(next.version))
                 .bind(3, session::to_string(next.state))
                 .bind(4, next.last_activity.time_since_epoch().count())
                 .bind(5, value)
                 .run();
  if (code != SQLITE_OK) return code;
  if (sqlite3_changes(file_.get()) == 0) {  // another writer was faster, or a step before failed
    job.result = Errc::conflict;
    return SQLITE_OK;
  }
  for (const session::LoggedEventPtr& event : job.commit.events) {
    const std::string said = encode(event->event);
    code = append_.bind(1, next.id)
               .bind(2, static_cast<std::int64_t>(event->event.seq))
               .bind(3, event->event.at.time_since_epoch().count())
               .bind(4, said)
               .run();
    if (code != SQLITE_OK) return code;
  }
  if (!job.drops) return SQLITE_OK;
  return drop_.bind(1, next.id).bind(2, static_cast<std::int64_t>(job.commit.first_kept_seq)).run();
}

void Writer::look() {
  if (failing_) {
    try_again();
    return;
  }
  // Says without reading a table whether another process has written since.
  int code = data_version_.step();
  const std::int64_t version = code == SQLITE_ROW ? data_version_.integer(0) : -1;
  data_version_.reset();
  if (version != seen_version_ || version < 0) {
    seen_version_ = version;
    Report report;
    if (is_owner(code)) {
      code = take_errands(report.errands);
      if (code != SQLITE_OK) seen_version_ = -1;
    }
    report.superseded = superseded_;
    if (report.superseded || !report.errands.empty()) tell(std::move(report));
  }
  if (superseded_) return;
  if (errands_open_) {
    finish_errands();
  } else if (erased_ && Steady::now() - last_erased_ > kLogRest) {
    clean_log();
  }
}

/// Somebody has to notice that it works again, also when nobody says anything.
void Writer::try_again() {
  if (Steady::now() - last_try_ < options_.retry) return;
  last_try_ = Steady::now();
  Report report;
  report.tried = true;
  Group nothing;
  report.code = transact(nothing);
  if (report.code == SQLITE_OK && !superseded_) {
    // A transaction that changes nothing would not reach the disk.
    report.code = begin_.run();
    if (report.code == SQLITE_OK) report.code = touch_.bind(1, owner_).run();
    if (report.code == SQLITE_OK) report.code = commit_.run();
  }
  file_.roll_back();
  failing_ = report.code != SQLITE_OK;
  report.superseded = superseded_;
  tell(std::move(report));
}

int Writer::take_errands(std::vector<session::SessionId>& ids) {
  int code = SQLITE_OK;
  if (file_.number("SELECT count(*) FROM errands WHERE taken = 0", 0, &code) == 0) return code;
  code = begin_.run();
  if (code == SQLITE_OK && is_owner(code)) {
    Statement waiting = file_.prepare("SELECT DISTINCT session FROM errands WHERE taken = 0");
    while ((code = waiting.step()) == SQLITE_ROW) ids.emplace_back(waiting.text(0));
    waiting.reset();
    if (code == SQLITE_DONE) code = file_.run("UPDATE errands SET taken = 1");
    if (code == SQLITE_OK) code = commit_.run();
  }
  file_.roll_back();
  if (code == SQLITE_OK && !superseded_) {
    errands_open_ = true;
    errands_told_ = Steady::now();
  } else {
    ids.clear();
  }
  return code;
}

/// Done are those whose session is gone, once the log does not hold it either.
void Writer::finish_errands() {
  constexpr const char* kDone = "taken = 1 AND session NOT IN (SELECT id FROM sessions)";
  const std::string done(kDone);
  int code = SQLITE_OK;
  if (file_.number(("SELECT count(*) FROM errands WHERE " + done).c_str(), 0, &code) > 0 &&
      file_.empty_log()) {
    erased_ = false;
    code = begin_.run();
    if (code == SQLITE_OK && is_owner(code)) {
      code = file_.run(("DELETE FROM errands WHERE " + done).c_str());
      if (code == SQLITE_OK) code = commit_.run();
    }
    file_.roll_back();
  }
  errands_open_ = file_.number("SELECT count(*) FROM errands WHERE taken = 1", 1) > 0;
  if (!errands_open_ || Steady::now() - errands_told_ < kRemind) return;
  errands_told_ = Steady::now();
  Report report;
  Statement open = file_.prepare("SELECT DISTINCT session FROM errands WHERE taken = 1");
  while (open.step() == SQLITE_ROW) report.errands.emplace_back(open.text(0));
  tell(std::move(report));
}

void Writer::clean_log() {
  {
    const std::lock_guard lock(mutex_);
    if (!queue_.empty()) return;
  }
  if (file_.empty_log()) erased_ = false;
  last_erased_ = Steady::now();
}

void Writer::tell(Report report) { report_(std::move(report)); }

}  // namespace bridge::stores
