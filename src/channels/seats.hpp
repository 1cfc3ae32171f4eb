// SPDX-License-Identifier: MIT
// So many at a time for each session: open WebSockets, waiting polls. A seat is given back when it
// is destroyed.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

namespace bridge::channels {

class Seats {
  using Taken = std::unordered_map<std::string, std::size_t>;

 public:
  explicit Seats(std::size_t each) : each_(each), taken_(std::make_shared<Taken>()) {}

  class Seat {
   public:
    Seat() = default;
    Seat(std::shared_ptr<Taken> taken, std::string key)
        : taken_(std::move(taken)), key_(std::move(key)) {}
    Seat(Seat&& other) noexcept { swap(other); }
    Seat& operator=(Seat&& other) noexcept {
      Seat moved(std::move(other));
      swap(moved);
      return *this;
    }
    ~Seat() {
      if (!taken_) return;
      const auto found = taken_->find(key_);
      if (found != taken_->end() && --found->second == 0) taken_->erase(found);
    }

   private:
    void swap(Seat& other) noexcept {
      taken_.swap(other.taken_);
      key_.swap(other.key_);
    }

    std::shared_ptr<Taken> taken_;
    std::string key_;
  };

  /// Nothing if all are taken.
  std::optional<Seat> take(const std::string& key) {
    if (const auto found = taken_->find(key); found != taken_->end()) {
      if (found->second >= each_) return std::nullopt;
      ++found->second;
    } else {
      taken_->emplace(key, 1);
    }
    return Seat(taken_, key);
  }
  /// Keys with at least one seat taken.
  std::size_t keys() const { return taken_->size(); }

 private:
  std::size_t each_;
  std::shared_ptr<Taken> taken_;  // seats may outlive us while the program ends
};

}  // namespace bridge::channels
