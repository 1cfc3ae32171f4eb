// SPDX-License-Identifier: MIT
// Sealed text: "1.<key id>.<base64 of nonce, ciphertext and tag>". Version and key id are
// authenticated with it.
#include "bridge/identity/store_sealer.hpp"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

#include "bridge/identity/secrets.hpp"

namespace bridge::identity {
namespace {

constexpr std::size_t kNonce = 12;  // NIST SP 800-38D: what GCM takes without hashing it
constexpr std::size_t kTag = 16;
constexpr std::size_t kKeyId = 8;
constexpr std::string_view kPurpose = "handoff-bridge store 1";

using Key = std::array<unsigned char, 32>;

struct FreeCipher {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, FreeCipher>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }
int length_of(std::string_view text) { return static_cast<int>(text.size()); }

/// HKDF (RFC 5869) with SHA-256: the text may be of any length and need not look random.
Key derive(std::string_view text) {
  struct FreeKdf {
    void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
    void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
  };
  const std::unique_ptr<EVP_KDF, FreeKdf> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr));
  const std::unique_ptr<EVP_KDF_CTX, FreeKdf> context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
  char digest[] = "SHA256";
  std::string secret(text);
  std::string purpose(kPurpose);
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret.data(), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, purpose.data(), purpose.size()),
      OSSL_PARAM_construct_end()};
  Key key{};
  const bool derived =
      context && EVP_KDF_derive(context.get(), key.data(), key.size(), parameters) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  if (!derived) throw std::runtime_error("HKDF is not available");
  return key;
}

std::string to_base64(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // OpenSSL ends it with a zero
  text.resize(
      static_cast<std::size_t>(EVP_EncodeBlock(bytes_of(text), bytes_of(bytes), length_of(bytes))));
  return text;
}

/// Empty if it is none.
std::string from_base64(std::string_view text) {
  std::string bytes(3 * (text.size() / 4), '\0');
  if (text.empty() || text.size() % 4 != 0 ||
      EVP_DecodeBlock(bytes_of(bytes), bytes_of(text), length_of(text)) < 0)
    return {};
  for (std::size_t i = 1; i <= 2 && text[text.size() - i] == '='; ++i) bytes.pop_back();
  return bytes;
}

class StoreSealer final : public Sealer {
 public:
  explicit StoreSealer(const std::vector<Secret>& keys) {
    for (const Secret& secret : keys) {
      Named named;
      named.key = derive(secret.reveal());
      const std::string_view raw(reinterpret_cast<const char*>(named.key.data()), named.key.size());
      named.head = "1." + sha256_hex(raw).substr(0, kKeyId) + ".";
      keys_.push_back(std::move(named));
    }
    if (keys_.empty()) throw std::invalid_argument("a sealer needs a key");
  }

  std::string seal(const Secret& secret) const override {
    const Named& with = keys_.front();
    const std::string_view plain = secret.reveal();
    std::string sealed(kNonce + plain.size() + kTag, '\0');
    unsigned char* const nonce = bytes_of(sealed);
    unsigned char* const text = nonce + kNonce;
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int written = 0;
    const bool done =
        cipher && RAND_bytes(nonce, kNonce) == 1 &&
        EVP_EncryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), with.key.data(), nonce, nullptr) ==
            1 &&
        EVP_EncryptUpdate(cipher.get(), nullptr, &written, bytes_of(std::string_view(with.head)),
                          length_of(with.head)) == 1 &&
        EVP_EncryptUpdate(cipher.get(), text, &written, bytes_of(plain), length_of(plain)) == 1 &&
        EVP_EncryptFinal_ex(cipher.get(), text + written, &written) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, kTag, text + plain.size()) == 1;
    if (!done) throw std::runtime_error("AES-256-GCM is not available");
    return with.head + to_base64(sealed);
  }

  Result<Secret> open(std::string_view sealed) const override {
    for (const Named& with : keys_)
      if (sealed.starts_with(with.head)) return open(with, sealed.substr(with.head.size()));
    return Error(Errc::forbidden, "sealed with another key");
  }

 private:
  struct Named {
    Key key{};
    std::string head;
  };

  static Result<Secret> open(const Named& with, std::string_view coded) {
    std::string sealed = from_base64(coded);
    if (sealed.size() < kNonce + kTag) return Error(Errc::malformed, "not sealed text");
    const std::size_t size = sealed.size() - kNonce - kTag;
    unsigned char* const nonce = bytes_of(sealed);
    std::string plain(size, '\0');
    const Cipher cipher(EVP_CIPHER_CTX_new());
    int written = 0;
    const bool done =
        cipher &&
        EVP_DecryptInit_ex2(cipher.get(), EVP_aes_256_gcm(), with.key.data(), nonce, nullptr) ==
            1 &&
        EVP_DecryptUpdate(cipher.get(), nullptr, &written, bytes_of(std::string_view(with.head)),
                          length_of(with.head)) == 1 &&
        EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &written, nonce + kNonce,
                          static_cast<int>(size)) == 1 &&
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, kTag, nonce + kNonce + size) ==
            1 &&
        EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + written, &written) == 1;
    if (!done) return Error(Errc::forbidden, "sealed text was changed");
    return Secret(std::move(plain));
  }

  std::vector<Named> keys_;
};

}  // namespace

std::unique_ptr<Sealer> make_sealer(const std::vector<Secret>& keys) {
  return std::make_unique<StoreSealer>(keys);
}

}  // namespace bridge::identity
