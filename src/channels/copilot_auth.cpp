// SPDX-License-Identifier: MIT
#include "channels/copilot_auth.hpp"

#include "channels/reply.hpp"

namespace bridge::channels {
namespace {

constexpr std::chrono::seconds kPatience{6};  // of the ten that a turn may take
constexpr std::string_view kAuthorization = "Authorization";

}  // namespace

CopilotAuth::CopilotAuth(Guard& guard, const CopilotAccess& access, Logger& logger,
                         Metrics& metrics)
    : guard_(guard),
      access_(access),
      logger_(logger),
      key_is_bearer_(net::equals_ignoring_case(access.key_header, kAuthorization)),
      by_nothing_(metrics.counter("copilot_proofs", {{"kind", "none"}})),
      by_key_(metrics.counter("copilot_proofs", {{"kind", "key"}})),
      by_entra_(metrics.counter("copilot_proofs", {{"kind", "entra"}})),
      wrong_(metrics.counter("copilot_proofs", {{"kind", "wrong"}})),
      not_allowed_(metrics.counter("copilot_proofs", {{"kind", "not_allowed"}})),
      unknown_(metrics.counter("copilot_proofs", {{"kind", "unknown"}})) {}

Task<Result<CopilotCaller>> CopilotAuth::check(const net::Request& request) {
  auto caller = co_await judge(request);
  if (caller) {
    switch (caller->proof) {
      case CopilotProof::none:
        by_nothing_.add();
        break;
      case CopilotProof::key:
        by_key_.add();
        break;
      case CopilotProof::entra:
        by_entra_.add();
        break;
    }
    co_return caller;
  }
  const Error error = caller.error();
  if (error.is(Errc::unauthorized)) wrong_.add();
  if (error.is(Errc::forbidden)) not_allowed_.add();
  if (error.is(Errc::unreachable)) unknown_.add();
  if (error.is(Errc::unauthorized) || error.is(Errc::forbidden))
    co_return guard_.failed(request, error);
  co_return error;
}

Task<Result<CopilotCaller>> CopilotAuth::judge(const net::Request& request) {
  if (access_.open) co_return CopilotCaller(CopilotProof::none);
  const bool keys = access_.keys.configured();
  if (!keys && !access_.entra)
    co_return Error(Errc::not_configured, "nobody may call /api/messages yet")
        .with_hint("Set CS_API_KEY, or CS_TENANT_ID and CS_APP_ID.");
  // Which of two is meant is not ours to guess; proxies differ in it.
  if (request.headers.count(kAuthorization) > 1 ||
      (keys && request.headers.count(access_.key_header) > 1))
    co_return Error(Errc::unauthorized, "the proof came twice");

  if (!keys) co_return co_await by_token(request);
  if (key_is_bearer_) {
    const std::string presented = bearer_token(request);
    auto caller = by_key(presented);
    if (caller || !access_.entra || presented.empty()) co_return caller;
    co_return co_await by_token(request);
  }
  if (access_.entra && !request.headers.has(access_.key_header))
    co_return co_await by_token(request);
  co_return by_key(request.headers.get(access_.key_header));
}

Result<CopilotCaller> CopilotAuth::by_key(std::string_view presented) {
  if (access_.keys.matches(presented)) return CopilotCaller(CopilotProof::key);
  const std::string where = key_is_bearer_ ? "Authorization: Bearer" : access_.key_header;
  return Error(Errc::unauthorized, presented.empty() ? "the key is missing" : "the key is wrong")
      .with_hint("Send CS_API_KEY as " + where + "; CS_API_KEY_HEADER names another header.");
}

Task<Result<CopilotCaller>> CopilotAuth::by_token(const net::Request& request) {
  std::string authorization(request.headers.get(kAuthorization));
  const auto caller = co_await access_.entra->verify(std::move(authorization), in(kPatience));
  if (!caller) co_return caller.error();
  co_return CopilotCaller(CopilotProof::entra, caller->app_id);
}

/// RFC 9110, 11.6.1 and RFC 6750, 3.1: a reason only for who presented something.
std::string CopilotAuth::challenge(bool presented) const {
  if (!access_.entra && !key_is_bearer_) return "ApiKey realm=\"bridge\"";
  return presented ? "Bearer realm=\"bridge\", error=\"invalid_token\"" : "Bearer realm=\"bridge\"";
}

net::Response CopilotAuth::refuse(const net::Request& request, const Error& error) const {
  // Not one of a session: its id is the code's own. That Entra cannot be asked passes by itself.
  Refusal refusal(error.is(Errc::unauthorized)   ? 401
                  : error.is(Errc::forbidden)    ? 403
                  : error.is(Errc::rate_limited) ? 429
                                                 : 503,
                  id_of(error.errc()));
  refusal.detail = error.context();
  refusal.hint = error.hint();
  refusal.retry_after = error.retry_after();
  if (error.is(Errc::unreachable)) {
    // Names of proxies and certificates are for the log, where entra_keys_failed has them.
    refusal.detail = "Entra's keys cannot be had at the moment";
    refusal.hint = "The bridge's log says why: entra_keys_failed.";
  }
  net::Response response = channels::refuse(logger_, request, refusal);
  if (refusal.status == 401)
    response.headers.set("WWW-Authenticate", challenge(request.headers.has(kAuthorization)));
  return response;
}

}  // namespace bridge::channels
