// SPDX-License-Identifier: MIT
// The bridge's whole front without sockets, for one fuzz input: a router with all channels over a
// real Handoff, the memory store, and fakes behind the ports. Nothing in it waits: an answer that
// does not come at once is given up, as when the client leaves.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "bridge/channels/channels.hpp"
#include "bridge/stores/memory_store.hpp"
#include "fuzz/bytes.hpp"
#include "support/fakes.hpp"

namespace bridge::fuzz {

inline constexpr std::string_view kHookSecret = "fuzz-hook-secret-0123456789";
inline constexpr std::string_view kAgentSecret = "fuzz-agent-secret-0123456789";

class Front {
 public:
  Front()
      : chat_(context_.get_executor()),
        delivery_(context_.get_executor()),
        store_(stores::make_memory_store()),
        handoff_(context_.get_executor(), inner(),
                 handoff::Ports{*store_, chat_, desks_, desks_, desks_, delivery_, time_, logger_,
                                metrics_}),
        channels_(handoff_, outer(), readiness_, logger_, metrics_, time_) {
    channels_.mount(router);
    finish(handoff_.start());
  }
  Front(const Front&) = delete;
  Front& operator=(const Front&) = delete;
  ~Front() {
    finish(handoff_.stop(in(std::chrono::seconds(5))));
    settle();
  }

  /// Nothing if it waited for something that does not come.
  std::optional<net::Response> ask(net::Request& request) {
    std::optional<net::Response> response;
    asio::cancellation_signal leave;
    bool done = false;
    asio::co_spawn(context_, router.handle(request, &logger_),
                   asio::bind_cancellation_slot(
                       leave.slot(), [&](const std::exception_ptr& thrown, net::Response answer) {
                         done = true;
                         if (!thrown) response = std::move(answer);
                       }));
    settle();
    if (!done) leave.emit(asio::cancellation_type::terminal);
    settle();
    require(done, "a request that is given up ends");
    return response;
  }

  net::Response post(std::string path, std::string body) {
    net::Request request;
    request.method = net::Method::post;
    request.path = path;
    request.target = std::move(path);
    request.headers.set("Host", "bridge.example");
    request.headers.set("X-Bridge-Secret", std::string(kHookSecret));
    request.headers.set("X-Agent-Secret", std::string(kAgentSecret));
    request.body = std::move(body);
    auto response = ask(request);
    require(response.has_value(), "such a request is answered at once");
    return std::move(*response);
  }

  std::shared_ptr<const session::BridgeSession> view(const std::string& id) {
    std::shared_ptr<const session::BridgeSession> state;
    finish(look(handoff_, id, state));
    return state;
  }

  net::Router router;

 private:
  static handoff::Options inner() {
    handoff::Options options;
    options.default_user_sys_id = std::string(32, '1');
    return options;
  }
  static channels::Options outer() {
    channels::Options options;
    options.webhook_secret = identity::SharedSecret({Secret(std::string(kHookSecret))});
    options.copilot.open = true;
    options.rate.on = false;  // it would hide what lies behind it
    options.agent_secret = identity::SharedSecret({Secret(std::string(kAgentSecret))});
    return options;
  }
  static Task<> look(handoff::Handoff& handoff, std::string id,
                     std::shared_ptr<const session::BridgeSession>& into) {
    auto found = co_await handoff.view(std::move(id));
    if (found) into = *found;
  }

  void settle() {
    context_.restart();
    context_.poll();
  }
  template <class T>
  void finish(Task<T> task) {
    bool done = false;
    asio::co_spawn(context_, std::move(task),
                   [&](const std::exception_ptr& thrown, auto&&...) { done = !thrown; });
    settle();
    require(done, "what the rig asks is done at once");
  }

  asio::io_context context_{1};
  NullLogger logger_;
  NullMetrics metrics_;
  test::FakeLiveChat chat_;
  test::FakeDesks desks_;
  test::FakeDelivery delivery_;
  test::ManualTime time_;
  std::unique_ptr<handoff::SessionStore> store_;
  channels::Readiness readiness_;
  handoff::Handoff handoff_;
  channels::Channels channels_;
};

}  // namespace bridge::fuzz
