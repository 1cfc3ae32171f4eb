// SPDX-License-Identifier: MIT
// The way out through an HTTP proxy: which calls take it (HTTPS_PROXY, NO_PROXY), and the CONNECT
// that makes a tunnel of one connection. TLS is then spoken with the origin, through the proxy and
// past its eyes; plain http:// upstreams never go this way.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/byte_stream.hpp"

namespace bridge::net {

class Proxy {
 public:
  Proxy() = default;

  /// `url`: http://[user:password@]host[:port], the scheme may be left out; empty: no proxy.
  /// `exceptions`: as in NO_PROXY, see `is_for`. Errors: not_configured; never shows a password.
  static Result<Proxy> parse(std::string_view url, std::string_view exceptions);

  /// Whether calls to that host go through the proxy. Never for localhost and loopback addresses,
  /// nor for what an exception names: `*` all, `example.com` that host and those below it (with or
  /// without a dot or `*.` in front), an address as it is written, each with `:port` if only that
  /// port is meant.
  bool is_for(std::string_view host, std::uint16_t port) const;

  const std::string& host() const { return host_; }
  std::uint16_t port() const { return port_; }
  /// "host:port", for people.
  std::string name() const { return host_ + ":" + std::to_string(port_); }
  /// For Proxy-Authorization; empty: none.
  const std::string& authorization() const { return authorization_; }

 private:
  struct Exception {
    std::string host;        ///< lower case, without a leading dot; "*": all
    std::uint16_t port = 0;  ///< 0: every
  };

  std::string host_;  ///< empty: no proxy
  std::uint16_t port_ = 0;
  std::string authorization_;
  std::vector<Exception> exceptions_;
};

/// Asks the proxy at the other end of `stream` for a tunnel to `host`:`port`.
/// Errors: unreachable, with what the proxy said and what to do.
Task<Result<>> open_tunnel(ByteStream& stream, const Proxy& proxy, std::string host,
                           std::uint16_t port);

}  // namespace bridge::net
