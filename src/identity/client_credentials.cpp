// SPDX-License-Identifier: MIT
#include "bridge/identity/client_credentials.hpp"

#include <algorithm>
#include <charconv>

#include "bridge/core/json.hpp"
#include "bridge/net/header_values.hpp"

namespace bridge::identity {
namespace {

constexpr std::size_t kMaxTokenAnswer = 64 * 1024;
constexpr std::size_t kMaxToken = 8 * 1024;
constexpr std::chrono::seconds kUsualLife{300};  // if the answer does not say (RFC 6749, 5.1)
constexpr std::chrono::seconds kLongestLife = std::chrono::hours(24);
constexpr std::chrono::seconds kBreath{
    1};  // between two attempts to renew a token that still holds

/// RFC 6750, 2.1: what may stand behind "Bearer".
bool is_token(std::string_view text) {
  return !text.empty() && text.size() <= kMaxToken &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

std::chrono::seconds life_of(const json::object& answer) {
  const json::value* const value = answer.if_contains("expires_in");
  std::int64_t seconds = kUsualLife.count();
  if (value && value->is_int64()) seconds = value->get_int64();
  if (value && value->is_string()) {
    const std::string_view text = value->get_string();
    (void)std::from_chars(text.data(), text.data() + text.size(), seconds);
  }
  return std::chrono::seconds(std::clamp<std::int64_t>(seconds, 0, kLongestLife.count()));
}

}  // namespace

struct ClientCredentials::Flight {
  explicit Flight(const asio::any_io_executor& executor) : landed(executor) {}
  async::Signal landed;
  std::optional<Error> failure;
};

/// Whatever becomes of the one who asks: those who wait are woken, and one of them is next.
class ClientCredentials::Landing {
 public:
  Landing(ClientCredentials& owner, std::shared_ptr<Flight> flight)
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
  ClientCredentials& owner_;
  std::shared_ptr<Flight> flight_;
};

ClientCredentials::ClientCredentials(net::HttpClient& http, ClientCredentialsOptions options)
    : http_(http), options_(std::move(options)), pause_(options_.first_pause) {}

ClientCredentials::~ClientCredentials() = default;

Deadline ClientCredentials::now() const {
  return options_.now ? options_.now() : std::chrono::steady_clock::now();
}

Task<Result<ClientCredentials::Token>> ClientCredentials::token(Deadline deadline) {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    if (token_ && now() < fresh_until_) co_return token_;
    const bool usable = token_ && now() < usable_until_;
    if (now() < ask_again_) {
      if (usable) co_return token_;
      if (refusal_) co_return wait_error();
    }
    if (!flight_) break;
    if (usable) co_return token_;  // somebody renews it already
    const std::shared_ptr<Flight> flight = flight_;
    const bool landed = co_await flight->landed.wait(0, deadline);
    if (!landed)
      co_return Error(Errc::timed_out, options_.name + ": still waiting for an access token")
          .with_hint("The token endpoint is slow; see whether the instance is.");
    // Those who waited share a failure, or they would all run into it one after the other. A time
    // that ran out may have been the asker's own, though.
    if (flight->failure && !flight->failure->is(Errc::timed_out)) co_return *flight->failure;
  }
  const auto flight = std::make_shared<Flight>(executor);
  const Landing landing(*this, flight);
  auto asked = co_await ask(deadline);
  if (!asked) flight->failure = asked.error();
  if (asked || !token_ || now() >= usable_until_) co_return asked;
  // The old one serves to its end, and nobody asks in every call.
  ask_again_ = std::max(ask_again_, now() + kBreath);
  co_return token_;
}

Task<Result<ClientCredentials::Token>> ClientCredentials::ask(Deadline deadline) {
  net::ClientRequest request(net::Method::post, options_.token_url);
  request.headers.set("Content-Type", "application/x-www-form-urlencoded");
  request.headers.set("Accept", "application/json");
  request.body =
      "grant_type=client_credentials&client_id=" + net::percent_encode(options_.client_id) +
      "&client_secret=" + net::percent_encode(std::string(options_.client_secret.reveal()));
  if (!options_.scope.empty()) request.body += "&scope=" + net::percent_encode(options_.scope);
  request.repeatable = true;  // a token too many expires unused
  request.max_response_bytes = kMaxTokenAnswer;
  const Deadline limit =
      std::min(deadline, std::chrono::steady_clock::now() + options_.request_timeout);
  auto response = co_await http_.send(std::move(request), limit);
  if (!response) {
    const Error& error = response.error();
    co_return Error(error.code(), options_.name + ": " + error.context())
        .with_hint(error.hint())
        .with_outcome(Outcome::failed)
        .with_retry_after(error.retry_after());
  }
  auto token = read(*response);
  if (token) {
    refusal_.reset();
    pause_ = options_.first_pause;
    ask_again_ = {};
  }
  co_return token;
}

Result<ClientCredentials::Token> ClientCredentials::read(const net::Response& response) {
  if (options_.recognise)
    if (auto special = options_.recognise(response)) return *special;
  if (response.status < 200 || response.status >= 300) return refuse(response);
  auto body = parse_object(response.body);
  const json::value* const value = body ? body->if_contains("access_token") : nullptr;
  if (!value || !value->is_string() || !is_token(value->get_string()))
    return Error(Errc::upstream_garbled, options_.name + " answered without an access token")
        .with_hint(options_.path_hint);
  const std::chrono::seconds life = life_of(*body);
  // Asked for again, the same token comes back until its end; each time we wait for half of what is
  // left, so that this stays a handful of questions.
  const auto half = std::chrono::milliseconds(life) / 2;
  const auto margin = std::min<std::chrono::milliseconds>(options_.margin, half);
  if (!token_ || token_->reveal() != std::string_view(value->get_string()))
    token_ = std::make_shared<const Secret>(std::string(value->get_string()));
  usable_until_ = now() + life;
  fresh_until_ = usable_until_ - margin;
  return token_;
}

Error ClientCredentials::refuse(const net::Response& response) {
  const unsigned status = response.status;
  const std::string context = options_.name + " answered " + std::to_string(status);
  const auto wait = net::retry_after(response, SystemTime().now());
  if (status == 429 || status == 503) {
    const Errc code = status == 429 ? Errc::upstream_rate_limited : Errc::upstream_failed;
    return Error(code, context)
        .with_hint("The token endpoint asks us to come later.")
        .with_retry_after(wait);
  }
  if (status >= 500)
    return Error(Errc::upstream_failed, context)
        .with_hint("The token endpoint failed inside; see its system log.");
  if (status == 404 || status == 405 || status < 400)
    return Error(Errc::upstream_path, context).with_hint(options_.path_hint);
  // RFC 6749, 5.2: 400 or 401; ServiceNow says 401 "access_denied" for nearly every cause.
  ask_again_ = now() + pause_;
  pause_ = std::min(pause_ * 2, options_.longest_pause);
  refusal_ = Error(Errc::upstream_credentials, context).with_hint(options_.refused_hint);
  return wait_error();
}

Error ClientCredentials::wait_error() const {
  const auto left = paused().value_or(std::chrono::seconds(1));
  return Error(*refusal_).with_retry_after(left);
}

void ClientCredentials::refused(const Token& token) {
  if (token_ != token) return;
  token_.reset();
}

std::optional<std::chrono::seconds> ClientCredentials::paused() const {
  if (!refusal_ || now() >= ask_again_) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(ask_again_ - now());
}

}  // namespace bridge::identity
