// SPDX-License-Identifier: MIT
// The signature that a webhook may carry (DESIGN 4.1): HMAC-SHA256 over "<timestamp>.<body>" in
// `X-Bridge-Signature: t=<unix seconds>,v1=<64 hex digits>`, where several v1 may stand during a
// rotation. Used by the webhook channel. A signature is good for a few minutes and for one call;
// what surprises is `forget`: a call that was refused after its check may come again.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "bridge/core/clock.hpp"
#include "bridge/core/error.hpp"
#include "bridge/core/secret.hpp"

namespace bridge::identity {

using Mac = std::array<unsigned char, 32>;

/// HMAC-SHA256 (RFC 2104) of `message` under `key`.
Mac hmac_sha256(std::string_view key, std::string_view message);

/// What a sender puts into the header.
std::string sign_webhook(const Secret& secret, std::string_view body, Time when);

class WebhookSignatures {
 public:
  /// How far a signature's time may be from ours, into the past and into the future.
  static constexpr std::chrono::seconds kWindow{300};

  /// Accepts what one of `secrets` signed. At most `max_remembered` accepted signatures are kept to
  /// tell a replay; more than that within the window, and the oldest is forgotten.
  explicit WebhookSignatures(const std::vector<Secret>& secrets,
                             std::size_t max_remembered = 65'536);
  ~WebhookSignatures();
  WebhookSignatures(const WebhookSignatures&) = delete;
  WebhookSignatures& operator=(const WebhookSignatures&) = delete;

  /// Checks the header and remembers the signature; returns what to give to `forget`.
  /// Errors: malformed (not of that form), forbidden (signed with another secret, or another body),
  /// timed_out (the time is out of the window), conflict (this very signature was accepted before).
  Result<Mac> accept(std::string_view header, std::string_view body, Time now);

  /// The call was not taken after all; the same may come again.
  void forget(const Mac& accepted);

  std::size_t remembered() const { return seen_.size(); }

 private:
  class Key;  // keeps OpenSSL out of this header

  struct MacHash {
    std::size_t operator()(const Mac& mac) const;
  };
  struct Remembered {
    Mac mac;
    Time until;
  };
  void drop_old(Time now);

  std::vector<std::unique_ptr<Key>> keys_;
  std::size_t max_remembered_;
  std::unordered_set<Mac, MacHash> seen_;
  std::deque<Remembered> order_;  // as accepted; may name what was forgotten since
};

}  // namespace bridge::identity
