// SPDX-License-Identifier: MIT
// Bytes -> --env-file. Either names and values, which survive being written and read again, or
// problems that say a line number and nothing of the line.
#include "bridge/config/env_file.hpp"
#include "fuzz/bytes.hpp"

namespace {

using namespace bridge;
using fuzz::require;

std::string quoted(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out + "\"";
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = config::parse_env_file(fuzz::view_of(data, size));
  if (const auto* problems = std::get_if<std::vector<config::ConfigProblem>>(&read)) {
    require(!problems->empty(), "a refused file has a problem");
    for (const config::ConfigProblem& problem : *problems)
      require(problem.variable.starts_with("line "), "a problem names its line");
    return 0;
  }
  const auto& values = std::get<config::EnvMap>(read);
  std::string written;
  for (const auto& [name, value] : values) {
    require(!name.empty() && !(name.front() >= '0' && name.front() <= '9'), "a name is a name");
    for (const char c : name) require(is_name_character(c), "a name is a name");
    written += "export " + name + " = " + quoted(value) + " # again\r\n";
  }
  const auto again = config::parse_env_file(written);
  const auto* same = std::get_if<config::EnvMap>(&again);
  require(same && *same == values, "what was read can be written and read again");
  return 0;
}
