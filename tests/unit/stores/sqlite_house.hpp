// SPDX-License-Identifier: MIT
// What the tests of the SQLite store share: a file, stores on it that come and go, and sessions to
// put into it.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <sstream>

#include "bridge/core/random.hpp"
#include "bridge/stores/sqlite_store.hpp"
#include "stores/sqlite/database.hpp"
#include "support/fakes.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"
#include "support/temporary_folder.hpp"

namespace bridge::stores {

using handoff::Commit;
using handoff::Index;
using handoff::SessionStore;
using session::BridgeSession;
using session::State;

inline constexpr Time kNoon{Millis(1'700'000'000'000)};

inline std::string id_of(char digit) { return std::string(32, digit); }

inline BridgeSession a_session(const std::string& id) {
  BridgeSession session;
  session.id = id;
  session.epoch = "e1";
  session.version = 1;
  session.created = session.last_activity = kNoon;
  return session;
}
inline BridgeSession a_session(char digit) { return a_session(id_of(digit)); }

inline session::LoggedEventPtr said(std::uint64_t seq, std::string text) {
  session::Event event;
  event.seq = seq;
  event.at = kNoon;
  session::RepMessageEvent message;
  message.text = std::move(text);
  event.what = message;
  return std::make_shared<const session::LoggedEvent>(event);
}

inline Commit commit_of(BridgeSession session, std::vector<session::LoggedEventPtr> events = {}) {
  Commit commit;
  if (!events.empty()) session.last_seq = events.back()->event.seq;
  commit.next = std::make_shared<const BridgeSession>(std::move(session));
  commit.events = std::move(events);
  return commit;
}

inline std::string bytes_of(const std::string& path) {
  if (!std::filesystem::is_regular_file(path)) return {};
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// All that a thief of the folder would find.
inline std::string all_bytes(const std::string& path) {
  return bytes_of(path) + bytes_of(path + "-wal") + bytes_of(path + "-shm");
}

class SqliteHouse : public testing::Test {
 protected:
  std::string path() const { return folder_.file("sessions.db"); }

  SqliteOptions options() const {
    SqliteOptions options;
    options.path = path();
    options.look = Millis(20);
    options.retry = Millis(20);
    options.busy = Millis(2000);
    return options;
  }
  Result<std::unique_ptr<SqliteStore>> try_open(const SqliteOptions& with) {
    return open_sqlite_store(context.get_executor(), with, logger, metrics);
  }
  std::unique_ptr<SqliteStore> open() { return open(options()); }
  std::unique_ptr<SqliteStore> open(const SqliteOptions& with) {
    auto opened = try_open(with);
    EXPECT_TRUE(opened) << opened.error().to_string() << " " << opened.error().hint();
    return std::move(opened.value());
  }

  void run(const std::function<Task<>()>& body) {
    test::run_coroutine(context, body, std::chrono::seconds(20));
  }
  /// What a commit answers.
  Result<> commit(SessionStore& store, Commit step) {
    Result<> result;
    run([&]() -> Task<> { result = co_await store.commit(std::move(step)); });
    return result;
  }
  Result<> erase(SessionStore& store, const std::string& id) {
    Result<> result;
    run([&]() -> Task<> { result = co_await store.erase(id); });
    return result;
  }
  Result<handoff::StoredSession> load(SessionStore& store, const std::string& id) {
    Result<handoff::StoredSession> result = Error(Errc::internal);
    run([&]() -> Task<> { result = co_await store.load(id); });
    return result;
  }
  std::string found(SessionStore& store, Index index, const std::string& value) {
    std::string id;
    run([&]() -> Task<> {
      auto answer = co_await store.find(index, value);
      if (answer && *answer) id = **answer;
    });
    return id;
  }
  std::vector<std::string> texts(SessionStore& store, const std::string& id) {
    std::vector<std::string> all;
    auto stored = load(store, id);
    EXPECT_TRUE(stored);
    if (!stored) return all;
    for (const auto& event : stored->log.read({"0", 0}, stored->state->epoch).events)
      all.push_back(std::get<session::RepMessageEvent>(event->event.what).text);
    return all;
  }
  /// Puts that many closed sessions of two events into the file, one of them `id_of('f')`. Both
  /// events of each say its id.
  void fill(int sessions) {
    { const auto store = open(); }
    std::string insert = "BEGIN;";
    for (int i = 0; i < sessions; ++i) {
      const std::string id = i == 0 ? id_of('f') : random_hex(16);
      insert += "INSERT INTO sessions VALUES ('" + id + "', 1, 'closed', 5, '{\"id\":\"" + id +
                "\",\"epoch\":\"e1\",\"version\":1,\"last_seq\":2,\"state\":4,"
                "\"last_activity\":5}');";
      for (int seq = 1; seq <= 2; ++seq)
        insert += "INSERT INTO events VALUES ('" + id + "', " + std::to_string(seq) +
                  ", 5, '{\"what\":2,\"text\":\"" + id + "\"}');";
    }
    sql((insert + "COMMIT;").c_str());
  }
  /// Waits until the store has brought something about by itself.
  bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition() && std::chrono::steady_clock::now() < deadline) {
      context.restart();
      context.run_for(std::chrono::milliseconds(5));
    }
    return condition();
  }

  /// Somebody with another program at the file.
  void sql(const char* statement) {
    Database file;
    ASSERT_EQ(file.open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, Millis(2000)),
              SQLITE_OK);
    ASSERT_EQ(file.run(statement), SQLITE_OK) << sqlite3_errmsg(file.get());
  }
  std::int64_t number(const char* query) {
    Database file;
    EXPECT_EQ(file.open(path(), SQLITE_OPEN_READONLY, Millis(2000)), SQLITE_OK);
    return file.number(query, -1);
  }

  asio::io_context context{1};
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;

 private:
  test::TemporaryFolder folder_;
};

/// No file of this process may grow beyond so many bytes: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, SIG_DFL);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

}  // namespace bridge::stores
