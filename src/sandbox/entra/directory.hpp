// SPDX-License-Identifier: MIT
// What Entra knows: registered applications, signing keys, and how a token looks. No HTTP here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bridge/core/error.hpp"
#include "sandbox/entra/signing_key.hpp"

namespace bridge::sandbox {

/// Registered from the start, so that nothing has to be set up for a first try.
inline constexpr const char* kEntraTenant = "5a000000-0000-4000-8000-0000000e17a0";
inline constexpr const char* kEntraClient = "5a000000-0000-4000-8000-00000000c0de";
inline constexpr const char* kEntraSecret = "sandbox-entra-secret";

struct EntraApp {
  std::string client_id;  ///< GUID in lower case
  std::string client_secret;
  /// Of the tokens that others get for it: "1.0" or "2.0" (the manifest's
  /// requestedAccessTokenVersion).
  std::string token_version = "2.0";
  std::int64_t token_seconds = 3600;
};

/// What one token says; the rest follows from it.
struct EntraGrant {
  std::string base;    ///< where this Entra is, for `iss`
  std::string tenant;  ///< lower case
  EntraApp client;
  EntraApp resource;
  std::string audience;  ///< as it was asked for; tokens of version 2.0 have the plain id instead
};

/// Thread-safe.
class EntraDirectory {
 public:
  EntraDirectory();

  /// As started for the first time.
  void reset();
  /// Replaces one of the same id.
  void add(EntraApp app);
  /// By id, or by api://<id>.
  std::optional<EntraApp> find(const std::string& name) const;
  std::vector<EntraApp> apps() const;

  /// Signs with a new key from now on; the old ones stay published unless they are dropped.
  void roll(bool drop_old);
  /// Newest first.
  std::vector<std::shared_ptr<const SigningKey>> keys() const;

  json::object claims_of(const EntraGrant& grant) const;
  json::object header() const;
  /// Signed as `header` says: RS256; or HS256 with the public key as the secret, or not at all
  /// ("none"), which a forger would try.
  std::string sign(const json::object& header, const json::object& claims) const;

 private:
  std::shared_ptr<const SigningKey> current() const;

  mutable std::mutex mutex_;
  std::map<std::string, EntraApp, std::less<>> apps_;
  /// The first is made when somebody wants it: most runs never do.
  mutable std::vector<std::shared_ptr<const SigningKey>> keys_;
};

/// Lower case; empty if it is no GUID.
std::string guid_from(std::string_view text);

}  // namespace bridge::sandbox
