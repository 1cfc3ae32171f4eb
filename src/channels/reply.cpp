// SPDX-License-Identifier: MIT
#include "channels/reply.hpp"

#include <boost/json/serialize.hpp>

#include "channels/tracing.hpp"

namespace bridge::channels {
namespace {

unsigned status_of(Errc code) {
  switch (code) {
    case Errc::invalid_argument:
    case Errc::malformed:
      return 400;
    case Errc::unauthorized:
      return 401;
    case Errc::forbidden:
      return 403;
    case Errc::not_found:
      return 404;
    case Errc::conflict:
    case Errc::wrong_state:
    case Errc::chat_ended:
      return 409;
    case Errc::too_large:
      return 413;
    case Errc::rate_limited:
      return 429;
    case Errc::overloaded:
    case Errc::storage_failed:
    case Errc::superseded:
    case Errc::not_configured:
      return 503;
    case Errc::internal:
      return 500;
    default:
      return 502;
  }
}

/// Ids that the old bridge had in words, or that clients compare with.
std::string_view public_id(const Error& error) {
  switch (error.errc()) {
    case Errc::not_found:
      return "unknown session";
    case Errc::invalid_argument:
      return error.context() == kSessionIdRequired ? kSessionIdRequired
                                                   : id_of(Errc::invalid_argument);
    case Errc::wrong_state:
      return "no live chat";
    case Errc::chat_ended:
      return "session closed";
    case Errc::unauthorized:
      return "session token required";
    case Errc::forbidden:
      if (error.context() == kReplayed) return kReplayed;
      return error.context() == kNotYourSession ? kNotYourSession : id_of(Errc::forbidden);
    default:
      return id_of(error.errc());
  }
}

}  // namespace

net::Response reply(unsigned status, const json::object& body) {
  return net::text_response(status, json::serialize(body), "application/json");
}

net::Response refuse(Logger& logger, const net::Request& request, const Refusal& refusal) {
  const std::string ref = request.id.empty() ? draw_request_id() : request.id;
  logger.log(refusal.status >= 500 ? Level::error : Level::warning, "request_refused",
             {{"method", net::to_string(request.method)},
              {"path", request.path},
              {"status", refusal.status},
              {"error", refusal.error},
              {"detail", refusal.detail},
              {"ref", ref}});
  json::object body = refusal.more;
  body["error"] = refusal.error;
  if (!refusal.detail.empty()) body["detail"] = refusal.detail;
  if (!refusal.hint.empty()) body["hint"] = refusal.hint;
  if (!refusal.outcome.empty()) body["outcome"] = refusal.outcome;
  body["ref"] = ref;
  net::Response response = reply(refusal.status, body);
  response.headers.set("X-Request-Id", ref);
  if (refusal.retry_after)
    response.headers.set("Retry-After", std::to_string(refusal.retry_after->count()));
  return response;
}

net::Response refuse(Logger& logger, const net::Request& request, const Error& error) {
  Refusal refusal(status_of(error.errc()), public_id(error));
  if (error.context() != refusal.error && error.context() != "session")
    refusal.detail = error.context();
  refusal.hint = error.hint();
  refusal.retry_after = error.retry_after();
  return refuse(logger, request, refusal);
}

bool is_our_own(const Error& error) {
  return error.is(Errc::forbidden) || error.is(Errc::overloaded) || error.is(Errc::not_found) ||
         error.is(Errc::storage_failed) || error.is(Errc::superseded);
}

net::Response refuse_as(Logger& logger, const net::Request& request, unsigned status,
                        std::string_view id, const Error& error, json::object more) {
  Refusal refusal(status, id);
  refusal.more = std::move(more);
  refusal.detail = error.context().empty() ? error.code().message() : error.context();
  refusal.hint = error.hint();
  refusal.outcome = error.outcome() == Outcome::unknown ? "unknown" : "failed";
  return refuse(logger, request, refusal);
}

}  // namespace bridge::channels
