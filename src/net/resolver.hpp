// SPDX-License-Identifier: MIT
// Host names to addresses, remembered for a while. The system's look-up cannot be interrupted, so
// it runs on a thread of its own that nobody ever waits for: a caller whose time is over walks away
// from it, and so does a program that ends.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bridge/async/signal.hpp"

namespace bridge::net {

using Addresses = std::vector<asio::ip::tcp::endpoint>;

struct LookupResult {
  std::string error;  ///< empty if there are addresses
  std::vector<asio::ip::address> addresses;
};
/// Blocks; called on other threads.
using Lookup = std::function<LookupResult(const std::string& host)>;

/// getaddrinfo.
LookupResult system_lookup(const std::string& host);

class Resolver {
 public:
  explicit Resolver(asio::any_io_executor executor, Lookup lookup = system_lookup);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Errors: unreachable (no such host, or too many look-ups hang), timed_out.
  Task<Result<Addresses>> resolve(std::string host, std::uint16_t port, Deadline deadline);
  /// After a failed connect: the next call looks the host up again.
  void forget(const std::string& host);

 private:
  struct Entry;
  struct Threads;

  std::shared_ptr<Entry> start(const std::string& host);

  asio::any_io_executor executor_;
  Lookup lookup_;
  std::shared_ptr<Threads> threads_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace bridge::net
