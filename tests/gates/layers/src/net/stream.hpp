// SPDX-License-Identifier: MIT
#include <openssl/ssl.h>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include "bridge/handoff/handoff.hpp"  // forbidden: upwards
