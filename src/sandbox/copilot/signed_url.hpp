// SPDX-License-Identifier: MIT
// The address at which a connected agent may speak into a conversation: whoever has it, may. It is
// signed as a whole and compared byte for byte, so that an agent which decodes, re-encodes or
// extends it is found out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bridge::sandbox::copilot {

inline constexpr std::string_view kCallbackRoot = "/copilot/callback/";

/// What tells the addresses of one conversation apart.
struct UrlStamp {
  std::int64_t expiry_ms = 0;  ///< since 1970
  std::int64_t number = 0;     ///< counts them
};

class UrlSigner {
 public:
  UrlSigner();
  explicit UrlSigner(std::string key) : key_(std::move(key)) {}

  /// Path and query.
  std::string target(std::string_view conversation, UrlStamp stamp) const;

 private:
  std::string key_;
};

/// What such a target says of itself, true or not; nothing if it has another form.
std::optional<UrlStamp> stamp_of(std::string_view target);
/// Whether two targets mean the same once everything is percent-decoded.
bool same_when_decoded(std::string_view a, std::string_view b);

}  // namespace bridge::sandbox::copilot
