// SPDX-License-Identifier: MIT
// What was committed is there after a restart; who has the file, and who had it.
#include <sys/stat.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "bridge/core/random.hpp"
#include "unit/stores/sqlite_house.hpp"

namespace bridge::stores {
namespace {

class SqliteDurableTest : public SqliteHouse {};

/// Turns the text around, which is enough to see whether it was used.
class Turner final : public Sealer {
 public:
  std::string seal(const Secret& secret) const override {
    const std::string_view text = secret.reveal();
    return std::string(text.rbegin(), text.rend());
  }
  Result<Secret> open(std::string_view sealed) const override {
    if (refuses) return Error(Errc::forbidden, "another key");
    return Secret(std::string(sealed.rbegin(), sealed.rend()));
  }
  bool refuses = false;
};

TEST_F(SqliteDurableTest, EverythingIsThereAfterARestart) {
  BridgeSession session = a_session('a');
  session.state = State::live;
  session.last_seq = 3;
  session.chat.number = 1;
  session.chat.interaction_sys_id = "ix1";
  session.chat.conversation_sys_id = "conv1";
  session.browser_hash = "browser1";
  session.directline_conversation = "dl1";
  session.sends.resize(1);
  session.sends[0].text = "unsent 🙂\n";
  session.sends[0].status = session::Send::Status::in_flight;
  {
    const auto store = open();
    ASSERT_TRUE(commit(*store, commit_of(session, {said(1, "one"), said(2, "two")})));
    session.version = 2;
    ASSERT_TRUE(commit(*store, commit_of(session, {said(3, "three")})));
    ASSERT_TRUE(commit(*store, commit_of(a_session('b'))));
  }
  const auto store = open();
  auto loaded = load(*store, session.id);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->state->version, 2u);
  EXPECT_EQ(loaded->state->epoch, "e1");
  EXPECT_EQ(loaded->state->state, State::live);
  EXPECT_EQ(loaded->state->sends.at(0).text, "unsent 🙂\n");
  EXPECT_EQ(texts(*store, session.id), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_EQ(loaded->log.last_seq(), 3u);
  EXPECT_EQ(found(*store, Index::interaction, "ix1"), session.id);
  EXPECT_EQ(found(*store, Index::conversation, "conv1"), session.id);
  EXPECT_EQ(found(*store, Index::browser, "browser1"), session.id);
  EXPECT_EQ(found(*store, Index::directline_conversation, "dl1"), session.id);
  EXPECT_TRUE(load(*store, id_of('b')));
  session.version = 3;
  EXPECT_TRUE(commit(*store, commit_of(session, {said(4, "four")}))) << "it goes on where it was";
}

/// The last version of the first page in the log: its header has the size that the file is to have.
std::string first_page_of_log(const std::string& log) {
  constexpr std::size_t kHeader = 32, kFrameHeader = 24, kPage = 4096;
  std::string page;
  for (std::size_t at = kHeader; at + kFrameHeader + kPage <= log.size();
       at += kFrameHeader + kPage)
    if (log.compare(at, 4, std::string("\0\0\0\1", 4)) == 0)
      page = log.substr(at + kFrameHeader, kPage);
  return page;
}

TEST_F(SqliteDurableTest, AFileThatWasBeingPutTogetherWhenItsProcessDiedIsOpened) {
  constexpr int kSessions = 60;
  const std::string torn = path() + ".torn";
  {
    const auto store = open();
    for (int i = 0; i < kSessions; ++i)
      ASSERT_TRUE(
          commit(*store, commit_of(a_session(random_hex(16)), {said(1, std::string(3000, 'x'))})));
    std::filesystem::copy_file(path(), torn);
    std::filesystem::copy_file(path() + "-wal", torn + "-wal");
  }
  // The log goes into the file page by page, and the first one comes first.
  const std::string page = first_page_of_log(bytes_of(torn + "-wal"));
  ASSERT_FALSE(page.empty());
  std::fstream file(torn, std::ios::binary | std::ios::in | std::ios::out);
  file.write(page.data(), static_cast<std::streamsize>(page.size()));
  file.close();

  SqliteOptions with = options();
  with.path = torn;
  const auto store = open(with);
  std::size_t sessions = 0;
  run([&]() -> Task<> {
    auto count = co_await store->count();
    if (count) sessions = *count;
  });
  EXPECT_EQ(sessions, std::size_t{kSessions});
}

TEST_F(SqliteDurableTest, WhatWasTrimmedOrErasedStaysSo) {
  BridgeSession session = a_session('a');
  {
    const auto store = open();
    ASSERT_TRUE(commit(*store, commit_of(session, {said(1, "one"), said(2, "two")})));
    session.version = 2;
    Commit second = commit_of(session, {said(3, "three")});
    second.first_kept_seq = 3;
    ASSERT_TRUE(commit(*store, std::move(second)));
    ASSERT_TRUE(commit(*store, commit_of(a_session('b'), {said(1, "gone")})));
    ASSERT_TRUE(erase(*store, id_of('b')));
  }
  EXPECT_EQ(number("SELECT count(*) FROM events"), 1);
  EXPECT_EQ(number("SELECT count(*) FROM sessions"), 1);
  const auto store = open();
  EXPECT_EQ(texts(*store, session.id), std::vector<std::string>{"three"});
  EXPECT_EQ(load(*store, session.id)->log.first_seq(), 3u);
  EXPECT_FALSE(load(*store, id_of('b')));
}

TEST_F(SqliteDurableTest, AReaderSeesNothingBeforeItIsInTheFile) {
  const auto store = open();
  bool answered = false;
  asio::co_spawn(
      context,
      [&]() -> Task<> {
        Commit first = commit_of(a_session('a'), {said(1, "one")});
        EXPECT_TRUE(co_await store->commit(std::move(first)));
        answered = true;
      },
      asio::detached);
  // The loop is not run while the thread writes: nothing can have been published.
  context.restart();
  context.poll_one();
  EXPECT_FALSE(load(*store, id_of('a')) && !answered);
  EXPECT_TRUE(eventually([&] { return answered; }));
  EXPECT_TRUE(load(*store, id_of('a')));
  EXPECT_EQ(number("SELECT count(*) FROM sessions"), 1);
}

TEST_F(SqliteDurableTest, StepsOfOneSessionMayFollowEachOtherWithoutWaiting) {
  const auto store = open();
  std::vector<Result<>> answers(4);
  int answered = 0;
  const auto send = [&](std::size_t place, std::uint64_t version) -> Task<> {
    BridgeSession session = a_session('a');
    session.version = version;
    Commit step = commit_of(session);
    answers[place] = co_await store->commit(std::move(step));
    ++answered;
  };
  asio::co_spawn(context, send(0, 1), asio::detached);
  asio::co_spawn(context, send(1, 2), asio::detached);
  asio::co_spawn(context, send(2, 2), asio::detached);
  asio::co_spawn(context, send(3, 3), asio::detached);
  ASSERT_TRUE(eventually([&] { return answered == 4; }));
  EXPECT_TRUE(answers[0]);
  EXPECT_TRUE(answers[1]);
  ASSERT_FALSE(answers[2]);
  EXPECT_TRUE(answers[2].error().is(Errc::conflict));
  EXPECT_TRUE(answers[3]);
  EXPECT_EQ(load(*store, id_of('a'))->state->version, 3u);
}

TEST_F(SqliteDurableTest, ManyCommitsAtOnceAreAllThereInOrder) {
  constexpr int kSessions = 300;
  constexpr int kSteps = 4;
  std::vector<std::string> ids;
  int done = 0;
  {
    const auto store = open();
    const auto talk = [&](std::string id) -> Task<> {
      BridgeSession session = a_session(id);
      for (int step = 1; step <= kSteps; ++step) {
        session.version = static_cast<std::uint64_t>(step);
        Commit next = commit_of(session, {said(session.version, "text " + std::to_string(step))});
        auto written = co_await store->commit(std::move(next));
        EXPECT_TRUE(written) << written.error().to_string();
      }
      ++done;
    };
    for (int i = 0; i < kSessions; ++i) {
      ids.push_back(random_hex(16));
      asio::co_spawn(context, talk(ids.back()), asio::detached);
    }
    ASSERT_TRUE(eventually([&] { return done == kSessions; }));
  }
  const auto store = open();
  for (const std::string& id : ids)
    EXPECT_EQ(texts(*store, id),
              (std::vector<std::string>{"text 1", "text 2", "text 3", "text 4"}));
}

TEST_F(SqliteDurableTest, ThousandsAreLoadedByAllThreadsWhole) {
  constexpr int kSessions = 3000;
  fill(kSessions);
  const auto store = open();
  std::vector<handoff::StoredSession> all;
  run([&]() -> Task<> { all = (co_await store->all()).value(); });
  ASSERT_EQ(all.size(), static_cast<std::size_t>(kSessions));
  for (const handoff::StoredSession& stored : all) {
    const std::string& id = stored.state->id;
    EXPECT_EQ(texts(*store, id), (std::vector<std::string>{id, id}));
  }
}

TEST_F(SqliteDurableTest, WhoLooksIntoALogFirstDoesNotWaitForAStart) {
  fill(3000);
  const auto store = open();
  EXPECT_EQ(texts(*store, id_of('f')), (std::vector<std::string>{id_of('f'), id_of('f')}));
}

TEST_F(SqliteDurableTest, WhatIsCommittedWhileEventsAreStillReadComesBehindThem) {
  fill(3000);
  {
    const auto store = open();
    // Told by the loop, which has not run yet: they may be there already, or on their way.
    EXPECT_FALSE(logger.contains("store_events_read events=6000"));
    auto before = load(*store, id_of('f'));
    ASSERT_TRUE(before);
    EXPECT_EQ(before->log.last_seq(), 2u);
    BridgeSession next = *before->state;
    next.version = 2;
    ASSERT_TRUE(commit(*store, commit_of(next, {said(3, "the newest")})));
    EXPECT_EQ(texts(*store, id_of('f')),
              (std::vector<std::string>{id_of('f'), id_of('f'), "the newest"}));
    EXPECT_TRUE(eventually([&] { return logger.contains("store_events_read events=6000"); }));
  }
  const auto store = open();
  EXPECT_EQ(texts(*store, id_of('f')).size(), 3u);
}

TEST_F(SqliteDurableTest, MayEndBeforeAllEventsAreRead) {
  fill(3000);
  { const auto store = open(); }
  const auto store = open();
  EXPECT_EQ(texts(*store, id_of('f')).size(), 2u);
}

TEST_F(SqliteDurableTest, NobodyElseMayReadTheFiles) {
  const mode_t before = ::umask(0);
  const auto store = open();
  ::umask(before);
  ASSERT_TRUE(commit(*store, commit_of(a_session('a'), {said(1, "one")})));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat found {};
    ASSERT_EQ(::stat((path() + suffix).c_str(), &found), 0) << suffix;
    EXPECT_EQ(found.st_mode & 0777, 0600u) << suffix;
  }
}

TEST_F(SqliteDurableTest, AFileThatOthersCouldReadIsClosedToThem) {
  { const auto store = open(); }
  ASSERT_EQ(::chmod(path().c_str(), 0644), 0);
  const auto store = open();
  struct stat found {};
  ASSERT_EQ(::stat(path().c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(SqliteDurableTest, ASecondProcessTakesOverAndTheFirstIsTold) {
  const auto first = open();
  bool told = false;
  first->when_superseded([&] { told = true; });
  ASSERT_TRUE(commit(*first, commit_of(a_session('a'), {said(1, "one")})));
  const auto second = open();
  EXPECT_EQ(texts(*second, id_of('a')), std::vector<std::string>{"one"});
  EXPECT_TRUE(eventually([&] { return told; })) << "also when it has nothing to write";
  BridgeSession late = a_session('a');
  late.version = 2;
  const auto refused = commit(*first, commit_of(late, {said(2, "late")}));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::superseded));
  EXPECT_FALSE(erase(*first, id_of('a')));
  EXPECT_TRUE(first->degraded().empty());
  EXPECT_TRUE(commit(*second, commit_of(late, {said(2, "two")})));
  EXPECT_TRUE(logger.contains("store_superseded"));
}

TEST_F(SqliteDurableTest, WhoWasTakenOverWritesNothingHoweverFastItIs) {
  SqliteOptions slow = options();
  slow.look = Millis(60'000);  // it learns of it by its own transaction
  const auto first = open(slow);
  bool told = false;
  first->when_superseded([&] { told = true; });
  ASSERT_TRUE(commit(*first, commit_of(a_session('a'))));
  const auto second = open();
  const auto refused = commit(*first, commit_of(a_session('b')));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::superseded));
  EXPECT_TRUE(refused.error().retry_after());
  EXPECT_TRUE(told);
  EXPECT_EQ(number("SELECT count(*) FROM sessions"), 1);
}

TEST_F(SqliteDurableTest, TheFirstKnowsThatItIsOutAlsoIfTheSecondHasGone) {
  const auto first = open();
  { const auto second = open(); }
  const auto refused = commit(*first, commit_of(a_session('a')));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::superseded));
}

