// SPDX-License-Identifier: MIT
#include "identity/entra_keys.hpp"

#include <algorithm>

#include "bridge/core/json.hpp"
#include "identity/jwk_members.hpp"

namespace bridge::identity {
namespace {

constexpr std::size_t kMaxKeySet = 256 * 1024;
constexpr std::size_t kMaxKeys = 64;
constexpr Millis kRenewal{1'000};

/// Absent, or one of the values (RFC 7517, 4.2 and 4.4).
bool allows(const json::object& key, std::string_view name, std::string_view value) {
  return !key.contains(name) || text_member(key, name) == value;
}

Error garbled(std::string_view what) { return Error(Errc::upstream_garbled, std::string(what)); }

}  // namespace

Result<EntraKeySet> read_key_set(std::string_view body) {
  const auto document = parse_object(body);
  const json::value* const list = document ? document->if_contains("keys") : nullptr;
  if (!list || !list->is_array()) return garbled("the answer is no key set");
  EntraKeySet keys;
  for (const json::value& entry : list->get_array()) {
    if (keys.size() == kMaxKeys) break;
    if (!entry.is_object()) continue;
    const json::object& jwk = entry.get_object();
    const std::string_view id = text_member(jwk, "kid");
    if (id.empty() || id.size() > kMaxKeyId || text_member(jwk, "kty") != "RSA" ||
        !allows(jwk, "use", "sig") || !allows(jwk, "alg", "RS256"))
      continue;
    auto key = RsaKey::from_jwk(text_member(jwk, "n"), text_member(jwk, "e"));
    // A weak key among them is no reason to do without the others.
    if (!key) continue;
    keys.try_emplace(std::string(id), std::make_shared<const EntraKey>(
                                          *key, std::string(text_member(jwk, "issuer"))));
  }
  if (keys.empty()) return garbled("there is no key of RSA with 2048 bits or more in it");
  return keys;
}

struct EntraKeys::Flight {
  explicit Flight(const asio::any_io_executor& executor) : landed(executor) {}
  async::Signal landed;
  bool answered =
      false;  ///< false: whoever asked had too little time, and says nothing about Entra
};

/// Whatever becomes of the one who asks: those who wait are woken.
class EntraKeys::Landing {
 public:
  Landing(EntraKeys& owner, std::shared_ptr<Flight> flight)
      : owner_(owner), flight_(std::move(flight)) {
    owner_.flight_ = flight_;
  }
  ~Landing() {
    owner_.flight_.reset();
    flight_->landed.notify();
  }
  Landing(const Landing&) = delete;
  Landing& operator=(const Landing&) = delete;

