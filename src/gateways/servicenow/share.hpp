// SPDX-License-Identifier: MIT
// A bounded number of calls of one kind at a time; the others wait.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "bridge/async/signal.hpp"

namespace bridge::gateways {

class Share {
 public:
  explicit Share(std::size_t size) : size_(size) {}

  /// The right to be one of them; given up by destruction.
  /// Lifetime: the share must outlive it.
  class Place {
   public:
    Place(Place&& other) noexcept : share_(std::exchange(other.share_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (share_) share_->leave();
    }

   private:
    friend class Share;
    explicit Place(Share& share) : share_(&share) {}
    Share* share_;
  };

  /// Nothing at `deadline`.
  Task<std::optional<Place>> enter(Deadline deadline) {
    const auto executor = co_await asio::this_coro::executor;
    while (used_ >= size_) {
      if (!freed_) freed_ = std::make_unique<async::Signal>(executor);
      const auto seen = freed_->generation();
      const bool woken = co_await freed_->wait(seen, deadline);
      if (!woken) co_return std::nullopt;
    }
    ++used_;
    std::optional<Place> place = Place(*this);
    co_return place;
  }

 private:
  void leave() {
    --used_;
    if (freed_) freed_->notify();
  }

  std::size_t size_;
  std::size_t used_ = 0;
  std::unique_ptr<async::Signal> freed_;
};

}  // namespace bridge::gateways
