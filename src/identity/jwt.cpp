// SPDX-License-Identifier: MIT
#include "bridge/identity/jwt.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "identity/jwk_members.hpp"

namespace bridge::identity {
namespace {

constexpr std::size_t kMaxDepth = 8;

int base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

Error malformed(std::string_view what) {
  return Error(Errc::unauthorized, "the bearer token " + std::string(what))
      .with_hint("Send the access token exactly as Microsoft Entra issued it.");
}

/// The three parts between the dots; nothing if there are more or fewer, or an empty one.
std::optional<std::array<std::string_view, 3>> split(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  const std::array<std::string_view, 3> parts = {token.substr(0, first),
                                                 token.substr(first + 1, second - first - 1),
                                                 token.substr(second + 1)};
  for (const std::string_view part : parts)
    if (part.empty() || part.find('.') != std::string_view::npos) return std::nullopt;
  return parts;
}

std::optional<json::object> decode_object(std::string_view part) {
  const auto text = base64url_decode(part);
  if (!text) return std::nullopt;
  auto object = parse_object(*text, kMaxDepth);
  if (!object) return std::nullopt;
  return std::move(*object);
}

/// What OpenSSL leaves in its queue after a refusal would be taken for the failure of the next TLS
/// call of this thread.
struct ClearErrors {
  ~ClearErrors() { ERR_clear_error(); }
};

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);
  }
};
using Number = std::unique_ptr<BIGNUM, FreeWith<BN_free>>;
using PublicKey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;

Number number_from(const std::string& bytes) {
  Number number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()),
                          static_cast<int>(bytes.size()), nullptr));
  if (!number) throw std::runtime_error("a number could not be made");
  return number;
}

PublicKey make_key(const BIGNUM* modulus, const BIGNUM* exponent) {
  const std::unique_ptr<OSSL_PARAM_BLD, FreeWith<OSSL_PARAM_BLD_free>> builder(
      OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
    throw std::runtime_error("RSA parameters could not be made");
  const std::unique_ptr<OSSL_PARAM, FreeWith<OSSL_PARAM_free>> parameters(
      OSSL_PARAM_BLD_to_param(builder.get()));
  const std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>> context(
      EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* made = nullptr;
  if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
    return nullptr;
  return PublicKey(made);
}

}  // namespace

std::optional<std::string> base64url_decode(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned held = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return std::nullopt;
    held = (held << 6 | static_cast<unsigned>(value)) & 0xFFFF;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(held >> bits & 0xFF));
  }
  // RFC 4648, 3.5: two spellings of the same bytes would be two tokens with one signature.
  if ((held & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

Result<Jwt> parse_jwt(std::string_view token) {
  if (token.size() > kMaxJwt) return malformed("is too long");
  const auto parts = split(token);
  if (!parts) return malformed("is no signed JWT");
  const auto header = decode_object((*parts)[0]);
  if (!header) return malformed("has a header that cannot be read");
  if (text_member(*header, "alg") != "RS256") return malformed("is not signed with RS256");
  // RFC 7515, 4.1.11: what a critical extension means has to be understood, and none is.
  if (header->contains("crit")) return malformed("asks for an extension that is not known");
  Jwt jwt;
  jwt.key_id = text_member(*header, "kid");
  if (jwt.key_id.empty() || jwt.key_id.size() > kMaxKeyId)
    return malformed("does not name the key it was signed with");
  auto claims = decode_object((*parts)[1]);
  if (!claims) return malformed("has claims that cannot be read");
  jwt.claims = std::move(*claims);
  auto signature = base64url_decode((*parts)[2]);
  if (!signature) return malformed("has a signature that cannot be read");
  jwt.signature = std::move(*signature);
  jwt.signed_text = token.substr(0, (*parts)[0].size() + 1 + (*parts)[1].size());
  return jwt;
}

class RsaKey::Inner {
 public:
  explicit Inner(PublicKey key) : key_(std::move(key)) {}
  EVP_PKEY* get() const { return key_.get(); }

 private:
  PublicKey key_;
};

Result<RsaKey> RsaKey::from_jwk(std::string_view modulus, std::string_view exponent) {
  const ClearErrors cleared;
  const Error wrong(Errc::malformed, "not an RSA key");
  if (modulus.size() > kMaxBits / 4 || exponent.size() > 16) return wrong;
  const auto modulus_bytes = base64url_decode(modulus);
  const auto exponent_bytes = base64url_decode(exponent);
  if (!modulus_bytes || !exponent_bytes) return wrong;
  const Number n = number_from(*modulus_bytes);
  const Number e = number_from(*exponent_bytes);
  const auto bits = static_cast<std::size_t>(BN_num_bits(n.get()));
  if (bits < kMinBits || bits > kMaxBits)
    return Error(Errc::forbidden, "an RSA key of " + std::to_string(bits) + " bits");
  // 1 would make every text its own signature; OpenSSL itself asks for at most 64 bits.
  if (!BN_is_odd(n.get()) || !BN_is_odd(e.get()) || BN_is_one(e.get())) return wrong;
  PublicKey key = make_key(n.get(), e.get());
  if (!key) return wrong;
  return RsaKey(std::make_shared<const Inner>(std::move(key)));
}

bool RsaKey::signed_this(std::string_view text, std::string_view signature) const {
  const ClearErrors cleared;
  const std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  // PKCS #1 v1.5 is what a digest with an RSA key means unless something else is said.
  if (!context ||
      EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, inner_->get()) != 1)
    throw std::runtime_error("RS256 is not available");
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                          signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
                          text.size()) == 1;
}

}  // namespace bridge::identity
