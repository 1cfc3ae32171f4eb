// SPDX-License-Identifier: MIT
// One execution of one script in a Duktape heap of its own, bounded in time and memory. Needs the
// instance lock. What surprises: Duktape unwinds with longjmp, so no C++ object with a destructor
// may live in a function that calls into it, unless the call is a protected one; everything that
// crosses the border is JSON text.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "bridge/core/error.hpp"
#include "sandbox/glide/instance.hpp"

typedef struct duk_hthread duk_context;

namespace bridge::sandbox {

/// A row as scripts get it: texts, null for null.
json::object row_json(const Record& row);

class ScriptRun {
 public:
  /// `file` is what errors and logs call the script.
  ScriptRun(Instance& instance, Session& session, std::string file);
  ~ScriptRun();
  ScriptRun(const ScriptRun&) = delete;
  ScriptRun& operator=(const ScriptRun&) = delete;

  struct RuleOutcome {
    bool ran = false;  ///< false: its condition did not hold
    bool abort = false;
    json::object changed;
    std::string exception;
  };

  ScriptReply resource(const Resource& resource, const ScriptRequest& request);
  /// `previous` is null for inserts. Async rules know neither previous values nor changes.
  RuleOutcome rule(const BusinessRule& rule, Operation operation, const Record& row,
                   const Record* previous, bool asynchronous);
  Result<json::value> script(std::string_view source);

  /// Bytecode of a prelude. Errors: malformed.
  static Result<std::string> compile(const std::string& name, std::string_view source);
  /// Whether it parses, and is ES5 if it must be. Errors: malformed, with file and line.
  static Result<> check(const std::string& name, std::string_view source, bool es5_only);

  /// Time that this thread's scripts spent waiting for somebody else does not count against them.
  static void exclude_from_limits(std::chrono::steady_clock::duration time);

  // Called by the C functions that scripts see; must not throw.
  bool expired() noexcept;
  bool dispatch(std::string_view name, std::string_view arguments) noexcept;
  const std::string& answer() const { return answer_; }
  const std::string& error_name() const { return error_name_; }
  void* allocate(void* old, std::size_t size) noexcept;

 private:
  bool evaluate(std::string_view source, const std::string& file);
  Result<json::value> entry(const char* name, const json::value& argument);

  Instance& instance_;
  Session& session_;
  std::string file_;
  ScriptRun* outer_;
  std::chrono::steady_clock::time_point deadline_;
  std::size_t memory_ = 0;
  unsigned ticks_ = 0;
  bool is_late_ = false;
  std::string answer_;
  std::string error_name_;
  duk_context* heap_ = nullptr;
};

}  // namespace bridge::sandbox
