// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "bridge/core/error.hpp"
#include "sandbox/sandbox.hpp"

namespace bridge::sandbox {

struct CommandLine {
  enum class Action { serve, help, print_env };
  Action action = Action::serve;
  SandboxOptions options;
};

/// Reads the arguments after the program's name; both "--port 1" and "--port=1".
/// Errors: invalid_argument, naming the argument.
Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

std::string usage();

}  // namespace bridge::sandbox
