// SPDX-License-Identifier: MIT
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "servicenow_fixture.hpp"

namespace bridge::gateways {
namespace {

using handoff::Ticket;
using handoff::TicketRequest;

constexpr const char* kIncident = "70000000000000000000000000000001";

class TicketDeskTest : public ServiceNowTest {
 protected:
  static TicketRequest request(std::string id = "req-1") {
    TicketRequest request;
    request.short_description = "Printer LEAK";
    request.description = "It burns LEAK";
    request.caller_sys_id = kUser;
    request.request_id = std::move(id);
    return request;
  }
  static std::string incident(const std::string& id) {
    return std::string(R"({"sys_id":")") + kIncident +
           R"(","number":"INC0010001","correlation_id":")" + id + R"("})";
  }
  /// The number, or the id of the error and its outcome.
  std::string create(TicketRequest request) {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      auto ticket = co_await gateway_->ticket_desk().create(request, soon());
      if (ticket)
        outcome = ticket->number;
      else
        outcome = std::string(id_of(ticket.error().errc())) +
                  (ticket.error().outcome() == Outcome::unknown ? " unknown" : " failed");
    });
    return outcome;
  }
};

TEST_F(TicketDeskTest, LooksBeforeItMakesAnIncident) {
  http_.answer(200, R"({"result":[]})");
  http_.answer(201, "{\"result\":" + incident("req-1") + "}");
  EXPECT_EQ(create(request()), "INC0010001");
  ASSERT_EQ(http_.requests.size(), 2u);
  EXPECT_EQ(http_.requests.at(0).url,
            "https://dev1.example/api/now/table/incident?sysparm_query=correlation_id%3Dreq-1"
            "&sysparm_fields=sys_id,number,correlation_id&sysparm_limit=2&sysparm_exclude_"
            "reference_link=true");
  EXPECT_EQ(http_.requests.at(1).method, net::Method::post);
  EXPECT_EQ(http_.requests.at(1).url,
            "https://dev1.example/api/now/table/"
            "incident?sysparm_fields=sys_id,number&sysparm_exclude_reference_link=true");
  EXPECT_FALSE(http_.requests.at(1).repeatable);
  const json::object body = sent(1);
  EXPECT_EQ(body.at("short_description"), "Printer LEAK");
  EXPECT_EQ(body.at("description"), "It burns LEAK");
  EXPECT_EQ(body.at("contact_type"), "chat");
  EXPECT_EQ(body.at("category"), "inquiry");
  EXPECT_EQ(body.at("caller_id"), kUser);
  EXPECT_EQ(body.at("correlation_id"), "req-1");
}

TEST_F(TicketDeskTest, ARepeatFindsTheFirstIncident) {
  http_.answer(200, "{\"result\":[" + incident("req-1") + "]}");
  EXPECT_EQ(create(request()), "INC0010001");
  EXPECT_EQ(http_.requests.size(), 1u);
}

TEST_F(TicketDeskTest, AnIncidentOfAnotherRequestIsNotTaken) {
  http_.answer(200, "{\"result\":[" + incident("req-2") + "]}");
  http_.answer(201, "{\"result\":" + incident("req-1") + "}");
  EXPECT_EQ(create(request()), "INC0010001");
  EXPECT_EQ(http_.requests.size(), 2u);
}

TEST_F(TicketDeskTest, WithoutAnIdItJustMakesOne) {
  http_.answer(201, "{\"result\":" + incident("") + "}");
  EXPECT_EQ(create(request("")), "INC0010001");
  EXPECT_FALSE(sent(0).contains("correlation_id"));
}

TEST_F(TicketDeskTest, AClaimedCallerIsTextAndNeverAReference) {
  http_.answer(201, "{\"result\":" + incident("") + "}");
  TicketRequest ticket = request("");
  ticket.caller_sys_id = "";
  ticket.caller_claim = "ada@example.com";
  EXPECT_EQ(create(ticket), "INC0010001");
  EXPECT_FALSE(sent(0).contains("caller_id"));
  EXPECT_EQ(sent(0).at("description"),
            "It burns LEAK\n\nCaller, as claimed and not verified: ada@example.com");

  http_.answer(201, "{\"result\":" + incident("") + "}");
  ticket.caller_sys_id = "ada@example.com";
  EXPECT_EQ(create(ticket), "INC0010001");
  EXPECT_FALSE(sent(1).contains("caller_id"));
}

