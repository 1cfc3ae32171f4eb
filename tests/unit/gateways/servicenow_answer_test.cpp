// SPDX-License-Identifier: MIT
// Every shape of failure of reference 1.4 to 1.7, one row each.
#include "gateways/servicenow/answer.hpp"

#include <gtest/gtest.h>

namespace bridge::gateways {
namespace {

constexpr const char* kJson = "application/json;charset=UTF-8";
constexpr const char* kHtml = "text/html;charset=UTF-8";
const Time kNow = Time(Millis(1'700'000'000'000));

enum class Kind { open_chat, typing, table_read, table_insert };

Call call_of(Kind kind) {
  switch (kind) {
    case Kind::open_chat:
      return Call("open_chat", true, true);
    case Kind::typing:
      return Call("typing", true, false);
    case Kind::table_read:
      return Call("table/interaction", false, false);
    case Kind::table_insert:
      break;
  }
  return Call("table/incident", false, true);
}

struct Row {
  const char* name;
  Kind kind;
  unsigned status;
  const char* type;
  const char* body;
  Errc errc;
  Outcome outcome;
  const char* hint_holds;
};

class AnswerErrorTest : public testing::TestWithParam<Row> {};

TEST_P(AnswerErrorTest, BecomesOurOwnErrorWithAHintAndWithoutTheUpstreamsWords) {
  const Row& row = GetParam();
  const auto result =
      read_answer(net::text_response(row.status, row.body, row.type), call_of(row.kind), kNow);
  ASSERT_FALSE(result);
  const Error error = result.error();
  EXPECT_EQ(id_of(error.errc()), id_of(row.errc)) << error.to_string();
  EXPECT_EQ(error.outcome(), row.outcome);
  EXPECT_NE(error.hint().find(row.hint_holds), std::string::npos) << error.hint();
  EXPECT_EQ((error.context() + error.hint()).find("LEAK"), std::string::npos) << error.context();
  EXPECT_NE(error.context().find(call_of(row.kind).name), std::string::npos) << error.context();
}

constexpr auto failed = Outcome::failed;
constexpr auto unknown = Outcome::unknown;

INSTANTIATE_TEST_SUITE_P(
    Shapes, AnswerErrorTest,
    testing::Values(
        Row{"AnotherCallIsOpeningTheChat", Kind::open_chat, 409, kJson,
            R"({"result":{"api":2,"error":"in_progress","message":"LEAK"}})", Errc::upstream_failed,
            unknown, "ask again in a moment"},
        Row{"AMessageThatWasWithdrawn", Kind::open_chat, 409, kJson,
            R"({"result":{"api":2,"error":"withdrawn","message":"LEAK"}})", Errc::conflict, failed,
            "withdrawn"},
        Row{"AMessageThatCouldNotBeClaimed", Kind::open_chat, 500, kJson,
            R"({"result":{"api":2,"error":"claim_failed","message":"LEAK"}})",
            Errc::upstream_failed, failed, "sys_journal_field"},
        Row{"InactiveUser", Kind::open_chat, 409, kJson,
            R"({"result":{"api":2,"error":"user_inactive","message":"LEAK"}})",
            Errc::upstream_rejected, failed, "locked out"},
        Row{"WrongPassword", Kind::open_chat, 401, kJson,
            R"({"error":{"message":"User Not Authenticated LEAK","detail":"Required to provide Auth information"},"status":"failure"})",
            Errc::upstream_credentials, failed, "snc_basic_auth_api_access"},
        Row{"UnauthorizedHtml", Kind::table_read, 401, kHtml, "<html>LEAK</html>",
            Errc::upstream_credentials, failed, "SN_PASSWORD"},
        Row{"MissingRole", Kind::open_chat, 403, kJson,
            R"({"error":{"message":"User Not Authorized LEAK","detail":"Failed API level ACL Validation"},"status":"failure"})",
            Errc::upstream_role, failed, "x_intranet_bridge_caller"},
        Row{"UnscopedToken", Kind::open_chat, 403, kJson,
            R"({"error":{"message":"User Not Authorized","detail":"Access to unscoped api is not allowed LEAK"},"status":"failure"})",
            Errc::upstream_role, failed, "useraccount"},
        Row{"TableAcl", Kind::table_insert, 403, kJson,
            R"({"error":{"message":"Operation Failed","detail":"ACL Exception Insert Failed due to security constraints LEAK"},"status":"failure"})",
            Errc::upstream_role, failed, "role"},
        Row{"AbortedByBusinessRule", Kind::table_insert, 403, kJson,
            R"({"error":{"message":"Operation against file 'incident' was aborted by Business Rule 'LEAK^0'","detail":null},"status":"failure"})",
            Errc::upstream_rejected, failed, "business rule"},
        Row{"UnknownPathAs400", Kind::open_chat, 400, kJson,
            R"({"error":{"message":"Requested URI does not represent any resource","detail":"LEAK"},"status":"failure"})",
            Errc::upstream_path, failed, "SN_BRIDGE_API_BASE"},
        Row{"UnknownPathAs404", Kind::open_chat, 404, kJson,
            R"({"error":{"message":"LEAK","detail":null},"status":"failure"})", Errc::upstream_path,
            failed, "docs/02"},
        Row{"UnknownPathAs404Html", Kind::open_chat, 404, kHtml, "<html>LEAK</html>",
            Errc::upstream_path, failed, "SN_BRIDGE_API_BASE"},
        Row{"UnknownTablePath", Kind::table_read, 400, kJson,
            R"({"error":{"message":"Requested URI does not represent any resource","detail":null},"status":"failure"})",
            Errc::upstream_path, failed, "SN_INSTANCE"},
        Row{"WrongMethod", Kind::open_chat, 405, kJson,
            R"({"error":{"message":"Method not supported LEAK"},"status":"failure"})",
            Errc::upstream_path, failed, "resource"},
        Row{"UnknownTable", Kind::table_read, 400, kJson,
            R"({"error":{"message":"Invalid table LEAK","detail":null},"status":"failure"})",
            Errc::upstream_rejected, failed, "refused"},
        Row{"UnreadableBody", Kind::open_chat, 400, kJson,
            R"({"error":{"message":"Exception while reading request","detail":"LEAK"},"status":"failure"})",
            Errc::upstream_rejected, failed, "refused"},
        Row{"HibernatingWith200", Kind::open_chat, 200, kHtml,
            "<html><title>Instance Hibernating page</title>LEAK", Errc::upstream_asleep, failed,
            "Wake it"},
        Row{"HibernatingWith503", Kind::open_chat, 503, kHtml,
            "<html><title>Instance Hibernating page</title>", Errc::upstream_asleep, failed,
            "Wake it"},
        Row{"LoginPageWith200", Kind::open_chat, 200, kHtml, "<html>Log in LEAK</html>",
            Errc::upstream_garbled, unknown, "login page"},
        Row{"LoginPageToARead", Kind::table_read, 200, kHtml, "<html>Log in LEAK</html>",
            Errc::upstream_garbled, failed, "login page"},
        Row{"HtmlWith503", Kind::open_chat, 503, kHtml, "<html>LEAK</html>", Errc::upstream_garbled,
            unknown, "SN_INSTANCE"},
        Row{"HtmlWith502", Kind::open_chat, 502, kHtml, "<html>LEAK</html>", Errc::upstream_failed,
            unknown, "failed inside"},
        Row{"Redirect", Kind::open_chat, 302, kHtml, "", Errc::upstream_garbled, failed,
            "SN_INSTANCE"},
        Row{"RateLimited", Kind::open_chat, 429, kJson,
            R"({"error":{"message":"Rate limit exceeded LEAK"},"status":"failure"})",
            Errc::upstream_rate_limited, failed, "later"},
        Row{"RateLimitedHtml", Kind::open_chat, 429, kHtml, "<html>LEAK</html>",
            Errc::upstream_rate_limited, failed, "later"},
        Row{"QuotaAs500", Kind::open_chat, 500, kJson,
            R"({"error":{"message":"Transaction cancelled: maximum execution time exceeded LEAK","detail":""},"status":"failure"})",
            Errc::upstream_quota, unknown, "time limit"},
        Row{"QuotaInATruncated200", Kind::table_insert, 200, kJson,
            R"({"result":{"sys_id":"LEAKTransaction cancelled: maximum execution time exceeded)",
            Errc::upstream_quota, unknown, "time limit"},
        Row{"QuotaBesideResult", Kind::table_insert, 200, kJson,
            R"({"error":{"message":"Transaction cancelled: maximum execution time exceeded"},"status":"failure"})",
            Errc::upstream_quota, unknown, "time limit"},
        Row{"Truncated200", Kind::open_chat, 200, kJson,
            R"({"result":{"conversation_sys_id":"LEAK)", Errc::upstream_garbled, unknown, ""},
        Row{"Empty200", Kind::open_chat, 200, kJson, "", Errc::upstream_garbled, unknown, ""},
        Row{"NoContent", Kind::open_chat, 204, kJson, "", Errc::upstream_garbled, unknown, ""},
        Row{"WithoutResult", Kind::open_chat, 200, kJson, R"({"results":{"a":"LEAK"}})",
            Errc::upstream_garbled, unknown, ""},
        Row{"NullResult", Kind::typing, 200, kJson, R"({"result":null})", Errc::upstream_garbled,
            failed, ""},
        Row{"JsonAsText", Kind::open_chat, 200, "text/plain", R"({"result":{}})",
            Errc::upstream_garbled, unknown, ""},
        Row{"ArrayAtTheTop", Kind::open_chat, 200, kJson, R"([{"result":{}}])",
            Errc::upstream_garbled, unknown, ""},
        Row{"ScriptCrash", Kind::open_chat, 500, kJson,
            R"({"error":{"message":"java.lang.NullPointerException LEAK (sys_ws_operation.x; line 3) ","detail":""},"status":"failure"
})",
            Errc::upstream_failed, unknown, "system log"},
        Row{"ScriptCrashInARead", Kind::typing, 500, kJson,
            R"({"error":{"message":"LEAK"},"status":"failure"})", Errc::upstream_failed, failed,
            "system log"},
        Row{"OldScriptsRefusal", Kind::open_chat, 400, kJson,
            R"({"result":{"error":"user_sys_id is required LEAK"}})", Errc::upstream_rejected,
            failed, "refused"},
        Row{"OldScripts404IsNoPath", Kind::open_chat, 404, kJson,
            R"({"result":{"error":"sys_user not found: LEAK"}})", Errc::upstream_rejected, failed,
            "refused"},
        Row{"OldScriptsFailure", Kind::open_chat, 500, kJson,
            R"({"result":{"error":"createConversation threw: LEAK"}})", Errc::upstream_failed,
            unknown, "failed"},
        Row{"ErrorInA200", Kind::open_chat, 200, kJson, R"({"result":{"error":"LEAK"}})",
            Errc::upstream_failed, unknown, "failed"},
        Row{"ErrorObjectInA200", Kind::open_chat, 200, kJson,
            R"({"result":{"error":{"message":"LEAK"}}})", Errc::upstream_failed, unknown, "failed"},
        Row{"ChatEnded", Kind::open_chat, 409, kJson,
            R"({"result":{"api":2,"error":"chat_ended","message":"LEAK"}})", Errc::chat_ended,
            failed, "over"},
        Row{"ChatEndedInTheOldWords", Kind::open_chat, 500, kJson,
            R"({"result":{"error":"AgentChatScriptObject.send threw: GraphQLException: Chat has ended LEAK"}})",
            Errc::chat_ended, failed, "over"},
        Row{"OurMissingColumn", Kind::open_chat, 500, kJson,
            R"({"result":{"api":2,"error":"missing_column","message":"LEAK"}})",
            Errc::upstream_failed, failed, "column"},
        Row{"OurUnknownQueue", Kind::open_chat, 404, kJson,
            R"({"result":{"api":2,"error":"queue_not_found","message":"LEAK"}})",
            Errc::upstream_rejected, failed, "SN_DEFAULT_QUEUE_SYS_ID"},
        Row{"OurFailedRouting", Kind::open_chat, 500, kJson,
            R"({"result":{"api":2,"error":"routing_failed","message":"LEAK"}})",
            Errc::upstream_failed, unknown, "system log"}),
    [](const testing::TestParamInfo<Row>& row) { return row.param.name; });

