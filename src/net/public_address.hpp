// SPDX-License-Identifier: MIT
// Whether an address lies in the public internet, for calls to URLs that somebody else chose: the
// rest is this machine, the network it stands in, or what the cloud offers to its inside only.
#pragma once

#include <boost/asio/ip/address.hpp>

namespace bridge::net {

/// By IANA's registries of special-purpose addresses (RFC 6890). Of the IPv6 forms that carry an
/// IPv4 address only NAT64's well-known prefix (RFC 6052) can be public, if the address in it is.
bool is_public(const boost::asio::ip::address& address);

}  // namespace bridge::net
