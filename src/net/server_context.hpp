// SPDX-License-Identifier: MIT
// What all connections of one server share, and the registry by which the server's one sweep
// enforces their deadlines: a point in time per connection instead of a timer per operation.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <memory>

#include "bridge/async/task_group.hpp"
#include "bridge/net/server.hpp"
#include "net/access_log.hpp"
#include "net/response_writer.hpp"

namespace boost::asio::ssl {
class context;
}

namespace bridge::net {

/// Called by the sweep and by `stop`. None of these may destroy a registered object at once: they
/// close or cancel sockets, whose completions are posted.
class Watched {
 public:
  virtual void on_tick(Deadline now) = 0;
  /// The server is stopping: end now if idle, else after what is under way.
  virtual void begin_stop() = 0;
  /// Whether `begin_stop` is to be called a few at a time: an open WebSocket comes back at once.
  virtual bool stops_in_turn() const { return false; }
  virtual void cut() = 0;

 protected:
  ~Watched() = default;
};

/// Lives in shared ownership of the server and each of its coroutines.
struct ServerContext {
  ServerContext(asio::any_io_executor e, const ServerOptions& o, const Router& r, Logger& l,
                Metrics& m)
      : executor(e),
        options(o),
        router(r),
        logger(l),
        access(r, l, m, options.quiet_routes),
        acceptor(e),
        sessions(e, l),
        background(e, l) {}

  asio::any_io_executor executor;
  const ServerOptions options;
  const Router& router;
  Logger& logger;
  AccessLog access;
  RequestIds ids;
  asio::ip::tcp::acceptor acceptor;
  std::shared_ptr<asio::ssl::context> tls;  ///< null: plain
  async::TaskGroup sessions;
  async::TaskGroup background;
  DateCache date;
  std::list<Watched*> watched;
  std::size_t connections = 0;
  bool stopping = false;
};

/// Counts from the moment of acceptance, or many accepted in one turn would pass the limit.
class ConnectionCount {
 public:
  explicit ConnectionCount(std::shared_ptr<ServerContext> context) : context_(std::move(context)) {
    ++context_->connections;
    context_->access.connections().add(1);
  }
  ConnectionCount(ConnectionCount&&) noexcept = default;
  ConnectionCount& operator=(ConnectionCount&&) = delete;
  ~ConnectionCount() {
    if (!context_) return;
    --context_->connections;
    context_->access.connections().add(-1);
  }

 private:
  std::shared_ptr<ServerContext> context_;
};

/// Membership in the registry, ended by destruction.
class Registration {
 public:
  Registration(ServerContext& context, Watched& member)
      : list_(context.watched), at_(list_.insert(list_.end(), &member)) {}
  ~Registration() { list_.erase(at_); }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  std::list<Watched*>& list_;
  std::list<Watched*>::iterator at_;
};

}  // namespace bridge::net