TEST(AnswerTest, GivesTheResult) {
  const auto object = read_answer(net::text_response(200, R"({"result":{"a":1}})", kJson),
                                  call_of(Kind::open_chat), kNow);
  ASSERT_TRUE(object);
  EXPECT_EQ(object->as_object().at("a"), 1);
  const auto rows = read_answer(net::text_response(200, R"({"result":[]})", kJson),
                                call_of(Kind::table_read), kNow);
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->is_array());
  EXPECT_TRUE(read_answer(net::text_response(201, R"({"result":{}})", kJson),
                          call_of(Kind::table_insert), kNow));
}

TEST(AnswerTest, AnEmptyErrorMemberIsNoError) {
  EXPECT_TRUE(read_answer(net::text_response(200, R"({"result":{"error":""}})", kJson),
                          call_of(Kind::open_chat), kNow));
  EXPECT_TRUE(read_answer(net::text_response(200, R"({"result":{"error":null}})", kJson),
                          call_of(Kind::open_chat), kNow));
}

TEST(AnswerTest, ACustomersWordHibernateInJsonIsNoSleep) {
  EXPECT_TRUE(
      read_answer(net::text_response(200, R"({"result":{"text":"my laptop hibernates"}})", kJson),
                  call_of(Kind::open_chat), kNow));
}

