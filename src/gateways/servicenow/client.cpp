// SPDX-License-Identifier: MIT
#include "gateways/servicenow/client.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>

#include "gateways/http_answer.hpp"

namespace bridge::gateways {
namespace {

std::string hint_for(const Error& error) {
  if (error.is(Errc::unreachable))
    return "ServiceNow cannot be reached: check SN_INSTANCE, the name service, the firewall, and "
           "SN_CA_FILE if the instance has a private certificate.";
  if (error.is(Errc::timed_out))
    return "ServiceNow did not answer in time; SN_REQUEST_TIMEOUT is the limit of one call.";
  return "The connection to ServiceNow broke; see whether the instance or a proxy restarts.";
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
      authorization_("Basic " +
                     base64(options_.user + ":" + std::string(options_.password.reveal()))),
      logger_(logger),
      metrics_(metrics) {}

Task<Result<json::object>> ServiceNowClient::post(Call to, json::object body, Deadline deadline) {
  net::ClientRequest request(net::Method::post,
                             options_.instance + options_.api_base + "/" + to.name);
  request.body = json::serialize(body);
  auto result = co_await call(to, std::move(request), deadline);
  if (!result) co_return result.error();
  if (!result->is_object()) co_return garbled(to);
  co_return std::move(result->get_object());
}

Task<Result<std::vector<json::object>>> ServiceNowClient::query(TableQuery query,
                                                                Deadline deadline) {
  Call to("table/" + query.table, false, false);
  to.repeatable = true;
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
                                                    std::string fields, Deadline deadline) {
  Call to("table/" + table, false, true);
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
  const auto start = std::chrono::steady_clock::now();
  request.repeatable = to.repeatable;
  // An instance answers 400 when Accept or Content-Type is missing (servicenow.md 1.4).
  request.headers.set("Authorization", std::string(authorization_.reveal()));
  request.headers.set("Accept", "application/json");
  if (request.method == net::Method::post) request.headers.set("Content-Type", "application/json");

  const Deadline limit = std::min(deadline, start + options_.request_timeout);
  auto response = co_await http_.send(std::move(request), limit);
  const auto took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - start);
  if (!response) {
    Error error =
        transport_error(response.error(), "ServiceNow " + to.name, hint_for(response.error()));
    if (!to.creates) error = std::move(error).with_outcome(Outcome::failed);
    Result<json::value> failed = error;
    report(to, failed, 0, took);
    co_return failed;
  }
  auto result = read_answer(*response, to, SystemTime().now());
  report(to, result, response->status, took);
  co_return result;
}

void ServiceNowClient::report(const Call& to, const Result<json::value>& result, unsigned status,
                              Millis took) {
  if (result) {
    metrics_.count("servicenow_calls", "ok");
    logger_.debug("servicenow_call", {{"call", to.name}, {"status", status}, {"ms", took.count()}});
    return;
  }
  const Error error = result.error();
  metrics_.count("servicenow_calls", id_of(error.errc()));
  // The end of a chat is told by this error in the course of things.
  const Level level = error.is(Errc::chat_ended) ? Level::info : Level::warning;
  logger_.log(level, "servicenow_call_failed",
              {{"call", to.name},
               {"error", error.code().message()},
               {"status", status},
               {"outcome", error.outcome() == Outcome::unknown ? "unknown" : "failed"},
               {"ms", took.count()},
               {"hint", error.hint()}});
}

}  // namespace bridge::gateways
