// SPDX-License-Identifier: MIT
#include "gateways/servicenow/answer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "gateways/http_answer.hpp"

namespace bridge::gateways {
namespace {

constexpr std::size_t kMaxDepth = 32;

constexpr std::string_view kRoleHint =
    "The account lacks the role that the REST API's access control asks for, "
    "x_intranet_bridge_caller, "
    "or one for the table; see docs/02-servicenow-setup.md.";
constexpr std::string_view kScopeHint =
    "The OAuth client may not call unscoped APIs; give it the auth scope useraccount.";
constexpr std::string_view kPathHint =
    "There is no such resource on the instance: compare SN_BRIDGE_API_BASE with the base path of "
    "the "
    "Scripted REST API, and see docs/02-servicenow-setup.md for the resources that it needs.";
constexpr std::string_view kTablePathHint =
    "The Table API is not where it should be: check SN_INSTANCE.";
constexpr std::string_view kGarbledHint =
    "Something other than the REST API answered: check SN_INSTANCE, and whether a login page or a "
    "proxy "
    "stands in front of it.";
constexpr std::string_view kRateHint =
    "ServiceNow limits the calls of this account; try again later.";
constexpr std::string_view kQuotaHint =
    "ServiceNow cancelled the call at its time limit; it may have taken effect. Look at slow "
    "business "
    "rules on the tables concerned.";
constexpr std::string_view kFailedHint =
    "ServiceNow failed inside; the system log of the instance says why.";
constexpr std::string_view kBusyHint =
    "No node of the instance takes calls at the moment (a restart, an upgrade); try again later.";
constexpr std::string_view kRejectedHint =
    "ServiceNow refused the request; the system log of the instance says why.";
constexpr std::string_view kInProgressHint =
    "Another call with the same key is at work; ask again in a moment.";

/// What to do about the error ids of our own scripts, and whether nothing was created for certain.
struct ScriptError {
  std::string_view id;
  std::string_view hint;
  bool before_any_effect;
};
constexpr std::array kScriptErrors = {
    ScriptError{"missing_column",
                "A column is missing; docs/02-servicenow-setup.md, section 4, says how to add it.",
                true},
    ScriptError{"queue_not_found", "SN_DEFAULT_QUEUE_SYS_ID names no awa_queue.", true},
    ScriptError{"queue_inactive", "The queue of SN_DEFAULT_QUEUE_SYS_ID is not active.", true},
    ScriptError{"user_not_found", "SN_DEFAULT_USER_SYS_ID names no sys_user.", true},
    ScriptError{"user_inactive",
                "The sys_user that the chat is for, without a known one that of "
                "SN_DEFAULT_USER_SYS_ID, is inactive or locked out.",
                true},
    ScriptError{"claim_failed",
                "The script could not insert a row into sys_journal_field; see "
                "docs/07-troubleshooting.md.",
                true},
    ScriptError{"withdrawn", "The message was withdrawn before it was said.", true},
    ScriptError{"conversation_in_use",
                "ServiceNow gave the conversation of another open chat. Users who share one "
                "consumer share it; see docs/02-servicenow-setup.md, section 3.",
                true},
};

/// What our scripts say only after they have looked for what earlier calls did, or would have said
/// to those as well, since it is about the body alone.
constexpr std::array<std::string_view, 5> kFinalErrors = {
    "chat_ended", "withdrawn", "invalid_field", "invalid_json", "conversation_not_found"};

class Reader {
 public:
  Reader(const net::Response& response, const Call& call, Time now)
      : response_(response), call_(call), now_(now), json_(is_json(response)) {
    if (!json_) return;
    if (auto object = parse_object(response.body, kMaxDepth)) {
      body_ = std::move(*object);
      parsed_ = !trim(response.body).empty();
    }
  }

