// SPDX-License-Identifier: MIT
#include "net/connection_pool.hpp"

#include <utility>

namespace bridge::net {

using Clock = std::chrono::steady_clock;

/// Lives in the frame of a waiting `acquire`.
struct ConnectionPool::Waiter {
  Waiter(std::shared_ptr<ConnectionPool> p, Origins::iterator o, Deadline deadline)
      : pool(std::move(p)), origin(o), timer(pool->executor_, deadline) {
    at = origin->second.waiters.insert(origin->second.waiters.end(), this);
  }
  ~Waiter() {
    if (!granted)
      origin->second.waiters.erase(at);
    else if (!taken)
      pool->release(origin);  // cancelled between the grant and waking up
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  std::shared_ptr<ConnectionPool> pool;
  Origins::iterator origin;
  asio::steady_timer timer;
  std::list<Waiter*>::iterator at;
  bool granted = false;
  bool taken = false;
};

ConnectionPool::ConnectionPool(asio::any_io_executor executor, std::size_t max_per_origin,
                               std::chrono::milliseconds idle_limit, Gauge* connections)
    : executor_(std::move(executor)),
      max_per_origin_(std::max<std::size_t>(max_per_origin, 1)),
      idle_limit_(idle_limit),
      expiry_(executor_),
      connections_(connections) {}

ConnectionPool::~ConnectionPool() = default;

ConnectionPool::Place::Place(std::shared_ptr<ConnectionPool> pool, Origins::iterator origin)
    : pool_(std::move(pool)), origin_(origin) {}

ConnectionPool::Place::Place(Place&& other) noexcept
    : pool_(std::move(other.pool_)), origin_(other.origin_) {}

ConnectionPool::Place::~Place() {
  if (pool_) pool_->release(origin_);
}

std::unique_ptr<ByteStream> ConnectionPool::Place::take_idle() {
  auto& idle = origin_->second.idle;
  while (!idle.empty()) {
    Idle youngest = std::move(idle.back());
    idle.pop_back();
    if (Clock::now() >= youngest.expires || is_stale(youngest.stream->socket())) continue;
    pool_->measure();
    return std::move(youngest.stream);
  }
  pool_->measure();
  return nullptr;
}

void ConnectionPool::Place::keep(std::unique_ptr<ByteStream> stream) {
  if (pool_->closed_) return;
  Idle idle{std::move(stream), Clock::now() + pool_->idle_limit_};
  origin_->second.idle.push_back(std::move(idle));
  pool_->arm_expiry();
}

Task<ConnectionPool::Place> ConnectionPool::acquire(std::string name, Deadline deadline) {
  const auto origin = origins_.try_emplace(std::move(name)).first;
  if (origin->second.in_use < max_per_origin_) {
    ++origin->second.in_use;
    measure();
    co_return Place(shared_from_this(), origin);
  }
  Waiter waiter(shared_from_this(), origin, deadline);
  co_await waiter.timer.async_wait(as_result);
  if (!waiter.granted) co_return Place();
  waiter.taken = true;
  co_return Place(shared_from_this(), origin);
}

void ConnectionPool::release(Origins::iterator origin) {
  auto& [name, state] = *origin;
  if (!state.waiters.empty()) {
    // Handed over directly: nobody who comes later can overtake the line.
    Waiter* next = state.waiters.front();
    state.waiters.pop_front();
    next->granted = true;
    next->timer.cancel();
    return;
  }
  --state.in_use;
  if (state.in_use == 0 && state.idle.empty()) origins_.erase(origin);
  measure();
}

void ConnectionPool::close() {
  closed_ = true;
  for (auto it = origins_.begin(); it != origins_.end();) {
    it->second.idle.clear();
    it = it->second.in_use == 0 ? origins_.erase(it) : std::next(it);
  }
  expiry_.cancel();
  measure();
}

/// A place whose holder has just taken an idle connection is counted once, one that is connecting
/// too: that is what the other side sees.
void ConnectionPool::measure() {
  if (!connections_) return;
  std::size_t all = 0;
  for (const auto& [name, origin] : origins_) all += origin.in_use + origin.idle.size();
  // Several pools may share the gauge.
  connections_->add(static_cast<double>(all) - shown_);
  shown_ = static_cast<double>(all);
}

void ConnectionPool::arm_expiry() {
  if (armed_) return;
  armed_ = true;
  expiry_.expires_after(idle_limit_);
  expiry_.async_wait([weak = weak_from_this()](const boost::system::error_code&) {
    if (const auto pool = weak.lock()) pool->expire();
  });
}

void ConnectionPool::expire() {
  armed_ = false;
  const auto now = Clock::now();
  bool any = false;
  for (auto it = origins_.begin(); it != origins_.end();) {
    auto& idle = it->second.idle;
    while (!idle.empty() && idle.front().expires <= now) idle.pop_front();
    any = any || !idle.empty();
    it = it->second.in_use == 0 && idle.empty() ? origins_.erase(it) : std::next(it);
  }
  measure();
  if (any) arm_expiry();
}

}  // namespace bridge::net
