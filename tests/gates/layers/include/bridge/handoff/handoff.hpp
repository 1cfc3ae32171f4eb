// SPDX-License-Identifier: MIT
#include "bridge/core/words.hpp"
#include "bridge/gateways/servicenow.hpp"  // forbidden: upwards
