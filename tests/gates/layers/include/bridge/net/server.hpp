// SPDX-License-Identifier: MIT
#include "bridge/net/http_client.hpp"
