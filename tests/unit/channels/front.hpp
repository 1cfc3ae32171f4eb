// SPDX-License-Identifier: MIT
// The bridge's whole front, without sockets: a Router with all channels over a real Handoff, the
// memory store, and fakes behind the ports. A test asks, and gets the answer back at once.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "bridge/channels/channels.hpp"
#include "bridge/core/json.hpp"
#include "bridge/stores/memory_store.hpp"
#include "support/fakes.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"

namespace bridge::channels {

inline constexpr std::string_view kHookSecret = "canary-hook-secret";
inline constexpr std::string_view kNextHookSecret = "canary-next-hook-secret";
inline constexpr std::string_view kAgentSecret = "canary-agent-secret";
inline constexpr std::string_view kCopilotKey = "canary-copilot-key";

/// A request in the making.
class Call {
 public:
  Call(net::Method method, std::string target) {
    request.method = method;
    request.target = std::move(target);
    request.path =
        net::percent_decode(request.target.substr(0, request.target.find('?'))).value_or("");
    request.peer_address = "192.0.2.7";
    request.headers.set("Host", "bridge.example");
  }
  Call with(std::string_view name, std::string_view value) && {
    request.headers.set(name, std::string(value));
    return std::move(*this);
  }
  Call bearer(const std::string& token) && {
    return std::move(*this).with("Authorization", "Bearer " + token);
  }
  Call cookie(const std::string& value) && {
    return std::move(*this).with("Cookie", "bridge_session=" + value);
  }
  Call agent() && { return std::move(*this).with("X-Agent-Secret", kAgentSecret); }
  Call hook() && { return std::move(*this).with("X-Bridge-Secret", kHookSecret); }
  Call as_json() && { return std::move(*this).with("Content-Type", "application/json"); }

  net::Request request;
};

inline Call get(std::string target) { return Call(net::Method::get, std::move(target)); }
inline Call post(std::string target, std::string body = {}) {
  Call call(net::Method::post, std::move(target));
  call.request.body = std::move(body);
  return call;
}
inline Call post(std::string target, const json::object& body) {
  return post(std::move(target), json::serialize(body));
}

class Answer {
 public:
  explicit Answer(net::Response response)
      : status(response.status), headers(response.headers), text(response.body) {
    boost::system::error_code failed;
    json::value value = json::parse(text, failed);
    if (!failed && value.is_object()) body = value.get_object();
  }
  /// A member as text; "<absent>" if there is none, "null" for null.
  std::string operator[](std::string_view name) const {
    const json::value* value = body.if_contains(name);
    if (!value) return "<absent>";
    return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
  }
  /// What Set-Cookie makes the browser keep.
  std::string cookie() const {
    const std::string_view set = headers.get("Set-Cookie");
    const auto from = set.find('=');
    return from == std::string_view::npos
               ? std::string()
               : std::string(set.substr(from + 1, set.find(';') - from - 1));
  }

  unsigned status;
  net::Headers headers;
  std::string text;
  json::object body;
};

/// Counts what is written, so that a test can say that nothing was.
class CountingStore final : public handoff::SessionStore {
 public:
  Task<Result<handoff::StoredSession>> load(session::SessionId id) override {
    return inner_->load(std::move(id));
  }
  Task<Result<>> commit(handoff::Commit commit) override {
    ++writes;
    return inner_->commit(std::move(commit));
  }
  Task<Result<std::optional<session::SessionId>>> find(handoff::Index index,
                                                       std::string value) override {
    return inner_->find(index, std::move(value));
  }
  Task<Result<>> erase(session::SessionId id) override {
    ++writes;
    return inner_->erase(std::move(id));
  }
  Task<Result<std::vector<session::SessionId>>> oldest(session::State state,
                                                       std::size_t limit) override {
    return inner_->oldest(state, limit);
  }
  Task<Result<std::vector<handoff::StoredSession>>> all() override { return inner_->all(); }
  Task<Result<std::size_t>> count() override { return inner_->count(); }

  std::size_t writes = 0;

 private:
  std::unique_ptr<handoff::SessionStore> inner_ = stores::make_memory_store();
};

/// What a browser has after init-session.
struct Visitor {
  std::string id;
  std::string token;
  std::string cookie;
};

class Front {
 public:
  static Options usual() {
    Options options;
    options.webhook_secret = identity::SharedSecret(
        {Secret(std::string(kHookSecret)), Secret(std::string(kNextHookSecret))});
    options.agent_secret = identity::SharedSecret({Secret(std::string(kAgentSecret))});
    options.signing_secrets = {Secret(std::string(kHookSecret)),
                               Secret(std::string(kNextHookSecret))};
    options.copilot.keys = identity::SharedSecret({Secret(std::string(kCopilotKey))});
    options.rate.on = false;
    return options;
  }

