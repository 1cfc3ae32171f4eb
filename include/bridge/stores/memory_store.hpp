// SPDX-License-Identifier: MIT
#pragma once

#include <memory>

#include "bridge/handoff/session_store.hpp"

namespace bridge::stores {

/// Sessions in a map of this process (`BRIDGE_STORE=memory:`). Commits at once, forgets at exit.
std::unique_ptr<handoff::SessionStore> make_memory_store();

}  // namespace bridge::stores
