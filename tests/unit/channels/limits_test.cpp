// SPDX-License-Identifier: MIT
// How often and how many: the rate limits of DESIGN 4.4 at the endpoints, and the places for polls.
#include <boost/asio/co_spawn.hpp>

#include "front.hpp"

namespace bridge::channels {
namespace {

using std::chrono::seconds;

Options limited(std::uint32_t burst = 3) {
  Options options = Front::usual();
  options.rate.on = true;
  options.rate.burst = burst;
  return options;
}

void expect_429(const Answer& answer, std::string_view wait) {
  EXPECT_EQ(answer.status, 429u) << answer.text;
  EXPECT_EQ(answer["error"], "rate_limited");
  EXPECT_EQ(answer.headers.get("Retry-After"), wait);
  EXPECT_NE(answer["hint"], "<absent>");
}

Call from(Call call, std::string address) {
  call.request.peer_address = std::move(address);
  return call;
}

TEST(CallsOfAnAddress, HaveABurstAndThenOneASecond) {
  Front front(limited());
  for (int i = 0; i < 3; ++i) (void)front.open();
  const std::string before = front.snapshot({});
  expect_429(front.ask(post("/api/servicenow/init-session")), "1");
  EXPECT_EQ(front.snapshot({}), before) << "no session was made";
  front.time.pass(seconds(1));
  (void)front.open();
  expect_429(front.ask(post("/api/servicenow/init-session")), "1");
  EXPECT_EQ(front.metrics.counters["rate_limited.calls"].value(), 2u);
}

TEST(CallsOfAnAddress, AreCountedTogetherOverAllEndpointsThatCostSomething) {
  for (const char* path :
       {"/api/servicenow/init-session", "/api/servicenow/escalate", "/api/servicenow/user-message",
        "/api/servicenow/typing", "/api/servicenow/end", "/directline/token"}) {
    Front front(limited(2));
    const Visitor visitor = front.open_live();
    (void)front.ask(post("/api/servicenow/typing", {{"session_id", visitor.id}}));
    const std::string before = front.snapshot(visitor.id);
    const json::object body{{"session_id", visitor.id}, {"text", "hi"}};
    expect_429(front.ask(post(path, body).bearer(visitor.token)), "1");
    EXPECT_EQ(front.snapshot(visitor.id), before) << path;
  }
}

TEST(CallsOfAnAddress, DoNotCountForOthers) {
  Front front(limited(1));
  (void)front.open();
  expect_429(front.ask(post("/api/servicenow/init-session")), "1");
  EXPECT_EQ(front.ask(from(post("/api/servicenow/init-session"), "192.0.2.8")).status, 200u);
  EXPECT_EQ(front.ask(from(post("/api/servicenow/init-session"), "2001:db8::1")).status, 200u);
  expect_429(front.ask(from(post("/api/servicenow/init-session"), "2001:db8::2")), "1");
}

TEST(CallsOfAnAddress, AreReadThroughTrustedProxiesOnly) {
  Options trusting = limited(1);
  trusting.trusted_proxies = 1;
  Front behind(std::move(trusting));
  const auto open = [](Front& front, const char* forwarded) {
    return front.ask(post("/api/servicenow/init-session").with("X-Forwarded-For", forwarded))
        .status;
  };
  EXPECT_EQ(open(behind, "203.0.113.1"), 200u);
  EXPECT_EQ(open(behind, "203.0.113.2"), 200u);
  EXPECT_EQ(open(behind, "203.0.113.9, 203.0.113.1"), 429u)
      << "what the caller wrote is no way out";
  EXPECT_FALSE(behind.logger.contains("proxy_not_trusted"));

  Front bare(limited(1));
  EXPECT_EQ(open(bare, "203.0.113.1"), 200u);
  EXPECT_FALSE(bare.logger.contains("proxy_not_trusted"));
  EXPECT_EQ(open(bare, "203.0.113.2"), 429u);
  EXPECT_EQ(open(bare, "203.0.113.3"), 429u);
  std::size_t told = 0;
  for (const std::string& line : bare.logger.lines)
    told += line.find("proxy_not_trusted") != std::string::npos ? 1u : 0u;
  EXPECT_EQ(told, 1u) << "whoever forgot the setting is told once";
}

TEST(CallsOfAnAddress, AreNotCountedWithTheAgentSecret) {
  Front front(limited(1));
  const Visitor visitor = front.open();
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(front.ask(post("/api/servicenow/init-session").agent()).status, 200u);
    EXPECT_EQ(
        front.ask(post("/api/servicenow/escalate", {{"session_id", visitor.id}}).agent()).status,
        200u);
    EXPECT_EQ(
        front.ask(post("/api/servicenow/agent/escalate", {{"session_id", visitor.id}}).agent())
            .status,
        200u);
  }
  front.time.pass(seconds(1));
  (void)front.open();
  expect_429(front.ask(post("/api/servicenow/init-session").with("X-Agent-Secret", "wrong")), "1");
}

TEST(CallsOfAnAddress, ReadingIsFree) {
  Front front(limited(2));
  const Visitor visitor = front.open();
  (void)front.open();
  expect_429(front.ask(post("/api/servicenow/init-session")), "1");
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(front.ask(get("/api/servicenow/poll/" + visitor.id).bearer(visitor.token)).status,
              200u);
    EXPECT_EQ(front.ask(get("/healthz")).status, 200u);
  }
}

