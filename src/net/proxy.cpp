// SPDX-License-Identifier: MIT
#include "net/proxy.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>

#include "bridge/core/json.hpp"
#include "bridge/net/header_values.hpp"
#include "net/lasting.hpp"
#include "net/response_parser.hpp"

namespace bridge::net {
namespace {

constexpr std::uint16_t kUsualPort = 3128;
constexpr std::size_t kMaxHead = 64 * 1024;

Error unusable(std::string what) {
  return Error(Errc::not_configured, "HTTPS_PROXY " + std::move(what))
      .with_hint("HTTPS_PROXY has the form http://[user:password@]host:port.");
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

bool is_loopback(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  boost::system::error_code not_literal;
  const auto address = asio::ip::make_address(host, not_literal);
  return !not_literal && address.is_loopback();
}

/// What the proxy's refusal means, and whether a moment later it may be another.
Error proxy_refusal(const Proxy& proxy, const std::string& target, unsigned status) {
  std::string context =
      "the proxy " + proxy.name() + " answered " + std::to_string(status) + " to CONNECT " + target;
  if (status == 407)
    return lasting(Error(Errc::unreachable, std::move(context))
                       .with_hint("The proxy wants other credentials: put them into HTTPS_PROXY as "
                                  "http://user:password@host:port, percent-encoded."));
  if (status >= 500)
    return Error(Errc::unreachable, std::move(context))
        .with_hint("The proxy of HTTPS_PROXY does not reach " + target +
                   ": ask who runs it, or name the host in NO_PROXY to go without it.");
  return lasting(Error(Errc::unreachable, std::move(context))
                     .with_hint("The proxy of HTTPS_PROXY does not let us through to " + target +
                                ": have it allowed there, or name the host in NO_PROXY to go "
                                "without the proxy."));
}

Error not_a_proxy(const Proxy& proxy, const std::string& what) {
  return lasting(Error(Errc::unreachable, "the proxy " + proxy.name() + " " + what)
                     .with_hint("What answers at the address of HTTPS_PROXY is no HTTP proxy that "
                                "knows CONNECT; check host and port."));
}

}  // namespace

Result<Proxy> Proxy::parse(std::string_view text, std::string_view exceptions) {
  Proxy proxy;
  text = trim(text);
  if (text.empty()) return proxy;
  const std::string written = text.find("://") == std::string_view::npos
                                  ? "http://" + std::string(text)
                                  : std::string(text);
  const auto parsed = boost::urls::parse_uri(written);
  if (!parsed) return unusable("is not a URL");
  const boost::urls::url_view url = *parsed;
  if (!equals_ignoring_case(std::string(url.scheme()), "http"))
    return unusable("does not begin with http://");
  proxy.host_ = url.host_type() == boost::urls::host_type::ipv6
                    ? std::string(url.host_ipv6_address().to_string())
                    : lower_case(std::string(url.host()));
  if (proxy.host_.empty()) return unusable("has no host");
  proxy.port_ = kUsualPort;
  if (const std::string port(url.port()); !port.empty()) {
    const auto number = port_of(port);
    if (!number) return unusable("has no sound port");
    proxy.port_ = *number;
  }
  if (url.has_userinfo()) {
    const std::string pair = std::string(url.user()) + ":" + std::string(url.password());
    proxy.authorization_ = "Basic " + base64(pair);
  }
  while (!exceptions.empty()) {
    const std::size_t end = std::min(exceptions.find_first_of(", \t"), exceptions.size());
    std::string_view word = exceptions.substr(0, end);
    exceptions.remove_prefix(std::min(end + 1, exceptions.size()));
    Exception exception;
    const std::size_t colon = word.rfind(':');
    // More than one colon without brackets is an IPv6 address, whose last part is no port.
    const bool bracketed = word.starts_with('[');
    if (colon != std::string_view::npos && (bracketed || word.find(':') == colon)) {
      if (const auto port = port_of(word.substr(colon + 1))) {
        exception.port = *port;
        word = word.substr(0, colon);
      }
    }
    if (bracketed && word.ends_with(']')) word = word.substr(1, word.size() - 2);
    if (word.starts_with("*.")) word.remove_prefix(1);
    while (word.starts_with('.')) word.remove_prefix(1);
    if (word.empty()) continue;
    exception.host = lower_case(word);
    proxy.exceptions_.push_back(std::move(exception));
  }
  return proxy;
}

bool Proxy::is_for(std::string_view host, std::uint16_t port) const {
  if (host_.empty()) return false;
  const std::string name = lower_case(host);
  if (is_loopback(name)) return false;
  return std::none_of(exceptions_.begin(), exceptions_.end(), [&](const Exception& exception) {
    if (exception.port != 0 && exception.port != port) return false;
    return exception.host == "*" || name == exception.host || name.ends_with("." + exception.host);
  });
}

Task<Result<>> open_tunnel(ByteStream& stream, const Proxy& proxy, std::string host,
                           std::uint16_t port) {
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  const std::string target = host + ":" + std::to_string(port);
  std::string head = "CONNECT " + target + " HTTP/1.1\r\nHost: " + target + "\r\n";
  if (!proxy.authorization().empty())
    head += "Proxy-Authorization: " + proxy.authorization() + "\r\n";
  head += "\r\n";
  const Buffers bytes{asio::buffer(head), asio::const_buffer()};
  const auto [not_sent, sent] = co_await stream.write(bytes);
  if (not_sent)
    co_return Error(Errc::unreachable, "the proxy " + proxy.name() + ": " + not_sent.message())
        .with_hint("Check the proxy of HTTPS_PROXY.");

  // RFC 9110, 9.3.6: a 2xx to CONNECT has no body; the tunnel begins behind its head.
  ResponseParser parser(0, true);
  std::array<char, 4096> chunk{};
  std::string unread;
  for (;;) {
    const auto [ec, n] = co_await stream.read_some(asio::buffer(chunk));
    unread.append(chunk.data(), n);
    // The parser waits for a whole head; what speaks first, as SSH does, would never send one.
    const std::string_view begin = std::string_view("HTTP/").substr(0, unread.size());
    if (!parser.started() && !unread.starts_with(begin))
      co_return not_a_proxy(proxy, "answers something that is not HTTP");
    std::size_t used = 0;
    auto state = ResponseParser::State::need_more;
    if (n > 0) state = parser.put(unread, used);
    unread.erase(0, used);
    if (unread.size() > kMaxHead) state = ResponseParser::State::too_large;
    if (state == ResponseParser::State::garbled || state == ResponseParser::State::too_large)
      co_return not_a_proxy(proxy, "answers something that is not HTTP");
    if (state == ResponseParser::State::done) {
      const unsigned status = parser.response().status;
      if (status < 200 || status >= 300) co_return proxy_refusal(proxy, target, status);
      // In TLS the client speaks first: bytes that are already here are not the origin's.
      if (!unread.empty()) co_return not_a_proxy(proxy, "sends more than was asked for");
      co_return Result<>();
    }
    if (ec)
      co_return Error(Errc::unreachable, "the proxy " + proxy.name() +
                                             " ended the connection instead of answering CONNECT")
          .with_hint("Check the proxy of HTTPS_PROXY, and whether it allows CONNECT to " + target +
                     ".");
  }
}

}  // namespace bridge::net
