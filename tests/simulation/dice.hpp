// SPDX-License-Identifier: MIT
// Chance from a seed: the same throws on every machine and with every standard library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "bridge/core/clock.hpp"

namespace bridge::simulation {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}

  std::uint64_t next() {  // splitmix64
    std::uint64_t word = state_ += 0x9E3779B97F4A7C15u;
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
    word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
    return word ^ (word >> 31);
  }
  /// Less than `bound`.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }
  bool coin() { return below(2) == 0; }
  bool chance(int percent) { return below(100) < static_cast<std::size_t>(percent); }
  Millis between(Millis least, Millis most) {
    return least + Millis(static_cast<Millis::rep>(
                       below(static_cast<std::size_t>((most - least).count()) + 1)));
  }
  template <class List>
  auto& one_of(List& list) {
    return list[below(std::size(list))];
  }

 private:
  std::uint64_t state_;
};

}  // namespace bridge::simulation
