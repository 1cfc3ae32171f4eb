// SPDX-License-Identifier: MIT
// /healthz and /readyz, and what happens when a handler breaks.
#include "front.hpp"

namespace bridge::channels {
namespace {

TEST(Health, IsAlwaysOk) {
  Front front;
  const Answer answer = front.ask(get("/healthz"));
  EXPECT_EQ(answer.status, 200u);
  EXPECT_EQ(answer.text, R"({"status":"ok"})");
  EXPECT_EQ(front.ask(Call(net::Method::head, "/healthz")).status, 200u);
}

TEST(Ready, IsRedUntilTheProgramIs) {
  Front front;
  const Answer starting = front.ask(get("/readyz"));
  EXPECT_EQ(starting.status, 503u);
  EXPECT_EQ(starting["reason"], "starting");
  EXPECT_EQ(front.ask(get("/healthz")).status, 200u) << "alive, though not ready";
  front.readiness.ready = true;
  EXPECT_EQ(front.ask(get("/readyz")).status, 200u);
  front.readiness.ready = false;
  front.readiness.reason = "draining";
  const Answer draining = front.ask(get("/readyz"));
  EXPECT_EQ(draining.status, 503u);
  EXPECT_EQ(draining["reason"], "draining");
}

TEST(Ready, ServiceNowBeingDownDoesNotTakeTheReplicaOut) {
  Front front;
  front.readiness.ready = true;
  front.chat.open_error = Error(Errc::unreachable);
  const Visitor visitor = front.open();
  EXPECT_EQ(
      front
          .ask(post("/api/servicenow/escalate", {{"session_id", visitor.id}}).bearer(visitor.token))
          .status,
      502u);
  EXPECT_EQ(front.ask(get("/readyz")).status, 200u);
}

Task<net::Response> broken() {
  throw std::runtime_error("canary exception text");
  co_return net::Response();
}

TEST(BrokenHandler, IsInternalAndItsTextStaysInside) {
  Front front;
  net::Route route;
  route.pattern = "/broken";
  route.handler = [](net::Request&) { return broken(); };
  front.router.add(std::move(route));
  const Answer answer = front.ask(get("/broken"));
  EXPECT_EQ(answer.status, 500u);
  EXPECT_EQ(answer["error"], "internal");
  EXPECT_EQ(answer.text.find("canary"), std::string::npos);
  EXPECT_TRUE(front.logger.contains("ref=" + answer["ref"]));
  EXPECT_FALSE(front.logger.contains("canary"));
}

}  // namespace
}  // namespace bridge::channels
