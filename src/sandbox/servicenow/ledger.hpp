// SPDX-License-Identifier: MIT
// Every call in and out, with its time and outcome: GET /sandbox/calls. Bounded, thread-safe.
// Holds no credentials and no headers; of bodies only those of scripted REST and webhooks, since
// this is where people look when a message did not arrive.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "bridge/core/clock.hpp"
#include "bridge/core/json.hpp"

namespace bridge::sandbox {

struct Call {
  std::uint64_t id = 0;
  std::string direction;  ///< "in" or "out"
  Time time{};            ///< on the instance's clock
  std::string target;     ///< "open_chat", "table", "oauth", "webhook", ...
  std::string method;
  std::string path;  ///< in: path without query; out: URL
  std::string user;
  int status = 0;       ///< 0: no answer
  std::string outcome;  ///< "ok", "error", "no_answer", "late", or "fault:<mode>"
  std::int64_t duration_ms = 0;
  std::string request;  ///< beginning of the body
  std::string detail;
};

class Ledger {
 public:
  void add(Call call);
  /// Those after `after_id`, oldest first.
  std::vector<Call> calls(std::uint64_t after_id = 0) const;
  void clear();

 private:
  static constexpr std::size_t kMaxCalls = 2000;
  static constexpr std::size_t kMaxBody = 4000;
  mutable std::mutex mutex_;
  std::deque<Call> calls_;
  std::uint64_t next_id_ = 1;
};

json::object to_json(const Call& call);

/// `text` cut to at most `bytes` bytes, never inside a UTF-8 sequence.
std::string cut_utf8(std::string text, std::size_t bytes);
/// As above, with every byte that is not part of valid UTF-8 replaced by '?'.
std::string printable_utf8(std::string_view text);

}  // namespace bridge::sandbox
