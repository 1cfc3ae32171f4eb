// SPDX-License-Identifier: MIT
// The parent agent: a few topics that answer by themselves, and the Escalate topic, which hands the
// conversation to the connected agent.
#pragma once

#include <string>
#include <string_view>

#include "bridge/core/json.hpp"

namespace bridge::sandbox::copilot {

enum class Topic { greeting, password_reset, escalate, fallback };

/// The topic whose trigger phrases fit best; asking for a person wins.
Topic topic_of(std::string_view text);
std::string_view answer_of(Topic topic);

/// What is said when a connected agent has failed for good, as the SystemError topic does.
std::string_view failure_text();
/// What is said when the connected agent has handed the conversation back with an endOfConversation
/// of this code and value: the outcome, and the ticket number if there is one.
std::string hand_back_text(std::string_view code, const json::value& value);

}  // namespace bridge::sandbox::copilot
