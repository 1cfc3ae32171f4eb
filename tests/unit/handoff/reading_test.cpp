// SPDX-License-Identifier: MIT
// DESIGN 4.3: readers with a cursor, and the one compatibility reader.
#include "house.hpp"

namespace bridge::handoff {
namespace {

using session::Cursor;
const Cursor kStart{"0", 0};

std::size_t count_of(const std::vector<std::string>& frames, std::string_view text) {
  std::size_t n = 0;
  for (const std::string& frame : frames) n += frame.find(text) != std::string::npos ? 1 : 0;
  return n;
}
std::size_t count_of(const PollPage& page, std::string_view text) {
  std::size_t n = 0;
  for (const auto& frame : page.frames) n += frame->find(text) != std::string::npos ? 1 : 0;
  return n;
}

TEST(CursorReaders, AreIndependentAndMayReadAgain) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    RecordingSubscriber first, second;
    auto one = co_await handoff.subscribe(id, kStart, first);
    (void)co_await handoff.agent_event(house.event(id, "hello", "m1"));
    auto two = co_await handoff.subscribe(id, kStart, second);
    (void)co_await handoff.agent_event(house.event(id, "again", "m2"));
    EXPECT_EQ(first.frames, second.frames);
    EXPECT_EQ(count_of(first.frames, "hello"), 1u);
    for (int i = 0; i < 2; ++i) {
      auto page = co_await handoff.poll(id, kStart, Millis(0));
      EXPECT_EQ(page.value().frames.size(), first.frames.size());
      EXPECT_TRUE(page.value().recovered);
    }
    EXPECT_FALSE(first.replaced);
  });
}

TEST(CursorReaders, ResumeExactlyWhereTheyWere) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    auto page = co_await handoff.poll(id, kStart, Millis(0));
    const Cursor here = *session::parse_cursor(page.value().cursor);
    (void)co_await handoff.agent_event(house.event(id, "while away", "m1"));
    RecordingSubscriber reader;
    auto subscription = co_await handoff.subscribe(id, here, reader);
    EXPECT_EQ(reader.frames.size(), 1u);
    EXPECT_EQ(reader.seqs.at(0), here.seq + 1);
  });
}

TEST(CursorReaders, AreToldWhenSomethingMayBeMissing) {
  Options options;
  options.log.max_events = 2;
  House house(options);
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    for (int i = 0; i < 5; ++i)
      (void)co_await handoff.agent_event(house.event(id, "text", "m" + std::to_string(i)));
    auto page = co_await handoff.poll(id, cursor_of("otherlife", 3), Millis(0));
    EXPECT_FALSE(page.value().recovered);
    EXPECT_EQ(page.value().frames.size(), 3u);
    EXPECT_NE(page.value().frames.at(0)->find(
                  "\"type\":\"resync\",\"state\":\"live\",\"rep_name\":\"Alex Rep\""),
              std::string::npos);
    RecordingSubscriber reader;
    auto subscription = co_await handoff.subscribe(id, cursor_of("otherlife", 3), reader);
    EXPECT_EQ(reader.transients.size(), 1u);
    EXPECT_EQ(reader.frames.size(), 2u);
  });
}

TEST(PlainPoll, ThatDidNotArriveIsHandedOutAgain) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    const auto poll = [&]() -> Task<PollPage> {
      auto page = co_await handoff.poll(id, std::nullopt, Millis(0));
      co_return page.value();
    };
    PollPage first = co_await poll();
    first.receipt(true);
    (void)co_await handoff.agent_event(house.event(id, "hello", "m1"));
    PollPage lost = co_await poll();
    EXPECT_EQ(count_of(lost, "hello"), 1u);
    EXPECT_EQ(count_of(co_await poll(), "hello"), 0u) << "it is on its way";
    lost.receipt(false);
    PollPage again = co_await poll();
    EXPECT_EQ(count_of(again, "hello"), 1u);
    again.receipt(true);
    EXPECT_EQ(count_of(co_await poll(), "hello"), 0u);
    EXPECT_FALSE((co_await poll()).receipt) << "there is nothing to confirm";
  });
}

