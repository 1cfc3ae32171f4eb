// SPDX-License-Identifier: MIT
#include <boost/json/object.hpp>

#include <boost/asio/any_io_executor.hpp>  // forbidden: core does no I/O
