// SPDX-License-Identifier: MIT
// What /metrics is told of the sessions: by state, by what waits, and how long the oldest has.
#include "house.hpp"

namespace bridge::handoff {
namespace {

class Seen {
 public:
  explicit Seen(House& house) : house_(house) {}
  double operator()(const std::string& gauge) { return house_.metrics.gauges[gauge].value(); }

 private:
  House& house_;
};

Task<Sent> say(Handoff& handoff, session::SessionId id, std::string text, std::string name) {
  auto sent = co_await handoff.user_message(id, std::move(text), std::move(name));
  co_return sent.value();
}

Task<> say_in_background(Handoff& handoff, session::SessionId id, std::string text,
                         std::string name, int& done) {
  (void)co_await say(handoff, std::move(id), std::move(text), std::move(name));
  ++done;
}

TEST(Vitals, SessionsAreCountedByState) {
  House house;
  Seen seen(house);
  house.run([&](Handoff& handoff) -> Task<> {
    const auto first = co_await house.new_session(handoff);
    (void)co_await house.new_session(handoff);
    EXPECT_EQ(seen("sessions.bot"), 2);
    const auto live = co_await house.live(handoff);
    EXPECT_EQ(seen("sessions.bot"), 2);
    EXPECT_EQ(seen("sessions.live"), 1);
    EXPECT_EQ(seen("sessions.opening"), 0);
    EXPECT_EQ(house.metrics.counters["session_changes.queued"].value(), 1u);
    (void)co_await handoff.end(live, session::CloseReason::user_ended);
    EXPECT_EQ(seen("sessions.live"), 0);
    EXPECT_EQ(seen("sessions.closed"), 1);
    EXPECT_EQ(house.metrics.counters["sessions_opened"].value(), 3u);
    EXPECT_GE(house.metrics.histograms["commit_seconds"].count(), 6u);
  });
}

TEST(Vitals, AForgottenSessionIsCountedNoMore) {
  House house;
  house.options.policy.bot_expiry = std::chrono::seconds(1);
  Seen seen(house);
  house.run([&](Handoff& handoff) -> Task<> {
    (void)co_await house.new_session(handoff);
    EXPECT_EQ(seen("sessions.bot"), 1);
    house.time.pass(std::chrono::seconds(5));
    const bool gone = co_await eventually([&] { return seen("sessions.bot") == 0; });
    EXPECT_TRUE(gone);
  });
}

TEST(Vitals, MessagesThatServiceNowHasNotTakenAreSeenWithTheirAge) {
  House house;
  Seen seen(house);
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    house.chat.sending.shut();
    int done = 0;
    auto executor = co_await asio::this_coro::executor;
    const auto background = [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    };
    asio::co_spawn(executor, say_in_background(handoff, id, "one", "c1", done), background);
    asio::co_spawn(executor, say_in_background(handoff, id, "two", "c2", done), background);
    const bool sent = co_await eventually([&] { return house.chat.sends.size() == 1; });
    EXPECT_TRUE(sent);
    house.time.pass(std::chrono::seconds(7));
    handoff.measure();
    EXPECT_EQ(seen("queue_depth.sends_in_flight"), 1);
    EXPECT_EQ(seen("queue_depth.sends_waiting"), 1);
    EXPECT_EQ(seen("oldest_undelivered_seconds.send"), 7);
    house.chat.sending.open();
    const bool both = co_await eventually([&] { return done == 2; });
    EXPECT_TRUE(both);
    handoff.measure();
    EXPECT_EQ(seen("queue_depth.sends_in_flight"), 0);
    EXPECT_EQ(seen("oldest_undelivered_seconds.send"), 0);
  });
}

TEST(Vitals, AnEventAgesUntilSomeReaderHasIt) {
  House house;
  Seen seen(house);
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    auto page = co_await handoff.poll(id, start_of_log(), Millis(0));
    EXPECT_TRUE(page);
    handoff.measure();
    EXPECT_EQ(seen("oldest_undelivered_seconds.event"), 0);
    (void)co_await handoff.agent_event(house.event(id, "are you there?", "m1"));
    house.time.pass(std::chrono::seconds(40));
    (void)co_await handoff.agent_event(house.event(id, "hello?", "m2"));
    house.time.pass(std::chrono::seconds(2));
    handoff.measure();
    EXPECT_EQ(seen("oldest_undelivered_seconds.event"), 42);

    RecordingSubscriber reader;
    {
      auto subscription = co_await handoff.subscribe(id, start_of_log(), reader);
      EXPECT_TRUE(subscription);
      handoff.measure();
      EXPECT_EQ(seen("oldest_undelivered_seconds.event"), 0);
      EXPECT_EQ(seen("readers.socket"), 1);
      // A reader that is there takes what comes.
      (void)co_await handoff.agent_event(house.event(id, "good", "m3"));
      house.time.pass(std::chrono::seconds(9));
      handoff.measure();
      EXPECT_EQ(seen("oldest_undelivered_seconds.event"), 0);
      // It is lost, and the last two are not known to have arrived.
      const std::size_t n = reader.seqs.size();
      subscription->detach({reader.seqs[n - 2], reader.seqs[n - 1]});
      EXPECT_EQ(seen("readers.socket"), 0);
    }
    handoff.measure();
    EXPECT_EQ(seen("oldest_undelivered_seconds.event"), 11);
    // Nobody waits for what happened in a chat that is over.
    (void)co_await handoff.end(id, session::CloseReason::user_ended);
    handoff.measure();
    EXPECT_EQ(seen("oldest_undelivered_seconds.event"), 0);
  });
}

TEST(Vitals, HeldRowsAndWhatTheRulesMetAreCounted) {
  House house;
  Seen seen(house);
  house.run([&](Handoff& handoff) -> Task<> {
    EXPECT_TRUE(house.metrics.counters.contains("handoff_events.webhook_echo")) << "from the start";
    const auto id = co_await house.live(handoff);
    auto late = house.event(id, "second", "m2");
    late.sequence = 5;
    late.prev_sequence = 4;
    (void)co_await handoff.agent_event(late);
    handoff.measure();
    EXPECT_EQ(seen("queue_depth.rows_held"), 1);
    EXPECT_EQ(house.metrics.counters["handoff_events.webhook_held"].value(), 1u);
    (void)co_await handoff.agent_event(late);
    EXPECT_EQ(house.metrics.counters["handoff_events.webhook_repeat"].value(), 1u);
    EXPECT_EQ(seen("queue_depth.webhooks"), 0);
  });
}

}  // namespace
}  // namespace bridge::handoff
