// SPDX-License-Identifier: MIT
#include "bridge/net/server.hpp"

#include <boost/asio.hpp>  // forbidden: all of Asio

#include "net/stream.hpp"
#include "stream.hpp"  // forbidden: not written from src/ on
#include <spdlog/spdlog.h>  // forbidden: telemetry's
