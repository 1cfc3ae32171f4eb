// SPDX-License-Identifier: MIT
#include "sandbox/sandbox.hpp"

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "bridge/async/task_group.hpp"
#include "bridge/net/http_client.hpp"
#include "bridge/net/server.hpp"
#include "sandbox/copilot/copilot.hpp"
#include "sandbox/entra/entra.hpp"
#include "sandbox/locked_logger.hpp"
#include "sandbox/run_blocking.hpp"
#include "sandbox/servicenow/control.hpp"

namespace bridge::sandbox {
namespace {

constexpr auto kTick = std::chrono::milliseconds(40);
constexpr auto kStopLimit = std::chrono::seconds(5);
// Above what the platform refuses (10 MB), so that the refusal is in the platform's form.
constexpr std::size_t kBodyLimit = std::size_t{12} << 20;
constexpr net::Method kMethods[] = {net::Method::get, net::Method::post, net::Method::put,
                                    net::Method::patch, net::Method::delete_};

using Promise = std::shared_ptr<std::promise<OutboundReply>>;

OutboundReply no_answer(OutboundReply::Failure failure, std::string text) {
  OutboundReply reply;
  reply.failure = failure;
  reply.failure_text = std::move(text);
  return reply;
}

net::Method method_from(const std::string& name) {
  for (const net::Method method : kMethods)
    if (net::to_string(method) == name) return method;
  return name == "HEAD" ? net::Method::head : net::Method::get;
}

}  // namespace

class Sandbox::Impl {
 public:
  Impl(SandboxOptions options, Logger& logger)
      : options_(std::move(options)),
        logger_(logger),
        work_(asio::make_work_guard(io_)),
        group_(io_.get_executor(), logger_),
        pool_(options_.workers),
        servicenow_(
            options_.servicenow,
            [this](const OutboundRequest& request) { return call_out(request); }, logger_),
        control_(servicenow_),
        copilot_(options_.copilot, servicenow_.instance().clock(), servicenow_.ledger(), group_,
                 logger_),
        entra_(servicenow_.ledger()) {}
  ~Impl() { stop(); }

  Result<> start();
  void stop();

  std::uint16_t port() const { return port_; }
  std::string url() const {
    const std::string scheme = options_.tls_certificate_file.empty() ? "http://" : "https://";
    const bool any = options_.host == "0.0.0.0" || options_.host == "::";
    return scheme + (any ? "127.0.0.1" : options_.host) + ":" + std::to_string(port_);
  }
  ServiceNow& servicenow() { return servicenow_; }

 private:
  Result<std::unique_ptr<net::Server>> listen(std::uint16_t port);
  Task<net::Response> serve(net::Request& request);
  Task<> hold(std::chrono::milliseconds limit);
  Task<> close_for(std::chrono::milliseconds span);
  Task<> run_late(std::chrono::milliseconds span, std::function<void()> work);
  OutboundReply call_out(const OutboundRequest& request);
  Task<> perform(OutboundRequest request, Promise promise);
  void keep_time();
  /// Runs a coroutine on the I/O thread and waits for it.
  void run_on_io(Task<> task);

