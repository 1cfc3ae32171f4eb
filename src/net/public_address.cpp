// SPDX-License-Identifier: MIT
#include "net/public_address.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace bridge::net {
namespace {

using boost::asio::ip::address;
using boost::asio::ip::address_v4;
using boost::asio::ip::address_v6;

/// A block: the addresses that share its first `bits` bits.
struct BlockV4 {
  std::array<std::uint8_t, 4> begin;
  unsigned bits;
};

constexpr std::array kNotPublicV4 = {
    BlockV4{{0, 0, 0, 0}, 8},         // this network, unspecified
    BlockV4{{10, 0, 0, 0}, 8},        // private (RFC 1918)
    BlockV4{{100, 64, 0, 0}, 10},     // carrier-grade NAT (RFC 6598)
    BlockV4{{127, 0, 0, 0}, 8},       // loopback
    BlockV4{{168, 63, 129, 16}, 32},  // Azure's platform, as its virtual machines see it
    BlockV4{{169, 254, 0, 0}, 16},    // link-local, and every cloud's instance metadata
    BlockV4{{172, 16, 0, 0}, 12},     // private
    BlockV4{{192, 0, 0, 0}, 24},      // protocol assignments
    BlockV4{{192, 0, 2, 0}, 24},      // documentation (RFC 5737)
    BlockV4{{192, 88, 99, 0}, 24},    // 6to4 relays, given up (RFC 7526)
    BlockV4{{192, 168, 0, 0}, 16},    // private
    BlockV4{{198, 18, 0, 0}, 15},     // benchmarking (RFC 2544)
    BlockV4{{198, 51, 100, 0}, 24},   // documentation
    BlockV4{{203, 0, 113, 0}, 24},    // documentation
    BlockV4{{224, 0, 0, 0}, 4},       // multicast
    BlockV4{{240, 0, 0, 0}, 4},       // reserved, broadcast
};

struct BlockV6 {
  std::array<std::uint8_t, 4> begin;  ///< no block that matters is narrower than 32 bits
  unsigned bits;
};

/// What has been given out as global unicast at all; loopback, link-local, unique local, multicast,
/// IPv4-mapped and IPv4-compatible addresses are outside.
constexpr BlockV6 kGlobalV6{{0x20, 0x00, 0x00, 0x00}, 3};
constexpr std::array kNotPublicV6 = {
    BlockV6{{0x20, 0x01, 0x00, 0x00}, 23},  // protocols: Teredo, benchmarking, ORCHID
    BlockV6{{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation (RFC 3849)
    BlockV6{{0x20, 0x02, 0x00, 0x00}, 16},  // 6to4: the IPv4 address in it can be any
    BlockV6{{0x3f, 0xff, 0x00, 0x00}, 20},  // documentation (RFC 9637)
};

template <std::size_t N, std::size_t M>
bool is_in(const std::array<unsigned char, N>& bytes, const std::array<std::uint8_t, M>& begin,
           unsigned bits) {
  for (unsigned bit = 0; bit < bits; ++bit) {
    const unsigned mask = 0x80u >> (bit % 8);
    if (((bytes[bit / 8] ^ begin[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

bool is_public_v4(const address_v4::bytes_type& bytes) {
  return std::none_of(kNotPublicV4.begin(), kNotPublicV4.end(),
                      [&](const BlockV4& block) { return is_in(bytes, block.begin, block.bits); });
}

bool is_public_v6(const address_v6::bytes_type& bytes) {
  constexpr std::array<std::uint8_t, 12> kNat64{0x00, 0x64, 0xff, 0x9b};
  if (is_in(bytes, kNat64, 96)) return is_public_v4({bytes[12], bytes[13], bytes[14], bytes[15]});
  return is_in(bytes, kGlobalV6.begin, kGlobalV6.bits) &&
         std::none_of(kNotPublicV6.begin(), kNotPublicV6.end(),
                      [&](const BlockV6& block) { return is_in(bytes, block.begin, block.bits); });
}

}  // namespace

bool is_public(const address& address) {
  return address.is_v4() ? is_public_v4(address.to_v4().to_bytes())
                         : is_public_v6(address.to_v6().to_bytes());
}

}  // namespace bridge::net
