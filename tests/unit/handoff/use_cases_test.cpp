// SPDX-License-Identifier: MIT
#include <algorithm>

#include "house.hpp"

namespace bridge::handoff {
namespace {

using session::AgentEvent;
using session::Send;
using session::State;
using session::Verdict;

TEST(Escalating, TwoAtOnceShareOneInteraction) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    house.chat.opening.shut();
    async::TaskGroup group(house.context.get_executor(), house.logger);
    std::vector<Escalated> answers;
    const auto ask = [&]() -> Task<> {
      auto answer = co_await handoff.escalate(id, plain_request());
      if (answer) answers.push_back(*answer);
    };
    group.spawn("one", ask());
    group.spawn("two", ask());
    EXPECT_TRUE(co_await eventually([&] { return !house.chat.opens.empty(); }));
    house.chat.opening.open();
    EXPECT_TRUE(co_await eventually([&] { return answers.size() == 2; }));
    EXPECT_EQ(house.chat.opens.size(), 1u);
    EXPECT_EQ(answers[0].interaction_sys_id, "ix1");
    EXPECT_EQ(answers[1].interaction_sys_id, "ix1");
    EXPECT_NE(answers[0].already, answers[1].already);
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
  });
}

TEST(Escalating, TellsWhatServiceNowSaidAndThatItMayHaveHappened) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    house.chat.open_error = Error(Errc::upstream_credentials).with_hint("check SN_PASSWORD");
    auto refused = co_await handoff.escalate(id, plain_request());
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().context(), "upstream_credentials");
    EXPECT_EQ(refused.error().hint(), "check SN_PASSWORD");
    EXPECT_EQ(refused.error().outcome(), Outcome::failed);

    house.chat.open_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
    auto unknown = co_await handoff.escalate(id, plain_request());
    EXPECT_EQ(unknown.error().outcome(), Outcome::unknown);

    // The chat did come to be; the next escalation finds it and opens no second one.
    OpenedChat opened;
    opened.interaction_sys_id = "ix9";
    opened.conversation_sys_id = "conv9";
    opened.interaction_number = "IMS9";
    house.chat.by_key[id] = opened;
    const std::size_t opens = house.chat.opens.size();
    auto found = co_await handoff.escalate(id, plain_request());
    EXPECT_TRUE(found);
    EXPECT_EQ(found->interaction_number, "IMS9");
    EXPECT_EQ(house.chat.opens.size(), opens);
  });
}

TEST(Escalating, AChatFoundHalfOpenIsCompletedByOurScript) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    house.chat.open_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
    (void)co_await handoff.escalate(id, plain_request());
    OpenedChat half;
    half.api = 2;
    half.interaction_sys_id = "ix9";
    half.conversation_sys_id = "conv9";
    house.chat.by_key[id] = half;
    house.chat.open_error.reset();
    const std::size_t opens = house.chat.opens.size();
    auto found = co_await handoff.escalate(id, plain_request());
    EXPECT_TRUE(found);
    EXPECT_EQ(found->interaction_sys_id, "ix9");
    EXPECT_EQ(house.chat.opens.size(), opens + 1);
    EXPECT_EQ(house.chat.opens.back().key, id);
  });
}

TEST(Escalating, WhatAnOldInstallationMayHaveTakenIsNotCalledDelivered) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    house.chat.open_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
    EscalateRequest request = plain_request();
    request.opening_message = "my screen is black";
    (void)co_await handoff.escalate(id, request);
    OpenedChat old;
    old.api = 1;
    old.interaction_sys_id = "ix9";
    old.conversation_sys_id = "conv9";
    house.chat.by_key[id] = old;
    EXPECT_TRUE(co_await handoff.escalate(id, plain_request()));
    auto page = co_await handoff.poll(id, start_of_log(), Millis(0));
    std::string all;
    for (const auto& frame : page.value().frames) all += *frame;
    EXPECT_NE(all.find("\"status\":\"unknown\""), std::string::npos) << all;
    EXPECT_EQ(all.find("\"status\":\"delivered\""), std::string::npos) << all;
  });
}