  SandboxOptions options_;
  LockedLogger logger_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  async::TaskGroup group_;
  asio::thread_pool pool_;
  net::Router router_;
  std::unique_ptr<net::HttpClient> client_;
  std::unique_ptr<net::Server> server_;
  std::vector<std::unique_ptr<net::Server>> retired_;
  ServiceNow servicenow_;
  Control control_;
  copilot::Copilot copilot_;
  Entra entra_;
  std::thread io_thread_;
  std::thread time_keeper_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stopping_{false};
  std::uint16_t port_ = 0;
};

Result<std::unique_ptr<net::Server>> Sandbox::Impl::listen(std::uint16_t port) {
  net::ServerOptions options;
  options.host = options_.host;
  options.port = port;
  options.tls_certificate_file = options_.tls_certificate_file;
  options.tls_key_file = options_.tls_key_file;
  return net::start_server(io_.get_executor(), options, router_, logger_);
}

Result<> Sandbox::Impl::start() {
  if (auto installed = servicenow_.install(); !installed) return installed;
  for (const net::Method method : kMethods) {
    net::Route route;
    route.method = method;
    route.pattern = "/{path...}";
    route.body_limit = kBodyLimit;
    route.handler = [this](net::Request& request) { return serve(request); };
    router_.add(std::move(route));
  }
  net::ClientOptions client;
  client.allow_http = true;
  client.ca_file = options_.ca_file;
  auto made = net::make_http_client(io_.get_executor(), client, logger_);
  if (!made) return made.error();
  client_ = std::move(*made);
  auto server = listen(options_.port);
  if (!server) return server.error();
  server_ = std::move(*server);
  port_ = server_->port();
  servicenow_.set_url(url());
  const auto ready = copilot_.start(url(), options_.servicenow.bridge_url, options_.ca_file);
  if (!ready) return ready;
  entra_.set_url(url());
  io_thread_ = std::thread([this] { io_.run(); });
  time_keeper_ = std::thread([this] { keep_time(); });
  return {};
}

void Sandbox::Impl::keep_time() {
  std::unique_lock guard(mutex_);
  while (!stopping_) {
    guard.unlock();
    servicenow_.tick();
    guard.lock();
    wake_.wait_for(guard, kTick, [this] { return stopping_.load(); });
  }
}

Task<net::Response> Sandbox::Impl::serve(net::Request& request) {
  if (copilot::Copilot::is_mine(request.path)) {
    auto answer = co_await copilot_.serve(request);
    co_return answer;
  }
  if (request.path == "/sandbox/reset" && request.method == net::Method::post) copilot_.reset();
  std::function<Reply()> work = [this, &request] {
    if (Entra::is_mine(request.path)) return entra_.handle(request);
    if (request.path == "/sandbox/reset" && request.method == net::Method::post) entra_.reset();
    return Control::is_mine(request.path) ? control_.handle(request) : servicenow_.handle(request);
  };
  Reply reply = co_await run_blocking<Reply>(pool_, std::move(work));
  if (reply.delay.count() > 0) co_await hold(reply.delay);
  if (reply.hang) co_await hold(*reply.hang);
  if (reply.refuse_for.count() > 0) group_.spawn("refuse", close_for(reply.refuse_for));
  if (reply.later) group_.spawn("late", run_late(reply.later_in, std::move(reply.later)));
  co_return std::move(reply.response);
}

/// Waits, but no longer than until faults are removed.
Task<> Sandbox::Impl::hold(std::chrono::milliseconds limit) {
  const Deadline deadline = in(limit);
  const auto removals = [this] {
    return servicenow_.faults().removals() + entra_.faults().removals();
  };
  const std::uint64_t seen = removals();
  while (!stopping_ && std::chrono::steady_clock::now() < deadline && removals() == seen)
    co_await async::sleep_until(std::min(deadline, in(std::chrono::milliseconds(20))));
}

Task<> Sandbox::Impl::close_for(std::chrono::milliseconds span) {
  co_await server_->stop(in(std::chrono::seconds(1)));
  retired_.push_back(std::move(server_));
  co_await hold(span);
  if (stopping_) co_return;
  auto again = listen(port_);
  if (again) {
    server_ = std::move(*again);
  } else {
    logger_.error("listen_failed", {{"reason", again.error().to_string()}});
  }
}

Task<> Sandbox::Impl::run_late(std::chrono::milliseconds span, std::function<void()> work) {
  co_await hold(span);
  if (stopping_) co_return;
  std::function<bool()> job = [work = std::move(work)] {
    work();
    return true;
  };
  (void)co_await run_blocking<bool>(pool_, std::move(job));
}

/// Called by scripts' threads.
OutboundReply Sandbox::Impl::call_out(const OutboundRequest& request) {
  if (stopping_ || !io_thread_.joinable())
    return no_answer(OutboundReply::Failure::other, "the instance is not running");
  auto promise = std::make_shared<std::promise<OutboundReply>>();
  auto future = promise->get_future();
  asio::post(io_, [this, request, promise = std::move(promise)]() mutable {
    group_.spawn("call_out", perform(std::move(request), std::move(promise)));
  });
  try {
    return future.get();
  } catch (const std::future_error&) {  // cancelled: we are stopping
    return no_answer(OutboundReply::Failure::other, "the call was cancelled");
  }
}

Task<> Sandbox::Impl::perform(OutboundRequest request, Promise promise) {
  net::ClientRequest out(method_from(request.method), request.url);
  for (const auto& [name, value] : request.headers) out.headers.set(name, value);
  out.body = std::move(request.body);
  const auto answer = co_await client_->send(std::move(out), in(request.timeout));
  OutboundReply reply;
  if (answer) {
    reply.status = static_cast<int>(answer->status);
    reply.headers = answer->headers.entries();
    reply.body = answer->body;
  } else {
    using Failure = OutboundReply::Failure;
    const Error error = answer.error();
    const bool refused = error.is(Errc::unreachable);
    reply = no_answer(error.is(Errc::timed_out) ? Failure::timeout
                      : refused                 ? Failure::refused
                                                : Failure::other,
                      error.to_string());
  }
  promise->set_value(std::move(reply));
}

void Sandbox::Impl::run_on_io(Task<> task) {
  auto done = asio::co_spawn(io_, std::move(task), asio::use_future);
  if (done.wait_for(kStopLimit) == std::future_status::ready) {
    try {
      done.get();
    } catch (const std::exception& error) {
      logger_.error("stop_failed", {{"reason", error.what()}});
    }
  }
}

void Sandbox::Impl::stop() {
  if (stopping_.exchange(true)) return;
  wake_.notify_all();
  if (time_keeper_.joinable()) time_keeper_.join();
  // Scripts that wait for the bridge must fail first: everybody else waits for them.
  servicenow_.stop();
  if (!io_thread_.joinable()) return;
  asio::post(io_, [this] {
    copilot_.stop();
    group_.cancel();
  });
  pool_.join();
  run_on_io([](Impl& self) -> Task<> {
    if (self.server_) co_await self.server_->stop(in(std::chrono::seconds(2)));
    self.client_->close();
    (void)co_await self.group_.wait(in(std::chrono::seconds(2)));
  }(*this));
  work_.reset();
  io_.stop();
  io_thread_.join();
}

Sandbox::Sandbox(SandboxOptions options, Logger& logger)
    : impl_(std::make_unique<Impl>(std::move(options), logger)) {}
Sandbox::~Sandbox() = default;
Result<> Sandbox::start() { return impl_->start(); }
void Sandbox::stop() { impl_->stop(); }
std::uint16_t Sandbox::port() const { return impl_->port(); }
std::string Sandbox::url() const { return impl_->url(); }
ServiceNow& Sandbox::servicenow() { return impl_->servicenow(); }

}  // namespace bridge::sandbox
