// SPDX-License-Identifier: MIT
// A server on a thread of its own, so that blocking test clients can talk to it.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>
#include <optional>
#include <thread>

#include "bridge/net/server.hpp"
#include "support/fakes.hpp"
#include "support/recording_logger.hpp"

namespace bridge::test {

class RunningServer {
 public:
  /// Fill the router before `start`.
  net::Router router;
  net::ServerOptions options;
  RecordingLogger logger;    ///< read it after `stop` only
  RecordingMetrics metrics;  ///< the same

  ~RunningServer() { stop(); }

  void start() {
    auto started = net::start_server(context_.get_executor(), options, router, logger, metrics);
    if (!started) throw std::runtime_error(started.error().to_string());
    server_ = std::move(*started);
    thread_ = std::thread([this] { context_.run(); });
  }

  std::uint16_t port() const { return server_->port(); }

  /// Runs `f` on the server's thread.
  template <class F>
  auto on_loop(F f) {
    std::packaged_task<decltype(f())()> task(std::move(f));
    auto result = task.get_future();
    asio::post(context_, [&task] { task(); });
    if (result.wait_for(std::chrono::seconds(10)) != std::future_status::ready) std::abort();
    return result.get();
  }

  /// Begins to stop; the future is ready when `Server::stop` has returned.
  std::shared_future<void> begin_stop(std::chrono::milliseconds grace = std::chrono::seconds(3)) {
    stopped_ = asio::co_spawn(context_, server_->stop(in(grace)), asio::use_future).share();
    return stopped_;
  }

  void stop() {
    if (!server_) return;
    if (!stopped_.valid()) begin_stop();
    stopped_.get();
    thread_.join();  // returns only if nothing was left behind
    server_.reset();
  }

  bool wait_until(const std::function<bool()>& condition,
                  std::chrono::milliseconds limit = std::chrono::seconds(5)) {
    const auto deadline = in(limit);
    while (std::chrono::steady_clock::now() < deadline) {
      if (on_loop(condition)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }

  bool wait_connections(std::size_t wanted) {
    return wait_until([this, wanted] { return server_->connections() == wanted; });
  }

  std::size_t connections() {
    return on_loop([this] { return server_->connections(); });
  }

 private:
  asio::io_context context_{1};
  std::unique_ptr<net::Server> server_;
  std::thread thread_;
  std::shared_future<void> stopped_;
};

inline net::Route route(net::Method method, std::string pattern, net::Handler handler,
                        std::size_t body_limit = 64 * 1024) {
  net::Route made;
  made.method = method;
  made.pattern = std::move(pattern);
  made.handler = std::move(handler);
  made.body_limit = body_limit;
  return made;
}

}  // namespace bridge::test
