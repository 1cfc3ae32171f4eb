// SPDX-License-Identifier: MIT
// A ServiceNow that answers at once: TLS, keep-alive, and fixed results for the resources that the
// bridges call. On a thread of its own in the bench, so that its time is not the server's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace bridge::bench {

class Instance {
 public:
  Instance();
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  std::string url() const;
  std::string ca_file() const;
  /// Handshakes so far: the price of not keeping connections.
  std::uint64_t handshakes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// sys_user that the instance says our account is.
inline constexpr const char* kServiceAccount = "5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e5e";
inline constexpr const char* kAccountName = "bench";

}  // namespace bridge::bench
