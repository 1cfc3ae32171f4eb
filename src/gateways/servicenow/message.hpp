// SPDX-License-Identifier: MIT
// A message as send_message.js takes it and answers about it.
#pragma once

#include <string>

#include "bridge/handoff/live_chat.hpp"
#include "gateways/servicenow/answer.hpp"

namespace bridge::gateways {

/// send_message.js takes at most 100 of some signs; other ids of browsers travel as their hash,
/// which is as good for telling a repeat.
std::string wire_id(const std::string& client_message_id);

handoff::SentMessage sent_message(const json::object& result);

}  // namespace bridge::gateways
