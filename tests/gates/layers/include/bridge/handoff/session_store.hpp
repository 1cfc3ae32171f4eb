// SPDX-License-Identifier: MIT
#include "bridge/core/words.hpp"
