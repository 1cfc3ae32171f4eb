// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>

#include "bridge/handoff/handoff.hpp"
#include "gateways/servicenow/name_cache.hpp"
#include "servicenow_fixture.hpp"

namespace bridge::gateways {
namespace {

class ResolveTest : public ServiceNowTest {
 protected:
  /// The sys_id, "none", or the id of the error.
  std::string resolve(std::string who) {
    std::string outcome;
    test::run_coroutine([&]() -> Task<> {
      auto found = co_await gateway_->user_directory().resolve(who, handoff::untraced(), soon());
      if (!found)
        outcome = id_of(found.error().errc());
      else
        outcome = found->value_or("none");
    });
    return outcome;
  }
  static std::string row(const std::string& email, const std::string& name,
                         const std::string& active = "true", const std::string& locked = "false") {
    return std::string(R"({"sys_id":")") + kUser + R"(","email":")" + email + R"(","user_name":")" +
           name + R"(","active":")" + active + R"(","locked_out":")" + locked + R"("})";
  }
  void answer_rows(const std::string& rows) { http_.answer(200, "{\"result\":[" + rows + "]}"); }
};

TEST_F(ResolveTest, FindsTheOneActiveUser) {
  answer_rows(row("Ada@Example.com", "ada"));
  EXPECT_EQ(resolve(" ada@example.com "), kUser);
  EXPECT_EQ(http_.requests.at(0).url,
            "https://dev1.example/api/now/table/sys_user?sysparm_query="
            "email%3Dada%40example.com%5EORuser_name%3Dada%40example.com%5Eactive%3Dtrue%5Elocked_"
            "out%3Dfalse"
            "&sysparm_fields=sys_id,user_name,email,active,locked_out&sysparm_limit=2&sysparm_"
            "exclude_reference_link=true");
  answer_rows(row("", "ADA"));
  EXPECT_EQ(resolve("ada"), kUser);
}

TEST_F(ResolveTest, NoneAndSeveralAreBothNobody) {
  answer_rows("");
  EXPECT_EQ(resolve("ada@example.com"), "none");
  answer_rows(row("ada@example.com", "ada") + "," + row("ada@example.com", "ada2"));
  EXPECT_EQ(resolve("ada@example.com"), "none");
}

TEST_F(ResolveTest, ARowThatDoesNotMatchIsNobody) {
  answer_rows(row("bob@example.com", "bob"));
  EXPECT_EQ(resolve("ada@example.com"), "none") << "the instance dropped a term";
  answer_rows(row("", ""));
  EXPECT_EQ(resolve("ada@example.com"), "none") << "an access control blanked the columns";
  answer_rows(row("ada@example.com", "ada", "false"));
  EXPECT_EQ(resolve("ada@example.com"), "none");
  answer_rows(row("ada@example.com", "ada", "true", "true"));
  EXPECT_EQ(resolve("ada@example.com"), "none");
}

TEST_F(ResolveTest, RefusesTextThatCouldAlterTheQuery) {
  for (const char* who :
       {"", "  ", "a^active=false", "ada@example.com^ORname=x", "a\nb", "a\x01", "a,b", "=a", "!=a",
        "<a", ">a", "*a", "%a", "javascript:gs.getUserID()", "JavaScript:x"})
    EXPECT_EQ(resolve(who), "invalid_argument") << who;
  EXPECT_EQ(resolve(std::string(255, 'a')), "invalid_argument");
  EXPECT_TRUE(http_.requests.empty());
}

TEST_F(ResolveTest, PassesOnThatItCouldNotAsk) {
  http_.answer(401, "{}");
  EXPECT_EQ(resolve("ada@example.com"), "upstream_credentials");
}

TEST(NameCacheTest, ForgetsTheLeastRecentlyUsedAndTheOld) {
  const NameCache::TimePoint start{};
  NameCache cache(2, std::chrono::minutes(10));
  cache.put("a", "Ada", start);
  cache.put("b", "Bob", start);
  EXPECT_EQ(cache.find("a", start), "Ada");
  cache.put("c", "Cem", start);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.find("b", start), std::nullopt);
  EXPECT_EQ(cache.find("a", start + std::chrono::seconds(599)), "Ada");
  EXPECT_EQ(cache.find("a", start + std::chrono::seconds(600)), std::nullopt);
  EXPECT_EQ(cache.size(), 1u);
  cache.put("c", "Cem B", start);
  EXPECT_EQ(cache.find("c", start), "Cem B");
  EXPECT_EQ(cache.size(), 1u);
}

}  // namespace
}  // namespace bridge::gateways
