// SPDX-License-Identifier: MIT
// How the story of a life names what happens in it.
#pragma once

#include <string>

#include "bridge/session/decide.hpp"

namespace bridge::simulation {

std::string name_of(const session::Input& input);
/// The state that it leads to, the events, the effects, and what the caller is told.
std::string describe(const session::Decision& decision);
std::string describe(const session::Event& event);
std::string describe(const session::AgentEvent& event);

}  // namespace bridge::simulation
