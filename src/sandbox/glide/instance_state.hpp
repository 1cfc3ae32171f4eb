// SPDX-License-Identifier: MIT
// What an Instance keeps, for the few files that implement it.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/glide/database.hpp"
#include "sandbox/glide/instance.hpp"
#include "sandbox/glide/job_queue.hpp"

namespace bridge::sandbox {

class ScriptRun;

struct CompiledPrelude {
  std::string name;
  std::string bytecode;
};

struct Instance::State {
  explicit State(const Schema& schema, const InstanceOptions& options)
      : database(schema),
        random(options.random_seed),
        jobs(std::make_unique<JobQueue>(options.workers)) {}

  Database database;
  std::map<std::string, Native, std::less<>> natives;
  /// JSON array of the natives that scripts see.
  std::string visible_natives = "[]";
  std::vector<CompiledPrelude> preludes;
  std::map<std::string, std::vector<ChangeHook>, std::less<>> hooks;
  std::vector<std::shared_ptr<const BusinessRule>> rules;
  std::vector<Resource> resources;
  std::vector<PropertyNote> declared_properties;
  std::map<std::string, std::int64_t> numbers;
  OutboundHttp outbound;
  std::mt19937 random;
  std::atomic<bool> stopping = false;
  /// Last, so that the workers end before what they use.
  std::unique_ptr<JobQueue> jobs;
};

/// One write on its way through the rules.
struct Instance::Write {
  Operation operation;
  std::string table;
  Record before;
  Record after;
  Session& session;
  WriteOptions options;
  /// Why a before rule refused it.
  std::string refusal;
};

/// What a thread is in the middle of: writes nest through rules and hooks.
struct CallState {
  int write_depth = 0;
  /// How many async rules led here, one through the other.
  int job_depth = 0;
  /// Rule and row, so that a rule does not call itself for ever.
  std::vector<std::pair<std::string, std::string>> active_rules;
  ScriptRun* run = nullptr;
  /// Until it says so, the next call of sn_cs waits.
  std::function<bool()> stall_over;
};

CallState& call_state();

/// The natives behind GlideRecord, gs and the rest of the prelude.
class GlideNatives {
 public:
  static void install(Instance& instance);

 private:
  static void install_records(Instance& instance);
  static void install_http(Instance& instance);
  static void install_mac(Instance& instance);
  static Instance::State& state(Instance& instance) { return *instance.state_; }
};

}  // namespace bridge::sandbox
