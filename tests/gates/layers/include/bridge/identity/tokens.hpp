// SPDX-License-Identifier: MIT
#include "bridge/net/http_client.hpp"
#include "bridge/net/server.hpp"  // forbidden: identity calls out, it does not serve
