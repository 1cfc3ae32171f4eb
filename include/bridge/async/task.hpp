// SPDX-License-Identifier: MIT
// Names for the few Asio things that every room uses, and the rules that make them safe.
//
// One thread, one io_context, no strands. Completion tokens are always written: `as_result` for
// operations whose failure is expected. What may not stand beside a co_await on g++ 12 is listed
// in docs/common_errors.md and checked by scripts/check_coroutines.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "bridge/core/clock.hpp"
#include "bridge/core/error.hpp"

namespace bridge {

namespace asio = boost::asio;

template <class T = void>
using Task = asio::awaitable<T>;

/// Completes with a tuple that starts with the error_code instead of throwing.
inline constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

namespace async {

/// Waits until `when`. Cancellation: throws operation_aborted at the next co_await.
Task<> sleep_until(Deadline when);
Task<> sleep_for(std::chrono::steady_clock::duration span);

}  // namespace async
}  // namespace bridge
