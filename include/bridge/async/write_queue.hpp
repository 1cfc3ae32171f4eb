// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>

#include "bridge/async/signal.hpp"

namespace bridge::async {

/// What waits to be written to one connection, bounded in bytes. Many producers push, one writer
/// pops. A full queue means that the reader is too slow: the owner closes the connection, and the
/// reader comes back with its cursor.
class WriteQueue {
 public:
  using Item = std::shared_ptr<const std::string>;

  WriteQueue(const asio::any_io_executor& executor, std::size_t max_bytes);

  /// False if the item does not fit or the queue is closed; nothing is queued then. One item
  /// larger than the whole bound is accepted by an empty queue.
  bool push(Item item);
  /// No more pushes; `pop` hands out what is left and then says that it is over.
  void close();
  /// The next item, or null when the queue is closed and empty. One caller at a time.
  /// Cancellation: throws operation_aborted at the next co_await.
  Task<Item> pop();

  std::size_t bytes() const { return bytes_; }
  bool closed() const { return closed_; }

 private:
  Signal changed_;
  std::deque<Item> items_;
  std::size_t bytes_ = 0;
  std::size_t max_bytes_;
  bool closed_ = false;
};

}  // namespace bridge::async
