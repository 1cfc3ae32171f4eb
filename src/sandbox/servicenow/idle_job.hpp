// SPDX-License-Identifier: MIT
// The scheduled job "Idle Chat Timer" (reference/servicenow.md 4.6, 9.36): every 120 s of the
// instance's clock it reminds who has been quiet for longer than 180 s and ends chats after 360 s.
// Reads sys_cs_session_binding.last_client_activity_time; nothing but a write to it counts.
#pragma once

#include "sandbox/glide/instance.hpp"
#include "sandbox/servicenow/chat.hpp"

namespace bridge::sandbox {

class IdleJob {
 public:
  IdleJob(Instance& instance, Chat& chat, const ChatOptions& options);

  /// Runs the job if it is due.
  void tick();
  Time next_run() const;
  void clear();

 private:
  static constexpr std::chrono::seconds kEvery{120};

  void run();
  void look_at(const Record& binding);
  std::int64_t seconds_property(const char* name, std::int64_t otherwise);
  bool agent_spoke_since(const std::string& conversation, const std::string& agent,
                         const std::string& since);

  Instance& instance_;
  Chat& chat_;
  const ChatOptions& options_;
  Time next_run_;
};

}  // namespace bridge::sandbox
