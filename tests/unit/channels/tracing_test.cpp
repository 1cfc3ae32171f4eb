// SPDX-License-Identifier: MIT
// One id from the request that comes in to the call that goes out, the answer and the log.
#include "channels/tracing.hpp"

#include "front.hpp"

namespace bridge::channels {
namespace {

const std::string kParent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Call with_id(Call call, const std::string& id) {
  call.request.id = id;
  return call;
}

TEST(Traceparent, IsTakenAsItIsWhenItIsOne) {
  EXPECT_EQ(checked_traceparent(kParent), kParent);
  // A later version may say more; what is passed on is what version 00 knows.
  EXPECT_EQ(checked_traceparent("cc" + kParent.substr(2) + "-what-the-future-brings"), kParent);
  EXPECT_EQ(checked_traceparent("cc" + kParent.substr(2)), kParent);
}

TEST(Traceparent, IsIgnoredWhenItIsNone) {
  const std::string zeros(32, '0');
  for (const std::string& wrong :
       {std::string(), std::string("canary"), kParent + "-more", kParent.substr(0, 54),
        "ff" + kParent.substr(2), "0g" + kParent.substr(2), "cc" + kParent.substr(2) + "x",
        "00-" + zeros + kParent.substr(35), kParent.substr(0, 36) + zeros.substr(16) + "-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736" + kParent.substr(35), kParent.substr(0, 53) + "zz",
        "00_" + kParent.substr(3), std::string(600, 'a')})
    EXPECT_EQ(checked_traceparent(wrong), "") << wrong;
}

TEST(Traceparent, TwoOfThemContradictEachOther) {
  net::Request request;
  request.headers.add("traceparent", kParent);
  EXPECT_EQ(trace_of(request).traceparent, kParent);
  request.headers.add("Traceparent", kParent);
  EXPECT_EQ(trace_of(request).traceparent, "");
}

TEST(RequestId, IsDrawnOnceWhereTheConnectionHasNone) {
  net::Request request;
  const Trace trace = trace_of(request);
  EXPECT_EQ(trace.request_id.size(), 16u);
  EXPECT_EQ(trace_of(request).request_id, trace.request_id);
  net::Request other;
  EXPECT_NE(trace_of(other).request_id, trace.request_id);
}

TEST(RequestId, StandsInTheAnswerInTheLogAndInWhatIsSentToServiceNow) {
  Front front;
  const Visitor visitor = front.open();
  const auto owner = [&](std::string path, json::object body, const std::string& id) {
    body["session_id"] = visitor.id;
    return front.ask(with_id(
        post("/api/servicenow/" + path, body).bearer(visitor.token).with("traceparent", kParent),
        id));
  };
  const Answer escalated = owner("escalate", {{"opening_message", "hello"}}, "ref-of-escalate");
  EXPECT_EQ(escalated.status, 200u);
  EXPECT_EQ(escalated.headers.get("X-Request-Id"), "ref-of-escalate");
  ASSERT_EQ(front.chat.opens.size(), 1u);
  EXPECT_EQ(front.chat.opens[0].trace.request_id, "ref-of-escalate");
  EXPECT_EQ(front.chat.opens[0].trace.traceparent, kParent);

  const Answer claimed = front.ask(
      with_id(post("/api/servicenow/webhook",
                   {{"bridge_session_id", visitor.id}, {"event", "claimed"}, {"rep_name", "Alex"}})
                  .hook(),
              "ref-of-webhook"));
  EXPECT_EQ(claimed.status, 200u);
  EXPECT_EQ(owner("user-message", {{"text", "words"}}, "ref-of-words").status, 200u);
  EXPECT_EQ(owner("typing", {}, "ref-of-typing").status, 200u);
  front.settle();
  EXPECT_EQ(owner("end", {}, "ref-of-end").status, 200u);
  std::vector<std::string> ids;
  for (const Trace& trace : front.chat.traces) ids.push_back(trace.request_id);
  EXPECT_EQ(ids, (std::vector<std::string>{"ref-of-words", "ref-of-typing", "ref-of-end"}));

  std::vector<std::string> changes;
  for (const std::string& line : front.logger.lines)
    if (line.starts_with("session_state")) changes.push_back(line.substr(line.find("from=")));
  EXPECT_EQ(changes,
            (std::vector<std::string>{
                "from=bot to=opening reason= interaction= ref=ref-of-escalate",
                "from=opening to=queued reason= interaction=IMS0001 ref=ref-of-escalate",
                "from=queued to=live reason= interaction=IMS0001 ref=ref-of-webhook",
                "from=live to=closed reason=user_ended interaction=IMS0001 ref=ref-of-end"}));
}

TEST(RequestId, IsTheRefOfARefusalAndOfWhatFailedForIt) {
  Front front;
  const Answer refused = front.ask(with_id(post("/api/servicenow/escalate", "{"), "ref-1"));
  EXPECT_EQ(refused.status, 400u);
  EXPECT_EQ(refused["ref"], "ref-1");
  EXPECT_EQ(refused.headers.get("X-Request-Id"), "ref-1");
  EXPECT_TRUE(front.logger.contains("ref=ref-1"));

  const Answer undrawn = front.ask(post("/api/servicenow/escalate", "{"));
  EXPECT_EQ(undrawn.headers.get("X-Request-Id"), undrawn["ref"]);

  front.chat.open_error = Error(Errc::upstream_role, "open_chat");
  const Visitor visitor = front.open();
  const Answer failed = front.ask(
      with_id(post("/api/servicenow/escalate", {{"session_id", visitor.id}}).bearer(visitor.token),
              "ref-2"));
  EXPECT_EQ(failed["ref"], "ref-2");
  bool told = false;
  for (const std::string& line : front.logger.lines)
    told = told || (line.starts_with("open_chat_failed") && line.ends_with("ref=ref-2"));
  EXPECT_TRUE(told);
}

TEST(RequestId, GoesWithATicket) {
  Front front;
  EXPECT_EQ(front
                .ask(with_id(
                    post("/api/servicenow/agent/create-ticket", {{"short_description", "printer"}})
                        .agent()
                        .with("traceparent", kParent),
                    "ref-t"))
                .status,
            200u);
  ASSERT_EQ(front.desks.tickets.size(), 1u);
  EXPECT_EQ(front.desks.tickets[0].trace.request_id, "ref-t");
  EXPECT_EQ(front.desks.tickets[0].trace.traceparent, kParent);
}

TEST(RequestId, GoesWithTheLookUpsOfARequestToo) {
  handoff::Options inner;
  inner.trust_email = true;
  Front front(Front::usual(), inner);
  const Visitor visitor = front.open();
  Call call = post("/api/servicenow/escalate",
                   {{"session_id", visitor.id}, {"user_email", "ann@example.com"}})
                  .bearer(visitor.token)
                  .with("traceparent", kParent);
  EXPECT_EQ(front.ask(with_id(std::move(call), "0123456789abcdef")).status, 200u);
  ASSERT_EQ(front.desks.traces.size(), 1u);
  EXPECT_EQ(front.desks.traces[0].request_id, "0123456789abcdef");
  EXPECT_EQ(front.desks.traces[0].traceparent, kParent);
}

}  // namespace
}  // namespace bridge::channels
