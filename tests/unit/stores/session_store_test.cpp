// SPDX-License-Identifier: MIT
// What every SessionStore must do, written against the port. A new store adds a line in `kinds`.
#include <gtest/gtest.h>

#include <algorithm>

#include "bridge/stores/memory_store.hpp"
#include "bridge/stores/sqlite_store.hpp"
#include "support/run_coroutine.hpp"
#include "support/temporary_folder.hpp"

namespace bridge::stores {
namespace {

using handoff::Commit;
using handoff::Index;
using handoff::SessionStore;
using session::BridgeSession;
using session::State;

/// A store in a folder that goes with it.
class SqliteInFolder final : public SessionStore {
 public:
  explicit SqliteInFolder(const asio::any_io_executor& executor) {
    SqliteOptions options;
    options.path = folder_.file("sessions.db");
    auto opened = open_sqlite_store(executor, options, logger_, metrics_);
    store_ = std::move(opened.value());
  }
  Task<Result<handoff::StoredSession>> load(std::string id) override {
    return store_->load(std::move(id));
  }
  Task<Result<>> commit(Commit commit) override { return store_->commit(std::move(commit)); }
  Task<Result<std::optional<std::string>>> find(Index index, std::string value) override {
    return store_->find(index, std::move(value));
  }
  Task<Result<>> erase(std::string id) override { return store_->erase(std::move(id)); }
  Task<Result<std::vector<std::string>>> oldest(State state, std::size_t limit) override {
    return store_->oldest(state, limit);
  }
  Task<Result<std::vector<handoff::StoredSession>>> all() override { return store_->all(); }
  Task<Result<std::size_t>> count() override { return store_->count(); }

