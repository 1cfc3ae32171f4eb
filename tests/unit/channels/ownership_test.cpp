// SPDX-License-Identifier: MIT
// Who may use a session, and what a browser keeps. DESIGN 4.2.
#include "bridge/core/random.hpp"
#include "bridge/identity/tokens.hpp"
#include "front.hpp"

namespace bridge::channels {
namespace {

using session::State;

Call typing(const Visitor& visitor) {
  return post("/api/servicenow/typing", {{"session_id", visitor.id}});
}
Call poll_as_nobody(const Visitor& visitor) { return get("/api/servicenow/poll/" + visitor.id); }

// ---- Proofs ----------------------------------------------------------------------------------

TEST(Ownership, TheSessionsTokenProvesIt) {
  Front front;
  const Visitor visitor = front.open();
  EXPECT_TRUE(is_hex(visitor.id, 32));
  EXPECT_TRUE(is_hex(visitor.token, 64));
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).bearer(visitor.token)).status, 200u);
  EXPECT_EQ(
      front.ask(poll_as_nobody(visitor).with("Authorization", "bearer  " + visitor.token + " "))
          .status,
      200u);
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).with("Authorization", visitor.token)).status, 401u)
      << "no scheme";
  EXPECT_EQ(
      front.ask(poll_as_nobody(visitor).with("Authorization", "Basic " + visitor.token)).status,
      401u);
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).with("Authorization", "Bearer ")).status, 401u);
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).bearer(visitor.id)).status, 403u)
      << "the id is not a secret";
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).bearer(identity::token_hash(visitor.token))).status,
            403u)
      << "nor is what the store keeps a token";
}

TEST(Ownership, OnlyHashesAreKept) {
  Front front;
  const Visitor visitor = front.open();
  const auto state = front.view(visitor.id);
  EXPECT_EQ(state->token_hash, identity::token_hash(visitor.token));
  EXPECT_EQ(state->browser_hash, identity::token_hash(visitor.cookie));
}

TEST(Ownership, TheBrowsersCookieProvesAllItsSessions) {
  Front front;
  const Visitor first = front.open();
  const Visitor second = front.open(first.cookie);
  EXPECT_EQ(second.cookie, first.cookie) << "one browser, one cookie";
  EXPECT_NE(second.id, first.id);
  EXPECT_NE(second.token, first.token);
  for (const Visitor& visitor : {first, second})
    EXPECT_EQ(front.ask(poll_as_nobody(visitor).cookie(first.cookie)).status, 200u);
  EXPECT_EQ(front.ask(poll_as_nobody(first).bearer(second.token)).status, 403u)
      << "a token proves one session";
}

TEST(Ownership, ACookieAloneNeedsJsonOrOurOwnOriginToWrite) {
  Front front;
  const Visitor visitor = front.open();
  const auto ask = [&](std::string_view name, std::string_view value) {
    return front.ask(typing(visitor).cookie(visitor.cookie).with(name, value));
  };
  EXPECT_EQ(ask("Content-Type", "application/json").status, 200u);
  EXPECT_EQ(ask("Content-Type", "Application/JSON; charset=utf-8").status, 200u);
  EXPECT_EQ(ask("Origin", "https://bridge.example").status, 200u);
  for (const char* type :
       {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/jsonp", "text/plain; a=application/json"}) {
    const Answer answer = ask("Content-Type", type);
    EXPECT_EQ(answer.status, 403u) << type;
    EXPECT_EQ(answer["error"], "forbidden");
  }
  EXPECT_EQ(front.ask(typing(visitor).cookie(visitor.cookie)).status, 403u);
  EXPECT_EQ(ask("Origin", "https://evil.example").status, 403u);
  EXPECT_EQ(ask("Origin", "null").status, 403u);
  EXPECT_EQ(front
                .ask(typing(visitor)
                         .cookie(visitor.cookie)
                         .with("Origin", "https://evil.example")
                         .as_json())
                .status,
            403u);
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).cookie(visitor.cookie)).status, 200u)
      << "reading needs neither";
}

TEST(Ownership, ATokenNeedsNoContentType) {
  Front front;
  const Visitor visitor = front.open();
  EXPECT_EQ(front.ask(typing(visitor).bearer(visitor.token)).status, 200u);
  EXPECT_EQ(
      front.ask(typing(visitor).bearer(visitor.token).with("Content-Type", "text/plain")).status,
      200u);
  EXPECT_EQ(front.ask(typing(visitor).bearer(visitor.token).with("Origin", "https://other.example"))
                .status,
            200u);
}

