// SPDX-License-Identifier: MIT
#include "net/client_tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/thread_pool.hpp>
#include <map>

#include "net/lasting.hpp"

namespace bridge::net {
namespace {

/// What the verification found wrong, remembered because OpenSSL's error code only says "failed".
struct Verdict {
  long error = X509_V_OK;
  std::string names;
};

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 100)) out.push_back(c >= ' ' && c < 127 ? c : '?');
  return out;
}

/// The DNS names in a certificate, for people; at most three.
std::string names_in(X509* certificate) {
  std::string joined;
  if (!certificate) return joined;
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  const int count = names ? sk_GENERAL_NAME_num(names) : 0;
  int shown = 0;
  for (int i = 0; i < count && shown < 3; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    const auto size = static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName));
    joined += (shown++ > 0 ? ", " : "") + printable({bytes, size});
  }
  GENERAL_NAMES_free(names);
  return joined;
}

struct FreeSession {
  void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
};
/// The newest session of each origin. It belongs to the SSL_CTX and goes with it; the origin's name
/// belongs to the SSL. (Asio has taken the plain "app data" of both.)
using Sessions = std::map<std::string, std::unique_ptr<SSL_SESSION, FreeSession>>;
constexpr std::size_t kMaxSessions = 64;

template <class T>
void free_extra(void*, void* object, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<T*>(object);
}

int sessions_index() {
  static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, nullptr, nullptr,
                                                   nullptr, free_extra<Sessions>);
  return index;
}

int origin_index() {
  static const int index = CRYPTO_get_ex_new_index(CRYPTO_EX_INDEX_SSL, 0, nullptr, nullptr,
                                                   nullptr, free_extra<std::string>);
  return index;
}

Sessions* sessions_of(SSL* ssl) {
  return static_cast<Sessions*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), sessions_index()));
}

/// Called by OpenSSL when the peer hands out a session, in TLS 1.3 with the first bytes read after
/// the handshake: the certificate has been checked by then.
int keep_session(SSL* ssl, SSL_SESSION* session) {
  const auto* origin = static_cast<const std::string*>(SSL_get_ex_data(ssl, origin_index()));
  Sessions* const sessions = sessions_of(ssl);
  if (!origin || !sessions) return 0;
  if (sessions->size() >= kMaxSessions) sessions->clear();
  // A copy: OpenSSL spoils the session of a connection that is dropped without a closing alert, as
  // most are.
  (*sessions)[*origin].reset(SSL_SESSION_dup(session));
  return 0;
}

/// Offers the session that the origin gave us last, and makes it ours to keep the next one.
void prepare_resumption(SSL* ssl, const std::string& origin) {
  Sessions* const sessions = sessions_of(ssl);
  if (!sessions || !SSL_set_ex_data(ssl, origin_index(), new std::string(origin))) return;
  const auto known = sessions->find(origin);
  if (known != sessions->end() && SSL_SESSION_is_resumable(known->second.get()))
    SSL_set_session(ssl, known->second.get());
}

Error refusal_of_certificate(const std::string& host, const Verdict& verdict,
                             const std::string& ca_setting) {
  switch (verdict.error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: {
      const std::string names = verdict.names.empty() ? "another name" : verdict.names;
      return Error(Errc::unreachable, host + ": the certificate is for " + names)
          .with_hint(
              "Use the host name that the certificate was issued for, or have one issued for " +
              host + ".");
    }
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Error(Errc::unreachable, host + (verdict.error == X509_V_ERR_CERT_HAS_EXPIRED
                                                  ? ": the certificate has expired"
                                                  : ": the certificate is not valid yet"))
          .with_hint("Renew the certificate there, or set this machine's clock right.");
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:  // an authority of that name, but with another key
      return Error(Errc::unreachable, host + ": the certificate is signed by an unknown authority")
          .with_hint("If it is a private authority, or a proxy that inspects TLS, set " +
                     ca_setting + " to a PEM file with its certificate.");
    default:
      return Error(Errc::unreachable, host + ": the certificate is refused (" +
                                          X509_verify_cert_error_string(verdict.error) + ")")
          .with_hint("Look at the certificate: openssl s_client -connect " + host +
                     ":443 -showcerts");
  }
}

