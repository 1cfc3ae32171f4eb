// SPDX-License-Identifier: MIT
#include "bridge/handoff/session_store.hpp"
#include "bridge/handoff/handoff.hpp"  // forbidden: not a port
#include "bridge/net/http_client.hpp"  // forbidden: sideways
#include <sqlite3.h>
