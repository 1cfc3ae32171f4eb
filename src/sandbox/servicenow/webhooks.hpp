// SPDX-License-Identifier: MIT
// The instance's calls out (sn_ws.RESTMessageV2): really sent, written to the ledger, and on
// demand lost, doubled, delayed or overtaken on the way (faults with target "webhook").
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "sandbox/glide/clock.hpp"
#include "sandbox/glide/script_http.hpp"
#include "sandbox/servicenow/faults.hpp"
#include "sandbox/servicenow/ledger.hpp"

namespace bridge::sandbox {

/// Thread-safe; `send` blocks.
class Webhooks {
 public:
  Webhooks(OutboundHttp wire, Faults& faults, Ledger& ledger, const Clock& clock);

  OutboundReply send(const OutboundRequest& request);
  /// Calls that wait for something (a delay, a hang) fail at once from now on.
  void stop();

 private:
  OutboundReply transmit(const OutboundRequest& request, const std::string& fault);
  OutboundReply strike(const OutboundRequest& request, const Fault& fault);
  /// False if stopped meanwhile.
  bool wait(std::chrono::milliseconds span);
  /// Until another call has been sent, or for as long as `limit`.
  void wait_for_another(std::chrono::milliseconds limit);
  void record(const OutboundRequest& request, const OutboundReply& reply,
              const std::string& outcome, std::chrono::steady_clock::time_point start);

  OutboundHttp wire_;
  Faults& faults_;
  Ledger& ledger_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t sent_ = 0;
  bool stopped_ = false;
};

}  // namespace bridge::sandbox
