// SPDX-License-Identifier: MIT
// What waits to be written to one WebSocket, bounded in bytes. Smaller than async::WriteQueue when
// it is empty, as it is nearly always: there are ten thousand of them, and nobody waits on one.
#pragma once

#include <cstddef>
#include <vector>

#include "bridge/async/write_queue.hpp"

namespace bridge::net {

class FrameQueue {
 public:
  using Item = async::WriteQueue::Item;

  explicit FrameQueue(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// False if it does not fit. One item larger than the whole bound is taken by an empty queue.
  bool push(Item item) {
    if (first_ < items_.size() && bytes_ + item->size() > max_bytes_) return false;
    bytes_ += item->size();
    items_.push_back(std::move(item));
    return true;
  }

  /// The next one, or null if there is none.
  Item pop() {
    if (first_ == items_.size()) return nullptr;
    Item item = std::move(items_[first_++]);
    bytes_ -= item->size();
    if (first_ == items_.size()) {
      first_ = 0;
      items_.clear();
      // A backlog leaves no empty rooms behind for the hours in which nothing is said.
      if (items_.capacity() > 16) items_.shrink_to_fit();
    } else if (first_ > 64 && first_ > items_.size() / 2) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    return item;
  }

  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<Item> items_;
  std::size_t first_ = 0;  // those before have been handed out
  std::size_t bytes_ = 0;
  std::size_t max_bytes_;
};

}  // namespace bridge::net
