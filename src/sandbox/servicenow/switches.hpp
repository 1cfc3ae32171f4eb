// SPDX-License-Identifier: MIT
// The guesses by name, for --switch NAME=VALUE, POST /sandbox/switches and docs/sandbox.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/error.hpp"
#include "sandbox/servicenow/options.hpp"

namespace bridge::sandbox {

struct SwitchState {
  std::string name;
  std::string values;  ///< "session_user|argument"
  std::string value;
  std::string about;
};

std::vector<SwitchState> list_switches(const ChatOptions& chat, const InstanceOptions& instance);

/// Errors: not_found (no such switch), invalid_argument (not one of its values).
Result<> set_switch(std::string_view name, std::string_view value, ChatOptions& chat,
                    InstanceOptions& instance);

}  // namespace bridge::sandbox
