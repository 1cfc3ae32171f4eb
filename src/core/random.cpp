// SPDX-License-Identifier: MIT
#include "bridge/core/random.hpp"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <vector>

namespace bridge {

namespace {

/// Random bytes, fetched for several callers at once: each call into the kernel costs as much as
/// hashing a token. What has been handed out is wiped; a forked child would have to begin anew, but
/// this program never forks.
class Pool {
 public:
  void take(unsigned char* into, std::size_t count) {
    while (count > 0) {
      if (next_ == bytes_.size()) refill();
      const std::size_t some = std::min(count, bytes_.size() - next_);
      const auto from = bytes_.begin() + static_cast<std::ptrdiff_t>(next_);
      std::copy_n(from, some, into);
      std::fill_n(from, some, static_cast<unsigned char>(0));
      next_ += some;
      into += some;
      count -= some;
    }
  }

 private:
  void refill() {
    // getrandom(2) never returns less than was asked for up to 256 bytes.
    while (getrandom(bytes_.data(), bytes_.size(), 0) != static_cast<ssize_t>(bytes_.size()))
      if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "getrandom");
    next_ = 0;
  }

  std::array<unsigned char, 256> bytes_{};
  std::size_t next_ = bytes_.size();
};

}  // namespace

std::string random_hex(std::size_t bytes) {
  thread_local Pool pool;
  std::vector<unsigned char> raw(bytes);
  pool.take(raw.data(), bytes);
  return to_hex(raw);
}

std::string to_hex(std::span<const unsigned char> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string hex(2 * bytes.size(), '0');
  char* digit = hex.data();
  for (const unsigned char byte : bytes) {
    *digit++ = kDigits[byte >> 4];
    *digit++ = kDigits[byte & 15];
  }
  return hex;
}

bool is_hex(const std::string& text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace bridge
