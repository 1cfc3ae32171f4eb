// SPDX-License-Identifier: MIT
// The headers that a dev tunnel and an Azure Container Apps ingress put on a request, and what must
// come of them: a Secure cookie, our own page let in, everybody else kept out. DESIGN 4.2.
#include "channels/forwarded.hpp"
#include "front.hpp"

namespace bridge::channels {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Place {
  std::string name;
  int trusted_proxies = 0;
  std::string public_url;
  Fields headers;       ///< of every request, without Origin
  std::string own;      ///< Origin of the bridge's own page, as it arrives here
  std::string visitor;  ///< the address that is counted
};
void PrintTo(const Place& place, std::ostream* out) { *out << place.name; }

std::vector<Place> places() {
  const std::string tunnel = "abc12345-5000.use.devtunnels.ms";
  const std::string app = "bridge.kindstone-1a2b3c4d.westeurope.azurecontainerapps.io";
  // A dev tunnel replaces X-Forwarded-*, and rewrites Host and its own Origin to localhost.
  const Fields from_tunnel{{"Host", "localhost:5000"},
                           {"X-Forwarded-For", "198.51.100.23"},
                           {"X-Forwarded-Proto", "https"},
                           {"X-Forwarded-Host", tunnel},
                           {"X-Original-Host", tunnel},
                           {"X-Original-Proto", "http"},
                           {"Referer", "https://" + tunnel + "/"}};
  // The ingress (Envoy) keeps Host, replaces X-Forwarded-Proto, appends to X-Forwarded-For.
  const Fields from_ingress{{"Host", app},
                            {"X-Forwarded-For", "203.0.113.66, 198.51.100.23"},
                            {"X-Forwarded-Proto", "https"},
                            {"X-Envoy-External-Address", "198.51.100.23"},
                            {"X-Request-Id", "3f0c9d9e-5c0f-4d5e-8f6a-0a4bb2a1c0de"},
                            {"X-Envoy-Expected-Rq-Timeout-Ms", "1800000"}};
  Fields unchanged = from_tunnel;  // devtunnel update --host-header unchanged
  unchanged[0].second = tunnel;
  Fields custom = from_ingress;
  custom[0].second = "chat.example.com";
  Fields ipv6 = from_ingress;
  ipv6[1].second = "2001:db8:1:2::77";
  Fields gateway = from_ingress;  // an Application Gateway in front, which adds a port
  gateway[1].second = "203.0.113.66, 198.51.100.23:51234, 10.1.0.4";
  return {
      {"DevTunnel", 1, "https://" + tunnel, from_tunnel, "http://localhost:5000", "198.51.100.23"},
      {"DevTunnelWithoutPublicUrl", 1, "", from_tunnel, "http://localhost:5000", "198.51.100.23"},
      {"DevTunnelThatLeavesTheOrigin", 1, "", from_tunnel, "https://" + tunnel, "198.51.100.23"},
      {"DevTunnelThatLeavesTheHost", 1, "", unchanged, "https://" + tunnel, "198.51.100.23"},
      {"DevTunnelThatNobodyDeclared", 0, "https://" + tunnel, from_tunnel, "http://localhost:5000",
       "192.0.2.7"},
      {"ContainerApps", 1, "https://" + app, from_ingress, "https://" + app, "198.51.100.23"},
      {"ContainerAppsWithoutPublicUrl", 1, "", from_ingress, "https://" + app, "198.51.100.23"},
      {"ContainerAppsWithItsOwnDomain", 1, "https://chat.example.com", custom,
       "https://chat.example.com", "198.51.100.23"},
      {"ContainerAppsByIPv6", 1, "", ipv6, "https://" + app, "2001:db8:1:2::1"},
      {"ContainerAppsBehindAGateway", 2, "", gateway, "https://" + app, "198.51.100.23"},
  };
}

const char* const kPortal = "https://portal.example";

class BehindAProxy : public testing::TestWithParam<Place> {
 protected:
  BehindAProxy() : front(options()) {}

  static Options options() {
    Options made = Front::usual();
    made.trusted_proxies = GetParam().trusted_proxies;
    made.public_url = GetParam().public_url;
    made.allowed_origins = {kPortal};
    return made;
  }
  Call arrives(Call call, std::string_view origin) const {
    for (const auto& [name, value] : GetParam().headers) call = std::move(call).with(name, value);
    if (!origin.empty()) call = std::move(call).with("Origin", origin);
    return call;
  }
  /// Before the upgrade; nothing: it goes on.
  std::optional<Answer> refused(std::string_view origin) {
    Call call = arrives(get("/ws/intranet/" + std::string(32, 'a')), origin);
    const auto match = front.router.match(call.request);
    EXPECT_TRUE(match.websocket);
    auto response = match.websocket->refuse(call.request);
    if (!response) return std::nullopt;
    front.router.finish(call.request, *response);
    return Answer(std::move(*response));
  }

