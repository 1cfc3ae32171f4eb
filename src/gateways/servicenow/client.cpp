// SPDX-License-Identifier: MIT
#include "gateways/servicenow/client.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "gateways/http_answer.hpp"
#include "gateways/outgoing_trace.hpp"
#include "gateways/servicenow/retry.hpp"

namespace bridge::gateways {
namespace {

using Clock = std::chrono::steady_clock;

/// What to do about a failure of the network: what the network room knows, and where our own
/// settings come in.
std::string hint_for(const Error& error) {
  std::string hint = error.hint();
  if (!hint.empty()) hint += " ";
  if (error.is(Errc::unreachable))
    return hint +
           "(SN_INSTANCE is the address; SN_CA_FILE, HTTPS_PROXY and NO_PROXY belong to it.)";
  if (error.is(Errc::overloaded)) return error.hint();
  if (error.is(Errc::timed_out))
    return hint + "ServiceNow did not answer in time; SN_REQUEST_TIMEOUT is the limit of one call.";
  if (error.is(Errc::too_large)) return "The answer is larger than anything that was asked for.";
  if (error.is(Errc::malformed)) return "Check SN_INSTANCE and SN_BRIDGE_API_BASE.";
  return hint + "The connection to ServiceNow broke; see whether the instance or a proxy restarts.";
}

void add_trace(const Trace& trace, net::ClientRequest& request) {
  if (!trace.request_id.empty()) request.headers.set("X-Request-Id", trace.request_id);
  if (std::string child = child_traceparent(trace); !child.empty())
    request.headers.set("traceparent", std::move(child));
}

Error garbled(const Call& call) {
  return Error(Errc::upstream_garbled,
               "ServiceNow " + call.name + " answered with another kind of result")
      .with_outcome(call.creates ? Outcome::unknown : Outcome::failed);
}

}  // namespace

ServiceNowClient::ServiceNowClient(net::HttpClient& http, ServiceNowOptions options, Logger& logger,
                                   Metrics& metrics)
    : http_(http),
      options_(std::move(options)),
      account_(http, options_),
      gate_(options_.breaker, [this] { show_breaker(); }),
      logger_(logger),
      metrics_(metrics),
      breaker_gauge_(metrics.gauge("upstream_breaker")),
      random_(std::random_device()()) {
  breaker_gauge_.set(0);
}

Task<Result<json::object>> ServiceNowClient::post(Call to, json::object body, Deadline deadline) {
  net::ClientRequest request(net::Method::post,
                             options_.instance + options_.api_base + "/" + to.name);
  request.body = json::serialize(body);
  if (to.max_response_bytes) request.max_response_bytes = *to.max_response_bytes;
  auto result = co_await call(to, std::move(request), deadline);
  if (!result) co_return result.error();
  if (!result->is_object()) co_return garbled(to);
  co_return std::move(result->get_object());
}

Task<Result<std::vector<json::object>>> ServiceNowClient::query(TableQuery query,
                                                                Deadline deadline) {
  Call to("table/" + query.table, false, false);
  to.repeatable = true;
  to.in_background = query.in_background;
  to.trace = query.trace;
  net::ClientRequest request(
      net::Method::get,
      options_.instance + "/api/now/table/" + query.table +
          "?sysparm_query=" + net::percent_encode(query.query) + "&sysparm_fields=" + query.fields +
          "&sysparm_limit=" + std::to_string(query.limit) + "&sysparm_exclude_reference_link=true");
  auto result = co_await call(to, std::move(request), deadline);
  if (!result) co_return result.error();
  if (!result->is_array()) co_return garbled(to);
  std::vector<json::object> rows;
  for (json::value& row : result->get_array()) {
    if (!row.is_object()) co_return garbled(to);
    rows.push_back(std::move(row.get_object()));
  }
  co_return rows;
}

Task<Result<json::object>> ServiceNowClient::insert(std::string table, json::object row,
                                                    std::string fields, Trace trace,
                                                    Deadline deadline) {
  Call to("table/" + table, false, true);
  to.trace = std::move(trace);
  net::ClientRequest request(net::Method::post, options_.instance + "/api/now/table/" + table +
                                                    "?sysparm_fields=" + fields +
                                                    "&sysparm_exclude_reference_link=true");
  request.body = json::serialize(row);
  auto result = co_await call(to, std::move(request), deadline);
  if (!result) co_return result.error();
  if (!result->is_object()) co_return garbled(to);
  co_return std::move(result->get_object());
}

Task<Result<json::value>> ServiceNowClient::call(Call to, net::ClientRequest request,
                                                 Deadline deadline) {
  request.repeatable = to.repeatable;
  // An instance answers 400 when Accept or Content-Type is missing (servicenow.md 1.4).
  request.headers.set("Accept", "application/json");
  if (request.method == net::Method::post) request.headers.set("Content-Type", "application/json");
  add_trace(to.trace, request);

  bool doubtful = to.doubtful;
  bool tried = false;
  for (int attempts = 1;; ++attempts) {
    Finding finding;
    auto result = co_await attempt(to, request, deadline, tried, finding);
    if (result) co_return result;
    const Error failure = result.error();
    doubtful = doubtful || (finding.resent && to.creates);
    const Error error = in_the_light_of(failure, finding.word, doubtful);
    if (finding.refused_here) co_return error;
    const std::string_view reason = retry_reason(failure, to, finding.word);
    if (reason.empty()) co_return error;
    const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    const auto pause = retry_pause(failure, attempts, left, options_.retry, random);
    if (!pause) co_return error;
    metrics_.counter("upstream_retries", {{"reason", std::string(reason)}}).add();
    logger_.debug("servicenow_call_again",
                  {{"call", to.name}, {"reason", reason}, {"pause_ms", pause->count()}});
    co_await async::sleep_for(*pause);
  }
}

Task<Result<json::value>> ServiceNowClient::attempt(const Call& to,
                                                    const net::ClientRequest& request,
                                                    Deadline deadline, bool& tried,
                                                    Finding& finding) {
  auto pass = co_await gate_.enter(!to.in_background, tried, deadline);
  const Deadline start = Clock::now();
  if (!pass) {
    finding.refused_here = true;
    const Error error = breaker_error(to, start);
    report_failure(to, error, 0, Millis(0));
    co_return error;
  }
  const Deadline limit = std::min(deadline, start + options_.request_timeout);
  auto result = co_await attempt_as_us(to, request, limit, finding);
  if (finding.health == Finding::Health::well) pass->succeeded();
  if (finding.health == Finding::Health::ill) {
    illness_ = result.error();
    pass->failed();
  }
  co_return result;
}

Task<Result<json::value>> ServiceNowClient::attempt_as_us(const Call& to,
                                                          const net::ClientRequest& request,
                                                          Deadline limit, Finding& finding) {
  using Health = Finding::Health;
  for (bool renewed = false;; renewed = true) {
    const Deadline start = Clock::now();
    auto pass = co_await account_.enter(limit);
    if (!pass) {
      // A token that cannot be had tells as much as the call itself; having waited for somebody
      // else's tells nothing that he does not tell.
      const bool ill = is_ill(pass.error()) && !pass.error().is(Errc::timed_out);
      finding.health = ill ? Health::ill : Health::unclear;
      report_failure(to, pass.error(), 0, Millis(0));
      co_return pass.error();
    }
    net::ClientRequest signed_request = request;
    signed_request.headers.set("Authorization", (*pass)->authorization());
    auto response = co_await http_.send(std::move(signed_request), limit);
    const auto took = Clock::now() - start;
    if (!response) {
      const Error& failure = response.error();
      Error error =
          transport_error(failure, "ServiceNow " + to.name, "").with_hint(hint_for(failure));
      if (!to.creates) error = std::move(error).with_outcome(Outcome::failed);
      const bool fair = !error.is(Errc::timed_out) || took >= kFairChance;
      finding.health = is_ill(error) && fair ? Health::ill : Health::unclear;
      Result<json::value> failed = error;
      report(to, failed, 0, took);
      co_return failed;
    }
    finding.resent = finding.resent || response->resent;
    if (response->status == 401 && !renewed && (*pass)->renew()) {
      metrics_.counter("upstream_retries", {{"reason", "credentials"}}).add();
      continue;
    }
    auto result = read_answer(*response, to, SystemTime().now());
    const bool broken = response->status >= 500 && !result && !is_from_script(*response);
    finding.health = broken ? Health::ill : Health::well;
    if (!result) finding.word = word_of(*response);
    // Who is turned away by the front end, or reads the page of a sleeping instance, has not been
    // asked for a name.
    const bool knows_us = response->status != 429 && response->status < 500 && is_json(*response);
    if (response->status == 401) {
      (*pass)->refused();
      if (!result) result = result.error().with_hint(account_.refused_hint());
    } else if (knows_us) {
      (*pass)->accepted();
    }
    report(to, result, response->status, took);
    co_return result;
  }
}

Error ServiceNowClient::breaker_error(const Call& to, Deadline now) const {
  return Error(Errc::unreachable, "ServiceNow " + to.name +
                                      " was not tried: several calls in a row failed, the last "
                                      "with " +
                                      std::string(id_of(illness_.errc())))
      .with_hint(illness_.hint() + " The bridge tries again by itself, one call at a time.")
      .with_retry_after(gate_.retry_in(now));
}

std::vector<std::string> ServiceNowClient::degraded() const {
  std::vector<std::string> reasons;
  if (gate_.state() != Gate::State::closed) reasons.emplace_back("servicenow_unreachable");
  if (account_.held()) reasons.emplace_back("servicenow_credentials");
  return reasons;
}

void ServiceNowClient::show_breaker() {
  using State = Gate::State;
  const State state = gate_.state();
  if (state == shown_) return;
  breaker_gauge_.set(state == State::closed ? 0 : state == State::half_open ? 1 : 2);
  if (state == State::open)
    logger_.error("servicenow_breaker_open",
                  {{"retry_in_s", gate_.retry_in(Clock::now()).count()}});
  else if (state == State::closed)
    logger_.info("servicenow_breaker_closed");
  shown_ = state;
  if (state != State::closed) return;
  const auto callbacks = well_again_;
  for (const auto& callback : callbacks) callback();
}

ServiceNowClient::Series& ServiceNowClient::series_of(const std::string& name) {
  const auto known = series_.find(name);
  if (known != series_.end()) return known->second;
  Series series;
  series.seconds = &metrics_.histogram("servicenow_seconds", {{"call", name}});
  series.ok = &metrics_.counter("servicenow_calls", {{"call", name}, {"outcome", "ok"}});
  return series_.emplace(name, series).first->second;
}

void ServiceNowClient::report(const Call& to, const Result<json::value>& result, unsigned status,
                              Clock::duration took) {
  Series& series = series_of(to.name);
  series.seconds->observe(std::chrono::duration<double>(took).count());
  const auto ms = std::chrono::duration_cast<Millis>(took);
  if (!result) return report_failure(to, result.error(), status, ms);
  series.ok->add();
  logger_.debug(
      "servicenow_call",
      {{"call", to.name}, {"status", status}, {"ms", ms.count()}, {"ref", to.trace.request_id}});
}

void ServiceNowClient::report_failure(const Call& to, const Error& error, unsigned status,
                                      Millis took) {
  metrics_
      .counter("servicenow_calls",
               {{"call", to.name}, {"outcome", std::string(id_of(error.errc()))}})
      .add();
  // The end of a chat is told by this error in the course of things.
  const Level level = error.is(Errc::chat_ended) ? Level::info : Level::warning;
  logger_.log(level, "servicenow_call_failed",
              {{"call", to.name},
               {"error", error.code().message()},
               {"status", status},
               {"outcome", error.outcome() == Outcome::unknown ? "unknown" : "failed"},
               {"ms", took.count()},
               {"reason", error.context()},
               {"hint", error.hint()},
               {"ref", to.trace.request_id}});
}

}  // namespace bridge::gateways
