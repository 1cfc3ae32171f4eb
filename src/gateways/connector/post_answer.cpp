// SPDX-License-Identifier: MIT
#include "gateways/connector/post_answer.hpp"

#include "gateways/http_answer.hpp"

namespace bridge::gateways {

using handoff::DeliveryAnswer;
using handoff::Posted;

namespace {

DeliveryAnswer answer(Posted what, std::string id, std::string hint) {
  DeliveryAnswer made(what, std::move(id));
  made.hint = std::move(hint);
  return made;
}

std::string refusal_hint(unsigned status) {
  if (status >= 300 && status < 400)
    return "Redirects are not followed: a signed URL is for one host. Something between answers in "
           "its place, a sign-in page or a proxy for example.";
  if (status == 413) return "The activity is larger than the channel takes.";
  return "The channel does not take this activity, and would not take it again.";
}

}  // namespace

DeliveryAnswer read_post_answer(const net::Response& response, Time now) {
  const unsigned status = response.status;
  if (status >= 200 && status < 300) return DeliveryAnswer(Posted::delivered, {});
  switch (status) {
    case 401:
    case 403:
    case 404:
    case 410:
      return answer(Posted::expired, "service_url_expired",
                    "The signed URL is used up; the person's next message brings a new one.");
    case 408:
    case 412:  // Teams: another send in the same conversation was under way
    case 429:
      break;
    default:
      if (status < 500)
        return answer(Posted::refused, std::string(id_of(Errc::upstream_rejected)),
                      refusal_hint(status));
  }
  DeliveryAnswer again = answer(
      Posted::retry,
      std::string(id_of(status == 429 ? Errc::upstream_rate_limited : Errc::upstream_failed)),
      "It is tried again by itself.");
  again.retry_after = retry_after(response, now);
  return again;
}

DeliveryAnswer read_post_failure(const Error& error) {
  const Errc code = error.errc();
  std::string id(id_of(code));
  switch (code) {
    case Errc::malformed:
    case Errc::not_configured:
    case Errc::invalid_argument:
    case Errc::forbidden:
      return answer(Posted::refused, std::move(id), error.hint());
    case Errc::overloaded:
      return answer(Posted::retry, std::move(id),
                    "All connections to that host are busy: it is slow. It is tried again.");
    default: {
      DeliveryAnswer again = answer(Posted::retry, std::move(id), error.hint());
      again.retry_after = error.retry_after();
      return again;
    }
  }
}

std::string_view name_of(Posted what) {
  switch (what) {
    case Posted::delivered:
      return "delivered";
    case Posted::expired:
      return "expired";
    case Posted::retry:
      return "retry";
    case Posted::refused:
      break;
  }
  return "refused";
}

}  // namespace bridge::gateways
