// SPDX-License-Identifier: MIT
// A Handoff over the memory store and fakes, with a clock that the test holds.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "bridge/handoff/handoff.hpp"
#include "bridge/stores/memory_store.hpp"
#include "support/fakes.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::handoff {

// Factories: on g++ 12 a value-initialised temporary beside a co_await is destroyed twice when its
// type's default constructor is not user-provided (docs/common_errors.md).
inline EscalateRequest plain_request() { return {}; }
inline NewSession nobody() { return {}; }
inline session::Cursor cursor_of(std::string epoch, std::uint64_t seq) {
  return {std::move(epoch), seq};
}
inline session::Cursor start_of_log() { return cursor_of("0", 0); }

class House {
 public:
  explicit House(Options o = {})
      : options(std::move(o)), chat(context.get_executor()), delivery(context.get_executor()) {
    if (options.default_user_sys_id.empty()) options.default_user_sys_id = "default-user";
    store = stores::make_memory_store();
  }

  /// Runs a test's coroutine with a started Handoff, and takes it down afterwards.
  void run(const std::function<Task<>(Handoff&)>& body) {
    SessionStore& used = over ? *over : *store;
    Handoff handoff(context.get_executor(), options,
                    Ports{used, chat, desks, desks, desks, delivery, time, logger, metrics});
    test::run_coroutine(
        context, [&] { return drive(handoff, body); }, std::chrono::seconds(30));
    context.restart();
    context.run_for(std::chrono::seconds(2));
    EXPECT_TRUE(context.stopped()) << "work was left behind";
  }

  Task<> drive(Handoff& handoff, const std::function<Task<>(Handoff&)>& body) {
    auto started = co_await handoff.start();
    EXPECT_TRUE(started);
    co_await body(handoff);
    chat.opening.open();
    chat.sending.open();
    delivery.posting.open();
    co_await handoff.stop(in(std::chrono::seconds(5)));
  }

  Task<session::SessionId> new_session(Handoff& handoff) {
    NewSession request;
    auto id = co_await handoff.open_session(std::move(request));
    co_return id.value();
  }
  Task<session::SessionId> live(Handoff& handoff) {
    const auto id = co_await new_session(handoff);
    (void)co_await handoff.escalate(id, plain_request());  // asserted below by the state
    session::AgentEvent claimed = event(id);
    claimed.kind = session::AgentEvent::Kind::claimed;
    claimed.rep_name = "Alex Rep";
    (void)co_await handoff.agent_event(claimed);
    const auto view = co_await handoff.view(id);
    EXPECT_EQ(view.value()->state, session::State::live);
    co_return id;
  }
  session::AgentEvent event(const session::SessionId& id, std::string text = {},
                            std::string message = {}) {
    session::AgentEvent event;
    event.api = 2;
    event.key = id;
    const auto opened = chat.by_key.find(id);
    if (opened != chat.by_key.end()) event.interaction_sys_id = opened->second.interaction_sys_id;
    event.sender_sys_id = "agent";
    event.rep_name = "Alex Rep";
    event.text = std::move(text);
    event.message_sys_id = std::move(message);
    return event;
  }

  asio::io_context context{1};
  Options options;
  std::unique_ptr<SessionStore> store;
  SessionStore* over = nullptr;  ///< used instead of `store` if set
  test::FakeLiveChat chat;
  test::FakeDesks desks;
  test::FakeDelivery delivery;
  test::ManualTime time;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
};

/// Waits for a condition that other tasks bring about.
inline Task<bool> eventually(std::function<bool()> condition) {
  const Deadline deadline = in(std::chrono::seconds(8));
  while (!condition() && std::chrono::steady_clock::now() < deadline)
    co_await async::sleep_for(std::chrono::milliseconds(2));
  co_return condition();
}

/// A reader that keeps what it is told.
class RecordingSubscriber final : public Subscriber {
 public:
  void on_event(const session::LoggedEventPtr& event) override {
    frames.push_back(*event->frame);
    seqs.push_back(event->event.seq);
  }
  void on_transient(const std::shared_ptr<const std::string>& frame) override {
    transients.push_back(*frame);
  }
  void on_replaced() override { replaced = true; }
  void on_forgotten() override { forgotten = true; }

  std::vector<std::string> frames, transients;
  std::vector<std::uint64_t> seqs;
  bool replaced = false;
  bool forgotten = false;
};

}  // namespace bridge::handoff