  Result<json::value> read() {
    const unsigned status = response_.status;
    // A sleeping instance answers with 200, 503 or a redirect (servicenow.md 1.7).
    if (!json_ && status != 401 && status != 429 &&
        contains_ignoring_case(response_.body, "hibernat"))
      return fail(Errc::upstream_asleep, kAsleepHint);
    if (status == 401) return fail(Errc::upstream_credentials, kCredentialsHint);
    if (status == 429)
      return Error(fail(Errc::upstream_rate_limited, kRateHint))
          .with_retry_after(retry_after(response_, now_));
    if (const json::object* result = script_refusal()) return script_error(*result);
    if (status >= 200 && status < 300) return success();
    if (status >= 300 && status < 400) return redirect();
    if (status >= 400 && status < 500) return refusal();
    if (status >= 500 && status < 600) return failure();
    return maybe(Errc::upstream_garbled, kGarbledHint);
  }

 private:
  /// An error after which nothing was created for certain.
  Error fail(Errc code, std::string_view hint, std::string_view detail = {}) const {
    std::string context =
        "ServiceNow " + call_.name + " answered " + std::to_string(response_.status);
    if (!detail.empty()) context.append(", ").append(detail);
    return Error(code, std::move(context)).with_hint(std::string(hint));
  }

  /// An error after which the thing may exist, if the call creates one.
  Error maybe(Errc code, std::string_view hint, std::string_view detail = {}) const {
    return fail(code, hint, detail)
        .with_outcome(call_.creates ? Outcome::unknown : Outcome::failed);
  }

  Result<json::value> success() {
    if (!parsed_ && cancelled_by_quota()) return maybe(Errc::upstream_quota, kQuotaHint);
    if (!json_) return maybe(Errc::upstream_garbled, kGarbledHint, "not JSON");
    if (!parsed_) return maybe(Errc::upstream_garbled, kGarbledHint, "broken JSON");
    json::value* const result = body_.if_contains("result");
    const bool usable = result && (result->is_object() || result->is_array());
    if (!usable && cancelled_by_quota()) return maybe(Errc::upstream_quota, kQuotaHint);
    if (!usable) return maybe(Errc::upstream_garbled, kGarbledHint, "without result");
    return std::move(*result);
  }

  Error redirect() const {
    const std::string_view to = response_.headers.get("Location");
    if (contains_ignoring_case(to, "hibernat")) return fail(Errc::upstream_asleep, kAsleepHint);
    return fail(Errc::upstream_garbled, kGarbledHint, "a redirect");
  }

  Error refusal() const {
    const unsigned status = response_.status;
    const std::string message = platform_message();
    if (status == 403) {
      if (contains_ignoring_case(message, "aborted by business rule"))
        return fail(Errc::upstream_rejected, "A business rule of the instance refused the record.");
      if (contains_ignoring_case(message, "unscoped api"))
        return fail(Errc::upstream_role, kScopeHint);
      return fail(Errc::upstream_role, kRoleHint);
    }
    // Instances answer 400 for an unknown path where one expects 404 (servicenow.md 1.4); our own
    // scripts' 404 has a `result` and was read before.
    const bool no_path = contains_ignoring_case(message, "does not represent any resource") ||
                         (status == 404 && call_.scripted) || status == 405;
    if (no_path) return fail(Errc::upstream_path, call_.scripted ? kPathHint : kTablePathHint);
    return fail(Errc::upstream_rejected, kRejectedHint);
  }

  Error failure() const {
    if (cancelled_by_quota()) return maybe(Errc::upstream_quota, kQuotaHint);
    const auto wait = retry_after(response_, now_);
    if (response_.status == 503 && !json_ && wait)
      // The front end, which has no node to pass the call on to, asks us back (servicenow.md 1.4).
      return fail(Errc::upstream_failed, kBusyHint).with_retry_after(wait);
    if (response_.status == 503 && !json_)
      return maybe(Errc::upstream_garbled, kGarbledHint, "not JSON");
    return maybe(Errc::upstream_failed, kFailedHint).with_retry_after(wait);
  }

  /// The `result` of a script that says `error`, on whatever status: `setBody` wraps always
  /// (servicenow.md, trap 1).
  const json::object* script_refusal() const {
    if (!parsed_) return nullptr;
    const json::value* const result = body_.if_contains("result");
    if (!result || !result->is_object()) return nullptr;
    const json::value* const error = result->get_object().if_contains("error");
    if (!error || error->is_null() || (error->is_string() && error->get_string().empty()))
      return nullptr;
    return &result->get_object();
  }

