// SPDX-License-Identifier: MIT
// The one path to an instance: adds the address, the credentials, the trace and the time limit,
// reads the answer, logs and counts what came of it, and makes the call again where that is safe.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "bridge/gateways/servicenow.hpp"
#include "gateways/servicenow/account.hpp"
#include "gateways/servicenow/answer.hpp"
#include "gateways/servicenow/gate.hpp"

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
  bool in_background = false;  ///< as in Call
  Trace trace;
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
                                    Trace trace, Deadline deadline);

  /// Ids of what keeps us from calling at the moment; empty if nothing does.
  std::vector<std::string> degraded() const;

  /// Calls back each time the breaker closes again; the callback must not throw.
  void when_well_again(std::function<void()> callback) {
    well_again_.push_back(std::move(callback));
  }

  const ServiceNowOptions& options() const { return options_; }
  Logger& logger() { return logger_; }
  Metrics& metrics() { return metrics_; }

 private:
  /// The series of one kind of call.
  struct Series {
    Histogram* seconds = nullptr;
    Counter* ok = nullptr;
  };

  Task<Result<json::value>> call(Call call, net::ClientRequest request, Deadline deadline);
  /// What one attempt says besides its result.
  class Finding {
   public:
    enum class Health { well, ill, unclear };
    Finding() = default;
    bool refused_here = false;  ///< it was not tried, because it would have been in vain
    Health health = Health::unclear;
    Word word = Word::nobodys;
    bool resent = false;  ///< the HTTP client wrote it twice: see net::Response
  };
  Task<Result<json::value>> attempt(const Call& call, const net::ClientRequest& request,
                                    Deadline deadline, bool& tried, Finding& finding);
  Task<Result<json::value>> attempt_as_us(const Call& call, const net::ClientRequest& request,
                                          Deadline deadline, Finding& finding);
  Error breaker_error(const Call& call, Deadline now) const;
  void report(const Call& call, const Result<json::value>& result, unsigned status,
              std::chrono::steady_clock::duration took);
  void report_failure(const Call& call, const Error& error, unsigned status, Millis took);
  void show_breaker();
  Series& series_of(const std::string& name);

  net::HttpClient& http_;
  ServiceNowOptions options_;
  Account account_;
  Gate gate_;
  Error illness_;  ///< the last failure that the breaker counted
  Gate::State shown_ = Gate::State::closed;
  Logger& logger_;
  Metrics& metrics_;
  Gauge& breaker_gauge_;
  std::map<std::string, Series, std::less<>> series_;
  std::vector<std::function<void()>> well_again_;
  std::minstd_rand random_;
};

}  // namespace bridge::gateways
