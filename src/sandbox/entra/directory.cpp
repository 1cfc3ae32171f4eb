// SPDX-License-Identifier: MIT
#include "sandbox/entra/directory.hpp"

#include <boost/json/serialize.hpp>
#include <chrono>

#include "bridge/core/random.hpp"

namespace bridge::sandbox {
namespace {

constexpr std::size_t kMaxApps = 100;
constexpr std::size_t kMaxKeys = 8;
/// Entra dates its tokens back, for clocks that are slow.
constexpr std::int64_t kBack = 300;

std::int64_t now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::floor<std::chrono::seconds>(since).count();
}

std::string v1_issuer(const std::string& tenant) {
  return "https://sts.windows.net/" + tenant + "/";
}

}  // namespace

std::string guid_from(std::string_view text) {
  constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  if (text.size() != kForm.size()) return {};
  std::string guid;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (kForm[i] == '-' ? c != '-' : !hex) return {};
    guid.push_back(c);
  }
  return guid;
}

EntraDirectory::EntraDirectory() { reset(); }

void EntraDirectory::reset() {
  const std::lock_guard guard(mutex_);
  keys_.clear();
  apps_.clear();
  EntraApp app;
  app.client_id = kEntraClient;
  app.client_secret = kEntraSecret;
  apps_[app.client_id] = app;
}

void EntraDirectory::add(EntraApp app) {
  const std::lock_guard guard(mutex_);
  if (apps_.size() >= kMaxApps && !apps_.contains(app.client_id)) apps_.erase(apps_.begin());
  std::string id = app.client_id;
  apps_[std::move(id)] = std::move(app);
}

std::optional<EntraApp> EntraDirectory::find(const std::string& name) const {
  constexpr std::string_view kScheme = "api://";
  std::string_view id = name;
  if (id.starts_with(kScheme)) id.remove_prefix(kScheme.size());
  const std::lock_guard guard(mutex_);
  const auto found = apps_.find(guid_from(id));
  if (found == apps_.end()) return std::nullopt;
  return found->second;
}

std::vector<EntraApp> EntraDirectory::apps() const {
  const std::lock_guard guard(mutex_);
  std::vector<EntraApp> list;
  for (const auto& [id, app] : apps_) list.push_back(app);
  return list;
}

void EntraDirectory::roll(bool drop_old) {
  auto made = std::make_shared<const SigningKey>();
  const std::lock_guard guard(mutex_);
  if (keys_.empty() && !drop_old) keys_.push_back(std::make_shared<const SigningKey>());
  if (drop_old) keys_.clear();
  keys_.insert(keys_.begin(), std::move(made));
  if (keys_.size() > kMaxKeys) keys_.pop_back();
}

std::vector<std::shared_ptr<const SigningKey>> EntraDirectory::keys() const {
  (void)current();
  const std::lock_guard guard(mutex_);
  return keys_;
}

std::shared_ptr<const SigningKey> EntraDirectory::current() const {
  const std::lock_guard guard(mutex_);
  if (keys_.empty()) keys_.push_back(std::make_shared<const SigningKey>());
  return keys_.front();
}

json::object EntraDirectory::claims_of(const EntraGrant& grant) const {
  const bool first = grant.resource.token_version == "1.0";
  const std::int64_t from = now();
  json::object claims;
  claims["aud"] = first ? grant.audience : grant.resource.client_id;
  claims["iss"] = first ? v1_issuer(grant.tenant) : grant.base + "/" + grant.tenant + "/v2.0";
  claims["iat"] = from - kBack;
  claims["nbf"] = from - kBack;
  claims["exp"] = from + grant.resource.token_seconds;
  claims["aio"] = base64url_encode(random_hex(12));
  claims[first ? "appid" : "azp"] = grant.client.client_id;
  claims[first ? "appidacr" : "azpacr"] = "1";
  if (first) claims["idp"] = v1_issuer(grant.tenant);
  // The service principal: an object of the tenant, other than the application's own id.
  std::string principal = grant.client.client_id;
  principal.front() = principal.front() == 'f' ? '0' : 'f';
  claims["oid"] = principal;
  claims["sub"] = principal;
  claims["tid"] = grant.tenant;
  claims["uti"] = base64url_encode(random_hex(11));
  claims["ver"] = first ? "1.0" : "2.0";
  return claims;
}

json::object EntraDirectory::header() const {
  const std::string id = current()->id();
  json::object header;
  header["typ"] = "JWT";
  header["alg"] = "RS256";
  header["x5t"] = id;
  header["kid"] = id;
  return header;
}

std::string EntraDirectory::sign(const json::object& header, const json::object& claims) const {
  const std::string text =
      base64url_encode(json::serialize(header)) + "." + base64url_encode(json::serialize(claims));
  const auto key = current();
  const json::value* const algorithm = header.if_contains("alg");
  std::string signature;
  if (algorithm && *algorithm == "HS256")
    signature = sign_with_secret(key->public_key(), text);
  else if (!algorithm || *algorithm != "none")
    signature = key->sign(text);
  return text + "." + base64url_encode(signature);
}

}  // namespace bridge::sandbox
