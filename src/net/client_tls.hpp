// SPDX-License-Identifier: MIT
// The client's side of TLS: whom we trust, and in plain words why a peer was refused.
#pragma once

#include <memory>
#include <string>

#include "bridge/net/http_client.hpp"
#include "net/tls_stream.hpp"

namespace bridge::net {

/// TLS 1.2 and newer; peers must be certified by one of `authorities`, which need not be read yet.
std::shared_ptr<asio::ssl::context> make_client_tls(const Authorities& authorities);

/// Connects TLS over an open socket and proves that the peer is `host`: chain, dates, and the name
/// or address in the certificate. Waits for `authorities`, those of the context, to be read.
/// The context keeps the newest TLS session of each `origin` ("host:port") and offers it, so that
/// another connection there needs neither certificates nor a second round trip (RFC 8446, 2.2);
/// `resumed` says whether that was taken.
/// Errors: unreachable, with the reason and what to do; lasting if it is the certificate.
Task<Result<std::unique_ptr<ByteStream>>> start_client_tls(
    Socket socket, std::shared_ptr<asio::ssl::context> context,
    std::shared_ptr<const Authorities> authorities, std::string host, std::string origin,
    std::string ca_setting, bool& resumed);

}  // namespace bridge::net