TEST(Escalating, AnEmailIsAClaimUnlessTrusted) {
  House house;
  house.desks.users["ann@example.com"] = "ann";
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    EscalateRequest request;
    request.user_email = "ann@example.com";
    request.user_display_name = "Ann";
    (void)co_await handoff.escalate(id, request);
    EXPECT_EQ(house.chat.opens.at(0).user_sys_id, "default-user");
    EXPECT_EQ(house.chat.opens.at(0).short_description,
              "Web chat handoff from Ann <ann@example.com> (name as given, not verified)");
    EXPECT_TRUE(house.desks.resolved.empty());
  });

  Options trusting;
  trusting.trust_email = true;
  House trusted(trusting);
  trusted.desks.users["ann@example.com"] = "ann";
  trusted.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await trusted.new_session(handoff);
    EscalateRequest request;
    request.user_email = "ann@example.com";
    (void)co_await handoff.escalate(id, request);
    EXPECT_EQ(trusted.chat.opens.at(0).user_sys_id, "ann");
  });

  trusting.refuse_unresolved = true;
  House refusing(trusting);
  refusing.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await refusing.new_session(handoff);
    EscalateRequest request;
    request.user_email = "nobody@example.com";
    auto refused = co_await handoff.escalate(id, request);
    EXPECT_TRUE(refused.error().is(Errc::forbidden));
    EXPECT_TRUE(refusing.chat.opens.empty());
  });
}

TEST(Talking, AnswersWhenServiceNowTookIt) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    auto sent = co_await handoff.user_message(id, "hello", "c1");
    EXPECT_EQ(sent.value().status, Send::Status::delivered);
    EXPECT_EQ(house.chat.sends, std::vector<std::string>{"hello"});
    auto again = co_await handoff.user_message(id, "hello", "c1");
    EXPECT_EQ(again.value().status, Send::Status::delivered);
    EXPECT_EQ(house.chat.sends.size(), 1u);
    auto other = co_await handoff.user_message(id, "other", "c1");
    EXPECT_TRUE(other.error().is(Errc::conflict));
  });
}

TEST(Talking, TellsFailedFromUnknown) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    house.chat.send_error = Error(Errc::unreachable);
    EXPECT_EQ((co_await handoff.user_message(id, "a", "")).value().status, Send::Status::failed);
    house.chat.send_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
    EXPECT_EQ((co_await handoff.user_message(id, "b", "")).value().status, Send::Status::unknown);
    house.chat.send_error = Error(Errc::chat_ended);
    auto ended = co_await handoff.user_message(id, "c", "");
    EXPECT_TRUE(ended.value().chat_ended);
    EXPECT_EQ((co_await handoff.view(id)).value()->state, State::closed);
    auto closed = co_await handoff.user_message(id, "d", "");
    EXPECT_TRUE(closed.error().is(Errc::chat_ended));
  });
}

TEST(Talking, WhatWaitsBehindAStuckMessageFailsAtItsDeadline) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    house.chat.sending.shut();
    async::TaskGroup group(house.context.get_executor(), house.logger);
    std::optional<Sent> second;
    const auto say = [&](std::string text, bool keep) -> Task<> {
      auto sent = co_await handoff.user_message(id, text, "");
      if (sent && keep) second = *sent;
    };
    group.spawn("one", say("one", false));
    EXPECT_TRUE(co_await eventually([&] { return house.chat.sends.size() == 1; }));
    group.spawn("two", say("two", true));
    co_await async::sleep_for(std::chrono::milliseconds(20));
    house.time.pass(house.options.policy.send_deadline);
    EXPECT_TRUE(co_await eventually([&] { return second.has_value(); }));
    EXPECT_EQ(second->status, Send::Status::failed);
    house.chat.sending.open();
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
    EXPECT_EQ(house.chat.sends.size(), 1u) << "what failed is never sent later";
  });
}

TEST(Ending, TellsServiceNowAndTriesAgain) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    house.chat.end_error = Error(Errc::unreachable);
    auto ended = co_await handoff.end(id, session::CloseReason::user_ended);
    EXPECT_TRUE(ended);
    EXPECT_EQ(house.chat.ends, std::vector<std::string>{"ix1"});
    EXPECT_EQ((co_await handoff.view(id)).value()->state, State::closed);
    house.chat.end_error.reset();
    house.time.pass(std::chrono::seconds(6));
    EXPECT_TRUE(co_await eventually([&] { return house.chat.ends.size() == 2; }));
  });
}

