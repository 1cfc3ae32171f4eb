// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "bridge/net/router.hpp"
#include "support/recording_logger.hpp"
#include "support/run_coroutine.hpp"
#include "unit/net/running_server.hpp"

namespace bridge::net {
namespace {

using test::route;

Handler answering(std::string text) {
  return [text](Request& request) -> Task<Response> {
    std::string body = text;
    for (const auto& [name, value] : request.path_parameters) body += " " + name + "=" + value;
    co_return text_response(200, std::move(body));
  };
}

class RouterTest : public testing::Test {
 protected:
  Response ask(Method method, std::string target) {
    Response response;
    test::run_coroutine([&]() -> Task<> {
      Request request;
      request.method = method;
      request.target = target;
      request.path = target;
      response = co_await router.handle(request, &logger);
    });
    return response;
  }

  Router router;
  test::RecordingLogger logger;
};

TEST_F(RouterTest, ParametersAreDecodedAndMayHoldASlash) {
  router.add(route(Method::get, "/poll/{sid}", answering("poll")));
  EXPECT_EQ(ask(Method::get, "/poll/a%2Fb?after=1").body, "poll sid=a/b");
  EXPECT_EQ(ask(Method::get, "/poll/").status, 404u);
  EXPECT_EQ(ask(Method::get, "/poll/a/b").status, 404u);
  EXPECT_EQ(ask(Method::get, "/poll/%zz").status, 404u);
}

TEST_F(RouterTest, TheMoreExactPatternWinsWhateverTheOrder) {
  router.add(route(Method::get, "/files/{name...}", answering("rest")));
  router.add(route(Method::get, "/files/{name}", answering("one")));
  router.add(route(Method::get, "/files/list", answering("list")));
  EXPECT_EQ(ask(Method::get, "/files/list").body, "list");
  EXPECT_EQ(ask(Method::get, "/files/x").body, "one name=x");
  EXPECT_EQ(ask(Method::get, "/files/x/y%20z").body, "rest name=x/y z");
}

TEST_F(RouterTest, AWrongMethodNamesTheRightOnes) {
  router.add(route(Method::get, "/a", answering("get")));
  router.add(route(Method::post, "/a", answering("post")));
  const Response refused = ask(Method::delete_, "/a");
  EXPECT_EQ(refused.status, 405u);
  EXPECT_EQ(refused.headers.get("Allow"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(refused.body, R"({"error":"method_not_allowed"})");
  EXPECT_EQ(ask(Method::post, "/a").body, "post");
}

TEST_F(RouterTest, OptionsIsAnsweredWithAllowAndTheFinishHookMayAddToIt) {
  router.add(route(Method::post, "/a", answering("post")));
  router.set_finish([](const Request&, Response& r) { r.headers.set("X-Seen", "1"); });
  const Response answer = ask(Method::options, "/a");
  EXPECT_EQ(answer.status, 204u);
  EXPECT_EQ(answer.headers.get("Allow"), "POST, OPTIONS");
  EXPECT_EQ(answer.headers.get("X-Seen"), "1");
  EXPECT_EQ(ask(Method::options, "/b").status, 404u);
}

TEST_F(RouterTest, HeadRunsTheGetRoute) {
  router.add(route(Method::get, "/a", answering("get")));
  EXPECT_EQ(ask(Method::head, "/a").body, "get");
}

TEST_F(RouterTest, UnknownPathsAnswerNotFoundOrAskTheHandlerSetForThem) {
  EXPECT_EQ(ask(Method::get, "/x").body, R"({"error":"not_found"})");
  router.set_not_found(answering("else"));
  EXPECT_EQ(ask(Method::get, "/x").body, "else");
}

TEST_F(RouterTest, AnExceptionBecomesABare500AndIsLogged) {
  router.add(route(Method::get, "/a", [](Request&) -> Task<Response> {
    throw std::runtime_error("broken inside");
    co_return Response();
  }));
  const Response answer = ask(Method::get, "/a");
  EXPECT_EQ(answer.status, 500u);
  EXPECT_EQ(answer.body, R"({"error":"internal"})");
  EXPECT_TRUE(logger.contains("handler_failed method=GET path=/a reason=std::runtime_error"));
  EXPECT_FALSE(logger.contains("broken inside"));
}

TEST_F(RouterTest, TheExceptionHookDecidesWhatTheCallerSees) {
  router.add(route(Method::get, "/a", [](Request&) -> Task<Response> {
    throw std::runtime_error("broken");
    co_return Response();
  }));
  router.set_on_exception([](const Request& request, std::exception_ptr) {
    return text_response(503, "sorry " + request.path);
  });
  EXPECT_EQ(ask(Method::get, "/a").body, "sorry /a");
}

TEST_F(RouterTest, AWebSocketPathAskedWithoutUpgradeSaysSo) {
  WebSocketRoute socket;
  socket.pattern = "/ws/{sid}";
  router.add(std::move(socket));
  const Response answer = ask(Method::get, "/ws/1");
  EXPECT_EQ(answer.status, 426u);
  EXPECT_EQ(answer.headers.get("Upgrade"), "websocket");
  EXPECT_EQ(ask(Method::post, "/ws/1").status, 405u);
}

}  // namespace
}  // namespace bridge::net