 private:
  test::TemporaryFolder folder_;
  NullLogger logger_;
  NullMetrics metrics_;
  std::unique_ptr<SqliteStore> store_;
};

std::unique_ptr<SessionStore> make_sqlite_store(const asio::any_io_executor& executor) {
  return std::make_unique<SqliteInFolder>(executor);
}

struct StoreKind {
  std::string name;
  std::function<std::unique_ptr<SessionStore>(const asio::any_io_executor&)> make;
};
void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

class SessionStoreTest : public testing::TestWithParam<StoreKind> {
 protected:
  void run(const std::function<Task<>(SessionStore&)>& body) {
    asio::io_context context(1);
    const auto store = GetParam().make(context.get_executor());
    test::run_coroutine(context, [&]() -> Task<> { return body(*store); });
  }
};

constexpr Time kNoon{Millis(1'700'000'000'000)};

std::string id_of(char digit) { return std::string(32, digit); }

BridgeSession a_session(char digit) {
  BridgeSession session;
  session.id = id_of(digit);
  session.epoch = "e1";
  session.version = 1;
  session.created = session.last_activity = kNoon;
  return session;
}

session::LoggedEventPtr said(std::uint64_t seq, std::string text) {
  session::Event event;
  event.seq = seq;
  event.at = kNoon;
  session::RepMessageEvent message;
  message.text = std::move(text);
  event.what = message;
  return std::make_shared<const session::LoggedEvent>(event);
}

Commit commit_of(BridgeSession session, std::vector<session::LoggedEventPtr> events = {}) {
  Commit commit;
  commit.next = std::make_shared<const BridgeSession>(std::move(session));
  commit.events = std::move(events);
  return commit;
}

Task<> put(SessionStore& store, BridgeSession session) {
  Commit commit = commit_of(std::move(session));
  auto done = co_await store.commit(std::move(commit));
  EXPECT_TRUE(done) << done.error().to_string();
}

Task<std::string> found(SessionStore& store, Index index, std::string value) {
  auto id = co_await store.find(index, std::move(value));
  EXPECT_TRUE(id);
  std::string none;
  if (!id || !*id) co_return none;
  co_return **id;
}

Task<std::vector<std::string>> texts(SessionStore& store, std::string id) {
  auto stored = co_await store.load(std::move(id));
  EXPECT_TRUE(stored);
  std::vector<std::string> all;
  if (!stored) co_return all;
  session::Cursor beginning;
  beginning.epoch = "0";
  const auto page = stored->log.read(beginning, stored->state->epoch);
  for (const auto& event : page.events)
    all.push_back(std::get<session::RepMessageEvent>(event->event.what).text);
  co_return all;
}

TEST_P(SessionStoreTest, AnUnknownSessionIsNotFound) {
  run([](SessionStore& store) -> Task<> {
    auto loaded = co_await store.load(id_of('a'));
    EXPECT_FALSE(loaded);
    EXPECT_TRUE(loaded.error().is(Errc::not_found));
    EXPECT_EQ(co_await found(store, Index::interaction, "ix1"), "");
    EXPECT_EQ((co_await store.count()).value(), 0u);
    EXPECT_TRUE((co_await store.all()).value().empty());
  });
}

TEST_P(SessionStoreTest, LoadsWhatWasCommitted) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    session.state = State::queued;
    session.last_seq = 2;
    session.user_email = "jo@example.com";
    session.token_hash = "hash";
    session.chat.number = 1;
    session.chat.key = session.id;
    session.chat.interaction_sys_id = "ix1";
    session.chat.interaction_number = "IMS0000001";
    session::Send send;
    send.id = 7;
    send.text = "unsent 🙂\n";
    send.status = session::Send::Status::in_flight;
    send.deadline = kNoon + Millis(25'000);
    session.sends.push_back(send);
    session.open.emplace();
    session.open->opening_message = "help";
    session.seen_messages.insert("m1");
    session.sequences.insert(4);
    Commit commit = commit_of(session, {said(1, "one"), said(2, "two")});
    EXPECT_TRUE(co_await store.commit(std::move(commit)));

    auto loaded = co_await store.load(session.id);
    EXPECT_TRUE(loaded);
    const BridgeSession& state = *loaded->state;
    EXPECT_EQ(state.id, session.id);
    EXPECT_EQ(state.version, 1u);
    EXPECT_EQ(state.state, State::queued);
    EXPECT_EQ(state.created, kNoon);
    EXPECT_EQ(state.user_email, "jo@example.com");
    EXPECT_EQ(state.token_hash, "hash");
    EXPECT_EQ(state.chat.interaction_number, "IMS0000001");
    EXPECT_EQ(state.sends.size(), 1u);
    EXPECT_EQ(state.sends.front().text, "unsent 🙂\n");
    EXPECT_EQ(state.sends.front().status, session::Send::Status::in_flight);
    EXPECT_EQ(state.sends.front().deadline, kNoon + Millis(25'000));
    EXPECT_EQ(state.open->opening_message, "help");
    EXPECT_TRUE(state.seen_messages.contains("m1"));
    EXPECT_TRUE(state.sequences.contains(4));
    EXPECT_FALSE(state.sequences.contains(5));
    EXPECT_EQ(loaded->log.last_seq(), 2u);
    const auto kept = co_await texts(store, session.id);
    EXPECT_EQ(kept, (std::vector<std::string>{"one", "two"}));
  });
}

TEST_P(SessionStoreTest, EachCommitAddsItsEventsAndForgetsTrimmedOnes) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    Commit first = commit_of(session, {said(1, "one"), said(2, "two")});
    EXPECT_TRUE(co_await store.commit(std::move(first)));
    session.version = 2;
    Commit second = commit_of(session, {said(3, "three")});
    EXPECT_TRUE(co_await store.commit(std::move(second)));
    auto kept = co_await texts(store, session.id);
    EXPECT_EQ(kept, (std::vector<std::string>{"one", "two", "three"}));
    session.version = 3;
    Commit third = commit_of(session, {said(4, "four")});
    third.first_kept_seq = 3;
    EXPECT_TRUE(co_await store.commit(std::move(third)));
    kept = co_await texts(store, session.id);
    EXPECT_EQ(kept, (std::vector<std::string>{"three", "four"}));
    auto loaded = co_await store.load(session.id);
    EXPECT_EQ(loaded->log.first_seq(), 3u);
    EXPECT_EQ(loaded->log.last_seq(), 4u);
  });
}

TEST_P(SessionStoreTest, ACommitWithoutEventsKeepsTheLog) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    Commit first = commit_of(session, {said(1, "one")});
    EXPECT_TRUE(co_await store.commit(std::move(first)));
    session.version = 2;
    session.state = State::live;
    co_await put(store, session);
    const auto kept = co_await texts(store, session.id);
    EXPECT_EQ(kept, std::vector<std::string>{"one"});
  });
}

TEST_P(SessionStoreTest, WhoComesSecondWithAVersionIsToldAndChangesNothing) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    session.chat.interaction_sys_id = "ix1";
    Commit first = commit_of(session, {said(1, "one")});
    EXPECT_TRUE(co_await store.commit(std::move(first)));

    for (const std::uint64_t version : {0u, 1u, 3u, 9u}) {
      BridgeSession other = a_session('a');
      other.version = version;
      other.state = State::closed;
      other.last_activity = kNoon + Millis(1);
      other.chat.interaction_sys_id = "ix-other";
      other.browser_hash = "browser-other";
      Commit late = commit_of(other, {said(2, "never")});
      late.first_kept_seq = 2;
      auto refused = co_await store.commit(std::move(late));
      EXPECT_FALSE(refused) << version;
      EXPECT_TRUE(refused.error().is(Errc::conflict));
    }

    auto loaded = co_await store.load(session.id);
    EXPECT_EQ(loaded->state->version, 1u);
    EXPECT_EQ(loaded->state->state, State::bot);
    const auto kept = co_await texts(store, session.id);
    EXPECT_EQ(kept, std::vector<std::string>{"one"});
    EXPECT_EQ(co_await found(store, Index::interaction, "ix1"), session.id);
    EXPECT_EQ(co_await found(store, Index::interaction, "ix-other"), "");
    EXPECT_EQ(co_await found(store, Index::browser, "browser-other"), "");
    EXPECT_TRUE((co_await store.oldest(State::closed, 10)).value().empty());
    EXPECT_EQ((co_await store.oldest(State::bot, 10)).value().size(), 1u);
    EXPECT_EQ((co_await store.count()).value(), 1u);
  });
}