TEST(Ending, LooksForAChatThatMayHaveBeenOpened) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    house.chat.open_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
    (void)co_await handoff.escalate(id, plain_request());
    EXPECT_TRUE(co_await handoff.end(id, session::CloseReason::user_ended));
    EXPECT_TRUE(house.chat.ends.empty());
    // The instance was slow: the chat exists only now.
    OpenedChat opened;
    opened.api = 2;
    opened.interaction_sys_id = "ix9";
    opened.conversation_sys_id = "conv9";
    house.chat.by_key[id] = opened;
    house.time.pass(std::chrono::seconds(6));
    EXPECT_TRUE(co_await eventually([&] { return house.chat.ends.size() == 1; }));
    EXPECT_EQ(house.chat.ends.front(), "ix9");
  });
}

TEST(Ending, IsLearntFromTheTouchThatHoldsOffTheIdleTimer) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    house.chat.touch_error = Error(Errc::chat_ended);
    (void)co_await handoff.user_typing(id);
    const auto closed = [&]() -> Task<bool> {
      auto view = co_await handoff.view(id);
      co_return view && (*view)->state == State::closed;
    };
    bool over = false;
    const Deadline deadline = in(std::chrono::seconds(5));
    while (!over && std::chrono::steady_clock::now() < deadline) {
      house.time.pass(std::chrono::seconds(1));
      co_await async::sleep_for(std::chrono::milliseconds(20));
      over = co_await closed();
    }
    EXPECT_TRUE(over);
    EXPECT_TRUE(house.chat.ends.empty());
  });
}

TEST(Webhooks, AreTakenInOrderAlthoughTheFirstHasToAskForAName) {
  House house;
  house.chat.names["agent"] = "Alex From Directory";
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    (void)co_await handoff.escalate(id, plain_request());
    AgentEvent first = house.event(id, "one", "m1");
    first.rep_name.clear();
    async::TaskGroup group(house.context.get_executor(), house.logger);
    const auto take = [&](AgentEvent event) -> Task<> {
      auto taken = co_await handoff.agent_event(std::move(event));
      EXPECT_TRUE(taken);
    };
    group.spawn("one", take(first));
    group.spawn("two", take(house.event(id, "two", "m2")));
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
    auto page = co_await handoff.poll(id, start_of_log(), Millis(0));
    std::string all;
    for (const auto& frame : page.value().frames) all += *frame;
    EXPECT_NE(all.find("Alex From Directory"), std::string::npos);
    EXPECT_LT(all.find("\"one\""), all.find("\"two\""));
  });
}

TEST(Webhooks, FindTheirSessionByInteractionConversationOrKey) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    AgentEvent by_conversation;
    by_conversation.conversation_sys_id = "conv1";
    by_conversation.text = "hello";
    EXPECT_TRUE(co_await handoff.agent_event(by_conversation));
    AgentEvent by_key;
    by_key.key = id;
    by_key.text = "hello";
    EXPECT_TRUE(co_await handoff.agent_event(by_key));
    AgentEvent by_nothing;
    by_nothing.text = "hello";
    EXPECT_TRUE((co_await handoff.agent_event(by_nothing)).error().is(Errc::not_found));
    by_nothing.interaction_sys_id = "other";
    EXPECT_TRUE((co_await handoff.agent_event(by_nothing)).error().is(Errc::not_found));
  });
}

TEST(Sessions, ResolveByIdPrefixAndDirectLineConversation) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    EXPECT_EQ((co_await handoff.resolve(id)).value(), id);
    EXPECT_EQ((co_await handoff.resolve("dl_" + id)).value(), id);
    EXPECT_TRUE((co_await handoff.resolve("dlc1")).error().is(Errc::not_found));
    (void)co_await handoff.mint_token(id, id);
    EXPECT_EQ((co_await handoff.resolve("dlc1")).value(), id);
  });
}

TEST(Sessions, TheOldestIdleOneMakesRoomButNeverAChat) {
  Options small;
  small.max_sessions = 2;
  House house(small);
  house.run([&](Handoff& handoff) -> Task<> {
    const auto chat = co_await house.live(handoff);
    const auto idle = co_await house.new_session(handoff);
    house.time.pass(std::chrono::seconds(1));
    const auto next = co_await house.new_session(handoff);
    EXPECT_FALSE(co_await handoff.view(idle));
    EXPECT_TRUE(co_await handoff.view(chat));
    (void)co_await handoff.escalate(next, plain_request());
    auto full = co_await handoff.open_session(nobody());
    EXPECT_TRUE(full.error().is(Errc::overloaded));
  });
}

