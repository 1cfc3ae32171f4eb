// SPDX-License-Identifier: MIT
// An agent played by the sandbox (--auto-accept): accepts what is offered, says hello, and answers
// each message with a sentence that quotes it, so that probes and the demo see a person at work.
#pragma once

#include <map>
#include <string>

#include "sandbox/servicenow/awa.hpp"
#include "sandbox/servicenow/chat.hpp"

namespace bridge::sandbox {

class AutoAgent {
 public:
  AutoAgent(Instance& instance, Chat& chat, Awa& awa, std::string agent_name);

  void tick();
  /// Goes on with the chats that it had, according to the instance's data file.
  void restore();
  void clear();

 private:
  void accept_offers(const std::string& agent);
  void answer(const std::string& agent);
  void has_read(const std::string& conversation, std::int64_t sequence);

  Instance& instance_;
  Chat& chat_;
  Awa& awa_;
  std::string agent_name_;
  bool present_ = false;
  /// By conversation: the sequence up to which the pane has been read.
  std::map<std::string, std::int64_t, std::less<>> read_;
};

}  // namespace bridge::sandbox
