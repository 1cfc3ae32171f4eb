// SPDX-License-Identifier: MIT
// Lives of sessions under random trouble, each from its seed.
//
//   simulation [--seeds N] [--seed FIRST] [--steps K] [--story] [--go-on]
//
// With --go-on all lives are lived, and a count of what broke comes last. Otherwise it ends with 1
// at the first life in which the promise is broken, and tells its story; the same seed and steps
// give the same life again.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "simulation/life.hpp"

namespace {

using namespace bridge::simulation;

struct Order {
  std::uint64_t first = 1;
  std::uint64_t seeds = 300;
  std::uint64_t steps = 600;
  bool story = false;
  bool go_on = false;
};

std::optional<Order> read_order(int count, char** words) {
  Order order;
  for (int at = 1; at < count; ++at) {
    const std::string_view word = words[at];
    if (word == "--story") {
      order.story = true;
      continue;
    }
    if (word == "--go-on") {
      order.go_on = true;
      continue;
    }
    std::uint64_t* number = word == "--seeds"   ? &order.seeds
                            : word == "--seed"  ? &order.first
                            : word == "--steps" ? &order.steps
                                                : nullptr;
    if (!number || ++at == count) return std::nullopt;
    const std::string_view value = words[at];
    const auto [end, failed] = std::from_chars(value.begin(), value.end(), *number);
    if (failed != std::errc() || end != value.end()) return std::nullopt;
  }
  return order;
}

/// What broke; nothing: it holds.
std::optional<std::string> live(std::uint64_t seed, std::uint64_t steps,
                                std::vector<std::string>* story,
                                std::map<std::string, std::uint64_t>& counts) {
  Life life(seed, steps, story);
  std::optional<std::string> broken;
  try {
    life.run();
  } catch (const Broken& failure) {
    broken = failure.what();
  }
  for (const auto& [what, times] : life.world().counts()) counts[what] += times;
  counts["steps"] += life.world().steps();
  return broken;
}

void print(const std::vector<std::string>& story) {
  for (const std::string& line : story) std::printf("%s\n", line.c_str());
}

int tell_failure(std::uint64_t seed, std::uint64_t steps, const std::string& broken) {
  std::vector<std::string> story;
  std::map<std::string, std::uint64_t> counts;
  const auto replayed = live(seed, steps, &story, counts);
  print(story);
  std::printf("seed %llu broken: %s\n", static_cast<unsigned long long>(seed), broken.c_str());
  if (replayed != broken)
    std::printf("and its replay: %s\n", replayed ? replayed->c_str() : "holds");
  std::printf("again: simulation --seed %llu --seeds 1 --steps %llu\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(steps));
  return 1;
}

}  // namespace

int main(int count, char** words) {
  const auto order = read_order(count, words);
  if (!order) {
    std::fprintf(stderr,
                 "usage: simulation [--seeds N] [--seed FIRST] [--steps K] [--story] [--go-on]\n");
    return 2;
  }
  std::map<std::string, std::vector<std::uint64_t>> failures;
  const auto began = std::chrono::steady_clock::now();
  std::map<std::string, std::uint64_t> counts;
  for (std::uint64_t seed = order->first; seed < order->first + order->seeds; ++seed) {
    std::vector<std::string> story;
    const auto broken = live(seed, order->steps, order->story ? &story : nullptr, counts);
    if (broken && !order->go_on) return tell_failure(seed, order->steps, *broken);
    if (broken) failures[broken->substr(0, broken->find(':'))].push_back(seed);
    print(story);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  std::printf("%llu lives in %.1f s, first seed %llu\n",
              static_cast<unsigned long long>(order->seeds), took.count(),
              static_cast<unsigned long long>(order->first));
  for (const auto& [what, times] : counts)
    std::printf("  %-24s %llu\n", what.c_str(), static_cast<unsigned long long>(times));
  for (const auto& [broken, seeds] : failures) {
    std::printf("broken in %zu lives: %s; seeds", seeds.size(), broken.c_str());
    for (const std::uint64_t seed : seeds)
      std::printf(" %llu", static_cast<unsigned long long>(seed));
    std::printf("\n");
  }
  return failures.empty() ? 0 : 1;
}
