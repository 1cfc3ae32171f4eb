// SPDX-License-Identifier: MIT
// GlideCertificateEncryption.generateMac, keyed hashes for scripts that sign what they send; and
// GlideDigest.
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "sandbox/glide/base64.hpp"
#include "sandbox/glide/instance_state.hpp"
#include "sandbox/glide/script_run.hpp"

namespace bridge::sandbox {
namespace {

/// Java's names of them; the platform knows more, but these are what anybody signs with.
const EVP_MD* digest_of(const std::string& algorithm) {
  if (algorithm == "HmacSHA256") return EVP_sha256();
  if (algorithm == "HmacSHA1") return EVP_sha1();
  if (algorithm == "HmacSHA512") return EVP_sha512();
  throw ScriptError(
      "java.security.NoSuchAlgorithmException: Algorithm " + algorithm + " not available",
      "JavaException");
}

/// (key in Base64, algorithm, data) -> the hash in Base64. `$native` hands data over as UTF-8.
json::value generate_mac(ScriptContext&, const json::array& arguments) {
  const auto key = base64_decode(text_argument(arguments, 0));
  const EVP_MD* digest = digest_of(text_argument(arguments, 1));
  if (!key || key->empty())
    throw ScriptError("java.lang.IllegalArgumentException: Empty key", "JavaException");
  const std::string data = text_argument(arguments, 2);
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (!HMAC(digest, key->data(), static_cast<int>(key->size()),
            reinterpret_cast<const unsigned char*>(data.data()), data.size(), mac.data(), &size))
    throw ScriptError("the digest failed", "JavaException");
  const std::string bytes(mac.begin(), mac.begin() + size);
  return json::value(base64_encode(bytes));
}

/// (algorithm, data) -> the digest in lower-case hexadecimal digits.
json::value hex_digest(ScriptContext&, const json::array& arguments) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  const std::string algorithm = text_argument(arguments, 0);
  const EVP_MD* kind = algorithm == "MD5"    ? EVP_md5()
                       : algorithm == "SHA1" ? EVP_sha1()
                                             : EVP_sha256();
  const std::string data = text_argument(arguments, 1);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  if (EVP_Digest(data.data(), data.size(), bytes.data(), &size, kind, nullptr) != 1)
    throw ScriptError("the digest failed", "JavaException");
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    hex += kDigits[bytes.at(i) >> 4U];
    hex += kDigits[bytes.at(i) & 15U];
  }
  return json::value(hex);
}

}  // namespace

void GlideNatives::install_mac(Instance& instance) {
  instance.register_native("$digest", hex_digest);
  instance.register_native("$mac", generate_mac);
}

}  // namespace bridge::sandbox
