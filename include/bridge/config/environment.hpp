// SPDX-License-Identifier: MIT
// The process's own surroundings, for `app` and `tools`: its environment variables, an env file
// beneath them, and where the static files are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bridge/config/env_file.hpp"
#include "bridge/config/load.hpp"

namespace bridge::config {

EnvLookup process_environment();
std::vector<std::string> process_variable_names();

/// `above` first, then `file`; an empty value above does not hide the file's.
EnvLookup layered(EnvLookup above, EnvMap file);

/// The folder of static files: the configured one; else the first that exists of `web` beside the
/// program, `../share/handoff-bridge/web`, `web` in a folder above a build tree's bin, and `web` in
/// the working directory. Empty if there is none. `program` is the path of the executable.
std::filesystem::path find_web_dir(const std::string& configured,
                                   const std::filesystem::path& program);

}  // namespace bridge::config
