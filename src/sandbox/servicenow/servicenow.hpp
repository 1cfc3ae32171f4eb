// SPDX-License-Identifier: MIT
// The stand-in ServiceNow as a whole, without sockets: give it a request, get an answer. Everything
// here blocks and is meant for worker threads; sandbox.hpp puts it on the network.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "bridge/net/http.hpp"
#include "sandbox/glide/instance.hpp"
#include "sandbox/servicenow/accounts.hpp"
#include "sandbox/servicenow/auto_agent.hpp"
#include "sandbox/servicenow/awa.hpp"
#include "sandbox/servicenow/chat.hpp"
#include "sandbox/servicenow/faults.hpp"
#include "sandbox/servicenow/idle_job.hpp"
#include "sandbox/servicenow/ledger.hpp"
#include "sandbox/servicenow/options.hpp"
#include "sandbox/servicenow/scripted_rest.hpp"
#include "sandbox/servicenow/table_api.hpp"
#include "sandbox/servicenow/webhooks.hpp"

namespace bridge::sandbox {

/// An answer and how it is to be delivered.
struct Reply {
  net::Response response;
  /// Wait so long before answering.
  std::chrono::milliseconds delay{0};
  /// Never answer: hold the connection until faults are removed or this much time has passed.
  std::optional<std::chrono::milliseconds> hang;
  /// After this answer, do not listen for so long.
  std::chrono::milliseconds refuse_for{0};
  /// What the call does, though its caller has gone: to be run on a worker after `later_in`.
  std::function<void()> later;
  std::chrono::milliseconds later_in{0};
};

class ServiceNow {
 public:
  /// `wire` performs the instance's calls out.
  ServiceNow(ServiceNowOptions options, OutboundHttp wire, Logger& logger);
  ~ServiceNow();

  /// Opens the data file, loads the scripts and fills the tables. Errors: those of
  /// Instance::open_data and load_scripts.
  Result<> install();
  /// Any request but those for /sandbox/*. Thread-safe, blocks.
  Reply handle(const net::Request& request);
  /// Routing, timers, the played agent. Call it often.
  void tick();
  /// Moves the instance's clock step by step, so that every timer runs when it is due.
  void advance_clock(std::chrono::seconds span);
  /// As freshly installed.
  void reset();
  /// Makes blocked calls out and stalled scripts go on, so that workers can be joined.
  void stop();

  /// Where this sandbox can be reached; for --print-env and links.
  void set_url(std::string url) { url_ = std::move(url); }
  const std::string& url() const { return url_; }

  Instance& instance() { return instance_; }
  Chat& chat() { return chat_; }
  Awa& awa() { return awa_; }
  Faults& faults() { return faults_; }
  Ledger& ledger() { return ledger_; }
  Webhooks& webhooks() { return webhooks_; }
  ServiceNowOptions& options() { return options_; }
  const ScriptFolder& scripts() const { return folder_; }

 private:
  /// What was known besides rows when the data file was last written.
  void restore();
  net::Response serve(const net::Request& request, const std::string& target, std::string& user,
                      std::string& detail);
  /// `late`: what a fault of that mode put off.
  Reply answer(const net::Request& request, bool late);
  /// Holds up this thread's script until the span is over or faults are removed.
  std::unique_ptr<Instance::Stall> stall_for(std::chrono::milliseconds span);
  std::string target_of(const std::string& path) const;

  ServiceNowOptions options_;
  Logger& logger_;
  std::string url_;
  Faults faults_;
  Ledger ledger_;
  Instance instance_;
  Webhooks webhooks_;
  Chat chat_;
  Awa awa_;
  IdleJob idle_;
  AutoAgent auto_agent_;
  Accounts accounts_;
  ScriptedRest rest_;
  TableApi tables_;
  ScriptFolder folder_;
  std::atomic<std::uint64_t> resets_{0};
  std::atomic<bool> stopped_{false};
};

}  // namespace bridge::sandbox
