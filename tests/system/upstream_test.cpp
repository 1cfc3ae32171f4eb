// SPDX-License-Identifier: MIT
// How the bridge gets to an instance that makes it hard: tokens, wrong credentials, limits,
// outages.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <thread>

#include "rig.hpp"

namespace bridge::test {
namespace {

RigOptions with_oauth(const std::string& secret = "sandbox-client-secret") {
  RigOptions options;
  options.bridge_environment = {{"SN_AUTH", "oauth"},
                                {"SN_CLIENT_ID", "5a0000000000000000000000000c11e7"},
                                {"SN_CLIENT_SECRET", secret},
                                {"SN_USER", ""},
                                {"SN_PASSWORD", ""}};
  return options;
}

/// The statuses of the calls to a target, oldest first.
std::vector<std::int64_t> calls(Rig& rig, std::string_view target) {
  std::vector<std::int64_t> found;
  const json::value ledger = rig.look("/sandbox/calls");
  for (const json::value& call : ledger.as_array())
    if (text_of(call.as_object(), "direction") == "in" &&
        text_of(call.as_object(), "target") == target)
      found.push_back(call.at("status").as_int64());
  return found;
}

template <class Done>
bool wait_for(Done done, std::chrono::seconds limit = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return true;
}

TEST(Upstream, AChatIsCarriedWithAnOauthClientWhoseUserNobodyNamed) {
  Rig rig(with_oauth());
  Client user(rig);
  const std::string number = user.escalate("hello");
  const std::string at = "/sandbox/interactions/" + number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  EXPECT_EQ(user.say("one", "c1").status, 200u);
  // A token that the instance no longer takes is replaced at once.
  rig.fault("send_message", "status", 1, 401);
  EXPECT_EQ(user.say("two", "c2").status, 200u);
  rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", "I see"}});
  rig.settle();
  const auto frames = user.wait_until([](const auto& f) {
    const auto said = texts(f, "rep");
    return std::count(said.begin(), said.end(), "I see") == 1;
  });
  const auto said = texts(frames, "rep");
  EXPECT_EQ(std::count(said.begin(), said.end(), "one"), 0) << "our own words came back";
  const auto pane = rig.pane(number);
  EXPECT_EQ(std::count(pane.begin(), pane.end(), "two"), 1);
  EXPECT_LE(calls(rig, "oauth").size(), 2u);
  EXPECT_EQ(rig.bridge().output().find("sandbox-client-secret"), std::string::npos);
}

TEST(Upstream, AWrongClientSecretIsSaidAndNotTriedAgainAndAgain) {
  Rig rig(with_oauth("not-the-secret"));
  Client user(rig);
  for (int i = 0; i < 4; ++i) {
    const auto answer = user.post("escalate", {{"opening_message", "hello"}});
    EXPECT_EQ(answer.status, 502u);
    EXPECT_EQ(text_of(answer.body, "detail"), "upstream_credentials");
    EXPECT_EQ(text_of(answer.body, "outcome"), "failed");
    EXPECT_NE(text_of(answer.body, "hint").find("SN_CLIENT_SECRET"), std::string::npos);
  }
  EXPECT_EQ(calls(rig, "oauth"), std::vector<std::int64_t>{401});
  EXPECT_TRUE(calls(rig, "open_chat").empty());
  const auto ready = http_probe(rig.bridge_port(), "GET", "/readyz");
  EXPECT_EQ(ready.status, 200u);
  EXPECT_NE(ready.body.find("servicenow_credentials"), std::string::npos) << ready.body;
}

TEST(Upstream, AWrongPasswordIsNotTriedUntilTheAccountIsLocked) {
  RigOptions options;
  options.bridge_environment = {{"SN_PASSWORD", "not-the-password"}};
  Rig rig(options);
  Client user(rig);
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(text_of(user.post("escalate", json::object{}).body, "detail"),
              "upstream_credentials");
  std::size_t refused = 0;
  for (const char* target : {"open_chat", "table"}) refused += calls(rig, target).size();
  EXPECT_EQ(refused, 2u) << "ServiceNow locks an account after five";
}

TEST(Upstream, ALimitThatEndsSoonIsWaitedFor) {
  Rig rig;
  Client user(rig);
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  rig.fault("send_message", "rate_limit", 2, 1);
  EXPECT_EQ(user.say("patience", "c1").status, 200u);
  const auto pane = rig.pane(number);
  EXPECT_EQ(std::count(pane.begin(), pane.end(), "patience"), 1);
  EXPECT_EQ(calls(rig, "send_message"), (std::vector<std::int64_t>{429, 429, 200}));
}

TEST(Upstream, AShortOutageIsNotNoticedByTheUser) {
  Rig rig;
  Client user(rig);
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  rig.fault("*", "refuse", 1, 2);
  (void)user.say("swallows the fault");  // whatever becomes of the call that brings it down
  const auto answer = user.say("is somebody there?", "c1");
  EXPECT_EQ(answer.status, 200u) << json::serialize(answer.body);
  const auto pane = rig.pane(number);
  EXPECT_EQ(std::count(pane.begin(), pane.end(), "is somebody there?"), 1);
}

TEST(Upstream, AnInstanceThatIsGoneMakesTheBridgeDegradedNotUnready) {
  RigOptions options;
  options.bridge_environment = {{"OPEN_DEADLINE", "3s"}};
  options.sandbox_keeps_data = true;
  Rig rig(options);
  rig.kill_sandbox();
  const auto ready = [&] { return http_probe(rig.bridge_port(), "GET", "/readyz"); };
  EXPECT_TRUE(wait_for([&] {
    Client user(rig);
    EXPECT_EQ(user.post("escalate", json::object{}).status, 502u);
    return ready().body.find("servicenow_unreachable") != std::string::npos;
  }));
  EXPECT_EQ(ready().status, 200u);
  // Now nobody waits for what will not come.
  Client user(rig);
  const auto answer = user.post("escalate", json::object{});
  EXPECT_EQ(text_of(answer.body, "outcome"), "failed");
  EXPECT_NE(text_of(answer.body, "hint").find("tries again by itself"), std::string::npos)
      << json::serialize(answer.body);

  rig.restart_sandbox();
  EXPECT_TRUE(wait_for([&] { return user.post("escalate", json::object{}).status == 200u; }));
  EXPECT_EQ(ready().body.find("degraded"), std::string::npos) << ready().body;
}

}  // namespace
}  // namespace bridge::test
