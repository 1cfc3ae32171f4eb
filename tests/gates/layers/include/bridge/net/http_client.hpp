// SPDX-License-Identifier: MIT
#include <boost/asio/any_io_executor.hpp>
#include <boost/beast/http/verb.hpp>  // forbidden: Beast in a public header

#include "bridge/core/words.hpp"
#include "net/stream.hpp"  // forbidden: private header in a public one
