// SPDX-License-Identifier: MIT
// Host names to addresses, remembered for a while. The system's look-up cannot be interrupted, so
// it runs on its own and a caller whose time is over walks away from it.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bridge/async/signal.hpp"

namespace bridge::net {

using Addresses = std::vector<asio::ip::tcp::endpoint>;

class Resolver {
 public:
  explicit Resolver(asio::any_io_executor executor) : executor_(std::move(executor)) {}

  /// Errors: unreachable (no such host), timed_out.
  Task<Result<Addresses>> resolve(std::string host, std::uint16_t port, Deadline deadline);
  /// After a failed connect: the next call looks the host up again.
  void forget(const std::string& host);

 private:
  struct Entry;

  std::shared_ptr<Entry> start(const std::string& host);

  asio::any_io_executor executor_;
  std::map<std::string, std::shared_ptr<Entry>> entries_;
};

}  // namespace bridge::net
