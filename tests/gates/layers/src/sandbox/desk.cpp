// SPDX-License-Identifier: MIT
#include <duktape.h>
#include "bridge/net/server.hpp"
#include "bridge/identity/tokens.hpp"  // forbidden: a second program
