// SPDX-License-Identifier: MIT
#include "support/token_maker.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <boost/json/serialize.hpp>
#include <stdexcept>

namespace bridge::test {
namespace {

void require_openssl(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

}  // namespace

std::string base64url(std::string_view bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = held << 8 | static_cast<unsigned char>(c);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      text.push_back(kDigits[held >> bits & 63]);
    }
    held &= (1U << bits) - 1;
  }
  if (bits > 0) text.push_back(kDigits[held << (6 - bits) & 63]);
  return text;
}

class TokenMaker::Inner {
 public:
  explicit Inner(unsigned bits) : key_(EVP_RSA_gen(bits)) {
    require_openssl(key_ != nullptr, "RSA");
  }
  ~Inner() { EVP_PKEY_free(key_); }
  Inner(const Inner&) = delete;
  Inner& operator=(const Inner&) = delete;
  EVP_PKEY* get() const { return key_; }
  std::string number(const char* name) const {
    BIGNUM* value = nullptr;
    require_openssl(EVP_PKEY_get_bn_param(key_, name, &value) == 1, name);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(value)), '\0');
    BN_bn2bin(value, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(value);
    return bytes;
  }

 private:
  EVP_PKEY* key_;
};

TokenMaker::TokenMaker(unsigned bits) : inner_(std::make_unique<Inner>(bits)) {}
TokenMaker::~TokenMaker() = default;

json::object TokenMaker::jwk(const std::string& kid) const {
  return {{"kty", "RSA"},
          {"use", "sig"},
          {"kid", kid},
          {"n", base64url(inner_->number(OSSL_PKEY_PARAM_RSA_N))},
          {"e", base64url(inner_->number(OSSL_PKEY_PARAM_RSA_E))}};
}

std::string TokenMaker::public_key() const {
  BIO* memory = BIO_new(BIO_s_mem());
  require_openssl(PEM_write_bio_PUBKEY(memory, inner_->get()) == 1, "PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(memory);
  return text;
}

std::string TokenMaker::sign(std::string_view text) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  require_openssl(EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, inner_->get()) == 1,
                  "sign");
  require_openssl(EVP_DigestSign(context, nullptr, &size, bytes, text.size()) == 1, "sign");
  std::string signature(size, '\0');
  require_openssl(EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                                 bytes, text.size()) == 1,
                  "sign");
  EVP_MD_CTX_free(context);
  signature.resize(size);
  return signature;
}

std::string TokenMaker::token(const json::object& header, const json::object& claims) const {
  const std::string text =
      base64url(json::serialize(header)) + "." + base64url(json::serialize(claims));
  return text + "." + base64url(sign(text));
}

const TokenMaker& key_one() {
  static const TokenMaker key(2048);
  return key;
}
const TokenMaker& key_two() {
  static const TokenMaker key(2048);
  return key;
}
const TokenMaker& weak_key() {
  static const TokenMaker key(1024);
  return key;
}

std::string hs256(std::string_view key, std::string_view text) {
  std::string mac(32, '\0');
  unsigned size = 0;
  require_openssl(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                       reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                       reinterpret_cast<unsigned char*>(mac.data()), &size) != nullptr,
                  "HMAC");
  return mac;
}

}  // namespace bridge::test