 private:
  EntraKeys& owner_;
  std::shared_ptr<Flight> flight_;
};

EntraKeys::EntraKeys(net::HttpClient& http, const EntraOptions& options,
                     const EntraIssuers& issuers, Logger& logger, Metrics& metrics)
    : http_(http),
      options_(options),
      issuers_(issuers),
      logger_(logger),
      fetched_(metrics.counter("entra_key_fetches", {{"kind", "good"}})),
      failed_(metrics.counter("entra_key_fetches", {{"kind", "failed"}})) {}

EntraKeys::~EntraKeys() = default;

Deadline EntraKeys::now() const {
  return options_.now ? options_.now() : std::chrono::steady_clock::now();
}

EntraKeys::Found EntraKeys::held(const std::string& key_id) const {
  const auto found = keys_.find(key_id);
  return found == keys_.end() || now() >= usable_until_ ? nullptr : found->second;
}

Result<EntraKeys::Found> EntraKeys::answer(const std::string& key_id) const {
  if (Found found = held(key_id)) return found;
  if (failure_) return *failure_;
  return Error(Errc::unauthorized, "the bearer token is signed with a key that Entra does not have")
      .with_hint("Get a new one, and from the authority that CS_AUTHORITY names.");
}

Task<Result<EntraKeys::Found>> EntraKeys::find(std::string key_id, Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    const bool have = held(key_id) != nullptr;
    if ((have && now() < fresh_until_) || now() < ask_again_) co_return answer(key_id);
    if (!flight_) break;
    if (have) co_return answer(key_id);  // somebody renews it already
    const std::shared_ptr<Flight> flight = flight_;
    const bool landed = co_await flight->landed.wait(0, deadline);
    if (!landed)
      co_return Error(Errc::unreachable, "Entra's keys: still waiting for them")
          .with_hint("See whether CS_AUTHORITY can be reached from here.")
          .with_retry_after(options_.failure_pause);
    if (flight->answered) co_return answer(key_id);
  }
  const auto flight = std::make_shared<Flight>(executor);
  const Landing landing(*this, flight);
  // The first fetch and that of a new day do not count as a search for what is not there.
  const bool for_unknown = !keys_.empty() && now() < fresh_until_;
  // Who has its key already waits for a fresh set only for a moment.
  const Deadline limit =
      std::chrono::steady_clock::now() +
      (held(key_id) ? std::min(options_.fetch_timeout, kRenewal) : options_.fetch_timeout);
  auto keys = co_await fetch(std::min(deadline, limit));
  if (!keys && keys.error().is(Errc::timed_out) && deadline < limit) {
    if (Found found = held(key_id)) co_return found;
    co_return Error(Errc::unreachable, "Entra's keys: no time was left to ask for them")
        .with_retry_after(options_.failure_pause);
  }
  flight->answered = true;
  if (keys)
    take(std::move(*keys), for_unknown);
  else
    fail(keys.error());
  co_return answer(key_id);
}

Task<Result<EntraKeySet>> EntraKeys::fetch(Deadline deadline) {
  const auto body = co_await get(issuers_.metadata, "its metadata", deadline);
  if (!body) co_return body.error();
  const auto metadata = parse_object(*body);
  if (!metadata) co_return garbled("its metadata is not JSON");
  if (text_member(*metadata, "issuer") != issuers_.v2)
    co_return garbled("its metadata announces another issuer than <CS_AUTHORITY>/<tenant>/v2.0");
  const std::string address(text_member(*metadata, "jwks_uri"));
  if (issuers_.origin.empty() || origin_of(address) != issuers_.origin)
    co_return garbled("its metadata says that the keys are on another host");
  const auto set = co_await get(address, "the key set", deadline);
  if (!set) co_return set.error();
  co_return read_key_set(*set);
}

Task<Result<std::string>> EntraKeys::get(std::string url, std::string_view what,
                                         Deadline deadline) {
  net::ClientRequest request(net::Method::get, std::move(url));
  request.headers.set("Accept", "application/json");
  request.repeatable = true;
  request.max_response_bytes = kMaxKeySet;
  auto response = co_await http_.send(std::move(request), deadline);
  if (!response) co_return response.error();
  if (response->status != 200)
    co_return Error(Errc::upstream_failed,
                    std::string(what) + " was answered " + std::to_string(response->status));
  co_return std::move(response->body);
}

void EntraKeys::take(EntraKeySet keys, bool for_unknown) {
  fetched_.add();
  logger_.info("entra_keys", {{"keys", keys.size()}});
  keys_ = std::move(keys);
  failure_.reset();
  fresh_until_ = now() + options_.fresh;
  usable_until_ = now() + options_.usable;
  if (for_unknown) ask_again_ = now() + options_.unknown_pause;
}

void EntraKeys::fail(const Error& error) {
  failed_.add();
  ask_again_ = now() + options_.failure_pause;
  const std::string reason =
      error.context().empty() ? error.to_string() : std::string(error.context());
  logger_.warning("entra_keys_failed", {{"error", id_of(error.errc())}, {"reason", reason}});
  const bool answered = error.is(Errc::upstream_failed) || error.is(Errc::upstream_garbled);
  failure_ = Error(Errc::unreachable, "Entra's keys: " + reason)
                 .with_hint(answered || error.hint().empty()
                                ? "Check CS_TENANT_ID and CS_AUTHORITY; tokens cannot be checked "
                                  "until its keys can be fetched."
                                : error.hint())
                 .with_retry_after(options_.failure_pause);
}

}  // namespace bridge::identity
