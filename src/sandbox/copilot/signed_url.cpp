// SPDX-License-Identifier: MIT
#include "sandbox/copilot/signed_url.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <charconv>
#include <stdexcept>

#include "bridge/core/random.hpp"
#include "bridge/net/http.hpp"
#include "sandbox/glide/base64.hpp"

namespace bridge::sandbox::copilot {
namespace {

/// base64url whose padding is escaped with small letters, as .NET writes query values: a client
/// that decodes and encodes again gets "%3D" and so another address.
std::string url_text(std::string_view bytes) {
  std::string text;
  for (const char c : base64_encode(bytes)) {
    if (c == '+') {
      text += '-';
    } else if (c == '/') {
      text += '_';
    } else if (c == '=') {
      text += "%3d";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

UrlSigner::UrlSigner() : key_(random_hex(32)) {}

std::string UrlSigner::target(std::string_view conversation, UrlStamp stamp) const {
  std::string text(kCallbackRoot);
  text += net::percent_encode(conversation) + "?e=" + std::to_string(stamp.expiry_ms) +
          "&n=" + std::to_string(stamp.number);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (!HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
            reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size))
    throw std::runtime_error("the digest failed");
  return text + "&s=" + url_text(std::string(mac.begin(), mac.begin() + size));
}

std::optional<UrlStamp> stamp_of(std::string_view target) {
  UrlStamp stamp;
  const auto read = [&](std::string_view name, std::int64_t& into) {
    const auto at = target.find(name);
    if (at == std::string_view::npos) return false;
    const char* begin = target.data() + at + name.size();
    const auto [end, failed] = std::from_chars(begin, target.data() + target.size(), into);
    return failed == std::errc() && end != begin;
  };
  if (!read("?e=", stamp.expiry_ms) || !read("&n=", stamp.number)) return std::nullopt;
  return stamp;
}

bool same_when_decoded(std::string_view a, std::string_view b) {
  const auto left = net::percent_decode(a);
  const auto right = net::percent_decode(b);
  return left && right && *left == *right;
}

}  // namespace bridge::sandbox::copilot
