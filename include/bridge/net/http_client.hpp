// SPDX-License-Identifier: MIT
// Calls out: a pool of kept connections per origin, TLS verified (chain, host name, SNI) and
// resumed, through a proxy if there is one, a deadline per call, no cookies, no redirects followed.
// It tells a call that certainly did not happen from one that may have, and never resends the
// latter by itself.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "bridge/async/task.hpp"
#include "bridge/core/logger.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/core/secret.hpp"
#include "bridge/net/http.hpp"

namespace bridge::net {

class ClientRequest {
 public:
  ClientRequest() = default;
  ClientRequest(Method m, std::string u) : method(m), url(std::move(u)) {}

  Method method = Method::get;
  std::string url;  ///< absolute http or https URL; path and query are sent byte for byte
  Headers headers;  ///< Host, Content-Length and Connection are set by the client
  std::string body;
  /// May be sent again on a fresh connection if a reused one turns out dead before any byte of the
  /// answer: true for what changes nothing or carries its own key.
  bool repeatable = false;
  /// The status is all that is asked for: once the answer's head is there the call has succeeded,
  /// even if the body is too large, cut short or late; the body is then empty.
  bool status_suffices = false;
  std::size_t max_response_bytes = 1024 * 1024;
};

/// Whose certificates are trusted: the system's authorities and those of a file. To read the
/// system's takes tens of milliseconds, so the clients of a program share them, and a thread reads
/// them once they are wanted: with `read_ahead`, or with the first handshake, which waits for it
/// without keeping the loop.
class Authorities;

/// `ca_file`: PEM, or empty. A machine without authorities of its own trusts the file alone.
/// Errors: not_configured, with the path.
Result<std::shared_ptr<const Authorities>> load_authorities(const std::string& ca_file,
                                                            Logger& logger);
/// Returns at once.
void read_ahead(const Authorities& authorities);

struct ClientOptions {
  std::size_t max_connections_per_origin = 16;
  std::chrono::milliseconds idle_limit{20'000};  ///< below the usual server's keep-alive
  std::chrono::milliseconds connect_timeout{10'000};
  /// Null: the client reads those of `ca_file` for itself.
  std::shared_ptr<const Authorities> authorities;
  std::string ca_file;                    ///< PEM; added to the system's
  std::string ca_setting = "SN_CA_FILE";  ///< named in hints: the setting that `ca_file` came from
  bool allow_http = false;                ///< plain http:// upstreams
  /// HTTPS_PROXY: http://[user:password@]host:port; empty: none. For https:// upstreams only.
  Secret https_proxy;
  std::string no_proxy;  ///< NO_PROXY: hosts that are reached without it
  /// For URLs that somebody else chose: connects to addresses of the public internet alone. What
  /// is checked is the address that is connected to, after the look-up, so a name that leads
  /// elsewhere the next time gains nothing. What goes through a proxy is looked up there,
  /// unchecked.
  bool public_addresses_only = false;
  std::vector<std::string> private_hosts;  ///< in lower case; exempt from that
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;

  /// Any complete HTTP answer is a value, whatever its status.
  /// Errors, with certainty in Error::outcome(): `failed` when nothing of the request left
  /// (unreachable; timed_out while connecting; overloaded while waiting for a place in the pool;
  /// forbidden if no address of the host may be connected to; malformed URL),
  /// `unknown` once a byte of it was written (timed_out, connection_lost, too_large,
  /// upstream_garbled for an answer that is not HTTP or is cut short). An `unreachable` with a
  /// retry_after is one that somebody has to mend first: a certificate, a proxy's refusal.
  /// Cancellation: the connection is dropped.
  virtual Task<Result<Response>> send(ClientRequest request, Deadline deadline) = 0;

  /// Drops idle connections and keeps none from now on; calls in flight end by themselves.
  virtual void close() = 0;
};

/// `metrics`, if given, gets upstream_connections and upstream_handshakes and must outlive the
/// client. Errors: a CA file that cannot be read (Errc::not_configured, the path in the context), a
/// proxy that is none.
Result<std::unique_ptr<HttpClient>> make_http_client(asio::any_io_executor executor,
                                                     const ClientOptions& options, Logger& logger,
                                                     Metrics* metrics = nullptr);

}  // namespace bridge::net
