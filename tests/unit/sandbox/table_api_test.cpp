// SPDX-License-Identifier: MIT
// The Table API: reference/servicenow.md 7.2, 7.3, 9.40.
#include "servicenow_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::ElementsAre;

class TableApiTest : public ServiceNowTest {
 protected:
  TableApiTest() {
    scripts.resource("noop", "return {};");
    start(scripts);
  }
  json::array rows(const std::string& target) {
    const auto response = ask("GET", "/api/now/table/" + target);
    EXPECT_EQ(response.status, 200U) << response.body;
    return parse(response.body).at("result").as_array();
  }
  json::object created(const std::string& target, const std::string& body) {
    const auto response = ask("POST", "/api/now/table/" + target, body);
    EXPECT_EQ(response.status, 201U) << response.body;
    return parse(response.body).at("result").as_object();
  }
  net::Response as(const std::string& user, const std::string& method, const std::string& target,
                   const std::string& body = {}) {
    net::Request made = request(method, "/api/now/table/" + target, body);
    made.headers.set("Authorization", basic(user, std::string(kUserPassword)));
    return sn->handle(made).response;
  }
  ScriptDir scripts;
};

TEST_F(TableApiTest, ScalarsAreStringsAndReferencesAreObjects) {
  const json::object row =
      created("incident", R"({"short_description":"printer","active":true,"caller_id":")" +
                              std::string(kAbelId) + R"("})");
  EXPECT_EQ(text(row, "active"), "true");
  EXPECT_EQ(text(row, "sys_mod_count"), "0");
  EXPECT_EQ(text(row, "assigned_to"), "") << "an empty reference is an empty text";
  const json::object caller = row.at("caller_id").as_object();
  EXPECT_EQ(text(caller, "value"), kAbelId);
  EXPECT_EQ(text(caller, "link"),
            "http://sandbox.example/api/now/table/sys_user/" + std::string(kAbelId));
}

TEST_F(TableApiTest, CreatingAnswers201WithALocationThatCanBeRead) {
  const auto response = ask("POST", "/api/now/table/incident", R"({"short_description":"x"})");
  EXPECT_EQ(response.status, 201U);
  const std::string id = text(parse(response.body).at("result").as_object(), "sys_id");
  EXPECT_EQ(response.headers.get("Location"),
            "http://sandbox.example/api/now/table/incident/" + id);
  EXPECT_EQ(ask("GET", "/api/now/table/incident/" + id).status, 200U);
}

TEST_F(TableApiTest, AnEmailIsNotACallerAndIsStoredDangling) {
  const json::object row =
      created("incident", R"({"caller_id":"abel.tuter@example.com","short_description":"x"})");
  EXPECT_EQ(text(row.at("caller_id").as_object(), "value"), "abel.tuter@example.com");
  const json::object by_mail = created("incident?sysparm_input_display_value=true",
                                       R"({"caller_id":"abel.tuter@example.com"})");
  EXPECT_EQ(text(by_mail, "caller_id"), "") << "display input resolves the name only";
  const json::object by_name =
      created("incident?sysparm_input_display_value=true", R"({"caller_id":"Abel Tuter"})");
  EXPECT_EQ(text(by_name.at("caller_id").as_object(), "value"), kAbelId);
}

TEST_F(TableApiTest, ACorrelationIdFindsWhatWasMadeBefore) {
  (void)created("incident", R"({"correlation_id":"req-1","short_description":"once"})");
  EXPECT_EQ(rows("incident?sysparm_query=correlation_id=req-1").size(), 1U);
  EXPECT_EQ(rows("incident?correlation_id=req-1").size(), 1U) << "plain pairs are filters too";
  EXPECT_EQ(rows("incident?sysparm_query=correlation_id=req-2").size(), 0U);
}

TEST_F(TableApiTest, AnInvalidQueryTermIsIgnoredAndEverythingMatches) {
  const std::size_t all = rows("sys_user").size();
  EXPECT_GT(all, 5U);
  EXPECT_EQ(rows("sys_user?sysparm_query=no_such_column=abc").size(), all);
  EXPECT_EQ(rows("sys_user?sysparm_query=user_name=guest").size(), 1U);
}

TEST_F(TableApiTest, PagesCountTheWholeAndKeepTheirOrder) {
  for (const char* name : {"b", "a", "c"})
    (void)created("incident", std::string(R"({"short_description":")") + name + "\"}");
  const std::string query =
      "/api/now/table/incident?sysparm_query=ORDERBYshort_description"
      "&sysparm_limit=2&sysparm_fields=short_description,unknown";
  const auto first = ask("GET", query);
  EXPECT_EQ(first.headers.get("X-Total-Count"), "3");
  EXPECT_EQ(json::serialize(parse(first.body)),
            R"({"result":[{"short_description":"a"},{"short_description":"b"}]})");
  EXPECT_EQ(json::serialize(parse(ask("GET", query + "&sysparm_offset=2").body)),
            R"({"result":[{"short_description":"c"}]})");
  EXPECT_EQ(ask("GET", query + "&sysparm_no_count=true").headers.count("X-Total-Count"), 0U);
}

