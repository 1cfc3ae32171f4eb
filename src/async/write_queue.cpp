// SPDX-License-Identifier: MIT
#include "bridge/async/write_queue.hpp"

namespace bridge::async {

WriteQueue::WriteQueue(const asio::any_io_executor& executor, std::size_t max_bytes)
    : changed_(executor), max_bytes_(max_bytes) {}

bool WriteQueue::push(Item item) {
  if (closed_) return false;
  if (!items_.empty() && bytes_ + item->size() > max_bytes_) return false;
  bytes_ += item->size();
  items_.push_back(std::move(item));
  changed_.notify();
  return true;
}

void WriteQueue::close() {
  closed_ = true;
  changed_.notify();
}

Task<WriteQueue::Item> WriteQueue::pop() {
  while (items_.empty() && !closed_)
    (void)co_await changed_.wait(changed_.generation(), Deadline::max());
  if (items_.empty()) co_return nullptr;
  Item item = std::move(items_.front());
  items_.pop_front();
  bytes_ -= item->size();
  co_return item;
}

}  // namespace bridge::async
