// SPDX-License-Identifier: MIT
// What the fuzz targets share: a reader that turns bytes into choices, and `require`, which ends
// the program where an invariant does not hold. Used by tests/fuzz/*.cpp alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace bridge::fuzz {

/// Reads past the end give zeros, so that every input is a valid sequence of choices.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  bool empty() const { return at_ >= size_; }
  std::uint8_t byte() { return empty() ? std::uint8_t{0} : data_[at_++]; }
  /// Less than `bound`.
  std::size_t below(std::size_t bound) { return byte() % bound; }
  bool coin() { return (byte() & 1) != 0; }
  template <class List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }
  std::string text(std::size_t most) {
    const std::size_t wanted = below(most + 1);
    std::string out;
    while (out.size() < wanted && !empty()) out.push_back(static_cast<char>(byte()));
    return out;
  }
  std::string_view rest() {
    const std::string_view all(reinterpret_cast<const char*>(data_), size_);
    return all.substr(at_ < size_ ? at_ : size_);
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t at_ = 0;
};

inline std::string_view view_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

inline void require(bool holds, const char* invariant) {
  if (holds) return;
  std::fprintf(stderr, "invariant broken: %s\n", invariant);
  std::abort();
}

}  // namespace bridge::fuzz
