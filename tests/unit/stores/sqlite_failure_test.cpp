// SPDX-License-Identifier: MIT
// Disks that are full, files that are not ours or not whole: a clear error, nothing lost that was
// promised, nothing removed.
#include <sys/stat.h>

#include <filesystem>

#include "unit/stores/sqlite_house.hpp"

namespace bridge::stores {
namespace {

class SqliteFailureTest : public SqliteHouse {
 protected:
  /// The error of an open that must fail, which names the file and a mend and changes nothing.
  std::string refused(const SqliteOptions& with) {
    const std::string before = bytes_of(with.path);
    auto opened = try_open(with);
    EXPECT_FALSE(opened);
    if (opened) return {};
    EXPECT_TRUE(opened.error().is(Errc::storage_failed)) << opened.error().to_string();
    EXPECT_NE(opened.error().context().find(with.path), std::string::npos);
    EXPECT_FALSE(opened.error().hint().empty());
    EXPECT_EQ(bytes_of(with.path), before);
    return opened.error().context();
  }
  std::string refused() { return refused(options()); }
  static bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  void write(const std::string& bytes) { std::ofstream(path(), std::ios::binary) << bytes; }
};

TEST_F(SqliteFailureTest, ATextFileIsNoDatabase) {
  write("# a list of things\nnot to be lost\n" + std::string(2000, 'x'));
  EXPECT_TRUE(says(refused(), "not_a_database"));
}

TEST_F(SqliteFailureTest, AnotherProgramsDatabaseIsLeftAlone) {
  sql("CREATE TABLE cookies (host TEXT); INSERT INTO cookies VALUES ('example');");
  EXPECT_TRUE(says(refused(), "another program"));
  sql("PRAGMA application_id = 77");
  EXPECT_TRUE(says(refused(), "another program"));
}

TEST_F(SqliteFailureTest, AnotherProgramsNewDatabaseIsLeftAlone) {
  // All that it has written is in its log.
  Database theirs;
  ASSERT_EQ(theirs.open(path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, Millis(100)),
            SQLITE_OK);
  ASSERT_EQ(theirs.run("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
                       "CREATE TABLE cookies (host TEXT)"),
            SQLITE_OK);
  EXPECT_TRUE(says(refused(), "another program"));
  EXPECT_EQ(theirs.number("SELECT count(*) FROM cookies", -1), 0);
}

TEST_F(SqliteFailureTest, ALaterVersionsFileIsLeftAlone) {
  { const auto store = open(); }
  sql("PRAGMA user_version = 99");
  EXPECT_TRUE(says(refused(), "later version"));
}

TEST_F(SqliteFailureTest, AnEmptyFileIsTaken) {
  write("");
  const auto store = open();
  EXPECT_TRUE(commit(*store, commit_of(a_session('a'))));
}

TEST_F(SqliteFailureTest, ATruncatedFileIsRefused) {
  {
    const auto store = open();
    for (const char digit : {'a', 'b', 'c', 'd'})
      ASSERT_TRUE(commit(*store, commit_of(a_session(digit), {said(1, std::string(9000, digit))})));
  }
  std::filesystem::resize_file(path(), std::filesystem::file_size(path()) / 2);
  EXPECT_TRUE(says(refused(), "corrupt"));
}

TEST_F(SqliteFailureTest, AFolderIsNoFile) {
  SqliteOptions with = options();
  with.path = std::filesystem::path(path()).parent_path().string();
  EXPECT_TRUE(says(refused(with), "is not a file"));
}

TEST_F(SqliteFailureTest, AFolderThatIsNotThereHasToBeMade) {
  SqliteOptions with = options();
  with.path = std::filesystem::path(path()).parent_path().string() + "/none/sessions.db";
  auto opened = try_open(with);
  ASSERT_FALSE(opened);
  EXPECT_TRUE(says(opened.error().hint(), "mkdir -p"));
}

TEST_F(SqliteFailureTest, WhatMayNotBeWrittenIsRefused) {
  if (::geteuid() != 0) {
    { const auto store = open(); }
    ASSERT_EQ(::chmod(path().c_str(), 0400), 0);
    EXPECT_TRUE(says(refused(), "cannot be written"));
    return;
  }
  // Root may write anything; so for this it is somebody else.
  ASSERT_EQ(::chmod(std::filesystem::path(path()).parent_path().c_str(), 0755), 0);
  ASSERT_EQ(::seteuid(65534), 0);
  const std::string new_one = refused();
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_TRUE(says(new_one, "cannot be made"));
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(SqliteFailureTest, WithAFullDiskItDoesNotStart) {
  const FullDisk full(1024);
  auto opened = try_open(options());
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(Errc::storage_failed));
  EXPECT_TRUE(says(opened.error().hint(), "full")) << opened.error().hint();
}

TEST_F(SqliteFailureTest, AFullDiskIsToldAndMendsItself) {
  const auto store = open();
  BridgeSession session = a_session('a');
  ASSERT_TRUE(commit(*store, commit_of(session, {said(1, "one")})));
  session.version = 2;
  const Commit big = commit_of(session, {said(2, std::string(200'000, 'x'))});
  {
    const FullDisk full(std::filesystem::file_size(path() + "-wal"));
    for (int tries = 0; tries < 3; ++tries) {
      const auto refused = commit(*store, big);
      ASSERT_FALSE(refused);
      EXPECT_TRUE(refused.error().is(Errc::storage_failed)) << refused.error().to_string();
      EXPECT_TRUE(refused.error().retry_after());
      EXPECT_FALSE(refused.error().hint().empty());
    }
    EXPECT_EQ(store->degraded(), std::vector<std::string>{"storage_failed"});
    EXPECT_TRUE(logger.contains("store_failed"));
    EXPECT_EQ(load(*store, session.id)->state->version, 1u) << "nobody was shown what is not there";
    EXPECT_EQ(texts(*store, session.id), std::vector<std::string>{"one"});
    EXPECT_FALSE(logger.contains("store_recovered"));
  }
  EXPECT_TRUE(eventually([&] { return store->degraded().empty(); })) << "without any traffic";
  EXPECT_TRUE(logger.contains("store_recovered"));
  EXPECT_TRUE(commit(*store, big)) << "the same step, now written";
  EXPECT_EQ(texts(*store, session.id).size(), 2u);
}

TEST_F(SqliteFailureTest, OneThatDoesNotFitTakesItsGroupWithItAndNoOther) {
  const auto store = open();
  ASSERT_TRUE(commit(*store, commit_of(a_session('a'))));
  {
    const FullDisk full(std::filesystem::file_size(path() + "-wal") + 20'000);
    ASSERT_FALSE(commit(*store, commit_of(a_session('b'), {said(1, std::string(99'000, 'x'))})));
    EXPECT_TRUE(commit(*store, commit_of(a_session('c'))));
    EXPECT_TRUE(store->degraded().empty());
  }
  EXPECT_EQ(number("SELECT count(*) FROM sessions"), 2);
  EXPECT_EQ(number("SELECT count(*) FROM events"), 0);
}

TEST_F(SqliteFailureTest, AFileThatWasTakenAwayIsNotWrittenIntoTheVoid) {
  const auto store = open();
  ASSERT_TRUE(commit(*store, commit_of(a_session('a'))));
  std::filesystem::rename(path(), path() + ".aside");
  BridgeSession next = a_session('a');
  next.version = 2;
  const auto refused = commit(*store, commit_of(next));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::storage_failed));
  EXPECT_TRUE(logger.contains("file_gone"));
  EXPECT_FALSE(std::filesystem::exists(path()));
  std::filesystem::rename(path() + ".aside", path());
  EXPECT_TRUE(eventually([&] { return store->degraded().empty(); }));
  EXPECT_TRUE(commit(*store, commit_of(next)));
}

TEST_F(SqliteFailureTest, SomebodyElsesLockIsWaitedForAndTold) {
  SqliteOptions with = options();
  with.busy = Millis(50);
  const auto store = open(with);
  Database other;
  ASSERT_EQ(other.open(path(), SQLITE_OPEN_READWRITE, Millis(100)), SQLITE_OK);
  ASSERT_EQ(other.run("BEGIN IMMEDIATE"), SQLITE_OK);
  const auto refused = commit(*store, commit_of(a_session('a')));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(logger.contains("reason=busy"));
  ASSERT_EQ(other.run("COMMIT"), SQLITE_OK);
  EXPECT_TRUE(eventually([&] { return store->degraded().empty(); }));
}

TEST_F(SqliteFailureTest, ARowThatCannotBeReadStaysWhereItIs) {
  {
    const auto store = open();
    for (const char digit : {'a', 'b', 'c'})
      ASSERT_TRUE(commit(*store, commit_of(a_session(digit), {said(1, "one")})));
  }
  sql("UPDATE sessions SET value = '{\"id\":7' WHERE id LIKE 'b%'");
  {
    const auto store = open();
    EXPECT_TRUE(load(*store, id_of('a')));
    EXPECT_FALSE(load(*store, id_of('b')));
    EXPECT_TRUE(load(*store, id_of('c')));
    EXPECT_TRUE(logger.contains("session_unreadable session=" + id_of('b')));
    EXPECT_EQ(metrics.counters["sessions_unreadable_total"].value(), 1u);
  }
  EXPECT_EQ(number("SELECT count(*) FROM sessions WHERE value LIKE '{\"id\":7%'"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM events WHERE session LIKE 'b%'"), 1);
}

TEST_F(SqliteFailureTest, AnEventThatCannotBeReadIsNoSilentHole) {
  BridgeSession session = a_session('a');
  session.last_seq = 4;
  {
    const auto store = open();
    ASSERT_TRUE(commit(*store, commit_of(session, {said(1, "one"), said(2, "two"), said(3, "three"),
                                                   said(4, "four")})));
  }
  sql("UPDATE events SET value = 'x' WHERE seq = 2");
  const auto store = open();
  const auto loaded = load(*store, session.id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->log.last_seq(), 4u);
  EXPECT_FALSE(loaded->log.read({"e1", 1}, "e1").recovered);
  EXPECT_TRUE(loaded->log.read({"e1", 2}, "e1").recovered);
  EXPECT_EQ(texts(*store, session.id), (std::vector<std::string>{"three", "four"}));
  EXPECT_TRUE(logger.contains("session_unreadable"));
}

TEST_F(SqliteFailureTest, AMissingEventIsNoSilentHole) {
  BridgeSession session = a_session('a');
  session.last_seq = 3;
  {
    const auto store = open();
    ASSERT_TRUE(
        commit(*store, commit_of(session, {said(1, "one"), said(2, "two"), said(3, "three")})));
  }
  sql("DELETE FROM events WHERE seq = 2");
  const auto store = open();
  const auto loaded = load(*store, session.id);
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->log.read({"e1", 1}, "e1").recovered);
  EXPECT_EQ(texts(*store, session.id), std::vector<std::string>{"three"});
}

TEST_F(SqliteFailureTest, ALargeFileWhoseEventsAreBrokenIsToldAndNobodyHearsThatThereAreNone) {
  fill(3000);
  sql("PRAGMA wal_checkpoint(TRUNCATE)");
  const auto root = number("SELECT rootpage FROM sqlite_master WHERE name = 'events'");
  {
    // The pages of a table have their kind in their first byte.
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp((root - 1) * 4096);
    file.write("nonsense", 8);
  }
  const auto store = open();
  std::optional<Error> told;
  store->when_unreadable([&](Error error) { told = std::move(error); });
  run([&]() -> Task<> { EXPECT_EQ((co_await store->all()).value().size(), 3000u); });
  ASSERT_TRUE(eventually([&] { return told.has_value(); }));
  EXPECT_TRUE(told->is(Errc::storage_failed));
  EXPECT_TRUE(says(told->to_string(), "corrupt")) << told->to_string();
  EXPECT_TRUE(logger.contains("store_unreadable"));
  auto stored = load(*store, id_of('f'));
  ASSERT_TRUE(stored);
  EXPECT_FALSE(stored->log.at_hand());
  EXPECT_THROW((void)stored->log.read({"0", 0}, "e1"), std::runtime_error);
}

TEST_F(SqliteFailureTest, WhoHoldsALogThatNobodyReadBeforeTheStoreWasClosedIsTold) {
  fill(3000);
  auto store = open();
  const auto stored = load(*store, id_of('f'));
  ASSERT_TRUE(stored);
  store.reset();
  EXPECT_FALSE(stored->log.at_hand());
  EXPECT_THROW((void)stored->log.read({"0", 0}, "e1"), std::runtime_error);
}

TEST_F(SqliteFailureTest, ASessionWithoutTheEventsItHadIsTold) {
  {
    const auto store = open();
    ASSERT_TRUE(commit(*store, commit_of(a_session('a'), {said(1, "one"), said(2, "two")})));
  }
  sql("DELETE FROM events WHERE seq = 2");
  const auto store = open();
  EXPECT_TRUE(texts(*store, id_of('a')).empty());
  EXPECT_TRUE(logger.contains("session_unreadable session=" + id_of('a')));
  EXPECT_FALSE(load(*store, id_of('a'))->log.read({"e1", 1}, "e1").recovered);
}

TEST_F(SqliteFailureTest, TheQueueHasABound) {
  SqliteOptions with = options();
  with.max_waiting = 0;
  const auto store = open(with);
  const auto refused = commit(*store, commit_of(a_session('a')));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::overloaded));
}

}  // namespace
}  // namespace bridge::stores
