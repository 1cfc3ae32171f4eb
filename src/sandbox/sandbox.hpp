// SPDX-License-Identifier: MIT
// The whole program handoff-sandbox as an object: tests start it in-process on port 0.
// One thread does the I/O, a pool of workers runs scripts (which block and may call back into this
// very server), and one more thread keeps the instance's timers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bridge/core/error.hpp"
#include "bridge/core/logger.hpp"
#include "sandbox/copilot/options.hpp"
#include "sandbox/servicenow/servicenow.hpp"

namespace bridge::sandbox {

struct SandboxOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  ///< 0: any
  std::string tls_certificate_file;
  std::string tls_key_file;
  /// PEM, trusted for webhooks besides the system's certificates.
  std::string ca_file;
  std::size_t workers = 16;
  ServiceNowOptions servicenow;
  copilot::Connection copilot;
};

class Sandbox {
 public:
  /// Lifetime: `logger` must outlive it. It is used from one thread at a time.
  Sandbox(SandboxOptions options, Logger& logger);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  /// Installs the scripts and listens. Errors: a bad script folder, a port that is taken.
  Result<> start();
  /// Ends everything; returns when no thread is left. Idempotent.
  void stop();

  std::uint16_t port() const;
  std::string url() const;
  ServiceNow& servicenow();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace bridge::sandbox
