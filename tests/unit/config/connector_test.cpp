// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include "config/field_table.hpp"

namespace bridge::config {
namespace {

using testing::ElementsAre;

const Field& field() {
  for (const Field& row : field_table())
    if (row.name == "CS_SERVICE_HOSTS") return row;
  throw std::runtime_error("no such setting");
}

/// What is wrong with it; empty: nothing.
std::string problem_with_hosts(std::string_view text, bool insecure = false) {
  Config config;
  config.allow_insecure_upstream = insecure;
  return field().assign(config, text).value_or("");
}

ConnectorConfig read(std::string_view text, bool insecure = false) {
  Config config;
  config.allow_insecure_upstream = insecure;
  EXPECT_EQ(field().assign(config, text), std::nullopt) << text;
  // What is shown can be given again.
  Config again;
  again.allow_insecure_upstream = insecure;
  EXPECT_EQ(field().assign(again, field().show(config)), std::nullopt);
  EXPECT_EQ(again.connector.service_hosts, config.connector.service_hosts);
  EXPECT_EQ(again.connector.learn_service_host, config.connector.learn_service_host);
  return config.connector;
}

TEST(ServiceHostsTest, AreNamesAndSuffixes) {
  const ConnectorConfig hosts = read(" Bots.Example.com, .API.example.com,,");
  EXPECT_THAT(hosts.service_hosts, ElementsAre("bots.example.com", ".api.example.com"));
  EXPECT_FALSE(hosts.learn_service_host);
}

TEST(ServiceHostsTest, AreMicrosoftsByDefaultAndLearningAddsToThem) {
  const ConnectorConfig usual = read(field().default_text);
  EXPECT_THAT(usual.service_hosts, testing::Contains(".api.powerplatform.com"));
  EXPECT_FALSE(usual.learn_service_host);
  const ConnectorConfig learning = read("Learn");
  EXPECT_EQ(learning.service_hosts, usual.service_hosts);
  EXPECT_TRUE(learning.learn_service_host);
  const ConnectorConfig own = read("learn,bots.example.com");
  EXPECT_THAT(own.service_hosts, ElementsAre("bots.example.com"));
  EXPECT_TRUE(own.learn_service_host);
}

TEST(ServiceHostsTest, RefuseWhatIsNoHostName) {
  for (const char* text :
       {"*", "*.example.com", "https://bots.example.com", "bots.example.com:443",
        "bots.example.com/", "..example.com", ".", "a..b", "bots.example.com.", "a b", "user@host"})
    EXPECT_NE(problem_with_hosts(text), "") << text;
  EXPECT_NE(problem_with_hosts(",,"), "");
  EXPECT_EQ(problem_with_hosts(".com"),
            "has an entry that would let in every host of a top-level domain");
}

TEST(ServiceHostsTest, AddressesAndThisMachineAreForTheSandbox) {
  for (const char* text : {"127.0.0.1", "localhost", "x.localhost", "2130706433", "0x7f.1"}) {
    EXPECT_NE(problem_with_hosts(text), "") << text;
    EXPECT_EQ(problem_with_hosts(text, true), "") << text;
  }
  EXPECT_NE(problem_with_hosts(".0.0.1", true), "");
  EXPECT_NE(problem_with_hosts("[::1]", true), "");
  EXPECT_EQ(problem_with_hosts("sandbox"), "") << "names without a dot are the operator's business";
}

}  // namespace
}  // namespace bridge::config
