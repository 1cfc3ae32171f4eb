// SPDX-License-Identifier: MIT
#include "bridge/identity/secrets.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdexcept>

#include "bridge/core/random.hpp"

namespace bridge::identity {
namespace {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view data) {
  Digest digest{};
  unsigned int size = 0;
  // Fetched once: looking the algorithm up costs as much as hashing a token.
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  // Fails only when OpenSSL is broken or out of memory; a comparison must not go on after that.
  if (!kSha256 ||
      EVP_Digest(data.data(), data.size(), digest.data(), &size, kSha256, nullptr) != 1 ||
      size != digest.size())
    throw std::runtime_error("SHA-256 is not available");
  return digest;
}

}  // namespace

std::string sha256_hex(std::string_view data) { return to_hex(sha256(data)); }

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  const Digest left = sha256(a);
  const Digest right = sha256(b);
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

SharedSecret::SharedSecret(const std::vector<Secret>& accepted) {
  for (const Secret& secret : accepted)
    if (!secret.empty()) digests_.push_back(sha256(secret.reveal()));
}

bool SharedSecret::matches(std::string_view presented) const {
  if (presented.empty())
    return false;  // most requests have none; an empty secret is never accepted
  const Digest digest = sha256(presented);
  bool matched = false;
  for (const Digest& accepted : digests_)
    matched |= CRYPTO_memcmp(accepted.data(), digest.data(), digest.size()) == 0;
  return matched;
}

}  // namespace bridge::identity
