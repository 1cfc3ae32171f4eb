// SPDX-License-Identifier: MIT
#include "gateways/connector/service_url_policy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "bridge/net/http.hpp"

namespace bridge::gateways {
namespace {

constexpr std::size_t kMaxUrl = 8 * 1024;
constexpr std::size_t kMaxHost = 253;  // RFC 1035, 2.3.4, without the root
constexpr std::size_t kMaxLabel = 63;

/// Endings that no name service of the world answers for (RFC 6761, 6762, 8375, ICANN's
/// `internal`, and what routers use).
constexpr std::array<std::string_view, 7> kLocalEndings = {
    ".localhost", ".local", ".internal", ".home.arpa", ".lan", ".intranet", ".corp"};

struct Parts {
  bool tls = true;
  std::string host;
  bool numeric = false;  ///< some reader takes it for an IPv4 address
};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return c >= 'a' && c <= 'z'; }

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

std::vector<std::string_view> labels_of(std::string_view host) {
  std::vector<std::string_view> labels;
  for (;;) {
    const std::size_t dot = std::min(host.find('.'), host.size());
    labels.push_back(host.substr(0, dot));
    if (dot == host.size()) return labels;
    host.remove_prefix(dot + 1);
  }
}

bool is_name(const std::vector<std::string_view>& labels) {
  return std::all_of(labels.begin(), labels.end(), [](std::string_view label) {
    return !label.empty() && label.size() <= kMaxLabel && !label.starts_with('-') &&
           !label.ends_with('-') && std::all_of(label.begin(), label.end(), [](char c) {
             return is_letter(c) || is_digit(c) || c == '-';
           });
  });
}

/// inet_aton and browsers read 127.1, 2130706433, 0x7f.1 and 0177.0.0.1 as addresses: whatever ends
/// in a number. Boost.URL 1.81 stops after a dotted quad, whatever follows it.
bool is_numeric(const std::vector<std::string_view>& labels) {
  const auto all_digits = [](std::string_view label) {
    return !label.empty() && std::all_of(label.begin(), label.end(), is_digit);
  };
  const std::string_view last = labels.back();
  if (all_digits(last) || last.starts_with("0x")) return true;
  return labels.size() >= 4 && std::all_of(labels.begin(), labels.begin() + 3, all_digits) &&
         is_digit(labels[3].front());
}

Error bad(std::string what) {
  return Error(Errc::invalid_argument, "service URL " + std::move(what))
      .with_hint("Replies go to https URLs of the hosts in CS_SERVICE_HOSTS only.");
}

/// The scheme cut off; nothing if it is another one.
std::optional<bool> take_scheme(std::string_view& url) {
  for (const bool tls : {true, false}) {
    const std::string_view scheme = tls ? "https://" : "http://";
    if (!net::equals_ignoring_case(url.substr(0, scheme.size()), scheme)) continue;
    url.remove_prefix(scheme.size());
    return tls;
  }
  return std::nullopt;
}

Result<Parts> parse(std::string_view url, bool insecure) {
  if (url.size() > kMaxUrl) return bad("is longer than 8 KiB");
  if (std::any_of(url.begin(), url.end(), [](char c) { return c <= ' ' || c >= 0x7F; }))
    return bad("holds characters that a URL cannot have");
  if (url.find('#') != std::string_view::npos) return bad("holds a '#' part");
  const auto tls = take_scheme(url);
  if (!tls) return bad("is not an https URL");
  if (!*tls && !insecure) return bad("is plain http, which ALLOW_INSECURE_UPSTREAM=1 would allow");
  Parts parts;
  parts.tls = *tls;

  std::string_view authority = url.substr(0, url.find_first_of("/?"));
  if (authority.find('@') != std::string_view::npos) return bad("holds a user name or password");
  if (authority.find('[') != std::string_view::npos) return bad("names an IP address");
  const std::size_t colon = authority.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view digits = authority.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (failed != std::errc() || end != digits.data() + digits.size() || port == 0)
      return bad("has a port that is none");
    if (port != (parts.tls ? 443 : 80) && !insecure) return bad("has a port of its own");
    authority = authority.substr(0, colon);
  }
  parts.host = lower(authority);
  const auto labels = labels_of(parts.host);
  if (parts.host.size() > kMaxHost || !is_name(labels)) return bad("has a host that is no name");
  parts.numeric = is_numeric(labels);
  return parts;
}

bool could_be_public(std::string_view host) {
  return host.find('.') != std::string_view::npos &&
         std::none_of(kLocalEndings.begin(), kLocalEndings.end(),
                      [&](std::string_view ending) { return host.ends_with(ending); });
}

}  // namespace

ServiceUrlPolicy::ServiceUrlPolicy(std::vector<std::string> hosts, bool learn, bool insecure)
    : hosts_(std::move(hosts)), learn_(learn), insecure_(insecure) {}

Result<std::string> ServiceUrlPolicy::check(std::string_view url) const {
  auto parts = parse(url, insecure_);
  if (!parts) return parts.error();
  if (parts->numeric) {
    const bool exact = std::find(hosts_.begin(), hosts_.end(), parts->host) != hosts_.end();
    if (!insecure_ || !exact) return bad("names an IP address");
  } else if (!is_listed(parts->host) && parts->host != learned_) {
    return Error(Errc::forbidden, parts->host)
        .with_hint("If this host belongs to your Copilot Studio, add it to CS_SERVICE_HOSTS.");
  }
  return std::move(parts->host);
}

Result<ServiceUrlPolicy::Admitted> ServiceUrlPolicy::admit(std::string_view url) {
  auto host = check(url);
  Admitted admitted;
  if (host) {
    admitted.host = std::move(*host);
    return admitted;
  }
  const Error refusal = host.error();
  if (!refusal.is(Errc::forbidden) || !learn_ || !learned_.empty()) return refusal;
  if (!could_be_public(refusal.context())) return refusal;
  learned_ = refusal.context();
  admitted.host = learned_;
  admitted.learned = true;
  return admitted;
}

std::string ServiceUrlPolicy::setting_with(const std::string& host) const {
  std::string line = "CS_SERVICE_HOSTS=";
  for (const std::string& listed : hosts_) line += listed + ",";
  return line + host;
}

bool ServiceUrlPolicy::is_listed(std::string_view host) const {
  return std::any_of(hosts_.begin(), hosts_.end(), [&](const std::string& entry) {
    return entry.starts_with('.') ? host.size() > entry.size() && host.ends_with(entry)
                                  : host == entry;
  });
}

}  // namespace bridge::gateways
