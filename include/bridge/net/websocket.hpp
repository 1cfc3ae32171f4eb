// SPDX-License-Identifier: MIT
// One accepted WebSocket (RFC 6455). Writing is queueing: `send` never waits, the queue is bounded
// in bytes, and a reader that is too slow is cut off with 1013 so that it can resume by cursor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bridge/async/task.hpp"
#include "bridge/async/write_queue.hpp"

namespace bridge::net {

/// Every code this program closes with; docs/08-api-reference.md has the same table.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol = 1002,  ///< not RFC 6455: reserved bits, an unmasked frame, a bad close code
  bad_text = 1007,  ///< a text, or the reason of a close, is not UTF-8
  policy = 1008,
  too_big = 1009,
  internal = 1011,
  restart = 1012,          ///< reconnect; the reason is what `set_farewell` gave
  slow = 1013,             ///< reconnect with the cursor
  unauthorized = 4401,     ///< do not reconnect
  unknown_session = 4404,  ///< do not reconnect
};

/// How a WebSocket ended.
enum class Ending {
  by_peer,  ///< a close frame came; everything written before was received
  by_us,    ///< we closed, and the peer answered
  broken,   ///< reset, timeout, or no pong
};

class WebSocket {
 public:
  virtual ~WebSocket() = default;

  /// Queues one text frame. False if the byte bound is reached or the socket is closing; a full
  /// queue also starts the close with CloseCode::slow.
  virtual bool send(async::WriteQueue::Item text) = 0;

  /// The next text message; an error once the socket has ended (Errc::connection_lost). Binary
  /// frames close with 1008 by themselves, over-long ones with 1009. Pings and pongs are handled
  /// inside, which needs a pending `receive`: keep calling it until it fails.
  /// Cancellation: none; call `close`, which makes a pending `receive` return.
  virtual Task<Result<std::string>> receive() = 0;

  /// As `receive` until it fails, for a socket on which only we speak: what comes is checked and
  /// dropped. There are ten thousand that wait here for hours, so this takes less memory.
  virtual Task<> drain() = 0;

  /// Sends what is queued, then a close frame; bounded by the write deadline. Idempotent.
  virtual void close(CloseCode code, std::string_view reason) = 0;

  /// What the close says when the server stops (1012): where the reader is, so that it can go on
  /// elsewhere. Called at most once; not after the socket was closed or the route has returned.
  virtual void set_farewell(std::function<std::string()> reason) = 0;

  /// Pings as soon as what is queued has been written, instead of at the next interval, so that
  /// `confirmed_frames` follows closely. For readers whose place depends on it.
  virtual void confirm_soon() = 0;

  /// Number of frames, counted from the first `send`, of which it is known that the peer's stack
  /// read them: they were written before a ping that was answered.
  virtual std::uint64_t confirmed_frames() const = 0;
  virtual std::uint64_t queued_frames() const = 0;  ///< accepted by `send` so far
  /// Valid once `receive` has failed or `drain` has returned.
  virtual Ending ending() const = 0;
};

}  // namespace bridge::net