TEST(Ownership, TheAgentSecretOpensEverySession) {
  Front front;
  const Visitor visitor = front.open_live();
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).agent()).status, 200u);
  EXPECT_EQ(front.ask(typing(visitor).agent()).status, 200u);
  const Answer said = front.ask(
      post("/api/servicenow/user-message", {{"session_id", visitor.id}, {"text", "hi"}}).agent());
  EXPECT_EQ(said.status, 200u) << said.text;
  EXPECT_EQ(front.ask(post("/api/servicenow/end", {{"session_id", visitor.id}}).agent()).status,
            200u);
}

TEST(Ownership, WithoutAnAgentSecretNoHeaderOpensAnything) {
  Options options = Front::usual();
  options.agent_secret = identity::SharedSecret();
  Front front(std::move(options));
  const Visitor visitor = front.open();
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).agent()).status, 403u);
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).with("X-Agent-Secret", "")).status, 401u);
}

TEST(Ownership, SessionTokenOptionalTrustsTheIdAsTheOldBridgeDid) {
  Options options = Front::usual();
  options.session_token_optional = true;
  Front front(std::move(options));
  const Visitor visitor = front.open_live();
  EXPECT_EQ(front.ask(poll_as_nobody(visitor)).status, 200u);
  EXPECT_EQ(front.ask(typing(visitor)).status, 200u);
  EXPECT_EQ(
      front.ask(post("/api/servicenow/user-message", {{"session_id", visitor.id}, {"text", "hi"}}))
          .status,
      200u);
  EXPECT_EQ(front.ask(poll_as_nobody(visitor).bearer("wrong")).status, 200u)
      << "an old page may send anything";
  EXPECT_EQ(front.ask(get("/api/servicenow/poll/" + std::string(32, '0'))).status, 404u);
}

// ---- The cookie ------------------------------------------------------------------------------

TEST(Cookie, IsHttpOnlyLaxAndForTheWholeSite) {
  Front front;
  const Answer answer = front.ask(post("/api/servicenow/init-session"));
  const std::string set(answer.headers.get("Set-Cookie"));
  EXPECT_TRUE(set.starts_with("bridge_session=")) << set;
  EXPECT_TRUE(is_hex(answer.cookie(), 64));
  for (const char* attribute : {"; HttpOnly", "; SameSite=Lax", "; Path=/"})
    EXPECT_NE(set.find(attribute), std::string::npos) << set;
  EXPECT_EQ(set.find("Secure"), std::string::npos) << "plain http would lose it";
  EXPECT_EQ(set.find("Domain"), std::string::npos);
  EXPECT_EQ(answer.text.find(answer.cookie()), std::string::npos);
}

TEST(Cookie, AnUnknownOneIsReplaced) {
  Front front;
  for (const std::string& planted :
       {std::string(64, 'a'), std::string("short"), std::string(64, 'Z'), std::string()}) {
    const Visitor visitor = front.open(planted);
    EXPECT_NE(visitor.cookie, planted) << "nobody chooses a cookie for somebody else";
    EXPECT_TRUE(is_hex(visitor.cookie, 64));
  }
}

TEST(Cookie, IsFoundAmongOthers) {
  Front front;
  const Visitor visitor = front.open();
  const Answer answer = front.ask(poll_as_nobody(visitor).with(
      "Cookie", "theme=dark; bridge_session=" + visitor.cookie + "; bridge_session_x=1"));
  EXPECT_EQ(answer.status, 200u);
}

TEST(Cookie, IsSecureWhenTheBrowserCameByHttps) {
  const auto secure = [](std::string public_url, std::string_view header, std::string_view value) {
    Options options = Front::usual();
    options.public_url = std::move(public_url);
    Front front(std::move(options));
    Call call = post("/api/servicenow/init-session");
    if (!header.empty()) call = std::move(call).with(header, value);
    return front.ask(std::move(call)).headers.get("Set-Cookie").find("; Secure") !=
           std::string_view::npos;
  };
  EXPECT_FALSE(secure("", "", ""));
  EXPECT_TRUE(secure("", "X-Forwarded-Proto", "https"));
  EXPECT_TRUE(secure("", "X-Forwarded-Proto", "HTTPS"));
  EXPECT_FALSE(secure("", "X-Forwarded-Proto", "http"));
  EXPECT_TRUE(secure("", "X-Forwarded-Proto", "http, https")) << "the nearest proxy wrote last";
  EXPECT_FALSE(secure("", "X-Forwarded-Proto", "https, http"));
  EXPECT_TRUE(secure("https://bridge.example", "", ""));
  EXPECT_TRUE(secure("https://bridge.example:443/", "Host", "BRIDGE.example"));
  EXPECT_FALSE(secure("https://bridge.example", "Host", "localhost:5000"))
      << "opened beside the proxy";
  EXPECT_FALSE(secure("http://bridge.example", "", ""));
}

}  // namespace
}  // namespace bridge::channels
