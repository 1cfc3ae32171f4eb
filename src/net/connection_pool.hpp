// SPDX-License-Identifier: MIT
// A bounded number of connections per origin, some of them idle and kept. Callers who find none
// free wait in line.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "bridge/core/metrics.hpp"
#include "net/byte_stream.hpp"

namespace bridge::net {

class ConnectionPool : public std::enable_shared_from_this<ConnectionPool> {
  struct Origin;
  struct Waiter;
  using Origins = std::map<std::string, Origin>;

 public:
  ConnectionPool(asio::any_io_executor executor, std::size_t max_per_origin,
                 std::chrono::milliseconds idle_limit, Gauge* connections = nullptr);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// The right to hold one connection to an origin; given up by destruction.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept;
    Place& operator=(Place&&) = delete;
    ~Place();
    explicit operator bool() const { return pool_ != nullptr; }

    /// A kept connection that looks alive, the youngest first, or null.
    std::unique_ptr<ByteStream> take_idle();
    /// Requires: a complete exchange, nothing unread.
    void keep(std::unique_ptr<ByteStream> stream);

   private:
    friend class ConnectionPool;
    Place(std::shared_ptr<ConnectionPool> pool, Origins::iterator origin);
    std::shared_ptr<ConnectionPool> pool_;
    Origins::iterator origin_;
  };

  /// Waits in line for a place; an empty one at `deadline`.
  Task<Place> acquire(std::string origin, Deadline deadline);

  /// Drops what is idle and keeps nothing from now on.
  void close();

 private:
  struct Idle {
    std::unique_ptr<ByteStream> stream;
    Deadline expires;
  };
  struct Origin {
    std::size_t in_use = 0;
    std::list<Idle> idle;  // oldest first
    std::list<Waiter*> waiters;
  };

  void release(Origins::iterator origin);
  void measure();
  void arm_expiry();
  void expire();

  asio::any_io_executor executor_;
  std::size_t max_per_origin_;
  std::chrono::milliseconds idle_limit_;
  Origins origins_;
  asio::steady_timer expiry_;
  Gauge* connections_;  ///< in use and idle, of all origins
  double shown_ = 0;    ///< our part of it
  bool armed_ = false;
  bool closed_ = false;
};

}  // namespace bridge::net