  Error script_error(const json::object& result) const {
    const std::string text = error_text(result.at("error"));
    if (text == "chat_ended" || contains_ignoring_case(text, "chat has ended"))
      return fail(Errc::chat_ended, "The chat is over in ServiceNow.");
    const std::string_view id = own_error_id(result, text);
    if (id == "in_progress")
      return fail(Errc::upstream_failed, kInProgressHint, id).with_outcome(Outcome::unknown);
    const bool client_error = response_.status >= 400 && response_.status < 500;
    for (const ScriptError& known : kScriptErrors) {
      if (known.id != id) continue;
      if (id == "withdrawn") return fail(Errc::conflict, known.hint, id);
      const Errc code = client_error ? Errc::upstream_rejected : Errc::upstream_failed;
      return known.before_any_effect ? fail(code, known.hint, id) : maybe(code, known.hint, id);
    }
    if (client_error) return fail(Errc::upstream_rejected, kRejectedHint, id);
    return maybe(Errc::upstream_failed, kFailedHint, id);
  }

  static std::string error_text(const json::value& error) {
    if (error.is_string()) return std::string(error.get_string());
    return error.is_object() ? text_of(error.get_object(), "message") : std::string();
  }

  /// The id of one of our own scripts, which is safe to show; empty for the words of others.
  static std::string_view own_error_id(const json::object& result, const std::string& text) {
    const bool word = text.size() <= 40 && std::all_of(text.begin(), text.end(), [](char c) {
                        return (c >= 'a' && c <= 'z') || c == '_';
                      });
    return word && number_of(result, "api") >= 2 ? std::string_view(text) : std::string_view();
  }

  /// Message and detail of the platform's envelope {"error":{"message","detail"},"status"}. Only to
  /// tell causes apart; never shown.
  std::string platform_message() const {
    const json::value* const error = parsed_ ? body_.if_contains("error") : nullptr;
    if (!error || !error->is_object()) return {};
    return text_of(error->get_object(), "message") + " " + text_of(error->get_object(), "detail");
  }

  bool cancelled_by_quota() const {
    return contains_ignoring_case(response_.body, "maximum execution time exceeded");
  }

  const net::Response& response_;
  const Call& call_;
  Time now_;
  bool json_;
  bool parsed_ = false;
  json::object body_;
};

}  // namespace

Result<json::value> read_answer(const net::Response& response, const Call& call, Time now) {
  return Reader(response, call, now).read();
}

Word word_of(const net::Response& response) {
  if (!is_json(response)) return Word::nobodys;
  const auto body = parse_object(response.body, kMaxDepth);
  const json::value* const result = body ? body->if_contains("result") : nullptr;
  if (!result) return Word::nobodys;
  if (!result->is_object() || number_of(result->get_object(), "api") < 2) return Word::itself;
  const std::string id = text_of(result->get_object(), "error");
  if (id == "in_progress") return Word::busy;
  return std::find(kFinalErrors.begin(), kFinalErrors.end(), id) == kFinalErrors.end()
             ? Word::itself
             : Word::final;
}

bool is_from_script(const net::Response& response) {
  if (!is_json(response)) return false;
  const auto body = parse_object(response.body, kMaxDepth);
  return body && body->contains("result");
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains(name);
  if (!value) return {};
  if (value->is_string()) return std::string(value->get_string());
  if (value->is_int64()) return std::to_string(value->get_int64());
  if (value->is_object()) return text_of(value->get_object(), "value");
  return {};
}

std::int64_t number_of(const json::object& object, std::string_view name) {
  const std::string text = text_of(object, name);
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc() && end == text.data() + text.size() ? number : 0;
}

bool is_sys_id(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

bool is_over(std::string_view state) {
  // servicenow.md 4.4
  return state == "wrap_up" || state.starts_with("closed") || state == "faulted";
}

}  // namespace bridge::gateways
