// SPDX-License-Identifier: MIT
// POST /directline/token. DESIGN 4.1, 4.2.
#include "front.hpp"

namespace bridge::channels {
namespace {

Call token(const json::object& body) { return post("/directline/token", body); }

TEST(DirectLineToken, IsPassedThrough) {
  Front front;
  for (Call call : {post("/directline/token"), token({{"user_id", "alice"}})}) {
    const Answer answer = front.ask(std::move(call));
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(answer.text, R"({"token":"t0k","conversationId":"dlc1","expires_in":3600})");
    EXPECT_EQ(answer.headers.get("Content-Type"), "application/json");
    EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
  }
  EXPECT_EQ(front.desks.minted, (std::vector<std::string>{"", "alice"}));
}

TEST(DirectLineToken, RemembersTheConversationOfASession) {
  for (const std::string prefix : {"", "dl_"}) {
    Front front;
    const Visitor visitor = front.open();
    const Answer answer =
        front.ask(token({{"user_id", prefix + visitor.id}}).bearer(visitor.token));
    EXPECT_EQ(answer.status, 200u);
    EXPECT_EQ(front.desks.minted, std::vector<std::string>{prefix + visitor.id})
        << "asked for as it was given";
    EXPECT_EQ(front.view(visitor.id)->directline_conversation, "dlc1") << prefix;
  }
}

TEST(DirectLineToken, TakesEveryProofOfTheSession) {
  Front front;
  const Visitor visitor = front.open();
  EXPECT_EQ(front.ask(token({{"user_id", visitor.id}}).cookie(visitor.cookie).as_json()).status,
            200u);
  EXPECT_EQ(front.ask(token({{"user_id", visitor.id}}).cookie(visitor.cookie)).status, 403u)
      << "a foreign form";
  EXPECT_EQ(front.ask(token({{"user_id", visitor.id}}).agent()).status, 200u);
}

TEST(DirectLineToken, AUserIdThatIsNoSessionBindsNothing) {
  Front front;
  const Visitor visitor = front.open();
  for (const std::string& user :
       {std::string("alice"), std::string(32, '0'), "dl_" + std::string(32, '0'), "x" + visitor.id,
        "DL_" + visitor.id})
    EXPECT_EQ(front.ask(token({{"user_id", user}})).status, 200u) << user;
  EXPECT_EQ(front.view(visitor.id)->directline_conversation, "");
}

TEST(DirectLineToken, NotConfiguredIsSaidPlainly) {
  Front front;
  front.desks.token_error = Error(Errc::not_configured);
  const Answer answer = front.ask(token({}));
  EXPECT_EQ(answer.status, 501u);
  EXPECT_EQ(answer["error"], "not_configured");
  EXPECT_NE(answer["hint"].find("DIRECTLINE_TOKEN_ENDPOINT"), std::string::npos);
}

TEST(DirectLineToken, AnUpstreamErrorIs502) {
  Front front;
  const Visitor visitor = front.open();
  front.desks.token_error =
      Error(Errc::upstream_credentials, "the token endpoint").with_hint("Check the secret.");
  const Answer answer = front.ask(token({{"user_id", visitor.id}}).bearer(visitor.token));
  EXPECT_EQ(answer.status, 502u);
  EXPECT_EQ(answer["error"], "upstream_error");
  EXPECT_EQ(answer["detail"], "the token endpoint");
  EXPECT_EQ(answer["hint"], "Check the secret.");
  EXPECT_EQ(front.view(visitor.id)->directline_conversation, "");
}

}  // namespace
}  // namespace bridge::channels
