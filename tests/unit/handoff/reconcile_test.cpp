// SPDX-License-Identifier: MIT
#include "house.hpp"

namespace bridge::handoff {
namespace {

session::AgentEvent row(House& house, const session::SessionId& id, std::string text,
                        std::int64_t sequence) {
  session::AgentEvent event = house.event(id, std::move(text), "m" + std::to_string(sequence));
  event.conversation_sys_id = house.chat.by_key[id].conversation_sys_id;
  event.sequence = sequence;
  event.prev_sequence = sequence - 1;
  return event;
}

Task<std::vector<std::string>> shown(Handoff& handoff, session::SessionId id) {
  auto page = co_await handoff.poll(std::move(id), start_of_log(), Millis(0));
  std::vector<std::string> texts;
  for (const auto& frame : page.value().frames) {
    const auto at = frame->find("\"text\":\"");
    if (at != std::string::npos && frame->find("\"from\":\"rep\"") != std::string::npos)
      texts.push_back(frame->substr(at + 8, frame->find('"', at + 8) - at - 8));
  }
  co_return texts;
}

using Texts = std::vector<std::string>;

TEST(Reconciling, AfterAnOutageTellsWhatWebhooksCouldNot) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto one = co_await house.live(handoff);
    const auto two = co_await house.live(handoff);
    house.chat.rows[house.chat.by_key[one].conversation_sys_id] = {row(house, one, "first", 1),
                                                                   row(house, one, "second", 2)};
    EXPECT_TRUE(co_await handoff.agent_event(row(house, one, "first", 1)));
    house.chat.well_again();
    Texts texts;
    const Deadline deadline = in(std::chrono::seconds(8));
    while (texts.size() < 2 && std::chrono::steady_clock::now() < deadline) {
      texts = co_await shown(handoff, one);
      co_await async::sleep_for(Millis(5));
    }
    EXPECT_EQ(texts, (Texts{"first", "second"}));
    EXPECT_EQ(house.chat.reads.size(), 1u) << "both chats were read in one call";
    EXPECT_EQ(house.chat.reads.at(0).size(), 2u);
    EXPECT_EQ(house.metrics.counters["reconcile_calls.ok"].value(), 1u);
    EXPECT_EQ(house.metrics.counters["handoff_events.reconcile_recovered"].value(), 1u);
    EXPECT_TRUE(co_await handoff.view(two));
  });
}

TEST(Reconciling, AfterARestartReadsEveryOpenChatButNotAllAtOnce) {
  constexpr std::size_t kChats = 130;
  House house;
  std::vector<session::SessionId> ids;
  house.run([&](Handoff& handoff) -> Task<> {
    while (ids.size() < kChats) ids.push_back(co_await house.live(handoff));
  });
  // Nobody heard of it.
  for (const session::SessionId& id : ids)
    house.chat.rows[house.chat.by_key[id].conversation_sys_id] = {row(house, id, "missed", 1)};
  const auto asked = [&] {
    std::size_t chats = 0;
    for (const auto& read : house.chat.reads) chats += read.size();
    return chats;
  };
  house.chat.reading.shut();
  house.context.restart();
  house.run([&](Handoff& handoff) -> Task<> {
    EXPECT_TRUE(co_await eventually([&] { return asked() >= 2 * LiveChat::kMaxPositions; }));
    EXPECT_LT(asked(), kChats) << "the others wait until ServiceNow has answered";
    house.chat.reading.open();
    for (const session::SessionId& id : ids) {
      Texts texts;
      const Deadline deadline = in(std::chrono::seconds(8));
      while (texts.empty() && std::chrono::steady_clock::now() < deadline) {
        texts = co_await shown(handoff, id);
        if (texts.empty()) co_await async::sleep_for(Millis(5));
      }
      EXPECT_EQ(texts, Texts{"missed"});
    }
    EXPECT_EQ(asked(), kChats) << "each once";
  });
}

TEST(Reconciling, AChatThatWasBeingReadWhenTheProcessEndedIsReadByTheNext) {
  House house;
  session::SessionId id;
  house.run([&](Handoff& handoff) -> Task<> {
    id = co_await house.live(handoff);
    house.chat.rows[house.chat.by_key[id].conversation_sys_id] = {row(house, id, "missed", 1)};
    house.chat.reading.shut();
    house.chat.well_again();
    EXPECT_TRUE(co_await eventually([&] { return house.chat.reads.size() == 1; }));
    EXPECT_TRUE((co_await handoff.view(id)).value()->reconciling.in_flight);
  });
  house.chat.reading.open();
  house.context.restart();
  house.run([&](Handoff& handoff) -> Task<> {
    const auto stored = (co_await handoff.view(id)).value();
    EXPECT_TRUE(stored->reconciling.in_flight) << "a start stores nothing for that";
    Texts texts;
    const Deadline deadline = in(std::chrono::seconds(8));
    while (texts.empty() && std::chrono::steady_clock::now() < deadline) {
      texts = co_await shown(handoff, id);
      if (texts.empty()) co_await async::sleep_for(Millis(5));
    }
    EXPECT_EQ(texts, Texts{"missed"});
    EXPECT_EQ(house.chat.reads.size(), 2u);
    EXPECT_FALSE((co_await handoff.view(id)).value()->reconciling.in_flight);
  });
}

TEST(Reconciling, ThatFailsIsCountedAndAges) {
  House house;
  house.chat.messages_error = Error(Errc::unreachable);
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    house.chat.well_again();
    EXPECT_TRUE(co_await eventually(
        [&] { return house.metrics.counters["handoff_events.reconcile_failed"].value() == 1; }));
    house.time.pass(std::chrono::seconds(90));
    handoff.measure();
    EXPECT_GE(house.metrics.gauges["reconcile_age_seconds"].value(), 90);
    house.chat.messages_error.reset();
    house.chat.well_again();
    EXPECT_TRUE(co_await eventually(
        [&] { return house.metrics.counters["reconcile_calls.ok"].value() == 1; }));
    handoff.measure();
    EXPECT_EQ(house.metrics.gauges["reconcile_age_seconds"].value(), 0);
  });
}

TEST(Reconciling, FindsOutAboutAMessageOfUnknownOutcome) {
  House house;
  house.run([&](Handoff& handoff) -> Task<> {
    const auto id = co_await house.live(handoff);
    house.chat.send_error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
    SentMessage there;
    there.message_sys_ids = {"own"};
    house.chat.sent_after_all["c1"] = there;
    auto sent = co_await handoff.user_message(id, "hello", "c1");
    EXPECT_EQ(sent.value().status, session::Send::Status::unknown);
    EXPECT_TRUE(co_await eventually([&] { return house.chat.withdrawals.size() == 1; }));
    auto again = co_await handoff.user_message(id, "hello", "c1");
    EXPECT_EQ(again.value().status, session::Send::Status::delivered);
    EXPECT_EQ(house.chat.sends.size(), 1u) << "it was there, so it is not said twice";
  });
}

}  // namespace
}  // namespace bridge::handoff
