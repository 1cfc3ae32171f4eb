// SPDX-License-Identifier: MIT
// /openapi.yaml against the routes that there are, in both directions. What the answers look like
// is compared by the system tests.
#include "channels/openapi.hpp"

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include "front.hpp"

namespace bridge::channels {
namespace {

Options with_metrics() {
  Options options = Front::usual();
  options.metrics_text = [] { return std::string("a 1\n"); };
  return options;
}

/// "GET /path" for each operation. The file is laid out so that this needs no YAML parser: paths
/// are indented by two, methods by four.
std::set<std::string> described() {
  std::set<std::string> operations;
  std::istringstream lines{std::string(openapi_yaml())};
  std::string line, path;
  bool in_paths = false;
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] != ' ') in_paths = line == "paths:";
    if (!in_paths) continue;
    if (line.starts_with("  /")) path = line.substr(2, line.size() - 3);
    for (const auto& [word, method] : {std::pair("    get:", "GET "),
                                       {"    post:", "POST "},
                                       {"    put:", "PUT "},
                                       {"    delete:", "DELETE "},
                                       {"    patch:", "PATCH "}})
      if (line == word) operations.insert(method + path);
  }
  return operations;
}

TEST(OpenApi, DescribesEveryRouteAndNoOther) {
  Front front(with_metrics());
  std::set<std::string> routes;
  for (const auto& [method, pattern] : front.router.listing())
    routes.insert(method + " " + pattern);
  EXPECT_EQ(described(), routes);
}

TEST(OpenApi, IsServedAsItStandsInTheTree) {
  Front front;
  const Answer answer = front.ask(get("/openapi.yaml"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/yaml");
  std::ifstream file(BRIDGE_SOURCE_DIR "/src/channels/openapi.yaml", std::ios::binary);
  const std::string tree((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_EQ(answer.text, tree);
  EXPECT_TRUE(tree.starts_with("# SPDX") && tree.ends_with("\n"));
}

TEST(Metrics, AreThereOnlyWhenThereAreAny) {
  Front without;
  EXPECT_EQ(without.ask(get("/metrics")).status, 404u);
  Front front(with_metrics());
  const Answer answer = front.ask(get("/metrics"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.text, "a 1\n");
  EXPECT_EQ(answer.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
}

TEST(Metrics, WithATokenAreForWhoeverHasIt) {
  Options options = with_metrics();
  options.metrics_token = identity::SharedSecret({Secret(std::string("canary-metrics-token"))});
  Front front(std::move(options));
  const Answer refused = front.ask(get("/metrics"));
  EXPECT_EQ(refused.status, 401u);
  EXPECT_EQ(refused["error"], "metrics token required");
  EXPECT_EQ(refused.headers.get("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(front.ask(get("/metrics").bearer("canary-metrics-wrong")).status, 401u);
  EXPECT_EQ(front.ask(get("/metrics").agent()).status, 401u);
  EXPECT_EQ(front.ask(get("/metrics").bearer("canary-metrics-token")).status, 200u);
  EXPECT_FALSE(front.logger.contains("canary"));
}

}  // namespace
}  // namespace bridge::channels
