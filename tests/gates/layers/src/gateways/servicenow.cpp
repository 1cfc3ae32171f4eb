// SPDX-License-Identifier: MIT
#include "bridge/gateways/servicenow.hpp"
#include "net/stream.hpp"  // forbidden: private to net
#  include "bridge/stores/memory_store.hpp"  // forbidden: not to be found