TEST_P(SessionStoreTest, ASessionCannotBeginInTheMiddle) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    session.version = 2;
    session.chat.interaction_sys_id = "ix1";
    Commit commit = commit_of(session, {said(1, "one")});
    auto refused = co_await store.commit(std::move(commit));
    EXPECT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(Errc::conflict));
    EXPECT_EQ((co_await store.count()).value(), 0u);
    EXPECT_TRUE((co_await store.all()).value().empty());
    EXPECT_FALSE(co_await store.load(session.id));
    EXPECT_EQ(co_await found(store, Index::interaction, "ix1"), "");
  });
}

TEST_P(SessionStoreTest, ALoadedSessionIsNotChangedByLaterCommits) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    Commit first = commit_of(session, {said(1, "one")});
    EXPECT_TRUE(co_await store.commit(std::move(first)));
    auto before = co_await store.load(session.id);
    session.version = 2;
    session.state = State::live;
    Commit second = commit_of(session, {said(2, "two")});
    second.first_kept_seq = 2;
    EXPECT_TRUE(co_await store.commit(std::move(second)));
    EXPECT_EQ(before->state->state, State::bot);
    EXPECT_EQ(before->log.size(), 1u);
    EXPECT_EQ(before->log.first_seq(), 1u);
  });
}

TEST_P(SessionStoreTest, IsFoundByEachIndex) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    session.chat.interaction_sys_id = "ix1";
    session.chat.conversation_sys_id = "conv1";
    session.browser_hash = "browser1";
    session.directline_conversation = "dl1";
    co_await put(store, session);
    BridgeSession other = a_session('b');
    other.chat.interaction_sys_id = "ix2";
    co_await put(store, other);

    EXPECT_EQ(co_await found(store, Index::interaction, "ix1"), session.id);
    EXPECT_EQ(co_await found(store, Index::conversation, "conv1"), session.id);
    EXPECT_EQ(co_await found(store, Index::browser, "browser1"), session.id);
    EXPECT_EQ(co_await found(store, Index::directline_conversation, "dl1"), session.id);
    EXPECT_EQ(co_await found(store, Index::interaction, "ix2"), other.id);
    EXPECT_EQ(co_await found(store, Index::interaction, "conv1"), "") << "an index of its own";
    EXPECT_EQ(co_await found(store, Index::interaction, "IX1"), "") << "ids are compared exactly";
    EXPECT_EQ(co_await found(store, Index::conversation, ""), "") << "an empty value names nobody";
  });
}

TEST_P(SessionStoreTest, IsFoundByItsPastChats) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    session.chat.interaction_sys_id = "ix1";
    session.chat.conversation_sys_id = "conv1";
    co_await put(store, session);
    session.version = 2;
    session.past_chats.push_back(session.chat);
    session.chat = session::Chat();
    session.chat.interaction_sys_id = "ix2";
    session.chat.conversation_sys_id = "conv2";
    co_await put(store, session);
    for (const char* id : {"ix1", "ix2"}) {
      EXPECT_EQ(co_await found(store, Index::interaction, id), session.id) << id;
    }
    for (const char* id : {"conv1", "conv2"}) {
      EXPECT_EQ(co_await found(store, Index::conversation, id), session.id) << id;
    }
  });
}

TEST_P(SessionStoreTest, AValueThatASessionNoLongerHasFindsNothing) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    session.directline_conversation = "dl1";
    co_await put(store, session);
    session.version = 2;
    session.directline_conversation = "dl2";
    co_await put(store, session);
    EXPECT_EQ(co_await found(store, Index::directline_conversation, "dl1"), "");
    EXPECT_EQ(co_await found(store, Index::directline_conversation, "dl2"), session.id);
  });
}

TEST_P(SessionStoreTest, OneBrowserMayHoldSeveralSessions) {
  run([](SessionStore& store) -> Task<> {
    for (const char digit : {'a', 'b', 'c'}) {
      BridgeSession session = a_session(digit);
      session.browser_hash = "browser";
      co_await put(store, session);
    }
    EXPECT_NE(co_await found(store, Index::browser, "browser"), "");
    EXPECT_TRUE(co_await store.erase(id_of('a')));
    EXPECT_TRUE(co_await store.erase(id_of('c')));
    EXPECT_EQ(co_await found(store, Index::browser, "browser"), id_of('b'));
    EXPECT_TRUE(co_await store.erase(id_of('b')));
    EXPECT_EQ(co_await found(store, Index::browser, "browser"), "");
  });
}

