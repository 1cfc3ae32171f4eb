// SPDX-License-Identifier: MIT
#include "bridge/identity/tokens.hpp"