TEST(PlainPoll, GoesOnWhereItWasAfterARestart) {
  House house;
  session::SessionId id;
  house.run([&](Handoff& handoff) -> Task<> {
    id = co_await house.live(handoff);
    (void)co_await handoff.agent_event(house.event(id, "seen", "m1"));
    auto page = co_await handoff.poll(id, std::nullopt, Millis(0));
    EXPECT_EQ(count_of(page.value(), "seen"), 1u);
    EXPECT_TRUE(co_await eventually(
        [&] { return house.metrics.gauges["queue_depth.webhooks"].value() == 0; }));
    Deadline deadline = in(std::chrono::seconds(8));
    std::uint64_t place = 0;
    while (place < 3 && std::chrono::steady_clock::now() < deadline) {
      auto view = co_await handoff.view(id);
      place = view.value()->plain_handed;
      co_await async::sleep_for(Millis(2));
    }
    (void)co_await handoff.agent_event(house.event(id, "not seen", "m2"));
  });
  house.context.restart();
  house.run([&](Handoff& handoff) -> Task<> {
    auto page = co_await handoff.poll(id, std::nullopt, Millis(0));
    EXPECT_EQ(count_of(page.value(), "\"seen\""), 0u);
    EXPECT_EQ(count_of(page.value(), "not seen"), 1u);
  });
}

TEST(LongPoll, AnswersAsSoonAsThereIsSomething) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    const Cursor here =
        *session::parse_cursor((co_await handoff.poll(id, kStart, Millis(0))).value().cursor);
    async::TaskGroup group(house.context.get_executor(), house.logger);
    std::optional<PollPage> got;
    const auto wait = [&]() -> Task<> {
      auto page = co_await handoff.poll(id, here, std::chrono::seconds(20));
      if (page) got = *page;
    };
    group.spawn("poll", wait());
    co_await async::sleep_for(std::chrono::milliseconds(10));
    EXPECT_FALSE(got);
    (void)co_await handoff.agent_event(house.event(id, "now", "m1"));
    EXPECT_TRUE(co_await eventually([&] { return got.has_value(); }));
    EXPECT_EQ(count_of(*got, "now"), 1u);
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
  });
}

TEST(LongPoll, SeesTypingAndEndsEmptyWhenNothingHappens) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    const Cursor here =
        *session::parse_cursor((co_await handoff.poll(id, kStart, Millis(0))).value().cursor);
    EXPECT_TRUE((co_await handoff.poll(id, here, Millis(20))).value().frames.empty());
    async::TaskGroup group(house.context.get_executor(), house.logger);
    std::optional<PollPage> got;
    const auto wait = [&]() -> Task<> {
      got = (co_await handoff.poll(id, here, std::chrono::seconds(20))).value();
    };
    group.spawn("poll", wait());
    co_await async::sleep_for(std::chrono::milliseconds(10));
    session::AgentEvent typing = house.event(id);
    typing.kind = session::AgentEvent::Kind::typing;
    (void)co_await handoff.agent_event(typing);
    EXPECT_TRUE(co_await eventually([&] { return got.has_value(); }));
    EXPECT_EQ(count_of(*got, "\"typing\""), 1u);
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
  });
}

TEST(LongPoll, IsAnsweredAtOnceWhenTheProgramEnds) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    const Cursor here =
        *session::parse_cursor((co_await handoff.poll(id, kStart, Millis(0))).value().cursor);
    async::TaskGroup group(house.context.get_executor(), house.logger);
    std::optional<PollPage> got;
    const auto wait = [&]() -> Task<> {
      got = (co_await handoff.poll(id, here, std::chrono::seconds(20))).value();
    };
    group.spawn("poll", wait());
    co_await async::sleep_for(std::chrono::milliseconds(10));
    EXPECT_FALSE(got);
    handoff.end_waits();
    EXPECT_TRUE(co_await eventually([&] { return got.has_value(); }));
    EXPECT_TRUE(got->frames.empty());
    EXPECT_EQ(got->cursor, session::to_string(here));
    got.reset();
    group.spawn("poll", wait());  // nor does a new one wait
    EXPECT_TRUE(co_await eventually([&] { return got.has_value(); }));
    EXPECT_TRUE(co_await group.wait(in(std::chrono::seconds(5))));
  });
}