TEST(Sessions, ChatsThatAreOverMakeRoomToo) {
  Options small;
  small.max_sessions = 2;
  House house(small);
  house.run([&](Handoff& handoff) -> Task<> {
    const auto over = co_await house.live(handoff);
    const auto chat = co_await house.live(handoff);
    EXPECT_TRUE(co_await handoff.end(over, session::CloseReason::user_ended));
    EXPECT_TRUE(co_await eventually([&] { return house.chat.reads.size() == 1; }))
        << "first its last words are read";
    bool made = false;
    const Deadline deadline = in(std::chrono::seconds(8));
    while (!made && std::chrono::steady_clock::now() < deadline) {
      auto opened = co_await handoff.open_session(nobody());
      made = opened.has_value();
      if (!made) co_await async::sleep_for(Millis(2));
    }
    EXPECT_TRUE(made);
    EXPECT_FALSE(co_await handoff.view(over));
    EXPECT_TRUE(co_await handoff.view(chat));
  });
}

TEST(Sessions, ExpireAndTellTheirReaders) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.new_session(handoff);
    house.time.pass(house.options.policy.bot_expiry + Millis(1));
    bool gone = false;
    const Deadline deadline = in(std::chrono::seconds(5));
    while (!gone && std::chrono::steady_clock::now() < deadline) {
      auto view = co_await handoff.view(id);
      gone = !view;
      co_await async::sleep_for(std::chrono::milliseconds(20));
    }
    EXPECT_TRUE(gone);
  });
}

TEST(Tickets, LookTheCallerUpAndKeepWhatDoesNotFit) {
  House house;
  house.desks.users["ann@example.com"] = "ann";
  house.run([&](Handoff& handoff) -> Task<> {
    TicketOrder order;
    order.short_description = std::string(200, 'x');
    order.description = "more";
    order.caller = "ann@example.com";
    auto ticket = co_await handoff.create_ticket(order);
    EXPECT_EQ(ticket.value().number, "INC0001");
    EXPECT_EQ(house.desks.tickets.at(0).caller_sys_id, "ann");
    EXPECT_EQ(house.desks.tickets.at(0).short_description.size(), 160u);
    EXPECT_EQ(house.desks.tickets.at(0).description, std::string(200, 'x') + "\n\nmore");

    order.caller = "nobody@example.com";
    (void)co_await handoff.create_ticket(order);
    EXPECT_EQ(house.desks.tickets.at(1).caller_sys_id, "");
    EXPECT_EQ(house.desks.tickets.at(1).caller_claim, "nobody@example.com");
  });
}

// ---- A store with trouble ---------------------------------------------------------------------

/// Passes everything on, but loses some races and can be made to hang.
class TroubledStore final : public SessionStore {
 public:
  TroubledStore(SessionStore& below, const asio::any_io_executor& executor)
      : gate(executor), below_(below) {}
  Task<Result<StoredSession>> load(session::SessionId id) override {
    return below_.load(std::move(id));
  }
  Task<Result<>> commit(Commit commit) override {
    co_await gate.pass();
    if (conflicts > 0 && commit.next->version > 1) {
      --conflicts;
      co_return Error(Errc::conflict);
    }
    auto committed = co_await below_.commit(std::move(commit));
    if (slow_answers) co_await async::sleep_for(std::chrono::milliseconds(1 + ++commits_ % 5));
    co_return committed;
  }
  Task<Result<std::optional<session::SessionId>>> find(Index index, std::string value) override {
    return below_.find(index, std::move(value));
  }
  Task<Result<>> erase(session::SessionId id) override { return below_.erase(std::move(id)); }
  Task<Result<std::vector<session::SessionId>>> oldest(State state, std::size_t limit) override {
    return below_.oldest(state, limit);
  }
  Task<Result<std::vector<StoredSession>>> all() override { return below_.all(); }
  Task<Result<std::size_t>> count() override { return below_.count(); }

  test::Gate gate;
  int conflicts = 0;
  bool slow_answers = false;

 private:
  int commits_ = 0;
  SessionStore& below_;
};

