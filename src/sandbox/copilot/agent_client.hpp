// SPDX-License-Identifier: MIT
// The connection to the connected agent: one POST for each delivery of a turn, with what the
// connection presents there. Decides nothing about repeats.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "bridge/async/task.hpp"
#include "bridge/core/json.hpp"
#include "bridge/core/logger.hpp"
#include "bridge/net/http_client.hpp"
#include "sandbox/copilot/conversation.hpp"
#include "sandbox/copilot/options.hpp"
#include "sandbox/glide/clock.hpp"
#include "sandbox/servicenow/ledger.hpp"

namespace bridge::sandbox::copilot {

class Delivery {
 public:
  Delivery() = default;

  bool ok() const { return response && response->status >= 200 && response->status < 300; }

  Attempt attempt;
  std::optional<net::Response> response;
};

class AgentClient {
 public:
  AgentClient(Connection connection, const Clock& clock, Ledger& ledger)
      : started_with_(connection),
        connection_(std::move(connection)),
        clock_(clock),
        ledger_(ledger) {}

  /// Errors: a CA file that cannot be read.
  Result<> start(const asio::any_io_executor& executor, const std::string& ca_file, Logger& logger);
  /// Reads any of the members of `show`, and the secrets. Errors: invalid_argument, naming it.
  Result<> change(const json::object& wish);
  /// Without secrets.
  json::object show() const;
  /// As on the command line.
  void reset();
  void stop();

  const Connection& connection() const { return connection_; }
  void set_default_url(std::string url);

  /// Cancellation: the connection is dropped.
  Task<Delivery> deliver(std::string activity, bool stream, std::chrono::milliseconds limit);

 private:
  /// Nothing where the connection presents none. Errors: in `context`, why there is none.
  Task<Result<std::string>> token(Deadline deadline);
  void record(const Delivery& delivery);

  Connection started_with_;
  Connection connection_;
  const Clock& clock_;
  Ledger& ledger_;
  std::unique_ptr<net::HttpClient> client_;
  std::string token_;
  Deadline token_until_{};
};

}  // namespace bridge::sandbox::copilot