Error refusal(const std::string& host, const Verdict& verdict, const boost::system::error_code& ec,
              const std::string& ca_setting) {
  if (verdict.error != X509_V_OK) return lasting(refusal_of_certificate(host, verdict, ca_setting));
  const bool foreign = ec.category() == asio::error::get_ssl_category();
  const int reason = foreign ? ERR_GET_REASON(static_cast<unsigned long>(ec.value())) : 0;
  if (reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST ||
      reason == SSL_R_PACKET_LENGTH_TOO_LONG || reason == SSL_R_UNEXPECTED_MESSAGE)
    return lasting(
        Error(Errc::unreachable, host + ": the peer does not speak TLS there")
            .with_hint(
                "Check the port, and whether the address should begin with http:// instead."));
  return Error(Errc::unreachable, host + ": TLS failed (" + ec.message() + ")")
      .with_hint(
          "Check that the address and port belong to an HTTPS server with TLS 1.2 or newer.");
}

}  // namespace

class Authorities {
 public:
  /// Errors: as OpenSSL tells them.
  boost::system::error_code add(const std::string& file) {
    boost::system::error_code ec;
    context_.load_verify_file(file, ec);
    return ec;
  }
  /// To be added to any number of contexts, at any time; whole after `whole`.
  X509_STORE* store() const { return SSL_CTX_get_cert_store(context_.native_handle()); }
  /// Adds the system's, on the thread; once.
  void begin() const {
    if (begun_.exchange(true)) return;
    asio::post(thread_, [this] {
      boost::system::error_code none;  // a machine without them trusts the file alone
      context_.set_default_verify_paths(none);
      read_ = true;
    });
  }
  Task<> whole() const {
    if (read_) co_return;
    begin();
    // What is posted there comes after the reading, and is resumed where it came from.
    co_await asio::post(thread_.get_executor(), asio::use_awaitable);
  }

 private:
  mutable asio::ssl::context context_{asio::ssl::context::tls_client};
  mutable std::atomic<bool> begun_ = false, read_ = false;
  mutable asio::thread_pool thread_{1};  // last: its end waits for what it is doing
};

Result<std::shared_ptr<const Authorities>> load_authorities(const std::string& ca_file,
                                                            Logger& logger) {
  auto authorities = std::make_shared<Authorities>();
  if (const auto ec = ca_file.empty() ? boost::system::error_code() : authorities->add(ca_file)) {
    Error error(Errc::not_configured, "CA file " + ca_file + ": " + ec.message());
    logger.error("client_tls_failed", {{"reason", error.context()}});
    return std::move(error).with_hint("It must be readable and hold certificates in PEM form.");
  }
  return std::shared_ptr<const Authorities>(std::move(authorities));
}

void read_ahead(const Authorities& authorities) { authorities.begin(); }

std::shared_ptr<asio::ssl::context> make_client_tls(const Authorities& authorities) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set1_cert_store(native, authorities.store());
  context->set_verify_mode(asio::ssl::verify_peer);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(native, keep_session);
  SSL_CTX_set_ex_data(native, sessions_index(), new Sessions());
  return context;
}

Task<Result<std::unique_ptr<ByteStream>>> start_client_tls(
    Socket socket, std::shared_ptr<asio::ssl::context> context,
    std::shared_ptr<const Authorities> authorities, std::string host, std::string origin,
    std::string ca_setting, bool& resumed) {
  co_await authorities->whole();
  auto stream = std::make_unique<TlsStream>(std::move(socket), *context);
  SSL* native = stream->layer().native_handle();
  boost::system::error_code not_literal;
  (void)asio::ip::make_address(host, not_literal);
  X509_VERIFY_PARAM* expected = SSL_get0_param(native);
  bool ready = false;
  if (not_literal) {
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // RFC 6066, 3: SNI carries names, never addresses. (The macro casts in the old style.)
    ready =
        X509_VERIFY_PARAM_set1_host(expected, host.data(), host.size()) == 1 &&
        SSL_ctrl(native, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, host.data()) == 1;
  } else {
    ready = X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) == 1;
  }
  if (!ready) co_return Error(Errc::malformed, "host name " + printable(host));

  prepare_resumption(native, origin);

  const auto verdict = std::make_shared<Verdict>();
  stream->layer().set_verify_callback([verdict](bool good, asio::ssl::verify_context& at) {
    if (!good && verdict->error == X509_V_OK) {
      verdict->error = X509_STORE_CTX_get_error(at.native_handle());
      verdict->names = names_in(X509_STORE_CTX_get0_cert(at.native_handle()));
    }
    return good;
  });
  const auto [ec] = co_await stream->handshake(asio::ssl::stream_base::client);
  if (ec) {
    // Should the peer have stumbled over the old session, the next attempt goes without.
    if (Sessions* const sessions = sessions_of(native)) sessions->erase(origin);
    co_return refusal(host, *verdict, ec, ca_setting);
  }
  resumed = SSL_session_reused(native) == 1;
  std::unique_ptr<ByteStream> open = std::move(stream);
  co_return open;
}

}  // namespace bridge::net