TEST(StoreTrouble, AConflictIsDecidedAgain) {
  House house;
  TroubledStore store(*house.store, house.context.get_executor());
  house.over = &store;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    store.conflicts = 2;
    EXPECT_TRUE(co_await handoff.agent_event(house.event(id, "hello", "m1")));
    EXPECT_EQ(house.metrics.counters["commit_conflicts"].value(), 2u);
    auto page = co_await handoff.poll(id, start_of_log(), Millis(0));
    std::size_t shown = 0;
    for (const auto& frame : page.value().frames)
      shown += frame->find("\"hello\"") != std::string::npos;
    EXPECT_EQ(shown, 1u);
  });
}

TEST(StoreTrouble, AnswersThatComeLateAreNotPublishedOutOfTurn) {
  House house;
  TroubledStore store(*house.store, house.context.get_executor());
  store.slow_answers = true;
  house.over = &store;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    RecordingSubscriber reader;
    auto subscription = co_await handoff.subscribe(id, start_of_log(), reader);
    async::TaskGroup group(house.context.get_executor(), house.logger);
    for (int i = 0; i < 10; ++i)
      group.spawn("typist", [](Handoff* to, session::SessionId sid, int n) -> Task<> {
        const std::string number = std::to_string(n);
        (void)co_await to->user_message(sid, "text " + number, "c" + number);
      }(&handoff, id, i));
    for (int i = 0; i < 10; ++i)
      (void)co_await handoff.agent_event(
          house.event(id, "reply " + std::to_string(i), "m" + std::to_string(i)));
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(10))));
    std::vector<std::uint64_t> in_order = reader.seqs;
    std::sort(in_order.begin(), in_order.end());
    EXPECT_EQ(reader.seqs, in_order);
    EXPECT_EQ(std::adjacent_find(in_order.begin(), in_order.end()), in_order.end());
    EXPECT_GE(reader.seqs.size(), 30u);
  });
}

TEST(StoreTrouble, AWebhookThatCannotBeCommittedInTimeIsToldSoAndStillKept) {
  Options options;
  options.webhook_deadline = Millis(100);
  House house(options);
  TroubledStore store(*house.store, house.context.get_executor());
  house.over = &store;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    store.gate.shut();
    auto first = co_await handoff.agent_event(house.event(id, "one", "m1"));
    EXPECT_TRUE(first.error().is(Errc::overloaded));
    auto second = co_await handoff.agent_event(house.event(id, "two", "m2"));
    EXPECT_TRUE(second.error().is(Errc::overloaded));
    store.gate.open();
    std::string all;
    const Deadline deadline = in(std::chrono::seconds(5));
    while (all.find("\"two\"") == std::string::npos &&
           std::chrono::steady_clock::now() < deadline) {
      co_await async::sleep_for(std::chrono::milliseconds(5));
      auto page = co_await handoff.poll(id, start_of_log(), Millis(0));
      all.clear();
      for (const auto& frame : page.value().frames) all += *frame;
    }
    EXPECT_LT(all.find("\"one\""), all.find("\"two\""));
    EXPECT_NE(all.find("\"two\""), std::string::npos);
  });
}

TEST(StoreTrouble, WhatWasUnderWayIsResumedByTheNextProcess) {
  House house;
  session::SessionId id;
  house.run([&](Handoff& handoff) -> Task<> {
    id = co_await house.new_session(handoff);
    house.chat.open_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
    house.chat.opening.shut();
    async::TaskGroup group(house.context.get_executor(), house.logger);
    const auto ask = [&]() -> Task<> { (void)co_await handoff.escalate(id, plain_request()); };
    group.spawn("ask", ask());
    EXPECT_TRUE(co_await eventually([&] { return house.chat.opens.size() == 1; }));
    group.cancel();
    (void)co_await group.wait(in(std::chrono::seconds(1)));
  });
  house.chat.open_error.reset();
  house.run([&](Handoff& handoff) -> Task<> {
    EXPECT_TRUE(co_await eventually([&] { return !house.chat.finds.empty(); }))
        << "asked before opened again";
    std::shared_ptr<const session::BridgeSession> view;
    const Deadline deadline = in(std::chrono::seconds(5));
    do {
      co_await async::sleep_for(std::chrono::milliseconds(5));
      view = (co_await handoff.view(id)).value();
    } while (view->state != State::queued && std::chrono::steady_clock::now() < deadline);
    EXPECT_EQ(view->state, State::queued);
  });
}

}  // namespace
}  // namespace bridge::handoff
