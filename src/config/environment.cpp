// SPDX-License-Identifier: MIT
#include "bridge/config/environment.hpp"

#include <unistd.h>

#include <array>
#include <cstdlib>

namespace bridge::config {

EnvLookup process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* const value = std::getenv(std::string(name).c_str());
    if (!value) return std::nullopt;
    return value;
  };
}

std::vector<std::string> process_variable_names() {
  std::vector<std::string> names;
  for (char** entry = environ; entry && *entry; ++entry) {
    const std::string_view text = *entry;
    names.emplace_back(text.substr(0, text.find('=')));
  }
  return names;
}

EnvLookup layered(EnvLookup above, EnvMap file) {
  return [above = std::move(above),
          file = std::move(file)](std::string_view name) -> std::optional<std::string> {
    std::optional<std::string> value = above(name);
    if (value && !value->empty()) return value;
    const auto at = file.find(name);
    if (at == file.end()) return value;
    return at->second;
  };
}

std::filesystem::path find_web_dir(const std::string& configured,
                                   const std::filesystem::path& program) {
  if (!configured.empty()) return configured;
  const std::filesystem::path bin = program.parent_path();
  const std::array candidates = {
      bin / "web",
      bin / "../share/handoff-bridge/web",
      bin / "../../../web",  // build/<preset>/bin in a source tree
      std::filesystem::path("web"),
  };
  for (const std::filesystem::path& candidate : candidates) {
    std::error_code ignored;
    std::filesystem::path folder = candidate.lexically_normal();
    if (std::filesystem::is_directory(folder, ignored)) return folder;
  }
  return {};
}

}  // namespace bridge::config
