// SPDX-License-Identifier: MIT
#include "bridge/stores/sqlite_store.hpp"

#include <unistd.h>

#include <array>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <unordered_map>
#include <utility>

#include "bridge/core/random.hpp"
#include "stores/session_map.hpp"
#include "stores/sqlite/loader.hpp"
#include "stores/sqlite/writer.hpp"

namespace bridge::stores {
namespace {

using handoff::Commit;
using handoff::Index;
using handoff::StoredSession;
using session::SessionId;

constexpr std::chrono::seconds kComeBack{5};
/// Of fewer the events are read before anybody is served: that takes no time, and a start that
/// fails is the plainest way to say that a file is broken.
constexpr std::size_t kManySessions = 1000;

/// A waiter that is a coroutine.
template <class Handler>
class Resumed final : public Waiter {
 public:
  explicit Resumed(Handler handler) : handler_(std::move(handler)) {}
  void done(Result<> result) override { std::move(handler_)(std::move(result)); }

 private:
  Handler handler_;
};

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

/// From here on the file is ours. Whoever had it finds out with its next transaction.
int take_over(Database& file, const std::string& owner, std::string& before) {
  int code = file.run("BEGIN IMMEDIATE");
  if (code != SQLITE_OK) return code;
  Statement had = file.prepare("SELECT host || ' ' || pid FROM owner");
  if (had.step() == SQLITE_ROW) before = had.text(0);
  had.reset();
  const std::string host = host_name();
  const auto now = SystemTime().now().time_since_epoch().count();
  Statement take = file.prepare(
      "INSERT OR REPLACE INTO owner (row, id, host, pid, since) VALUES (1, ?1, ?2, ?3, ?4)");
  code = take.bind(1, owner).bind(2, host).bind(3, std::int64_t{::getpid()}).bind(4, now).run();
  // What the one before did not finish falls to us.
  if (code == SQLITE_OK) code = file.run("UPDATE errands SET taken = 0");
  if (code == SQLITE_OK) code = file.run("COMMIT");
  file.roll_back();
  return code;
}

/// What belongs to the loop. Reports of the writer reach it only while the store is there.
class Loop {
 public:
  Loop(SqliteOptions o, Logger& l, Metrics& m)
      : options(std::move(o)), logger(l), metrics(m), failing_now(m.gauge("store_failing")) {}

  /// The version that the session will have once everything that is under way is written.
  std::uint64_t version(const SessionId& id) const {
    const auto found = under_way.find(id);
    return found == under_way.end() ? sessions.version(id) : found->second.version;
  }
  void begin(const Job& job) {
    UnderWay& way = under_way[job.session()];
    way.version = job.erased.empty() ? job.commit.next->version : 0;
    ++way.jobs;
    ++waiting;
  }
  void note_unreadable(const SessionId& id) {
    logger.error("session_unreadable", {{"session", id}, {"path", options.path}});
    metrics.counter("sessions_unreadable_total").add();
  }
  void take(Report report);
  void events_read(const EventsReader::Outcome& outcome,
                   std::chrono::steady_clock::time_point began);
  Error unreadable(int code) const {
    return storage_error(options.path, "cannot be read: " + std::string(reason_of(code)),
                         mend_of(code, options.path));
  }
  Error refusal(Errc code) const;

  struct UnderWay {
    std::uint64_t version = 0;
    int jobs = 0;
  };

  const SqliteOptions options;
  Logger& logger;
  Metrics& metrics;
  Gauge& failing_now;
  SessionMap sessions;  ///< what is in the file
  std::unordered_map<SessionId, UnderWay> under_way;
  std::size_t waiting = 0;
  bool failing = false;
  bool superseded = false;
  std::function<void()> on_superseded;
  std::function<void(Error)> on_unreadable;
  std::function<void(std::vector<SessionId>)> on_forget;