TEST(CallsOfAnAddress, AreNotCountedWhenSwitchedOff) {
  Options options = limited(1);
  options.rate.on = false;
  options.rate.escalations_per_minute = 1;
  Front front(std::move(options));
  const Visitor visitor = front.open();
  for (int i = 0; i < 20; ++i) {
    (void)front.open();
    EXPECT_EQ(front
                  .ask(post("/api/servicenow/escalate", {{"session_id", visitor.id}})
                           .bearer(visitor.token))
                  .status,
              200u);
    EXPECT_EQ(front.ask(post("/api/servicenow/webhook")).status, 403u);
  }
}

TEST(CallsOfAnAddress, AListedPageMayReadHowLongToWait) {
  Options options = limited(1);
  options.allowed_origins = {"https://portal.example"};
  Front front(std::move(options));
  (void)front.open();
  const Answer answer =
      front.ask(post("/api/servicenow/init-session").with("Origin", "https://portal.example"));
  expect_429(answer, "1");
  EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "https://portal.example");
  EXPECT_EQ(answer.headers.get("Access-Control-Expose-Headers"), "Retry-After");
}

TEST(Escalations, AreFiveAMinuteForEachSession) {
  Front front(limited(1'000));
  const Visitor a = front.open();
  const Visitor b = front.open();
  const auto escalate = [&](const Visitor& visitor) {
    return front.ask(
        post("/api/servicenow/escalate", {{"session_id", visitor.id}}).bearer(visitor.token));
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(escalate(a).status, 200u) << i;
  const std::string before = front.snapshot(a.id);
  expect_429(escalate(a), "12");
  EXPECT_EQ(front.snapshot(a.id), before);
  EXPECT_EQ(escalate(b).status, 200u);
  front.time.pass(seconds(12));
  EXPECT_EQ(escalate(a).status, 200u);
  expect_429(escalate(a), "12");
  EXPECT_EQ(front.metrics.counters["rate_limited.escalations"].value(), 2u);
}

TEST(Escalations, OfSomebodyElsesSessionDoNotUseItUp) {
  Front front(limited(1'000));
  const Visitor victim = front.open();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(front.ask(post("/api/servicenow/escalate", {{"session_id", victim.id}})).status,
              401u);
  EXPECT_EQ(
      front.ask(post("/api/servicenow/escalate", {{"session_id", victim.id}}).bearer(victim.token))
          .status,
      200u);
}

TEST(WrongSecrets, AreToldToWaitAfterTooMany) {
  for (const char* path :
       {"/api/servicenow/webhook", "/api/sn-webhook", "/api/servicenow/agent/escalate",
        "/api/servicenow/agent/create-ticket"}) {
    Front front(limited(3));
    for (int i = 0; i < 3; ++i) {
      const Answer answer =
          front.ask(post(path).with("X-Bridge-Secret", "wrong").with("X-Agent-Secret", "wrong"));
      EXPECT_EQ(answer.status, 403u) << path;
      EXPECT_EQ(answer["error"], "forbidden");
    }
    expect_429(front.ask(post(path).with("X-Bridge-Secret", "wrong")), "1");
    EXPECT_EQ(front.ask(from(post(path), "192.0.2.8")).status, 403u) << "another address";
  }
}

TEST(WrongSecrets, NeverKeepTheRightOneOut) {
  Front front(limited(2));
  const Visitor visitor = front.open_live();
  for (int i = 0; i < 5; ++i) (void)front.ask(post("/api/servicenow/webhook"));
  for (int i = 0; i < 50; ++i) {
    const json::object body{{"bridge_session_id", visitor.id},
                            {"text", "hello"},
                            {"message_sys_id", "m" + std::to_string(i)}};
    EXPECT_EQ(front.ask(post("/api/servicenow/webhook", body).hook()).status, 200u);
    EXPECT_EQ(
        front.ask(post("/api/servicenow/agent/escalate", {{"session_id", visitor.id}}).agent())
            .status,
        200u);
  }
}

TEST(WrongSecrets, AreCountedApartFromCalls) {
  Front front(limited(1));
  for (int i = 0; i < 5; ++i) (void)front.ask(post("/api/servicenow/webhook"));
  EXPECT_EQ(front.ask(post("/api/servicenow/init-session")).status, 200u);
}

TEST(WaitingPolls, AreBoundedForEachSession) {
  Options options = Front::usual();
  options.max_sockets_per_session = 2;
  Front front(std::move(options));
  const Visitor visitor = front.open_queued();
  const Visitor other = front.open_queued();
  std::vector<net::Response> answered;
  std::vector<std::unique_ptr<net::Request>> requests;
  const auto wait_for = [&](const Visitor& who) {
    const std::string cursor =
        front.ask(get("/api/servicenow/poll/" + who.id + "?after=0:0").bearer(who.token))["cursor"];
    requests.push_back(std::make_unique<net::Request>(
        get("/api/servicenow/poll/" + who.id + "?wait=30&after=" + cursor)
            .bearer(who.token)
            .request));
    asio::co_spawn(front.context, front.router.handle(*requests.back(), &front.logger),
                   [&](std::exception_ptr thrown, net::Response response) {
                     EXPECT_FALSE(thrown);
                     answered.push_back(std::move(response));
                   });
    front.settle();
  };
  wait_for(visitor);
  wait_for(visitor);
  EXPECT_TRUE(answered.empty());
  wait_for(visitor);
  ASSERT_EQ(answered.size(), 1u);
  const Answer refused(answered.front());
  expect_429(refused, "5");
  wait_for(other);
  EXPECT_EQ(answered.size(), 1u) << "another session waits";
  EXPECT_EQ(
      front.ask(get("/api/servicenow/poll/" + visitor.id + "?after=0:0").bearer(visitor.token))
          .status,
      200u)
      << "a poll that does not wait takes no place";

  for (const Visitor& each : {visitor, other})
    EXPECT_EQ(front
                  .ask(post("/api/servicenow/webhook",
                            {{"bridge_session_id", each.id}, {"text", "hello"}})
                           .hook())
                  .status,
              200u);
  front.settle();
  EXPECT_EQ(answered.size(), 4u) << "all who waited have their answer";
  wait_for(visitor);
  EXPECT_EQ(answered.size(), 4u) << "and the places are free again";
  EXPECT_EQ(
      front.ask(post("/api/servicenow/end", {{"session_id", visitor.id}}).bearer(visitor.token))
          .status,
      200u);
  front.settle();
  EXPECT_EQ(answered.size(), 5u);
}

}  // namespace
}  // namespace bridge::channels