TEST_F(TicketDeskTest, ALongSubjectIsCutAndStandsInTheDescription) {
  http_.answer(201, "{\"result\":" + incident("") + "}");
  TicketRequest ticket = request("");
  ticket.short_description.clear();
  for (int i = 0; i < 200; ++i) ticket.short_description += "\u00fc";
  EXPECT_EQ(create(ticket), "INC0010001");
  const std::string subject(sent(0).at("short_description").as_string());
  EXPECT_EQ(count_characters(subject), 160u);
  EXPECT_TRUE(subject.ends_with("\u00fc\u2026"));
  EXPECT_EQ(sent(0).at("description").as_string(), ticket.short_description + "\n\nIt burns LEAK");
}

TEST_F(TicketDeskTest, AnIdThatCouldAlterTheQueryIsHashed) {
  http_.answer(200, R"({"result":[]})");
  http_.answer(201, "{\"result\":" + incident("") + "}");
  EXPECT_EQ(create(request("x^ORnumber=INC1")), "INC0010001");
  EXPECT_THAT(std::string(sent(1).at("correlation_id").as_string()),
              testing::MatchesRegex("sha256:[0-9a-f]+"));
  EXPECT_EQ(http_.requests.at(0).url.find("INC1"), std::string::npos);
}

TEST_F(TicketDeskTest, AnUnclearFailureIsLookedUpBeforeItIsReported) {
  http_.answer(200, R"({"result":[]})");
  http_.answer(
      500,
      R"({"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"})");
  http_.answer(200, "{\"result\":[" + incident("req-1") + "]}");
  EXPECT_EQ(create(request()), "INC0010001");

  http_.answer(200, R"({"result":[]})");
  http_.fail(Error(Errc::timed_out).with_outcome(Outcome::unknown));
  http_.answer(200, R"({"result":[]})");
  EXPECT_EQ(create(request()), "timed_out unknown");
}

TEST_F(TicketDeskTest, AClearFailureIsReportedAtOnce) {
  http_.answer(200, R"({"result":[]})");
  http_.answer(403, R"({"error":{"message":"Operation Failed"},"status":"failure"})");
  EXPECT_EQ(create(request()), "upstream_role failed");
  EXPECT_EQ(http_.requests.size(), 2u);
}

TEST_F(TicketDeskTest, AnAnswerWithoutNumberIsUnclear) {
  http_.answer(201, R"({"result":{"number":"","sys_id":""}})");
  EXPECT_EQ(create(request("")), "upstream_garbled unknown");
}

TEST_F(TicketDeskTest, TwoAtOnceMakeOneIncident) {
  asio::io_context context(1);
  http_.hold(context.get_executor());
  http_.answer(200, R"({"result":[]})");
  http_.answer(201, "{\"result\":" + incident("req-1") + "}");
  std::vector<std::string> numbers;
  const auto one = [&]() -> Task<> {
    auto ticket = co_await gateway_->ticket_desk().create(request(), soon());
    numbers.push_back(ticket ? ticket->number : ticket.error().to_string());
  };
  for (int i = 0; i < 3; ++i)
    asio::co_spawn(context, one(), [](std::exception_ptr thrown) { EXPECT_FALSE(thrown); });
  context.poll();
  EXPECT_EQ(http_.requests.size(), 1u) << "the second and third wait for the first";
  http_.release();
  context.run_for(std::chrono::seconds(5));
  EXPECT_THAT(numbers, testing::ElementsAre("INC0010001", "INC0010001", "INC0010001"));
  EXPECT_EQ(http_.requests.size(), 2u);
}

TEST_F(TicketDeskTest, OneWhoWaitsTooLongIsToldThatItIsUnclear) {
  asio::io_context context(1);
  http_.hold(context.get_executor());
  http_.answer(200, "{\"result\":[" + incident("req-1") + "]}");
  std::string first;
  std::string second;
  const auto ask = [&](Deadline deadline, std::string& into) -> Task<> {
    auto ticket = co_await gateway_->ticket_desk().create(request(), deadline);
    into = ticket ? ticket->number : std::string(id_of(ticket.error().errc()));
    if (!ticket) {
      EXPECT_EQ(ticket.error().outcome(), Outcome::unknown);
    }
  };
  const auto done = [](std::exception_ptr thrown) { EXPECT_FALSE(thrown); };
  asio::co_spawn(context, ask(soon(), first), done);
  asio::co_spawn(context, ask(in(Millis(1)), second), done);
  const Deadline limit = in(std::chrono::seconds(5));
  while (second.empty() && context.run_one_until(limit) > 0) {
  }
  EXPECT_EQ(second, "timed_out");
  EXPECT_EQ(first, "");
  http_.release();
  context.run_for(std::chrono::seconds(5));
  EXPECT_EQ(first, "INC0010001");
}

}  // namespace
}  // namespace bridge::gateways