 private:
  void end(const Job& job) {
    --waiting;
    const auto found = under_way.find(job.session());
    if (--found->second.jobs == 0) under_way.erase(found);
  }
  void note(const Report& report);
};

Error Loop::refusal(Errc code) const {
  if (code == Errc::conflict) return Error(code, "session version");
  if (code == Errc::superseded)
    return Error(code, "another process serves these sessions now")
        .with_retry_after(kComeBack)
        .with_hint("Try again; the other process answers.");
  if (code == Errc::overloaded)
    return Error(code, "too much waits to be stored").with_retry_after(kComeBack);
  return Error(code, "sessions cannot be stored at the moment")
      .with_retry_after(kComeBack)
      .with_hint("Nothing of this was done. The bridge's log says why: store_failed.");
}

void Loop::take(Report report) {
  // First everything that is true now, then those who act upon it.
  for (const auto& job : report.group) {
    end(*job);
    if (!job->written()) continue;
    if (job->erased.empty()) {
      sessions.apply(job->commit);
    } else {
      sessions.erase(job->erased);
    }
  }
  note(report);
  for (const auto& job : report.group) {
    Result<> result;
    if (!job->written()) result = refusal(job->result);
    job->waiter->done(std::move(result));
  }
  if (report.superseded && on_superseded) std::exchange(on_superseded, nullptr)();
  if (!report.errands.empty() && on_forget) on_forget(std::move(report.errands));
}

void Loop::note(const Report& report) {
  if (report.superseded) {
    superseded = true;
    logger.warning("store_superseded", {{"path", options.path},
                                        {"hint", "Another process has taken the sessions over."}});
  }
  if (!report.tried || superseded) return;
  if (report.code != SQLITE_OK) {
    failing = true;
    failing_now.set(1);
    metrics.counter("store_failures_total", {{"reason", std::string(reason_of(report.code))}})
        .add();
    logger.error("store_failed", {{"path", options.path},
                                  {"reason", reason_of(report.code)},
                                  {"commits", report.group.size()},
                                  {"hint", mend_of(report.code, options.path)}});
  } else if (std::exchange(failing, false)) {
    failing_now.set(0);
    logger.info("store_recovered", {{"path", options.path}});
  }
}

void Loop::events_read(const EventsReader::Outcome& outcome,
                       std::chrono::steady_clock::time_point began) {
  if (outcome.code == SQLITE_OK) {
    const auto took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - began);
    logger.info("store_events_read", {{"events", outcome.events}, {"ms", took.count()}});
    return;
  }
  logger.error("store_unreadable", {{"path", options.path},
                                    {"reason", reason_of(outcome.code)},
                                    {"hint", mend_of(outcome.code, options.path)}});
  if (on_unreadable) std::exchange(on_unreadable, nullptr)(unreadable(outcome.code));
}

class SqliteStoreImpl final : public SqliteStore {
 public:
  SqliteStoreImpl(asio::any_io_executor executor, std::shared_ptr<Loop> loop, Database file,
                  std::string owner, std::unique_ptr<EventsReader> events)
      : loop_(std::move(loop)),
        events_(std::move(events)),
        executor_(executor),
        writer_(std::move(file), loop_->options, std::move(owner),
                [executor = std::move(executor), weak = std::weak_ptr<Loop>(loop_)](Report report) {
                  asio::post(executor, [weak, report = std::move(report)]() mutable {
                    if (const auto there = weak.lock()) there->take(std::move(report));
                  });
                }) {}

  Task<Result<StoredSession>> load(SessionId id) override {
    const StoredSession* stored = loop_->sessions.find(id);
    if (!stored) co_return Error(Errc::not_found, "session");
    co_return *stored;
  }

  Task<Result<>> commit(Commit commit) override {
    if (loop_->superseded) co_return loop_->refusal(Errc::superseded);
    if (loop_->version(commit.next->id) + 1 != commit.next->version)
      co_return loop_->refusal(Errc::conflict);
    if (loop_->waiting >= loop_->options.max_waiting) co_return loop_->refusal(Errc::overloaded);
    auto job = std::make_unique<Job>();
    const StoredSession* stored = loop_->sessions.find(commit.next->id);
    job->drops =
        stored && commit.first_kept_seq > 0 && stored->log.first_seq() < commit.first_kept_seq;
    job->commit = std::move(commit);
    co_return co_await written(std::move(job));
  }

  Task<Result<std::optional<SessionId>>> find(Index index, std::string value) override {
    co_return loop_->sessions.find(index, value);
  }

  Task<Result<>> erase(SessionId id) override {
    if (loop_->superseded) co_return loop_->refusal(Errc::superseded);
    // Also what is not in the map: a row that could not be read is erased by its id.
    auto job = std::make_unique<Job>();
    job->erased = std::move(id);
    co_return co_await written(std::move(job));
  }

