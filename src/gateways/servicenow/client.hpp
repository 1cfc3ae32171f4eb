// SPDX-License-Identifier: MIT
// The one path to an instance: adds the address, the credentials and the time limit, reads the
// answer, logs and counts what came of it.
#pragma once

#include <string>
#include <vector>

#include "bridge/gateways/servicenow.hpp"
#include "gateways/servicenow/answer.hpp"

namespace bridge::gateways {

/// One read of the Table API. The caller vouches that `query` holds no text of strangers in which
/// `^` could begin another term, and checks that the rows are the ones asked for: an instance drops
/// a term that it does not understand.
class TableQuery {
 public:
  TableQuery(std::string t, std::string q, std::string f, int l)
      : table(std::move(t)), query(std::move(q)), fields(std::move(f)), limit(l) {}

  std::string table;
  std::string query;
  std::string fields;  ///< separated by commas
  int limit;
};

class ServiceNowClient {
 public:
  ServiceNowClient(net::HttpClient& http, ServiceNowOptions options, Logger& logger,
                   Metrics& metrics);

  /// POST to one of our resources; `call.name` is its path.
  Task<Result<json::object>> post(Call call, json::object body, Deadline deadline);
  Task<Result<std::vector<json::object>>> query(TableQuery query, Deadline deadline);
  /// POST of one new row; answers with the named fields of it.
  Task<Result<json::object>> insert(std::string table, json::object row, std::string fields,
                                    Deadline deadline);

  const ServiceNowOptions& options() const { return options_; }
  Logger& logger() { return logger_; }
  Metrics& metrics() { return metrics_; }

 private:
  Task<Result<json::value>> call(Call call, net::ClientRequest request, Deadline deadline);
  void report(const Call& call, const Result<json::value>& result, unsigned status, Millis took);

  net::HttpClient& http_;
  ServiceNowOptions options_;
  Secret authorization_;
  Logger& logger_;
  Metrics& metrics_;
};

}  // namespace bridge::gateways
