// SPDX-License-Identifier: MIT
#include "bench/load.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <deque>
#include <stdexcept>

namespace bridge::bench {
namespace {

using Seconds = std::chrono::duration<double>;

double since(Clock::time_point start) { return Seconds(Clock::now() - start).count(); }

/// Who is readable, by number.
class Watch {
 public:
  Watch() : fd_(epoll_create1(EPOLL_CLOEXEC)) {}
  ~Watch() { ::close(fd_); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void add(int fd, std::size_t number) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) throw std::runtime_error("epoll_ctl");
  }
  template <class Take>
  void wait(int milliseconds, Take take) {
    const int n = epoll_wait(fd_, events_.data(), static_cast<int>(events_.size()), milliseconds);
    for (int i = 0; i < n; ++i) take(events_[static_cast<std::size_t>(i)].data.u64);
  }

 private:
  int fd_;
  std::array<epoll_event, 256> events_{};
};

}  // namespace

LoadResult run_closed(Process& server, std::uint16_t port, std::size_t connections,
                      const NextRequest& next, Extent extent) {
  Watch watch;
  std::vector<Connection> all(connections);
  std::string request;
  const auto ask = [&](std::size_t i) {
    request.clear();
    next(i, request);
    all[i].send(request);
  };
  const auto connect = [&](std::size_t i) {
    all[i].open(port);
    watch.add(all[i].fd(), i);
    ask(i);
  };

  LoadResult result;
  std::size_t done = 0;
  bool warm = false;
  const std::size_t warm_up = extent.requests / 10;
  const auto begin = Clock::now();
  Clock::time_point start = begin;
  Clock::time_point last_answer = begin;
  CpuTime before;
  for (std::size_t i = 0; i < connections; ++i) connect(i);
  for (;;) {
    watch.wait(1000, [&](std::size_t i) {
      Connection& one = all[i];
      const bool open = one.receive();
      unsigned status = 0;
      std::string_view body;
      bool answered = false;
      while (one.take_answer(status, body)) {
        answered = true;
        ++done;
        if (status != 200) ++result.failed;
      }
      if (!open)
        connect(i);  // some servers close a connection after so many requests
      else if (answered)
        ask(i);
      if (answered) last_answer = Clock::now();
    });
    if (!warm && (done >= warm_up || since(begin) > extent.seconds / 10)) {
      warm = true;
      done = 0;
      result.failed = 0;
      before = server.cpu();
      start = Clock::now();
    }
    if (warm && (done + warm_up >= extent.requests || since(start) >= extent.seconds)) break;
    if (since(last_answer) > 20 || !server.running())
      throw std::runtime_error("the server does not answer any more");
  }
  const CpuTime after = server.cpu();
  result.seconds = since(start);
  result.requests = done;
  const auto per_request = 1e6 / static_cast<double>(std::max<std::size_t>(done, 1));
  result.cpu_us = (after.seconds - before.seconds) * per_request;
  result.user_us = (after.user - before.user) * per_request;
  result.core_busy = (after.seconds - before.seconds) / result.seconds;
  return result;
}

double LatencyResult::quantile(double q) const {
  if (micros.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(micros.size())));
  return micros[std::clamp<std::size_t>(rank, 1, micros.size()) - 1];
}

namespace {

/// Posting connections and reading sockets in one loop.
class Exchange {
 public:
  Exchange(std::uint16_t port, std::size_t connections, std::vector<Connection>& sockets)
      : sockets_(sockets), posting_(connections) {
    for (std::size_t i = 0; i < posting_.size(); ++i) {
      posting_[i].open(port);
      watch_.add(posting_[i].fd(), i);
      idle_.push_back(i);
    }
    for (std::size_t i = 0; i < sockets_.size(); ++i) watch_.add(sockets_[i].fd(), connections + i);
  }

  bool has_idle() const { return !idle_.empty(); }
  void post(std::string_view request) {
    posting_[idle_.front()].send(request);
    idle_.pop_front();
  }
  std::size_t answered() const { return answered_; }

  /// `arrived(n)` for every frame that holds "t=<n>;".
  template <class Arrived>
  void turn(int milliseconds, Arrived arrived) {
    watch_.wait(milliseconds, [&](std::size_t i) {
      if (i < posting_.size()) return take_answers(i);
      Connection& socket = sockets_[i - posting_.size()];
      if (!socket.receive()) throw std::runtime_error("a WebSocket was closed");
      std::string_view frame;
      while (socket.take_frame(frame)) {
        const auto at = frame.find("t=");
        if (at == std::string_view::npos) continue;
        std::size_t n = 0;
        std::from_chars(frame.data() + at + 2, frame.data() + frame.size(), n);
        arrived(n);
      }
    });
  }

 private:
  void take_answers(std::size_t i) {
    if (!posting_[i].receive()) throw std::runtime_error("a connection was closed");
    unsigned status = 0;
    std::string_view body;
    while (posting_[i].take_answer(status, body)) {
      if (status != 200) throw std::runtime_error("a webhook was answered " + std::string(body));
      idle_.push_back(i);
      ++answered_;
    }
  }

  Watch watch_;
  std::vector<Connection>& sockets_;
  std::vector<Connection> posting_;
  std::deque<std::size_t> idle_;
  std::size_t answered_ = 0;
};

}  // namespace

LatencyResult run_open(std::uint16_t port, std::size_t connections,
                       std::vector<Connection>& sockets,
                       const std::function<void(std::size_t n, std::string& into)>& next,
                       double rate, double seconds) {
  Exchange exchange(port, connections, sockets);
  LatencyResult result;
  result.rate = rate;
  const auto total = static_cast<std::size_t>(rate * seconds);
  result.micros.reserve(total);
  const auto start = Clock::now() + std::chrono::milliseconds(50);
  const auto due = [&](std::size_t n) {
    return start +
           std::chrono::duration_cast<Clock::duration>(Seconds(static_cast<double>(n) / rate));
  };
  std::string request;
  const auto give_up = due(total) + std::chrono::seconds(5);
  while (result.arrived < total && Clock::now() < give_up) {
    while (result.sent < total && exchange.has_idle() && Clock::now() >= due(result.sent)) {
      request.clear();
      next(result.sent++, request);
      exchange.post(request);
    }
    exchange.turn(0, [&](std::size_t n) {
      if (n >= total) return;
      ++result.arrived;
      result.micros.push_back(Seconds(Clock::now() - due(n)).count() * 1e6);
    });
  }
  std::sort(result.micros.begin(), result.micros.end());
  return result;
}

double run_flat_out(std::uint16_t port, std::size_t connections, std::vector<Connection>& sockets,
                    const std::function<void(std::size_t n, std::string& into)>& next,
                    double seconds) {
  Exchange exchange(port, connections, sockets);
  std::size_t sent = 0;
  std::size_t arrived = 0;
  std::string request;
  const auto start = Clock::now();
  while (since(start) < seconds) {
    while (exchange.has_idle()) {
      request.clear();
      next(sent++, request);
      exchange.post(request);
    }
    exchange.turn(10, [&](std::size_t) { ++arrived; });
  }
  const double rate = static_cast<double>(std::min(exchange.answered(), arrived)) / since(start);
  // What is still under way may not be taken for traffic of the next run.
  const auto deadline = Clock::now() + std::chrono::seconds(5);
  while (arrived < sent && Clock::now() < deadline)
    exchange.turn(10, [&](std::size_t) { ++arrived; });
  return rate;
}

}  // namespace bridge::bench
