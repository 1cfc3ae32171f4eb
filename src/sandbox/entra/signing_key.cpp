// SPDX-License-Identifier: MIT
#include "sandbox/entra/signing_key.hpp"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdexcept>

#include "bridge/core/random.hpp"
#include "sandbox/glide/base64.hpp"

namespace bridge::sandbox {
namespace {

void require(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct FreeNumber {
  void operator()(BIGNUM* number) const { BN_free(number); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};

}  // namespace

std::string base64url_encode(std::string_view bytes) {
  std::string text = base64_encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

class SigningKey::Inner {
 public:
  Inner() : key_(EVP_RSA_gen(2048)) { require(key_ != nullptr, "no RSA key"); }
  EVP_PKEY* get() const { return key_.get(); }

  std::string number(const char* name) const {
    BIGNUM* raw = nullptr;
    require(EVP_PKEY_get_bn_param(key_.get(), name, &raw) == 1, name);
    const std::unique_ptr<BIGNUM, FreeNumber> value(raw);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(raw)), '\0');
    BN_bn2bin(raw, bytes_of(bytes));
    return base64url_encode(bytes);
  }

 private:
  std::unique_ptr<EVP_PKEY, FreeKey> key_;
};

SigningKey::SigningKey()
    : inner_(std::make_unique<Inner>()), id_(base64url_encode(random_hex(20))) {}
SigningKey::~SigningKey() = default;

json::object SigningKey::jwk(const std::string& issuer) const {
  json::object key;
  key["kty"] = "RSA";
  key["use"] = "sig";
  key["kid"] = id_;
  key["x5t"] = id_;
  key["n"] = inner_->number(OSSL_PKEY_PARAM_RSA_N);
  key["e"] = inner_->number(OSSL_PKEY_PARAM_RSA_E);
  key["issuer"] = issuer;
  return key;
}

std::string SigningKey::public_key() const {
  const std::unique_ptr<BIO, FreeBio> memory(BIO_new(BIO_s_mem()));
  require(memory && PEM_write_bio_PUBKEY(memory.get(), inner_->get()) == 1, "PEM");
  char* data = nullptr;
  const long size = BIO_get_mem_data(memory.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string SigningKey::sign(std::string_view text) const {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::size_t size = 0;
  require(
      context &&
          EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, inner_->get()) == 1 &&
          EVP_DigestSign(context.get(), nullptr, &size, bytes_of(text), text.size()) == 1,
      "RS256");
  std::string signature(size, '\0');
  require(
      EVP_DigestSign(context.get(), bytes_of(signature), &size, bytes_of(text), text.size()) == 1,
      "RS256");
  signature.resize(size);
  return signature;
}

std::string sign_with_secret(std::string_view secret, std::string_view text) {
  std::string mac(32, '\0');
  unsigned size = 0;
  require(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), bytes_of(text),
               text.size(), bytes_of(mac), &size) != nullptr,
          "HS256");
  return mac;
}

}  // namespace bridge::sandbox
