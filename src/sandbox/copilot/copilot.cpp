// SPDX-License-Identifier: MIT
#include "sandbox/copilot/copilot.hpp"

#include "sandbox/servicenow/platform.hpp"

namespace bridge::sandbox::copilot {
namespace {

constexpr std::string_view kControlRoot = "/sandbox/copilot";

bool is_below(std::string_view path, std::string_view root) {
  return path.starts_with(root) && (path.size() == root.size() || path[root.size()] == '/');
}

}  // namespace

Copilot::Copilot(Connection connection, const Clock& clock, Ledger& ledger, async::TaskGroup& group,
                 Logger& logger)
    : clock_(clock),
      group_(group),
      logger_(logger),
      agent_(std::move(connection), clock, ledger),
      ledger_(ledger),
      faults_changed_(group.executor()) {}

Result<> Copilot::start(const std::string& url, const std::string& bridge_url,
                        const std::string& ca_file) {
  url_ = url;
  agent_.set_default_url(bridge_url + "/api/messages");
  return agent_.start(group_.executor(), ca_file, logger_);
}

bool Copilot::is_mine(std::string_view path) {
  return is_below(path, "/copilot") || is_below(path, kControlRoot);
}

Task<net::Response> Copilot::serve(net::Request& request) {
  if (is_below(request.path, kControlRoot)) {
    auto answer = co_await control(request);
    co_return answer;
  }
  if (request.path.starts_with(kCallbackRoot)) {
    auto answer = co_await callback(request);
    co_return answer;
  }
  auto found = page(request.path);
  if (!found) co_return json_response(404, R"({"error":"not_found"})");
  if (request.method != net::Method::get && request.method != net::Method::head)
    co_return json_response(405, R"({"error":"method_not_allowed"})");
  co_return std::move(*found);
}

void Copilot::reset() {
  for (auto& [id, conversation] : conversations_) {
    conversation->gone = true;
    conversation->changed.notify();
  }
  conversations_.clear();
  behaviour_ = Behaviour();
  agent_.reset();
  faults_changed_.notify();
}

void Copilot::stop() {
  stopping_ = true;
  agent_.stop();
  faults_changed_.notify();
  for (auto& [id, conversation] : conversations_) conversation->changed.notify();
}

}  // namespace bridge::sandbox::copilot
