// SPDX-License-Identifier: MIT
#include "bridge/gateways/servicenow.hpp"
#include "bridge/handoff/handoff.hpp"
#include <duktape.h>  // forbidden: the sandbox's