  Front front;
};

TEST_P(BehindAProxy, TheCookieIsSecure) {
  const Answer answer =
      front.ask(arrives(post("/api/servicenow/init-session"), GetParam().own).as_json());
  EXPECT_EQ(answer.status, 200u);
  EXPECT_NE(answer.headers.get("Set-Cookie").find("; Secure"), std::string_view::npos);
  EXPECT_NE(answer.headers.get("Set-Cookie").find("; HttpOnly"), std::string_view::npos);
}

TEST_P(BehindAProxy, OurOwnPageIsLetIn) {
  EXPECT_FALSE(refused(GetParam().own));
  EXPECT_FALSE(refused("")) << "a program";
  EXPECT_FALSE(refused(kPortal));
  const Visitor visitor = front.open();
  const Answer answer = front.ask(
      arrives(post("/api/servicenow/typing", {{"session_id", visitor.id}}), GetParam().own)
          .cookie(visitor.cookie));
  EXPECT_EQ(answer.status, 200u) << "by cookie and Origin: " << answer.text;
}

TEST_P(BehindAProxy, EverybodyElseIsRefusedBeforeTheUpgrade) {
  for (const char* origin :
       {"https://evil.example", "null", "http://localhost:9999", "http://localhost",
        "https://other-5000.use.devtunnels.ms", "https://evil.azurecontainerapps.io",
        "https://portal.example.evil.example", "file://", "chrome-extension://abcdef"}) {
    const auto answer = refused(origin);
    ASSERT_TRUE(answer) << origin;
    EXPECT_EQ(answer->status, 403u) << origin;
    EXPECT_EQ((*answer)["error"], "forbidden");
    EXPECT_FALSE(answer->headers.has("Access-Control-Allow-Origin"));
    EXPECT_EQ(answer->headers.get("Vary"), "Origin");
  }
}

TEST_P(BehindAProxy, AForeignPagesCookieCountsForNothing) {
  const Visitor visitor = front.open();
  for (const char* origin : {"https://evil.example", "null"}) {
    const Answer answer =
        front.ask(arrives(post("/api/servicenow/end", {{"session_id", visitor.id}}), origin)
                      .cookie(visitor.cookie)
                      .as_json());
    EXPECT_EQ(answer.status, 403u) << origin;
    EXPECT_EQ(answer["error"], "forbidden");
  }
  EXPECT_EQ(front.view(visitor.id)->state, session::State::bot);
}

TEST_P(BehindAProxy, PreflightsAreForListedPagesOnly) {
  const auto preflight = [&](std::string_view origin) {
    return front.ask(arrives(Call(net::Method::options, "/api/servicenow/init-session"), origin)
                         .with("Access-Control-Request-Method", "POST")
                         .with("Access-Control-Request-Headers", "authorization,content-type"));
  };
  const Answer listed = preflight(kPortal);
  EXPECT_EQ(listed.status, 204u);
  EXPECT_EQ(listed.headers.get("Access-Control-Allow-Origin"), kPortal);
  EXPECT_EQ(listed.headers.get("Access-Control-Allow-Headers"), "Authorization, Content-Type");
  EXPECT_EQ(listed.headers.get("Access-Control-Allow-Methods"), "GET, POST, OPTIONS");
  EXPECT_EQ(listed.headers.get("Vary"), "Origin");
  for (const std::string& origin :
       {std::string("https://evil.example"), std::string("null"), GetParam().own}) {
    const Answer other = preflight(origin);
    EXPECT_EQ(other.status, 204u);
    for (const auto& [name, value] : other.headers.entries())
      EXPECT_FALSE(name.starts_with("Access-Control-")) << origin << " " << name;
    EXPECT_EQ(other.headers.get("Vary"), "Origin") << origin;
  }
}

TEST_P(BehindAProxy, TheVisitorIsCountedAndNotTheProxy) {
  const Call call = arrives(get("/"), "");
  EXPECT_EQ(client_key(call.request, GetParam().trusted_proxies), address_key(GetParam().visitor));
}

INSTANTIATE_TEST_SUITE_P(Places, BehindAProxy, testing::ValuesIn(places()),
                         [](const auto& place) { return place.param.name; });

TEST(InTheClear, TheCookieIsNotSecure) {
  Front front;
  for (const char* proto : {"", "http", "https, http", "httpss", "garbage"}) {
    Call call = post("/api/servicenow/init-session").with("Host", "localhost:5000");
    if (*proto) call = std::move(call).with("X-Forwarded-Proto", proto);
    const Answer answer = front.ask(std::move(call));
    EXPECT_EQ(answer.headers.get("Set-Cookie").find("Secure"), std::string_view::npos) << proto;
  }
}

TEST(InTheClear, TheProxyInFrontOfTheProxyMayHaveEndedTls) {
  Options options = Front::usual();
  options.trusted_proxies = 2;
  Front front(std::move(options));
  const Answer answer = front.ask(post("/api/servicenow/init-session")
                                      .with("Host", "localhost:5000")
                                      .with("X-Forwarded-Proto", "https, http"));
  EXPECT_NE(answer.headers.get("Set-Cookie").find("; Secure"), std::string_view::npos);
}

TEST(InTheClear, AnswersWithoutAnOriginVaryToo) {
  Options options = Front::usual();
  options.allowed_origins = {kPortal};
  Front front(std::move(options));
  EXPECT_EQ(front.ask(get("/healthz")).headers.get("Vary"), "Origin");
  Front closed;
  EXPECT_FALSE(closed.ask(get("/healthz")).headers.has("Vary")) << "nothing depends on it";
}

}  // namespace
}  // namespace bridge::channels