  explicit Front(Options options = usual(), handoff::Options inner = {})
      : chat(context.get_executor()),
        delivery(context.get_executor()),
        store(std::make_unique<CountingStore>()),
        handoff(context.get_executor(), with_user(std::move(inner)),
                handoff::Ports{*store, chat, desks, desks, desks, delivery, time, logger, metrics}),
        channels(handoff, std::move(options), readiness, logger, metrics, time) {
    channels.mount(router);
    run([&]() -> Task<> {
      const auto started = co_await handoff.start();
      EXPECT_TRUE(started);
    });
  }
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  ~Front() {
    chat.opening.open();
    chat.sending.open();
    delivery.posting.open();
    run([&]() -> Task<> { return handoff.stop(in(std::chrono::seconds(5))); });
    context.restart();
    context.run_for(std::chrono::seconds(2));
    EXPECT_TRUE(context.stopped()) << "work was left behind";
  }

  void run(const std::function<Task<>()>& body) { test::run_coroutine(context, body); }
  /// Runs what is ready: effects that answers did not wait for.
  void settle() {
    context.restart();
    context.poll();
  }

  Answer ask(Call call) {
    net::Response response;
    run([&]() -> Task<> { response = co_await router.handle(call.request, &logger); });
    settle();
    return Answer(std::move(response));
  }

  Visitor open(std::string cookie = {}) {
    Call call = post("/api/servicenow/init-session");
    if (!cookie.empty()) call = std::move(call).cookie(cookie);
    const Answer answer = ask(std::move(call));
    EXPECT_EQ(answer.status, 200u) << answer.text;
    return Visitor{answer["session_id"], answer["session_token"], answer.cookie()};
  }
  Visitor open_queued() {
    Visitor visitor = open();
    const Answer answer =
        ask(post("/api/servicenow/escalate", {{"session_id", visitor.id}}).bearer(visitor.token));
    EXPECT_EQ(answer.status, 200u) << answer.text;
    return visitor;
  }
  Visitor open_live() {
    Visitor visitor = open_queued();
    const Answer answer = ask(
        post("/api/servicenow/webhook",
             {{"event", "claimed"}, {"bridge_session_id", visitor.id}, {"rep_name", "Alex Rep"}})
            .hook());
    EXPECT_EQ(answer.status, 200u) << answer.text;
    EXPECT_EQ(view(visitor.id)->state, session::State::live);
    return visitor;
  }
  Visitor open_closed() {
    Visitor visitor = open_live();
    EXPECT_EQ(
        ask(post("/api/servicenow/end", {{"session_id", visitor.id}}).bearer(visitor.token)).status,
        200u);
    EXPECT_EQ(view(visitor.id)->state, session::State::closed);
    return visitor;
  }
  Visitor open_in(session::State state) {
    switch (state) {
      case session::State::queued:
        return open_queued();
      case session::State::live:
        return open_live();
      case session::State::closed:
        return open_closed();
      default:
        return open();
    }
  }

  /// Null if there is no such session.
  std::shared_ptr<const session::BridgeSession> view(const std::string& id) {
    std::shared_ptr<const session::BridgeSession> state;
    run([&]() -> Task<> {
      auto found = co_await handoff.view(id);
      if (found) state = *found;
    });
    return state;
  }
  /// The frames of a session from the beginning, as one text.
  std::string frames(const Visitor& visitor) {
    return ask(get("/api/servicenow/poll/" + visitor.id + "?after=0:0").bearer(visitor.token)).text;
  }
  /// Everything that an input could have changed, in one line.
  std::string snapshot(const std::string& id) {
    const auto state = view(id);
    std::size_t sessions = 0;
    run([&]() -> Task<> { sessions = (co_await store->count()).value(); });
    std::string line = "sessions=" + std::to_string(sessions);
    const auto add = [&](std::string_view name, std::size_t n) {
      line.append(" ").append(name).append("=").append(std::to_string(n));
    };
    add("posts", delivery.urls.size());
    add("opens", chat.opens.size());
    add("finds", chat.finds.size());
    add("sends", chat.sends.size());
    add("ends", chat.ends.size());
    add("touches", chat.touches.size());
    add("names", chat.names_asked.size());
    add("asks", static_cast<std::size_t>(chat.asks));
    add("tickets", desks.tickets.size());
    add("resolved", desks.resolved.size());
    add("minted", desks.minted.size());
    add("writes", store->writes);
    if (state) {
      line += " state=" + std::string(session::to_string(state->state));
      add("version", state->version);
      add("seq", state->last_seq);
    }
    return line;
  }

  asio::io_context context{1};
  test::FakeLiveChat chat;
  test::FakeDesks desks;
  test::FakeDelivery delivery;
  test::ManualTime time;
  test::RecordingLogger logger;
  test::RecordingMetrics metrics;
  std::unique_ptr<CountingStore> store;
  Readiness readiness;
  handoff::Handoff handoff;
  Channels channels;
  net::Router router;

 private:
  static handoff::Options with_user(handoff::Options inner) {
    if (inner.default_user_sys_id.empty()) inner.default_user_sys_id = "default-user";
    return inner;
  }
};

}  // namespace bridge::channels
