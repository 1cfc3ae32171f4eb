// SPDX-License-Identifier: MIT
#include "bridge/identity/webhook_signature.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "bridge/core/random.hpp"

namespace bridge::identity {
namespace {

/// More v1 values than a rotation needs, and no more work than a few comparisons.
constexpr std::size_t kMaxValues = 4;

struct FreeMac {
  void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
};
struct FreeContext {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MAC_CTX, FreeContext>;

/// A context that has taken in the key. Copying it is much cheaper than making it.
Context keyed(std::string_view key) {
  const std::unique_ptr<EVP_MAC, FreeMac> mac(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  Context context(mac ? EVP_MAC_CTX_new(mac.get()) : nullptr);
  char digest[] = "SHA256";
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  // OpenSSL takes a null key for "the one from before": an empty one still needs an address.
  const auto* bytes = reinterpret_cast<const unsigned char*>(key.empty() ? "" : key.data());
  if (!context || EVP_MAC_init(context.get(), bytes, key.size(), parameters) != 1)
    throw std::runtime_error("HMAC-SHA256 is not available");
  return context;
}

void update(EVP_MAC_CTX* context, std::string_view data) {
  if (EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(data.data()), data.size()) !=
      1)
    throw std::runtime_error("HMAC-SHA256 failed");
}

Mac finish(EVP_MAC_CTX* context) {
  Mac mac{};
  std::size_t size = 0;
  if (EVP_MAC_final(context, mac.data(), &size, mac.size()) != 1 || size != mac.size())
    throw std::runtime_error("HMAC-SHA256 failed");
  return mac;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Mac> read_mac(std::string_view hex) {
  Mac mac{};
  if (hex.size() != 2 * mac.size()) return std::nullopt;
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const int high = hex_value(hex[2 * i]);
    const int low = hex_value(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    mac[i] = static_cast<unsigned char>(high * 16 + low);
  }
  return mac;
}

/// The header taken apart. `timestamp` stays as sent, because that text was signed.
struct Header {
  std::string_view timestamp;
  std::chrono::seconds time{};
  std::array<Mac, kMaxValues> values{};
  std::size_t count = 0;
};

std::string_view trim_blanks(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

bool take_member(Header& header, std::string_view name, std::string_view value) {
  if (name == "v1") {
    const auto mac = read_mac(value);
    if (!mac || header.count == kMaxValues) return false;
    header.values[header.count++] = *mac;
    return true;
  }
  if (name != "t") return true;  // what later versions add
  // Twelve digits last for 30,000 years and cannot overflow.
  std::int64_t seconds = 0;
  if (!header.timestamp.empty() || value.size() > 12) return false;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (failed != std::errc() || end != value.data() + value.size() || seconds < 0) return false;
  header.timestamp = value;
  header.time = std::chrono::seconds(seconds);
  return true;
}

std::optional<Header> read_header(std::string_view text) {
  Header header;
  while (!text.empty()) {
    const auto comma = text.find(',');
    const std::string_view member = trim_blanks(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    const auto equals = member.find('=');
    if (equals == std::string_view::npos ||
        !take_member(header, member.substr(0, equals), member.substr(equals + 1)))
      return std::nullopt;
  }
  if (header.timestamp.empty() || header.count == 0) return std::nullopt;
  return header;
}

}  // namespace

class WebhookSignatures::Key {
 public:
  explicit Key(std::string_view key) : keyed_(keyed(key)) {}
  Mac mac(std::string_view timestamp, std::string_view body) const {
    const Context context(EVP_MAC_CTX_dup(keyed_.get()));
    if (!context) throw std::runtime_error("HMAC-SHA256 failed");
    update(context.get(), timestamp);
    update(context.get(), ".");
    update(context.get(), body);
    return finish(context.get());
  }

 private:
  Context keyed_;
};

Mac hmac_sha256(std::string_view key, std::string_view message) {
  const Context context = keyed(key);
  update(context.get(), message);
  return finish(context.get());
}

std::string sign_webhook(const Secret& secret, std::string_view body, Time when) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when.time_since_epoch());
  const std::string timestamp = std::to_string(seconds.count());
  std::string signed_text = timestamp + ".";
  signed_text += body;
  return "t=" + timestamp + ",v1=" + to_hex(hmac_sha256(secret.reveal(), signed_text));
}

std::size_t WebhookSignatures::MacHash::operator()(const Mac& mac) const {
  // Only what somebody with a secret made gets here: its bytes are as good as random.
  std::size_t hash = 0;
  std::memcpy(&hash, mac.data(), sizeof hash);
  return hash;
}

WebhookSignatures::WebhookSignatures(const std::vector<Secret>& secrets, std::size_t max_remembered)
    : max_remembered_(max_remembered) {
  for (const Secret& secret : secrets)
    if (!secret.empty()) keys_.push_back(std::make_unique<Key>(secret.reveal()));
}

WebhookSignatures::~WebhookSignatures() = default;

Result<Mac> WebhookSignatures::accept(std::string_view text, std::string_view body, Time now) {
  const auto header = read_header(text);
  if (!header) return Error(Errc::malformed, "X-Bridge-Signature is not t=<seconds>,v1=<hex>");
  // Every secret against every value, so that the time does not say which one fitted.
  const Mac* signature = nullptr;
  std::vector<Mac> expected;
  expected.reserve(keys_.size());
  for (const auto& key : keys_) expected.push_back(key->mac(header->timestamp, body));
  for (const Mac& ours : expected)
    for (std::size_t i = 0; i < header->count; ++i)
      if (CRYPTO_memcmp(ours.data(), header->values[i].data(), ours.size()) == 0) signature = &ours;
  if (!signature) return Error(Errc::forbidden, "the signature is wrong");

  const auto apart = std::chrono::abs(now.time_since_epoch() - Millis(header->time));
  if (apart > kWindow) return Error(Errc::timed_out, "the signature's time is too far from ours");
  drop_old(now);
  // Two secrets make two signatures of one call; either of them stands for it.
  for (const Mac& ours : expected)
    if (seen_.contains(ours)) return Error(Errc::conflict, "this signature was used before");
  seen_.insert(*signature);
  order_.push_back({*signature, Time(Millis(header->time)) + kWindow});
  return *signature;
}

void WebhookSignatures::forget(const Mac& accepted) { seen_.erase(accepted); }

void WebhookSignatures::drop_old(Time now) {
  while (!order_.empty() && (order_.front().until < now || order_.size() >= max_remembered_)) {
    seen_.erase(order_.front().mac);
    order_.pop_front();
  }
}

}  // namespace bridge::identity