TEST_F(TableApiTest, DisplayValuesAndLinksCanBeChosen) {
  const json::object made = created("incident", R"({"caller_id":")" + std::string(kAbelId) + "\"}");
  const std::string one = "incident/" + text(made, "sys_id") + "?sysparm_fields=caller_id";
  const auto shown = [&](const std::string& more) {
    return json::serialize(
        parse(ask("GET", "/api/now/table/" + one + more).body).at("result").at("caller_id"));
  };
  EXPECT_EQ(shown("&sysparm_exclude_reference_link=true"), "\"" + std::string(kAbelId) + "\"");
  EXPECT_EQ(shown("&sysparm_exclude_reference_link=true&sysparm_display_value=true"),
            "\"Abel Tuter\"");
  EXPECT_EQ(shown("&sysparm_exclude_reference_link=true&sysparm_display_value=all"),
            R"({"display_value":"Abel Tuter","value":")" + std::string(kAbelId) + "\"}");
}

TEST_F(TableApiTest, AbsentRowsAre404AndUnknownTables400) {
  const auto absent = ask("GET", "/api/now/table/incident/00000000000000000000000000000000");
  EXPECT_EQ(absent.status, 404U);
  EXPECT_EQ(message_of(absent), "No Record found");
  EXPECT_EQ(detail_of(absent), "Record doesn't exist or ACL restricts the record retrieval");
  const auto table = ask("GET", "/api/now/table/no_such_table");
  EXPECT_EQ(table.status, 400U);
  EXPECT_EQ(message_of(table), "Invalid table no_such_table");
  EXPECT_EQ(ask("GET", "/api/now/nothing").status, 400U);
}

TEST_F(TableApiTest, RowsAreChangedAndDeleted) {
  const json::object made = created("incident", R"({"short_description":"old"})");
  const std::string target = "/api/now/table/incident/" + text(made, "sys_id");
  const auto changed = ask("PATCH", target, R"({"short_description":"new","sys_created_by":"me"})");
  EXPECT_EQ(changed.status, 200U);
  const json::object row = parse(changed.body).at("result").as_object();
  EXPECT_EQ(text(row, "short_description"), "new");
  EXPECT_EQ(text(row, "sys_created_by"), "intranet.bridge") << "sys_ columns are not writable";
  EXPECT_EQ(ask("PUT", target, R"({"description":"more"})").status, 200U);
  EXPECT_EQ(ask("DELETE", target).status, 403U);
  EXPECT_EQ(as("admin", "DELETE", "incident/" + text(made, "sys_id")).status, 204U);
  EXPECT_EQ(ask("GET", target).status, 404U);
}

TEST_F(TableApiTest, AclsRefuseWritesAndBlankAddresses) {
  const auto refused = as("abel.tuter", "POST", "interaction", R"({"state":"new"})");
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(message_of(refused), "Operation Failed");
  EXPECT_EQ(detail_of(refused), "ACL Exception Insert Failed due to security constraints");
  const auto user = as("abel.tuter", "GET", "sys_user/" + std::string(kAlexId));
  EXPECT_EQ(text(parse(user.body).at("result").as_object(), "email"), "");
  EXPECT_EQ(text(parse(ask("GET", "/api/now/table/sys_user/" + std::string(kAlexId)).body)
                     .at("result")
                     .as_object(),
                 "email"),
            "alex.rep@example.com");
  EXPECT_EQ(text(parse(as("admin", "GET", "sys_user/" + std::string(kAlexId)).body)
                     .at("result")
                     .as_object(),
                 "user_password"),
            "");
}

TEST_F(TableApiTest, ABodyThatCannotBeReadIs400) {
  const auto broken = ask("POST", "/api/now/table/incident", "{\"a\":");
  EXPECT_EQ(broken.status, 400U);
  EXPECT_EQ(message_of(broken), "Exception while reading request");
  const auto array =
      created("incident", R"([{"short_description":"first"},{"short_description":"2"}])");
  EXPECT_EQ(text(array, "short_description"), "first");
  net::Request untyped = request("POST", "/api/now/table/incident", "{}");
  untyped.headers.remove("Content-Type");
  EXPECT_EQ(sn->handle(untyped).response.status, 400U);
}

}  // namespace
}  // namespace bridge::sandbox
