// SPDX-License-Identifier: MIT
// `forget`: who is meant, who erases, and what is left afterwards.
#include <thread>

#include "unit/stores/sqlite_house.hpp"

namespace bridge::stores {
namespace {

const std::string kCanary = "the canary says something private";

class SqliteForgetTest : public SqliteHouse {
 protected:
  void fill(SessionStore& store) {
    for (const char digit : {'a', 'b', 'c', 'd'}) {
      BridgeSession session = a_session(digit);
      if (digit == 'a') session.user_email = "Jo.Doe@Example.com";
      if (digit == 'b') session.directline_user = "dl_" + id_of('b');
      if (digit == 'c') {
        session::ActivitySurface surface;
        surface.address.user_id = "29:teams-user";
        session.surface = std::make_shared<const session::ActivitySurface>(surface);
      }
      session.sends.resize(1);
      session.sends[0].text = kCanary;
      std::vector<session::LoggedEventPtr> events;
      for (std::uint64_t seq = 1; seq <= 40; ++seq) events.push_back(said(seq, kCanary));
      ASSERT_TRUE(commit(store, commit_of(session, std::move(events))));
      session.version = 2;
      session.sends.clear();
      ASSERT_TRUE(commit(store, commit_of(session)));
    }
  }
  Result<std::size_t> forget(const Erasure& which) {
    return erase_from_sqlite(path(), which, Millis(300), Millis(15'000));
  }
  Result<std::size_t> forget_user(const std::string& user) { return forget({"", user}); }
  std::size_t canaries() const {
    const std::string bytes = all_bytes(path());
    std::size_t count = 0;
    for (auto at = bytes.find(kCanary); at != std::string::npos; at = bytes.find(kCanary, at + 1))
      ++count;
    return count;
  }
};

TEST_F(SqliteForgetTest, ErasesOneSessionWhenNobodyServes) {
  {
    const auto store = open();
    fill(*store);
  }
  EXPECT_GT(canaries(), 100u);
  EXPECT_EQ(forget({id_of('a'), ""}).value(), 1u);
  EXPECT_EQ(forget({id_of('a'), ""}).value(), 0u);
  const auto store = open();
  EXPECT_FALSE(load(*store, id_of('a')));
  EXPECT_TRUE(load(*store, id_of('b')));
  EXPECT_EQ(number("SELECT count(*) FROM events WHERE session LIKE 'a%'"), 0);
}

TEST_F(SqliteForgetTest, FindsAPersonByEachOfTheirNames) {
  {
    const auto store = open();
    fill(*store);
  }
  EXPECT_EQ(forget_user("nobody@example.com").value(), 0u);
  EXPECT_EQ(forget_user("jo.doe@EXAMPLE.com").value(), 1u);
  EXPECT_EQ(forget_user("dl_" + id_of('b')).value(), 1u);
  EXPECT_EQ(forget_user("29:teams-user").value(), 1u);
  EXPECT_EQ(number("SELECT count(*) FROM sessions"), 1);
}

TEST_F(SqliteForgetTest, NothingOfTheTextsIsLeftInTheFiles) {
  {
    const auto store = open();
    fill(*store);
  }
  for (const char digit : {'a', 'b', 'c', 'd'}) EXPECT_EQ(forget({id_of(digit), ""}).value(), 1u);
  EXPECT_EQ(canaries(), 0u);
}

TEST_F(SqliteForgetTest, TheProcessThatServesIsAskedAndErasesFromItsMemoryToo) {
  const auto store = open();
  fill(*store);
  std::vector<std::string> asked;
  store->when_asked_to_forget([&](std::vector<std::string> ids) { asked = std::move(ids); });
  Result<std::size_t> erased = Error(Errc::internal);
  std::atomic<bool> answered = false;
  std::thread command([&] {
    erased = erase_from_sqlite(path(), {id_of('a'), ""}, Millis(10'000), Millis(10'000));
    answered = true;
  });
  EXPECT_TRUE(eventually([&] { return !asked.empty(); }));
  EXPECT_EQ(asked, std::vector<std::string>{id_of('a')});
  EXPECT_FALSE(answered) << "it waits until they are gone";
  EXPECT_TRUE(erase(*store, id_of('a')));
  EXPECT_TRUE(eventually([&] { return answered.load(); }));
  command.join();
  EXPECT_EQ(erased.value(), 1u);
  EXPECT_FALSE(load(*store, id_of('a')));
  EXPECT_EQ(number("SELECT count(*) FROM errands"), 0);
  for (const char digit : {'b', 'c', 'd'}) EXPECT_TRUE(erase(*store, id_of(digit)));
  // Of the others the log may still hold something; the one that was asked for is gone from it.
}

TEST_F(SqliteForgetTest, AfterAServedErasureTheFilesHoldNothing) {
  const auto store = open();
  fill(*store);
  store->when_asked_to_forget([&](std::vector<std::string> ids) {
    for (std::string& id : ids)
      asio::co_spawn(
          context,
          [](SessionStore& in, std::string which) -> Task<> {
            EXPECT_TRUE(co_await in.erase(std::move(which)));
          }(*store, std::move(id)),
          [](std::exception_ptr) {});
  });
  for (const char digit : {'a', 'b', 'c', 'd'}) {
    std::atomic<bool> answered = false;
    std::thread command([&] {
      const auto erased =
          erase_from_sqlite(path(), {id_of(digit), ""}, Millis(10'000), Millis(10'000));
      EXPECT_TRUE(erased);
      answered = true;
    });
    EXPECT_TRUE(eventually([&] { return answered.load(); }));
    command.join();
  }
  EXPECT_EQ(canaries(), 0u);
}

TEST_F(SqliteForgetTest, WhatAProcessDidNotFinishFallsToTheNext) {
  {
    const auto store = open();
    fill(*store);
  }
  sql(("INSERT INTO errands (session, taken) VALUES ('" + id_of('a') + "', 1)").c_str());
  const auto store = open();
  std::vector<std::string> asked;
  store->when_asked_to_forget([&](std::vector<std::string> ids) { asked = std::move(ids); });
  EXPECT_TRUE(eventually([&] { return !asked.empty(); }));
  EXPECT_EQ(asked, std::vector<std::string>{id_of('a')});
}

TEST_F(SqliteForgetTest, AnExpiredSessionLeavesTheLogSoonAfterwards) {
  // When the store is closed in order, at once.
  {
    const auto store = open();
    fill(*store);
    for (const char digit : {'a', 'b', 'c', 'd'}) EXPECT_TRUE(erase(*store, id_of(digit)));
  }
  EXPECT_EQ(canaries(), 0u);
}

TEST_F(SqliteForgetTest, ASessionThatCannotBeReadCanBeErased) {
  {
    const auto store = open();
    fill(*store);
  }
  sql("UPDATE sessions SET value = '{' WHERE id LIKE 'a%'");
  const auto store = open();
  EXPECT_FALSE(load(*store, id_of('a')));
  EXPECT_TRUE(erase(*store, id_of('a')));
  EXPECT_EQ(number("SELECT count(*) FROM sessions"), 3);
  EXPECT_EQ(number("SELECT count(*) FROM events WHERE session LIKE 'a%'"), 0);
}

TEST_F(SqliteForgetTest, WithoutAFileThereIsNothingToErase) {
  const auto none = forget({id_of('a'), ""});
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error().is(Errc::not_found));
}

}  // namespace
}  // namespace bridge::stores