TEST_F(SqliteDurableTest, AServiceUrlIsInTheFileSealedOnly) {
  const std::string url = "https://signed.example/v3?sig=canary";
  const auto with_url = [&] {
    BridgeSession session = a_session('a');
    session::ActivitySurface surface;
    surface.address.channel_id = "msteams";
    surface.address.conversation_id = "conv";
    surface.address.service_url = Secret(url);
    session.surface = std::make_shared<const session::ActivitySurface>(surface);
    return session;
  };
  const auto url_of = [&](SessionStore& store) {
    return std::string(load(store, id_of('a'))->state->surface->address.service_url.reveal());
  };
  Turner key;
  SqliteOptions keyed = options();
  keyed.sealer = &key;
  {
    const auto store = open(keyed);
    ASSERT_TRUE(commit(*store, commit_of(with_url())));
    EXPECT_EQ(all_bytes(path()).find("signed.example"), std::string::npos);
    EXPECT_EQ(found(*store, Index::activity_conversation, "msteams\nconv"), id_of('a'));
  }
  EXPECT_EQ(url_of(*open(keyed)), url);
  EXPECT_FALSE(logger.contains("service_url_sealed"));
  key.refuses = true;
  EXPECT_EQ(url_of(*open(keyed)), "");
  EXPECT_TRUE(logger.contains("service_url_sealed count=1"));
}

TEST_F(SqliteDurableTest, WithoutAKeyAServiceUrlIsNotStored) {
  BridgeSession session = a_session('a');
  session::ActivitySurface surface;
  surface.address.service_url = Secret("https://signed.example/");
  session.surface = std::make_shared<const session::ActivitySurface>(surface);
  {
    const auto store = open();
    ASSERT_TRUE(commit(*store, commit_of(session)));
    EXPECT_FALSE(load(*store, id_of('a'))->state->surface->address.service_url.empty())
        << "while the process lives it has it";
    EXPECT_EQ(all_bytes(path()).find("signed.example"), std::string::npos);
  }
  EXPECT_TRUE(load(*open(), id_of('a'))->state->surface->address.service_url.empty());
  EXPECT_FALSE(logger.contains("service_url_sealed"));
}

}  // namespace
}  // namespace bridge::stores
