// SPDX-License-Identifier: MIT
// Everything wrong that a caller can send to each endpoint: the answer is as DESIGN 4.1 says, and
// nothing has happened.
#include <algorithm>
#include <cctype>
#include <fstream>
#include <future>
#include <map>
#include <regex>
#include <set>

#include "bridge/core/random.hpp"
#include "bridge/net/server.hpp"
#include "front.hpp"
#include "support/http_probe.hpp"

namespace bridge::channels {
namespace {

using session::State;

enum class Who {
  nobody,
  owner,         ///< Authorization: Bearer with the session's token
  owner_cookie,  ///< the browser's cookie, with application/json
  other,         ///< somebody else's token
  other_cookie,
  wrong_token,
  wrong_cookie,
  agent,
  wrong_agent,
  servicenow,
  wrong_servicenow,
  copilot,
  wrong_copilot,
  badly_signed,  ///< the right secret beside a signature that does not fit
};

struct Row {
  std::string name;
  net::Method method = net::Method::post;
  std::string target;  ///< "$sid" is the session
  std::string body;
  Who who = Who::owner;
  State state = State::live;
  unsigned status = 400;
  std::string error;
};

const std::string kUnknown(32, '0');

std::string filled(std::string text, const std::string& id) {
  for (auto at = text.find("$sid"); at != std::string::npos; at = text.find("$sid"))
    text.replace(at, 4, id);
  return text;
}

Call credentials(Call call, Who who, const Visitor& owner, const Visitor& other) {
  switch (who) {
    case Who::nobody:
      return call;
    case Who::owner:
      return std::move(call).bearer(owner.token);
    case Who::owner_cookie:
      return std::move(call).cookie(owner.cookie).as_json();
    case Who::other:
      return std::move(call).bearer(other.token);
    case Who::other_cookie:
      return std::move(call).cookie(other.cookie).as_json();
    case Who::wrong_token:
      return std::move(call).bearer(std::string(64, 'f'));
    case Who::wrong_cookie:
      return std::move(call).cookie(std::string(64, 'f')).as_json();
    case Who::agent:
      return std::move(call).agent();
    case Who::wrong_agent:
      return std::move(call).with("X-Agent-Secret", "wrong");
    case Who::servicenow:
      return std::move(call).hook();
    case Who::wrong_servicenow:
      return std::move(call).with("X-Bridge-Secret", "wrong");
    case Who::copilot:
      return std::move(call).with("X-API-Key", kCopilotKey);
    case Who::wrong_copilot:
      return std::move(call).with("X-API-Key", "wrong");
    case Who::badly_signed:
      return std::move(call).hook().with("X-Bridge-Signature",
                                         "t=1700000000,v1=" + std::string(64, '0'));
  }
  return call;
}

void check(const Row& row) {
  Front front;
  const Visitor owner = front.open_in(row.state);
  const Visitor other = front.open();
  const std::string before = front.snapshot(owner.id);
  const std::size_t lines = front.logger.lines.size();

  Call call = row.method == net::Method::get
                  ? get(filled(row.target, owner.id))
                  : post(filled(row.target, owner.id), filled(row.body, owner.id));
  const Answer answer = front.ask(credentials(std::move(call), row.who, owner, other));

  EXPECT_EQ(answer.status, row.status) << answer.text;
  EXPECT_EQ(answer["error"], row.error) << answer.text;
  EXPECT_EQ(answer.headers.get("Content-Type"), "application/json");
  EXPECT_EQ(answer.headers.get("Set-Cookie"), "");
  EXPECT_EQ(front.snapshot(owner.id), before);
  // The same reference stands in the answer and in one line of the log.
  EXPECT_TRUE(bridge::is_hex(answer["ref"], 16)) << answer.text;
  ASSERT_EQ(front.logger.lines.size(), lines + 1);
  EXPECT_NE(front.logger.lines.back().find("ref=" + answer["ref"]), std::string::npos);
  for (const std::string& secret :
       {owner.token, owner.cookie, std::string(kAgentSecret), std::string(kHookSecret)}) {
    EXPECT_EQ(answer.text.find(secret), std::string::npos);
    EXPECT_FALSE(front.logger.contains(secret));
  }
}

std::string many(std::size_t n) { return std::string(n, 'x'); }

std::string object_with(std::string_view member, std::string_view value,
                        std::string_view rest = "") {
  return "{\"" + std::string(member) + "\":" + std::string(value) + std::string(rest) + "}";
}

/// What is wrong with a body whatever it is about.
void add_bodies(std::vector<Row>& rows, const std::string& name, const std::string& target,
                Who who) {
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "{\"a\":";
  deep += "1" + std::string(40, '}');
  const auto add = [&](std::string what, std::string body, std::string error) {
    rows.push_back({name + "_" + what, net::Method::post, target, std::move(body), who, State::live,
                    400, std::move(error)});
  };
  add("cut_short", R"({"session_id":"$sid")", "malformed");
  add("form", "session_id=$sid&text=hi", "malformed");
  add("two_objects", "{}{}", "malformed");
  add("too_deep", deep, "malformed");
  add("broken_utf8", "{\"session_id\":\"$sid\",\"text\":\"\xff\"}", "malformed");
  add("list", R"([{"session_id":"$sid"}])", "invalid_argument");
  add("text", R"("$sid")", "invalid_argument");
}

/// A member that has the wrong type or is too long.
void add_field(std::vector<Row>& rows, const std::string& name, const std::string& target, Who who,
               const std::string& member, std::size_t limit, const std::string& rest = "") {
  const auto add = [&](std::string what, const std::string& value) {
    rows.push_back({name + "_" + member + "_" + what, net::Method::post, target,
                    object_with(member, value, rest), who, State::live, 400, "invalid_argument"});
  };
  add("number", "42");
  add("flag", "true");
  add("list", R"(["a"])");
  add("object", R"({"a":1})");
  add("too_long", "\"" + many(limit + 1) + "\"");
  add("control_character", R"("a\u0000b")");
}

std::vector<Row> browser_rows() {
  std::vector<Row> rows;
  const std::string api = "/api/servicenow/";
  struct Endpoint {
    std::string name;
    std::string target;
    std::string body;
    net::Method method = net::Method::post;
  };
  const std::vector<Endpoint> endpoints{
      {"escalate", api + "escalate", R"({"session_id":"$sid"})"},
      {"user_message", api + "user-message", R"({"session_id":"$sid","text":"hi"})"},
      {"end_text", api + "user-message", R"({"session_id":"$sid","text":"[user ended the chat]"})"},
      {"typing", api + "typing", R"({"session_id":"$sid"})"},
      {"end", api + "end", R"({"session_id":"$sid"})"},
      {"poll", api + "poll/$sid", "", net::Method::get},
  };
  for (const Endpoint& endpoint : endpoints) {
    const auto add = [&](std::string what, Who who, unsigned status, std::string error) {
      rows.push_back({endpoint.name + "_" + what, endpoint.method, endpoint.target, endpoint.body,
                      who, State::live, status, std::move(error)});
    };
    add("by_nobody", Who::nobody, 401, "session token required");
    add("with_wrong_token", Who::wrong_token, 403, "not your session");
    add("with_wrong_cookie", Who::wrong_cookie, 403, "not your session");
    add("with_wrong_agent_secret", Who::wrong_agent, 403, "not your session");
    add("with_servicenows_secret", Who::servicenow, 401, "session token required");
    add("of_somebody_else", Who::other, 403, "not your session");
    add("of_somebody_elses_browser", Who::other_cookie, 403, "not your session");
    if (endpoint.name == "escalate") continue;  // makes a session of its own
    for (const auto& [what, id] : {std::pair<std::string, std::string>{"unknown", kUnknown},
                                   {"short", "abc"},
                                   {"upper_case", std::string(32, 'A')}}) {
      std::string target = endpoint.target, body = endpoint.body;
      if (const auto at = target.find("$sid"); at != std::string::npos) target.replace(at, 4, id);
      if (const auto at = body.find("$sid"); at != std::string::npos) body.replace(at, 4, id);
      rows.push_back({endpoint.name + "_of_" + what + "_session", endpoint.method, target, body,
                      Who::owner, State::live, 404, "unknown session"});
    }
  }
  for (const char* name : {"escalate", "user-message", "typing", "end"}) {
    std::string plain = name;
    std::replace(plain.begin(), plain.end(), '-', '_');
    add_bodies(rows, plain, api + name, Who::owner);
    add_field(rows, plain, api + name, Who::owner, "session_id", 64, R"(,"text":"hi")");
  }
  for (const char* name : {"typing", "end"}) {
    rows.push_back({name + std::string("_without_session"), net::Method::post, api + name, "{}",
                    Who::owner, State::live, 400, "session_id required"});
    rows.push_back({name + std::string("_without_body"), net::Method::post, api + name, "",
                    Who::owner, State::live, 400, "session_id required"});
  }

  const std::string say = api + "user-message";
  const auto message = [&](std::string what, std::string body, State state, unsigned status,
                           std::string error) {
    rows.push_back({"user_message_" + what, net::Method::post, say, std::move(body), Who::owner,
                    state, status, std::move(error)});
  };
  const std::string kBoth = "session_id and text required";
  message("without_body", "", State::live, 400, kBoth);
  message("without_text", R"({"session_id":"$sid"})", State::live, 400, kBoth);
  message("without_session", R"({"text":"hi"})", State::live, 400, kBoth);
  message("with_blank_text", R"({"session_id":"$sid","text":" \n "})", State::live, 400, kBoth);
  message("with_null_text", R"({"session_id":"$sid","text":null})", State::live, 400, kBoth);
  message("to_the_assistant", R"({"session_id":"$sid","text":"hi"})", State::bot, 409,
          "no live chat");
  message("after_the_end", R"({"session_id":"$sid","text":"hi"})", State::closed, 409,
          "session closed");
  message("with_odd_id", R"({"session_id":"$sid","text":"hi","client_message_id":"a b"})",
          State::live, 400, "invalid_argument");
  message("with_query_in_id", R"({"session_id":"$sid","text":"hi","client_message_id":"a^b"})",
          State::live, 400, "invalid_argument");
  add_field(rows, "user_message", say, Who::owner, "text", 8'000, R"(,"session_id":"$sid")");
  add_field(rows, "user_message", say, Who::owner, "client_message_id", 64,
            R"(,"session_id":"$sid","text":"hi")");

  const std::string escalate = api + "escalate";
  for (const auto& [member, limit] : {std::pair<std::string, std::size_t>{"opening_message", 8'000},
                                      {"user_email", 320},
                                      {"user_display_name", 200}}) {
    add_field(rows, "escalate", escalate, Who::owner, member, limit, R"(,"session_id":"$sid")");
    add_field(rows, "escalate_anew", escalate, Who::nobody, member, limit);
  }
  rows.push_back({"escalate_context_too_long", net::Method::post, escalate,
                  object_with("context", "\"" + many(4'001) + "\"", R"(,"session_id":"$sid")"),
                  Who::owner, State::bot, 400, "invalid_argument"});
  rows.push_back({"escalate_context_object_too_long", net::Method::post, escalate,
                  object_with("context", "{\"a\":\"" + many(4'000) + "\"}"), Who::nobody,
                  State::bot, 400, "invalid_argument"});

  add_bodies(rows, "init_session", api + "init-session", Who::nobody);
  add_field(rows, "init_session", api + "init-session", Who::nobody, "user_email", 320);
  add_field(rows, "init_session", api + "init-session", Who::nobody, "user_display_name", 200);

  for (const auto& [name, query] :
       std::vector<std::pair<std::string, std::string>>{{"after_garbage", "after=garbage"},
                                                        {"after_empty", "after="},
                                                        {"after_negative", "after=0:-1"},
                                                        {"after_half", "after=0:"},
                                                        {"wait_word", "wait=abc"},
                                                        {"wait_empty", "wait="},
                                                        {"wait_negative", "wait=-1"},
                                                        {"wait_fraction", "wait=1.5"},
                                                        {"wait_unit", "wait=5s"}})
    rows.push_back({"poll_" + name, net::Method::get, api + "poll/$sid?" + query, "", Who::owner,
                    State::live, 400, "invalid_argument"});
  return rows;
}

std::vector<Row> server_rows() {
  std::vector<Row> rows;
  const std::string escalate = "/api/servicenow/agent/escalate";
  const std::string ticket = "/api/servicenow/agent/create-ticket";
  const auto refused = [&](const std::string& name, const std::string& target,
                           const std::string& body,
                           std::initializer_list<std::pair<const char*, Who>> callers) {
    for (const auto& [what, who] : callers)
      rows.push_back(
          {name + "_" + what, net::Method::post, target, body, who, State::live, 403, "forbidden"});
  };
  const auto strangers = {std::pair<const char*, Who>{"by_nobody", Who::nobody},
                          {"with_wrong_secret", Who::wrong_agent},
                          {"with_session_token", Who::owner},
                          {"with_cookie", Who::owner_cookie},
                          {"with_servicenows_secret", Who::servicenow}};
  refused("agent_escalate", escalate, R"({"session_id":"$sid"})", strangers);
  refused("agent_escalate_garbage", escalate, "{", strangers);
  refused("ticket", ticket, R"({"short_description":"a"})", strangers);
  add_bodies(rows, "agent_escalate", escalate, Who::agent);
  add_bodies(rows, "ticket", ticket, Who::agent);
  add_field(rows, "agent_escalate", escalate, Who::agent, "session_id", 256);
  add_field(rows, "agent_escalate", escalate, Who::agent, "user_id", 256);
  add_field(rows, "agent_escalate", escalate, Who::agent, "opening_message", 8'000,
            R"(,"session_id":"$sid")");
  add_field(rows, "agent_escalate", escalate, Who::agent, "summary", 8'000,
            R"(,"session_id":"$sid")");
  for (const char* body :
       {"", "{}", R"({"session_id":" "})", R"({"session_id":null,"user_id":""})"})
    rows.push_back({"agent_escalate_of_nobody_" + std::to_string(rows.size()), net::Method::post,
                    escalate, body, Who::agent, State::live, 400, "session_id required"});
  for (const char* body :
       {R"({"session_id":"00000000000000000000000000000000"})", R"({"session_id":"abc"})",
        R"({"user_id":"dl_00000000000000000000000000000000"})",
        R"({"session_id":"abc","user_id":"def"})"})
    rows.push_back({"agent_escalate_of_unknown_" + std::to_string(rows.size()), net::Method::post,
                    escalate, body, Who::agent, State::live, 404, "unknown session"});
  for (const char* body : {"", R"({"short_description":"  "})", R"({"description":"a"})"})
    rows.push_back({"ticket_without_subject_" + std::to_string(rows.size()), net::Method::post,
                    ticket, body, Who::agent, State::live, 400, "short_description required"});
  add_field(rows, "ticket", ticket, Who::agent, "short_description", 1'000);
  add_field(rows, "ticket", ticket, Who::agent, "description", 4'000,
            R"(,"short_description":"a")");
  add_field(rows, "ticket", ticket, Who::agent, "caller_email", 320, R"(,"short_description":"a")");
  add_field(rows, "ticket", ticket, Who::agent, "request_id", 100, R"(,"short_description":"a")");

  for (const auto& [name, target] :
       {std::pair<std::string, std::string>{"webhook", "/api/servicenow/webhook"},
        {"sn_webhook", "/api/sn-webhook"}}) {
    const std::string body = R"({"bridge_session_id":"$sid","text":"hi","message_sys_id":"m1"})";
    refused(name, target, body,
            {{"by_nobody", Who::nobody},
             {"with_wrong_secret", Who::wrong_servicenow},
             {"badly_signed", Who::badly_signed},
             {"with_agent_secret", Who::agent},
             {"with_session_token", Who::owner}});
    add_bodies(rows, name, target, Who::servicenow);
    for (const char* member : {"text", "event", "bridge_session_id", "interaction_sys_id",
                               "conversation_sys_id", "message_sys_id", "sender_sys_id"})
      for (const char* value : {"42", "true", "[]", "{}"})
        rows.push_back({name + "_" + member + "_" + std::to_string(rows.size()), net::Method::post,
                        target, object_with(member, value, R"(,"rep_name":"Alex")"),
                        Who::servicenow, State::live, 400, "invalid_argument"});
    for (const char* member : {"bridge_session_id", "interaction_sys_id", "conversation_sys_id",
                               "interaction_number", "message_sys_id", "sender_sys_id",
                               "rep_sys_id", "rep_name", "send_time", "sys_created_on"})
      rows.push_back({name + "_" + member + "_too_long", net::Method::post, target,
                      object_with(member, "\"" + many(201) + "\""), Who::servicenow, State::live,
                      400, "invalid_argument"});
  }
  for (const char* body :
       {"", "{}", R"({"text":"hi"})", R"({"bridge_session_id":"abc","text":"hi"})",
        R"({"bridge_session_id":"00000000000000000000000000000000","text":"hi"})",
        R"({"interaction_sys_id":"nope","event":"closed"})"})
    rows.push_back({"webhook_of_unknown_" + std::to_string(rows.size()), net::Method::post,
                    "/api/servicenow/webhook", body, Who::servicenow, State::live, 404,
                    "session not found"});

  const std::string token = "/directline/token";
  add_bodies(rows, "directline", token, Who::nobody);
  add_field(rows, "directline", token, Who::nobody, "user_id", 256);
  for (const char* user : {"$sid", "dl_$sid"})
    for (const auto& [what, who, status, error] :
         {std::tuple<const char*, Who, unsigned, const char*>{"by_nobody", Who::nobody, 401u,
                                                              "session token required"},
          {"of_somebody_else", Who::other, 403u, "not your session"},
          {"with_wrong_cookie", Who::wrong_cookie, 403u, "not your session"}})
      rows.push_back({"directline_" + std::string(user[0] == 'd' ? "prefixed_" : "") + what,
                      net::Method::post, token,
                      object_with("user_id", "\"" + std::string(user) + "\""), who, State::live,
                      status, error});

  for (const char* path :
       {"/nowhere", "/api/servicenow/nowhere", "/api/servicenow/poll/", "/api", "/ws/intranet"})
    rows.push_back({"unknown_path_" + std::to_string(rows.size()), net::Method::get, path, "",
                    Who::owner, State::live, 404, "not_found"});
  return rows;
}

/// Lenient with what an Activity holds besides: only what no answer is possible without is asked
/// for.
std::vector<Row> activity_rows() {
  std::vector<Row> rows;
  const auto activity = [](const std::string& conversation, const std::string& url,
                           const std::string& rest = "") {
    return R"({"type":"message","text":"hi","from":{"id":"$sid"},"conversation":)" + conversation +
           R"(,"serviceUrl":)" + url + rest + "}";
  };
  const std::string conversation = R"({"id":"c1"})";
  const std::string url = R"("https://copilot.example/cb?s=1")";
  const auto add = [&](std::string what, std::string body, Who who, unsigned status,
                       std::string error) {
    rows.push_back({"messages_" + std::move(what), net::Method::post, "/api/messages",
                    std::move(body), who, State::live, status, std::move(error)});
  };
  for (const auto& [what, who] : {std::pair<std::string, Who>{"by_nobody", Who::nobody},
                                  {"with_wrong_key", Who::wrong_copilot},
                                  {"with_session_token", Who::owner},
                                  {"with_cookie", Who::owner_cookie},
                                  {"with_agent_secret", Who::agent},
                                  {"with_servicenows_secret", Who::servicenow}}) {
    add(what, activity(conversation, url), who, 401, "unauthorized");
    add("garbage_" + what, "{", who, 401, "unauthorized");
  }
  add_bodies(rows, "messages", "/api/messages", Who::copilot);
  const auto refused = [&](std::string what, std::string body) {
    add(std::move(what), std::move(body), Who::copilot, 400, "invalid_argument");
  };
  refused("without_body", "");
  for (const char* type : {"42", "null", "[]", "{}", "true", R"("")"})
    refused("of_type_" + std::to_string(rows.size()),
            object_with("type", type, R"(,"conversation":{"id":"c1"},"serviceUrl":)" + url));
  for (const char* odd : {"42", "null", "[]", "{}", R"("c1")", R"({"id":42})", R"({"id":" "})"})
    refused("in_conversation_" + std::to_string(rows.size()), activity(odd, url));
  for (const char* odd : {"42", "null", "[]", R"("")"})
    refused("with_url_" + std::to_string(rows.size()), activity(conversation, odd));
  refused("in_too_long_conversation", activity(R"({"id":")" + many(2'001) + "\"}", url));
  refused("with_too_long_url", activity(conversation, "\"https://" + many(9'000) + "\""));
  refused("with_too_long_id", activity(conversation, url, R"(,"id":")" + many(1'001) + "\""));
  return rows;
}

/// All rows of one endpoint.
struct Table {
  std::string name;
  std::vector<Row> rows;
};
void PrintTo(const Table& table, std::ostream* out) { *out << table.name; }

std::vector<Table> by_endpoint() {
  std::map<std::string, Table> tables;
  for (const auto& rows : {browser_rows(), server_rows(), activity_rows()})
    for (const Row& row : rows) {
      std::string name = row.error == "not_found" ? "unknown_path"
                                                  : row.target.substr(1, row.target.find('?') - 1);
      if (const auto poll = name.find("/poll/"); poll != std::string::npos) name.resize(poll + 5);
      for (char& c : name)
        if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
      tables[name].name = name;
      tables[name].rows.push_back(row);
    }
  std::vector<Table> list;
  for (auto& [name, table] : tables) list.push_back(std::move(table));
  return list;
}

class BadInput : public testing::TestWithParam<Table> {};

TEST_P(BadInput, IsRefusedAndNothingHappens) {
  for (const Row& row : GetParam().rows) {
    SCOPED_TRACE(row.name);
    check(row);
  }
}

INSTANTIATE_TEST_SUITE_P(Endpoints, BadInput, testing::ValuesIn(by_endpoint()),
                         [](const auto& table) { return table.param.name; });

// ---- What the router answers by itself -------------------------------------------------------

TEST(Methods, AWrongOneIsToldWhichAreRight) {
  Front front;
  const Answer answer = front.ask(get("/api/servicenow/escalate"));
  EXPECT_EQ(answer.status, 405u);
  EXPECT_EQ(answer["error"], "method_not_allowed");
  EXPECT_NE(answer.headers.get("Allow").find("POST"), std::string_view::npos);
}

/// "POST", "/api/..." of every endpoint that the API reference lists.
std::vector<std::pair<std::string, std::string>> documented_endpoints() {
  std::ifstream file(BRIDGE_SOURCE_DIR "/docs/08-api-reference.md");
  std::vector<std::pair<std::string, std::string>> found;
  for (std::string line; std::getline(file, line) && !line.starts_with("## ");) {
    if (!line.starts_with("| `")) continue;
    static const std::regex endpoint("`(GET|POST) (/[^` ]*)`");
    for (std::sregex_iterator at(line.begin(), line.end(), endpoint), end; at != end; ++at)
      found.emplace_back((*at)[1].str(), (*at)[2].str());
  }
  return found;
}

TEST(BadInputTable, HasRowsForEveryDocumentedEndpointThatTakesInput) {
  std::set<std::string> named;
  for (const Table& table : by_endpoint()) named.insert(table.name);
  std::size_t expected = 0;
  for (const auto& [method, path] : documented_endpoints()) {
    if (method == "GET" && path.find("/poll/") == std::string::npos) continue;  // nothing goes in
    std::string name = path.substr(1, path.find("/<") - 1);
    for (char& c : name)
      if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
    EXPECT_TRUE(named.contains(name)) << method << " " << path;
    ++expected;
  }
  EXPECT_GE(expected, 10u) << "the table in the document was not found";
}

TEST(Methods, OfEveryDocumentedEndpointAreChecked) {
  Front front;
  const std::string before = front.snapshot({});
  for (auto [method, path] : documented_endpoints()) {
    if (method == "GET" && !path.starts_with("/api/") && !path.starts_with("/ws/")) continue;
    if (const auto at = path.find('<'); at != std::string::npos)
      path.replace(at, path.find('>') - at + 1, kUnknown);
    const Answer answer = front.ask(Call(net::Method::delete_, path));
    EXPECT_EQ(answer.status, 405u) << path;
    EXPECT_EQ(answer["error"], "method_not_allowed") << path;
    EXPECT_NE(answer.headers.get("Allow").find(method), std::string_view::npos) << path;
  }
  EXPECT_EQ(front.snapshot({}), before);
}

/// Asks a real server, byte by byte, while the front's context runs here.
test::ProbeResponse ask_server(Front& front, std::uint16_t port, const std::string& bytes) {
  auto answer = std::async(std::launch::async, [port, &bytes] {
    test::RawConnection connection(port);
    connection.send(bytes);
    return connection.receive_response();
  });
  while (answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    front.context.restart();
    front.context.run_for(std::chrono::milliseconds(5));
  }
  return answer.get();
}

TEST(BodyLimits, AnOversizedBodyIsRefusedUnreadByEveryEndpoint) {
  Front front;
  const Visitor visitor = front.open_live();
  const std::string before = front.snapshot(visitor.id);
  auto server = net::start_server(front.context.get_executor(), {}, front.router, front.logger);
  ASSERT_TRUE(server);
  std::size_t tried = 0;
  for (const auto& [method, path] : documented_endpoints()) {
    if (method != "POST") continue;
    Call call = post(path);
    const auto match = front.router.match(call.request);
    ASSERT_TRUE(match.route) << path;
    // With every proof there is: the size alone is what is wrong.
    const std::string head = "POST " + path + " HTTP/1.1\r\nHost: bridge.example\r\n" +
                             "X-Agent-Secret: " + std::string(kAgentSecret) +
                             "\r\nX-Bridge-Secret: " + std::string(kHookSecret) + "\r\n";
    const auto limit = std::to_string(match.route->body_limit + 1);
    const auto announced =
        ask_server(front, (*server)->port(), head + "Content-Length: " + limit + "\r\n\r\n");
    EXPECT_EQ(announced.status, 413u) << path;
    EXPECT_EQ(Answer(net::text_response(413, announced.body))["error"], "too_large");
    ++tried;
  }
  EXPECT_GE(tried, 9u);
  EXPECT_EQ(front.snapshot(visitor.id), before);
  front.run([&]() -> Task<> { return (*server)->stop(in(std::chrono::seconds(3))); });
}

TEST(Methods, APlainRequestToTheWebSocketIsToldToUpgrade) {
  Front front;
  const Answer answer = front.ask(get("/ws/intranet/" + kUnknown));
  EXPECT_EQ(answer.status, 426u);
  EXPECT_EQ(answer.headers.get("Upgrade"), "websocket");
}

TEST(BodyLimits, AreSetForEveryRoute) {
  Front front;
  // JSON may write a character in twelve bytes; 8,000 of a text, 4,000 of a context.
  const std::map<std::string, std::size_t> limits = {{"init-session", 16 * 1024},
                                                     {"escalate", 12 * 12'000 + 16 * 1024},
                                                     {"user-message", 12 * 12'000 + 16 * 1024},
                                                     {"typing", 16 * 1024},
                                                     {"end", 16 * 1024},
                                                     {"agent/escalate", 2 * 12 * 8'000 + 16 * 1024},
                                                     {"agent/create-ticket", 80 * 1024}};
  for (const auto& [path, limit] : limits) {
    Call call = post("/api/servicenow/" + path);
    const auto match = front.router.match(call.request);
    ASSERT_TRUE(match.route) << path;
    EXPECT_EQ(match.route->body_limit, limit) << path;
  }
  Call activity = post("/api/messages");
  EXPECT_EQ(front.router.match(activity.request).route->body_limit, 512u * 1024);
  Call hook = post("/api/servicenow/webhook");
  EXPECT_EQ(front.router.match(hook.request).route->body_limit, 1024u * 1024);
}

TEST(LongestAllowed, FieldsAreTaken) {
  Front front;
  const Visitor visitor = front.open_live();
  std::string text;
  for (int i = 0; i < 8'000; ++i) text += "ü";
  const Answer answer =
      front.ask(post("/api/servicenow/user-message", {{"session_id", visitor.id},
                                                      {"text", text},
                                                      {"client_message_id", std::string(64, 'a')}})
                    .bearer(visitor.token));
  EXPECT_EQ(answer.status, 200u) << answer.text;
  EXPECT_EQ(front.chat.sends.back(), text);
}

}  // namespace
}  // namespace bridge::channels
