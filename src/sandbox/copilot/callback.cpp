// SPDX-License-Identifier: MIT
// POST to a signed address: the connected agent speaks into a conversation.
#include <boost/json/parse.hpp>

#include "sandbox/copilot/copilot.hpp"
#include "sandbox/servicenow/platform.hpp"

namespace bridge::sandbox::copilot {
namespace {

/// What the channels behind the connector take in one activity.
constexpr std::size_t kMaxActivityBytes = 256 * 1024;

net::Response error_response(unsigned status, const std::string& code) {
  return json_response(status, R"({"error":{"code":")" + code + R"(","message":""}})");
}

/// Nothing leaves, and the connection ends.
net::Response no_response() {
  net::Response response;
  response.cut_after_bytes = 0;
  return response;
}

std::chrono::milliseconds seconds_of(const CallbackFault& fault, double otherwise) {
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(fault.value.value_or(otherwise) * 1000.0));
}

json::value parse_activity(const std::string& body) {
  boost::system::error_code failed;
  json::value value = json::parse(body, failed);
  return failed ? json::value() : value;
}

}  // namespace

std::string Copilot::refusal(Conversation& conversation, const std::string& target) {
  const auto stamp = stamp_of(target);
  if (!stamp) return "bad_signature";
  const std::string expected = signer_.target(conversation.id, *stamp);
  if (target != expected) {
    if (same_when_decoded(target, expected))
      conversation.complain(clock_.now(), "url_rewritten",
                            "the signed address was decoded and encoded again", "push");
    if (target.starts_with(expected))
      conversation.complain(clock_.now(), "url_extended", "something was added to the address",
                            "push");
    return "bad_signature";
  }
  if (stamp->number < conversation.oldest_valid) return "expired";
  if (stamp->expiry_ms <= clock_.now().time_since_epoch().count()) return "expired";
  return {};
}

/// Waits, but no longer than until faults are changed.
Task<> Copilot::hold(std::chrono::milliseconds limit) {
  if (!stopping_) (void)co_await faults_changed_.wait(faults_changed_.generation(), in(limit));
}

Task<net::Response> Copilot::callback(net::Request& request) {
  const std::string id = request.path.substr(kCallbackRoot.size());
  const auto at = conversations_.find(id);
  const Shared conversation = at == conversations_.end() ? nullptr : at->second;
  const auto begin = std::chrono::steady_clock::now();
  CallbackCall call;
  call.at = clock_.now();
  call.authorization = request.headers.has("Authorization");
  net::Response response;
  std::optional<CallbackFault> fault;
  if (conversation) fault = behaviour_.take(conversation->id);

  if (request.method != net::Method::post) {
    response = error_response(405, "MethodNotAllowed");
    call.outcome = "not_a_post";
  } else if (fault && fault->mode == "refuse") {
    response = no_response();
    call.outcome = "fault:refuse";
  } else if (fault && fault->mode == "hang") {
    co_await hold(seconds_of(*fault, 600));
    response = no_response();
    call.outcome = "fault:hang";
  } else if (fault && fault->mode == "status") {
    response = error_response(static_cast<unsigned>(fault->value.value_or(503)), "Injected");
    if (fault->retry_after_s)
      response.headers.set("Retry-After", std::to_string(*fault->retry_after_s));
    call.outcome = "fault:status";
  } else {
    call.outcome = conversation ? refusal(*conversation, request.target) : "unknown_conversation";
    if (!call.outcome.empty()) {
      response = error_response(behaviour_.refused_status, "Unauthorized");
    } else if (request.body.size() > kMaxActivityBytes) {
      call.outcome = "too_large";
      conversation->complain(call.at, "too_large", std::to_string(request.body.size()) + " bytes",
                             "push");
      response = error_response(413, "MessageSizeTooBig");
    } else {
      if (media_type(request.headers.get("Content-Type")) != "application/json")
        conversation->complain(call.at, "content_type", "an activity is application/json", "push");
      const json::value activity = parse_activity(request.body);
      if (const json::object* object = activity.if_object())
        if (const json::value* type = object->if_contains("type"); type && type->is_string())
          call.type = cut_utf8(std::string(type->get_string()), 40);
      Taken taken = take_activity(*conversation, activity, "push", call.at);
      call.outcome = taken.outcome;
      // What is taken is answered with nothing at all, not even a Content-Type.
      if (taken.status != 200) response = error_response(taken.status, taken.outcome);
      if (fault && fault->mode == "slow") {
        co_await hold(seconds_of(*fault, 5));
        call.outcome += ", fault:slow";
      } else if (fault) {
        response = no_response();
        call.outcome += ", fault:" + fault->mode;
      }
    }
  }
  call.status = response.cut_after_bytes ? 0 : response.status;
  Call noted;
  noted.direction = "in";
  noted.time = call.at;
  noted.target = "copilot";
  noted.method = std::string(net::to_string(request.method));
  noted.path = request.path;
  noted.status = static_cast<int>(call.status);
  noted.outcome = call.outcome;
  noted.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::steady_clock::now() - begin)
                          .count();
  ledger_.add(std::move(noted));
  if (conversation) conversation->add(std::move(call));
  co_return response;
}

}  // namespace bridge::sandbox::copilot