TEST(AnswerTest, NamesTheErrorIdOfOurOwnScripts) {
  const auto result = read_answer(
      net::text_response(404, R"({"result":{"api":2,"error":"conversation_not_found"}})", kJson),
      call_of(Kind::typing), kNow);
  EXPECT_EQ(result.error().context(), "ServiceNow typing answered 404, conversation_not_found");
}

TEST(AnswerTest, PassesOnHowLongToWait) {
  net::Response response = net::text_response(429, "{}", kJson);
  const auto wait = [&] {
    return read_answer(response, call_of(Kind::open_chat), kNow).error().retry_after();
  };
  EXPECT_EQ(wait(), std::nullopt) << "a full semaphore queue answers without Retry-After";
  response.headers.set("Retry-After", "120");
  EXPECT_EQ(wait(), std::chrono::seconds(120));
  response.headers.set("Retry-After", "Tue, 14 Nov 2023 22:14:20 GMT");
  EXPECT_EQ(wait(), std::chrono::seconds(60));
  response.headers.set("Retry-After", "Tue, 14 Nov 2017 22:14:20 GMT");
  EXPECT_EQ(wait(), std::chrono::seconds(0));
  response.headers.set("Retry-After", "soon");
  EXPECT_EQ(wait(), std::nullopt);
  response.headers.set("Retry-After", "999999999");
  EXPECT_EQ(wait(), std::chrono::hours(24));
}