TEST(PlainReaders, AreTogetherOneReader) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    RecordingSubscriber old_socket, new_socket;
    auto one = co_await handoff.subscribe(id, std::nullopt, old_socket);
    EXPECT_EQ(count_of(old_socket.frames, "\"status\""), 2u) << "queued and live were waiting";
    auto two = co_await handoff.subscribe(id, std::nullopt, new_socket);
    EXPECT_TRUE(old_socket.replaced);
    one->detach();
    (void)co_await handoff.agent_event(house.event(id, "hello", "m1"));
    EXPECT_EQ(count_of(old_socket.frames, "hello"), 0u);
    EXPECT_EQ(count_of(new_socket.frames, "hello"), 1u);
    EXPECT_TRUE((co_await handoff.poll(id, std::nullopt, Millis(0))).value().frames.empty());
    two->detach();
    (void)co_await handoff.agent_event(house.event(id, "by poll", "m2"));
    EXPECT_EQ(count_of((co_await handoff.poll(id, std::nullopt, Millis(0))).value(), "by poll"),
              1u);
    EXPECT_TRUE((co_await handoff.poll(id, std::nullopt, Millis(0))).value().frames.empty());
  });
}

TEST(PlainReaders, AreNotToldTheirOwnWords) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    (void)co_await handoff.poll(id, std::nullopt, Millis(0));
    (void)co_await handoff.user_message(id, "my words", "c1");
    EXPECT_TRUE((co_await handoff.poll(id, std::nullopt, Millis(0))).value().frames.empty());
    EXPECT_EQ(count_of((co_await handoff.poll(id, kStart, Millis(0))).value(), "my words"), 1u);
  });
}

TEST(PlainReaders, WhatADeadSocketSwallowedIsHandedOutAgain) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    RecordingSubscriber socket;
    auto subscription = co_await handoff.subscribe(id, std::nullopt, socket);
    (void)co_await handoff.agent_event(house.event(id, "swallowed", "m1"));
    subscription->detach({socket.seqs.back()});
    EXPECT_EQ(count_of((co_await handoff.poll(id, std::nullopt, Millis(0))).value(), "swallowed"),
              1u);

    RecordingSubscriber dead, alive;
    auto one = co_await handoff.subscribe(id, std::nullopt, dead);
    (void)co_await handoff.agent_event(house.event(id, "second", "m2"));
    auto two = co_await handoff.subscribe(id, std::nullopt, alive);
    (void)co_await handoff.agent_event(house.event(id, "third", "m3"));
    EXPECT_TRUE((co_await handoff.poll(id, std::nullopt, Millis(0))).value().frames.empty())
        << "a poll does not overtake what the dead one may have lost";
    one->detach({dead.seqs.back()});
    EXPECT_EQ(count_of(alive.frames, "second"), 1u);
    EXPECT_TRUE(std::is_sorted(alive.seqs.begin(), alive.seqs.end()))
        << "what the dead one lost goes before what has come since";
  });
}

TEST(Presence, AWaitingPollKeepsTheChatAwake) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    RecordingSubscriber reader;
    auto subscription = co_await handoff.subscribe(id, kStart, reader);
    house.time.pass(house.options.policy.touch_interval);
    EXPECT_TRUE(co_await eventually([&] { return house.chat.touches.size() == 1; }));
    subscription->detach();
    house.time.pass(house.options.policy.abandoned_after);
    EXPECT_TRUE(co_await eventually([&] { return house.chat.ends.size() == 1; }));
    EXPECT_EQ((co_await handoff.view(id)).value()->close_reason, session::CloseReason::abandoned);
  });
}

}  // namespace
}  // namespace bridge::handoff