TEST_P(SessionStoreTest, EraseForgetsEverythingAndMayBeRepeated) {
  run([](SessionStore& store) -> Task<> {
    BridgeSession session = a_session('a');
    session.chat.interaction_sys_id = "ix1";
    session.past_chats.resize(1);
    session.past_chats[0].interaction_sys_id = "ix0";
    Commit commit = commit_of(session, {said(1, "one")});
    EXPECT_TRUE(co_await store.commit(std::move(commit)));
    EXPECT_TRUE(co_await store.erase(session.id));
    EXPECT_TRUE(co_await store.erase(session.id));
    EXPECT_TRUE(co_await store.erase(id_of('f')));
    EXPECT_FALSE(co_await store.load(session.id));
    EXPECT_EQ(co_await found(store, Index::interaction, "ix1"), "");
    EXPECT_EQ(co_await found(store, Index::interaction, "ix0"), "");
    EXPECT_EQ((co_await store.count()).value(), 0u);
    EXPECT_TRUE((co_await store.oldest(State::bot, 10)).value().empty());

    co_await put(store, session);  // the id is free again, and its old events are gone
    const auto kept = co_await texts(store, session.id);
    EXPECT_TRUE(kept.empty());
  });
}

TEST_P(SessionStoreTest, OldestGoesByStateAndLastActivity) {
  run([](SessionStore& store) -> Task<> {
    const std::vector<std::tuple<char, State, int>> all{{'a', State::bot, 30},
                                                        {'b', State::bot, 10},
                                                        {'c', State::live, 5},
                                                        {'d', State::bot, 20},
                                                        {'e', State::closed, 1}};
    for (const auto& [digit, state, age] : all) {
      BridgeSession session = a_session(digit);
      session.state = state;
      session.last_activity = kNoon + Millis(age);
      co_await put(store, session);
    }
    auto two = co_await store.oldest(State::bot, 2);
    EXPECT_EQ(two.value(), (std::vector<std::string>{id_of('b'), id_of('d')}));
    auto bots = co_await store.oldest(State::bot, 10);
    EXPECT_EQ(bots.value(), (std::vector<std::string>{id_of('b'), id_of('d'), id_of('a')}));
    EXPECT_TRUE((co_await store.oldest(State::bot, 0)).value().empty());
    EXPECT_TRUE((co_await store.oldest(State::queued, 10)).value().empty());

    BridgeSession busy = a_session('b');  // speaks again: the youngest now
    busy.version = 2;
    busy.last_activity = kNoon + Millis(99);
    co_await put(store, busy);
    BridgeSession gone = a_session('d');  // is in a chat now
    gone.version = 2;
    gone.state = State::queued;
    co_await put(store, gone);
    bots = co_await store.oldest(State::bot, 10);
    EXPECT_EQ(bots.value(), (std::vector<std::string>{id_of('a'), id_of('b')}));
    auto queued = co_await store.oldest(State::queued, 10);
    EXPECT_EQ(queued.value(), std::vector<std::string>{id_of('d')});
  });
}

TEST_P(SessionStoreTest, SessionsOfTheSameAgeAreAllThere) {
  run([](SessionStore& store) -> Task<> {
    for (const char digit : {'a', 'b', 'c'}) co_await put(store, a_session(digit));
    EXPECT_EQ((co_await store.oldest(State::bot, 10)).value().size(), 3u);
  });
}

TEST_P(SessionStoreTest, AllAndCountTellEverySessionOnce) {
  run([](SessionStore& store) -> Task<> {
    for (const char digit : {'a', 'b', 'c'}) co_await put(store, a_session(digit));
    BridgeSession again = a_session('b');
    again.version = 2;
    co_await put(store, again);
    std::vector<std::string> ids;
    const auto all = co_await store.all();
    for (const handoff::StoredSession& stored : all.value()) {
      ids.push_back(stored.state->id);
      EXPECT_EQ(stored.state->version, stored.state->id == id_of('b') ? 2u : 1u);
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(ids, (std::vector<std::string>{id_of('a'), id_of('b'), id_of('c')}));
    EXPECT_EQ((co_await store.count()).value(), 3u);
  });
}

std::vector<StoreKind> kinds() {
  std::vector<StoreKind> all{
      {"memory", [](const asio::any_io_executor&) { return make_memory_store(); }}};
  if (has_sqlite()) all.push_back({"sqlite", make_sqlite_store});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Stores, SessionStoreTest, testing::ValuesIn(kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace bridge::stores