  Task<Result<std::vector<SessionId>>> oldest(session::State state, std::size_t limit) override {
    co_return loop_->sessions.oldest(state, limit);
  }
  Task<Result<std::vector<StoredSession>>> all() override {
    // With the loop's next turn: a start takes them in first, with the machine for itself.
    asio::post(executor_, [weak = std::weak_ptr<EventsReader>(events_)] {
      if (const auto there = weak.lock()) there->begin();
    });
    co_return loop_->sessions.all();
  }
  Task<Result<std::size_t>> count() override { co_return loop_->sessions.size(); }

  std::vector<std::string> degraded() const override {
    std::vector<std::string> reasons;
    if (loop_->failing) reasons.emplace_back("storage_failed");
    return reasons;
  }

  void when_superseded(std::function<void()> told) override {
    loop_->on_superseded = std::move(told);
    if (loop_->superseded && loop_->on_superseded) std::exchange(loop_->on_superseded, nullptr)();
  }
  void when_unreadable(std::function<void(Error)> told) override {
    loop_->on_unreadable = std::move(told);
  }
  void when_asked_to_forget(std::function<void(std::vector<SessionId>)> told) override {
    loop_->on_forget = std::move(told);
  }

 private:
  /// Resumes once the job is in the file, or is not going to be.
  Task<Result<>> written(std::unique_ptr<Job> job) {
    events_->begin();  // until it has ended, what is written cannot leave the file's log
    return asio::async_initiate<decltype(asio::use_awaitable), void(Result<>)>(
        [this](auto handler, std::unique_ptr<Job> queued) {
          using Handler = std::decay_t<decltype(handler)>;
          queued->waiter = std::make_unique<Resumed<Handler>>(std::move(handler));
          loop_->begin(*queued);
          writer_.add(std::move(queued));
        },
        asio::use_awaitable, std::move(job));
  }

  std::shared_ptr<Loop> loop_;
  std::shared_ptr<EventsReader> events_;
  asio::any_io_executor executor_;
  Writer writer_;
};

}  // namespace

bool has_sqlite() { return true; }

Result<std::unique_ptr<SqliteStore>> open_sqlite_store(const asio::any_io_executor& executor,
                                                       SqliteOptions options, Logger& logger,
                                                       Metrics& metrics) {
  const auto began = std::chrono::steady_clock::now();
  auto file = open_session_file(options.path, true, options.busy);
  if (!file) return file.error();
  const std::string owner = random_hex(16);
  std::string before;
  if (const int code = take_over(*file, owner, before); code != SQLITE_OK)
    return storage_error(options.path, "cannot be written: " + std::string(reason_of(code)),
                         mend_of(code, options.path));
  auto loop = std::make_shared<Loop>(std::move(options), logger, metrics);
  auto unreadable =
      std::make_shared<const Unreadable>([weak = std::weak_ptr<Loop>(loop)](const SessionId& id) {
        if (const auto there = weak.lock()) there->note_unreadable(id);
      });
  auto loaded = load_sessions(loop->options.path, loop->options.sealer, loop->options.busy,
                              std::move(unreadable));
  if (!loaded) return loaded.error();
  loop->sessions.reserve(loaded->sessions.size());
  for (StoredSession& stored : loaded->sessions) loop->sessions.put(std::move(stored));
  for (const SessionId& id : loaded->unreadable) loop->note_unreadable(id);
  if (loaded->unopened > 0)
    logger.warning("service_url_sealed",
                   {{"count", loaded->unopened},
                    {"hint", "STORE_KEY is not the key that they were stored with."}});
  const auto took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - began);
  logger.info("store_opened", {{"path", loop->options.path},
                               {"sessions", loaded->sessions.size()},
                               {"taken_from", before},
                               {"ms", took.count()}});
  if (loaded->sessions.size() < kManySessions) {
    const auto read = std::make_shared<std::promise<EventsReader::Outcome>>();
    loaded->events->when_done([read](EventsReader::Outcome outcome) { read->set_value(outcome); });
    loaded->events->begin();
    const EventsReader::Outcome outcome = read->get_future().get();
    if (outcome.code != SQLITE_OK) return loop->unreadable(outcome.code);
    loop->events_read(outcome, began);
  } else {
    loaded->events->when_done(
        [executor, weak = std::weak_ptr<Loop>(loop), began](EventsReader::Outcome outcome) {
          asio::post(executor, [weak, outcome, began] {
            if (const auto there = weak.lock()) there->events_read(outcome, began);
          });
        });
  }
  return std::unique_ptr<SqliteStore>(std::make_unique<SqliteStoreImpl>(
      executor, std::move(loop), std::move(*file), owner, std::move(loaded->events)));
}

}  // namespace bridge::stores
