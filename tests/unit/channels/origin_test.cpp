// SPDX-License-Identifier: MIT
// Which pages may connect: WebSocket and CORS. DESIGN 4.2.
#include "front.hpp"

namespace bridge::channels {
namespace {

struct OriginCase {
  std::string name;
  std::string origin;
  bool allowed;
  std::string host = "bridge.example";
  std::string forwarded_host = {};
  bool trust_forwarded = false;
  std::string public_url = {};
  std::vector<std::string> listed = {};
};
void PrintTo(const OriginCase& c, std::ostream* out) { *out << c.name; }

class WebSocketOrigin : public testing::TestWithParam<OriginCase> {};

TEST_P(WebSocketOrigin, IsDecidedBeforeTheUpgrade) {
  const OriginCase& c = GetParam();
  Options options = Front::usual();
  options.trusted_proxies = c.trust_forwarded ? 1 : 0;
  options.public_url = c.public_url;
  options.allowed_origins = c.listed;
  Front front(std::move(options));
  Call call = get("/ws/intranet/" + std::string(32, 'a')).with("Host", c.host);
  if (!c.origin.empty()) call = std::move(call).with("Origin", c.origin);
  if (!c.forwarded_host.empty()) call = std::move(call).with("X-Forwarded-Host", c.forwarded_host);
  const auto match = front.router.match(call.request);
  ASSERT_TRUE(match.websocket);
  const auto refused = match.websocket->refuse(call.request);
  EXPECT_EQ(!refused, c.allowed);
  if (refused) {
    const Answer answer(*refused);
    EXPECT_EQ(answer.status, 403u);
    EXPECT_EQ(answer["error"], "forbidden");
    EXPECT_NE(answer["hint"].find("ALLOWED_ORIGINS"), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Rules, WebSocketOrigin,
    testing::Values(
        OriginCase{.name = "NoneIsAProgram", .origin = "", .allowed = true},
        OriginCase{.name = "Same", .origin = "https://bridge.example", .allowed = true},
        OriginCase{
            .name = "SchemeDoesNotCount", .origin = "http://bridge.example", .allowed = true},
        OriginCase{.name = "CaseDoesNotCount", .origin = "https://Bridge.Example", .allowed = true},
        OriginCase{.name = "Null", .origin = "null", .allowed = false},
        OriginCase{.name = "Foreign", .origin = "https://evil.example", .allowed = false},
        OriginCase{.name = "LongerName",
                   .origin = "https://bridge.example.evil.example",
                   .allowed = false},
        OriginCase{.name = "Subdomain", .origin = "https://a.bridge.example", .allowed = false},
        OriginCase{.name = "OtherPort", .origin = "https://bridge.example:8443", .allowed = false},
        OriginCase{
            .name = "DefaultHttpsPort", .origin = "https://bridge.example:443", .allowed = true},
        OriginCase{.name = "DefaultPortInHost",
                   .origin = "https://bridge.example",
                   .allowed = true,
                   .host = "bridge.example:443"},
        OriginCase{.name = "DefaultHttpPortInHost",
                   .origin = "http://bridge.example",
                   .allowed = true,
                   .host = "bridge.example:80"},
        OriginCase{.name = "SamePort",
                   .origin = "http://localhost:5000",
                   .allowed = true,
                   .host = "localhost:5000"},
        OriginCase{.name = "PortMissingInHost",
                   .origin = "http://localhost:5000",
                   .allowed = false,
                   .host = "localhost"},
        OriginCase{
            .name = "Ipv6", .origin = "http://[::1]:5000", .allowed = true, .host = "[::1]:5000"},
        OriginCase{.name = "EmptyAuthority",
                   .origin = "file://",
                   .allowed = false,
                   .host = "",
                   .trust_forwarded = true},
        OriginCase{.name = "EmptyAuthorityBehindAProxy",
                   .origin = "file://",
                   .allowed = false,
                   .trust_forwarded = true},
        OriginCase{.name = "ForwardedHostUntrusted",
                   .origin = "https://chat.example",
                   .allowed = false,
                   .host = "10.0.0.1:5000",
                   .forwarded_host = "chat.example"},
        OriginCase{.name = "ForwardedHostTrusted",
                   .origin = "https://chat.example",
                   .allowed = true,
                   .host = "10.0.0.1:5000",
                   .forwarded_host = "chat.example",
                   .trust_forwarded = true},
        OriginCase{.name = "ForwardedHostOfTheNearestProxy",
                   .origin = "https://chat.example",
                   .allowed = true,
                   .host = "10.0.0.1:5000",
                   .forwarded_host = "evil.example, chat.example",
                   .trust_forwarded = true},
        OriginCase{.name = "ForwardedHostOfTheCaller",
                   .origin = "https://evil.example",
                   .allowed = false,
                   .host = "10.0.0.1:5000",
                   .forwarded_host = "evil.example, chat.example",
                   .trust_forwarded = true},
        OriginCase{.name = "PublicUrl",
                   .origin = "https://public.example",
                   .allowed = true,
                   .host = "localhost:5000",
                   .public_url = "https://public.example/path"},
        OriginCase{.name = "PublicUrlOfSomebodyElse",
                   .origin = "https://evil.example",
                   .allowed = false,
                   .host = "localhost:5000",
                   .public_url = "https://public.example"},
        OriginCase{.name = "Listed",
                   .origin = "https://portal.example",
                   .allowed = true,
                   .listed = {"https://intra.example", "https://portal.example"}},
        OriginCase{.name = "ListedByAuthority",
                   .origin = "http://portal.example",
                   .allowed = true,
                   .listed = {"https://portal.example"}},
        OriginCase{.name = "ListedWithPort",
                   .origin = "https://portal.example:8443",
                   .allowed = true,
                   .listed = {"https://portal.example:8443"}},
        OriginCase{.name = "NotListed",
                   .origin = "https://other.example",
                   .allowed = false,
                   .listed = {"https://portal.example"}},
        OriginCase{.name = "NullIsNeverListed",
                   .origin = "null",
                   .allowed = false,
                   .listed = {"https://portal.example"}}),
    [](const auto& rule) { return rule.param.name; });

// ---- CORS ------------------------------------------------------------------------------------

Options with_portal() {
  Options options = Front::usual();
  options.allowed_origins = {"https://portal.example"};
  return options;
}

TEST(Cors, AListedPageMayReadEveryAnswer) {
  Front front(with_portal());
  for (Call call : {post("/api/servicenow/init-session"), post("/api/servicenow/user-message"),
                    get("/nowhere"), get("/api/servicenow/escalate")}) {
    const Answer answer = front.ask(std::move(call).with("Origin", "https://portal.example"));
    EXPECT_EQ(answer.headers.get("Access-Control-Allow-Origin"), "https://portal.example")
        << answer.text;
    EXPECT_EQ(answer.headers.get("Vary"), "Origin");
    EXPECT_FALSE(answer.headers.has("Access-Control-Allow-Credentials"))
        << "the cookie is for our own pages";
  }
}

TEST(Cors, OthersMayNot) {
  Front front(with_portal());
  for (const char* origin : {"https://evil.example", "null", "https://portal.example.evil.example",
                             "https://portal.example:8443", "http://portal.example", "*"}) {
    const Answer answer = front.ask(post("/api/servicenow/init-session").with("Origin", origin));
    EXPECT_FALSE(answer.headers.has("Access-Control-Allow-Origin")) << origin;
  }
  const Answer plain = front.ask(post("/api/servicenow/init-session"));
  EXPECT_FALSE(plain.headers.has("Access-Control-Allow-Origin"));
}

TEST(Cors, APreflightIsAnswered) {
  Front front(with_portal());
  const auto preflight = [&](const char* origin) {
    return front.ask(Call(net::Method::options, "/api/servicenow/user-message")
                         .with("Origin", origin)
                         .with("Access-Control-Request-Method", "POST")
                         .with("Access-Control-Request-Headers", "authorization,content-type"));
  };
  const Answer allowed = preflight("https://portal.example");
  EXPECT_EQ(allowed.status, 204u);
  EXPECT_EQ(allowed.headers.get("Access-Control-Allow-Origin"), "https://portal.example");
  EXPECT_NE(allowed.headers.get("Access-Control-Allow-Methods").find("POST"),
            std::string_view::npos);
  EXPECT_NE(allowed.headers.get("Access-Control-Allow-Headers").find("Authorization"),
            std::string_view::npos);
  EXPECT_NE(allowed.headers.get("Access-Control-Allow-Headers").find("Content-Type"),
            std::string_view::npos);
  const Answer foreign = preflight("https://evil.example");
  EXPECT_FALSE(foreign.headers.has("Access-Control-Allow-Origin"));
  EXPECT_FALSE(foreign.headers.has("Access-Control-Allow-Methods"));
}

TEST(Cors, AListedPageUsesItsTokenFromAnywhere) {
  Front front(with_portal());
  const Visitor visitor = front.open();
  const Answer answer = front.ask(post("/api/servicenow/typing", {{"session_id", visitor.id}})
                                      .bearer(visitor.token)
                                      .with("Origin", "https://portal.example"));
  EXPECT_EQ(answer.status, 200u);
}

TEST(CommonHeaders, AreOnEveryAnswer) {
  Front front;
  for (Call call : {post("/api/servicenow/init-session"), get("/healthz"), get("/nowhere")}) {
    const Answer answer = front.ask(std::move(call));
    EXPECT_EQ(answer.headers.get("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.headers.get("Cache-Control"), "no-store");
  }
}

}  // namespace
}  // namespace bridge::channels