TEST(TextOfTest, ReadsStringsNumbersAndReferences) {
  const json::object row =
      *parse_object(R"({"a":"x","b":7,"c":{"link":"l","value":"v"},"d":null,"e":true})");
  EXPECT_EQ(text_of(row, "a"), "x");
  EXPECT_EQ(text_of(row, "b"), "7");
  EXPECT_EQ(text_of(row, "c"), "v");
  EXPECT_EQ(text_of(row, "d"), "");
  EXPECT_EQ(text_of(row, "e"), "");
  EXPECT_EQ(text_of(row, "absent"), "");
  EXPECT_EQ(number_of(row, "b"), 7);
  EXPECT_EQ(number_of(row, "a"), 0);
}

TEST(WordTest, TellsWhoseWordAFailureIs) {
  const auto word = [](const char* body, const char* type = kJson) {
    return word_of(net::text_response(409, body, type));
  };
  EXPECT_EQ(word(R"({"result":{"api":2,"error":"in_progress"}})"), Word::busy);
  for (const char* id :
       {"chat_ended", "withdrawn", "invalid_field", "invalid_json", "conversation_not_found"})
    EXPECT_EQ(word((std::string(R"({"result":{"api":2,"error":")") + id + "\"}}").c_str()),
              Word::final)
        << id;
  for (const char* id : {"user_inactive", "missing_column", "send_failed", "internal_error"})
    EXPECT_EQ(word((std::string(R"({"result":{"api":2,"error":")") + id + "\"}}").c_str()),
              Word::itself)
        << id;
  EXPECT_EQ(word(R"({"result":{"error":"chat_ended"}})"), Word::itself) << "an old script";
  EXPECT_EQ(word(R"({"error":{"message":"x"},"status":"failure"})"), Word::nobodys);
  EXPECT_EQ(word("<html>", kHtml), Word::nobodys);
  EXPECT_EQ(word(R"({"result":{"api":2,"err)"), Word::nobodys);
}

}  // namespace
}  // namespace bridge::gateways
