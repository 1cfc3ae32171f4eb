// SPDX-License-Identifier: MIT
#include "bridge/tools/health.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "bridge/net/http_client.hpp"

namespace bridge::tools {
namespace {

constexpr std::chrono::seconds kLimit{3};

/// The address to ask: one that stands for every address is no place to connect to.
std::string address_of(const config::WebConfig& web) {
  std::string host = web.host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return "http://" + host + ":" + std::to_string(web.port) + "/healthz";
}

}  // namespace

int health(const config::Config& config, std::ostream& err) {
  if (config.web.port == 0) {
    err << "handoff-bridge: PORT=0 takes any port, so nobody knows where to ask\n";
    return 1;
  }
  asio::io_context context(1);
  NullLogger silent;
  net::ClientOptions calls;
  calls.allow_http = true;
  auto client = net::make_http_client(context.get_executor(), calls, silent);
  if (!client) {
    err << "handoff-bridge: " << client.error().to_string() << '\n';
    return 1;
  }
  net::ClientRequest request(net::Method::get, address_of(config.web));
  bool done = false;
  std::string problem = "it did not answer";
  asio::co_spawn(context, (*client)->send(std::move(request), in(kLimit)),
                 [&](std::exception_ptr thrown, Result<net::Response> answer) {
                   done = true;
                   if (thrown) return;
                   if (!answer)
                     problem = answer.error().to_string();
                   else if (answer->status == 200)
                     problem.clear();
                   else
                     problem = "it answered " + std::to_string(answer->status);
                 });
  while (!done) context.run_one();
  (*client)->close();
  if (problem.empty()) return 0;
  err << "handoff-bridge: not healthy: " << problem << '\n';
  return 1;
}

}  // namespace bridge::tools
