// SPDX-License-Identifier: MIT
#include "unit/sandbox/glide_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::HasSubstr;

class ScriptedRest : public GlideTest {};

TEST_F(ScriptedRest, BodyIsWrappedInResultForEveryStatus) {
  EXPECT_EQ(call("response.setBody({a: 1});").body, R"({"result":{"a":1}})");
  const ScriptReply refused = call("response.setStatus(400); response.setBody({error: 'text'});");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, R"({"result":{"error":"text"}})");
}

TEST_F(ScriptedRest, ReturnedValueIsTheBody) {
  const ScriptReply reply = call("return {a: 1};");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, R"({"result":{"a":1}})");
}

TEST_F(ScriptedRest, NonNumericStatusBecomesZero) {
  EXPECT_EQ(call("response.setStatus('abc'); response.setBody({});").status, 0);
  EXPECT_EQ(call("response.setStatus(undefined);").status, 0);
  EXPECT_EQ(call("response.setStatus('409');").status, 409);
}

TEST_F(ScriptedRest, ThrownServiceErrorsBecomeThePlatformEnvelope) {
  const ScriptReply missing = call("throw new sn_ws_err.NotFoundError('m');");
  EXPECT_EQ(missing.status, 404);
  const auto parsed = parse_object(missing.body);
  ASSERT_TRUE(parsed);
  const json::object& body = *parsed;
  EXPECT_EQ(body.at("status").as_string(), "failure");
  EXPECT_EQ(body.at("error").at("message").as_string(), "m");
  EXPECT_EQ(call("throw new sn_ws_err.BadRequestError('m');").status, 400);
  EXPECT_EQ(call("throw new sn_ws_err.NotAcceptableError('m');").status, 406);
  EXPECT_EQ(call("throw new sn_ws_err.ConflictError('m');").status, 409);
  EXPECT_EQ(call("throw new sn_ws_err.UnsupportedMediaTypeError('m');").status, 415);
  const ScriptReply custom = call(
      "var e = new sn_ws_err.ServiceError(); e.setStatus(422); e.setMessage('no'); "
      "e.setDetail('why'); throw e;");
  EXPECT_EQ(custom.status, 422);
  EXPECT_EQ(custom.body, R"({"error":{"message":"no","detail":"why"},"status":"failure"})");
  EXPECT_EQ(custom.exception, "");
}

TEST_F(ScriptedRest, SetErrorIsTheEnvelopeToo) {
  const ScriptReply reply = call("response.setError(new sn_ws_err.ConflictError('taken'));");
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.body, R"({"error":{"message":"taken","detail":""},"status":"failure"})");
}

TEST_F(ScriptedRest, UncaughtExceptionIsA500WithTextRecordAndLine) {
  const ScriptReply reply = call(
      "var g = new GlideRecord('interaction');\ng.initialize(); g.insert();\nthrow new "
      "Error('boom');");
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body,
              HasSubstr("Error: boom (sys_ws_operation." +
                        stable_sys_id("sys_ws_operation", "test") + ".operation_script; line 4)"));
  EXPECT_THAT(reply.body, HasSubstr(R"("status":"failure")"));
  EXPECT_EQ(reply.exception, "Error: boom");
  EXPECT_EQ(instance.count("interaction", Query()), 1U) << "what was written before stays written";
  EXPECT_TRUE(instance.system_log().contains("boom"));
}

TEST_F(ScriptedRest, ErrorsOfPlatformFunctionsNameTheScriptsLine) {
  instance.register_native("sn_cs.VASystemObject.createConversation",
                           [](ScriptContext&, const json::array&) -> json::value {
                             throw ScriptError("java.lang.NullPointerException", "JavaException");
                           });
  EXPECT_THAT(call("\n\nsn_cs.VASystemObject.createConversation('x');").body,
              ::testing::AllOf(HasSubstr("JavaException: java.lang.NullPointerException"),
                               HasSubstr("line 4)")));
  EXPECT_EQ(
      call("try { sn_cs.VASystemObject.createConversation('x'); } catch (e) { return String(e); }")
          .body,
      R"({"result":"JavaException: java.lang.NullPointerException"})");
}

TEST_F(ScriptedRest, StreamWriterHasNoEnvelope) {
  const ScriptReply reply = call(
      "response.setStatus(202); response.setContentType('text/plain'); var w = "
      "response.getStreamWriter();"
      "response.setStatus(500); w.writeString('raw '); w.writeString('text');");
  EXPECT_EQ(reply.status, 202);
  EXPECT_EQ(reply.content_type, "text/plain");
  EXPECT_EQ(reply.body, "raw text");
}

TEST_F(ScriptedRest, BodyCanBeReadOnlyOneWay) {
  EXPECT_EQ(call("return [request.body.data.a, request.body.data.a, request.body.dataString];",
                 R"({"a":1})")
                .body,
            R"({"result":[1,1,""]})");
  EXPECT_EQ(call("return [request.body.dataString, request.body.data];", R"({"a":1})").body,
            R"({"result":["{\"a\":1}",null]})");
}

TEST_F(ScriptedRest, QueryParametersAreArrays) {
  request.query_params = {{"after", {"7"}}};
  request.path_params = {{"id", "x1"}};
  EXPECT_EQ(call("return [request.queryParams.after === '7', request.queryParams.after[0], "
                 "request.pathParams.id];")
                .body,
            R"({"result":[false,"7","x1"]})");
}

TEST_F(ScriptedRest, HeadersAreFoundWithoutRegardToCase) {
  request.headers = {{"X-Bridge-Secret", "s"}};
  EXPECT_EQ(
      call("return [request.getHeader('x-bridge-SECRET'), request.getHeader('absent')];").body,
      R"({"result":["s",null]})");
}

TEST_F(ScriptedRest, InvalidJsonIs400WhenRead) {
  const ScriptReply reply = call("return request.body.data.a;", "{nonsense");
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("Exception while reading request"));
  EXPECT_EQ(call("return 1;", "{nonsense").status, 200) << "nobody read it";
}

TEST_F(ScriptedRest, EmptyBodyIsNotAnObject) {
  EXPECT_EQ(call("return request.body.data && typeof request.body.data;", "").body,
            R"({"result":null})");
  EXPECT_EQ(call("return request.body.data.user;", "").status, 500);
}

TEST_F(ScriptedRest, ForeignContentTypeIs500WhenRead) {
  request.content_type = "text/plain";
  EXPECT_EQ(call("return request.body.data;", "hello").status, 500);
}

TEST_F(ScriptedRest, TopLevelArraysCanBeIterated) {
  EXPECT_EQ(
      call("var n = 0; while (request.body.hasNext()) n += request.body.nextEntry(); return n;",
           "[1,2,3]")
          .body,
      R"({"result":6})");
}

TEST_F(ScriptedRest, RequestOrResponseAsBodyCannotBeSerialized) {
  EXPECT_EQ(call("response.setBody(request);").status, 500);
  EXPECT_EQ(call("var a = {}; a.a = a; response.setBody(a);").status, 500);
}

TEST_F(ScriptedRest, HeadersSetByTheScriptAreSent) {
  const ScriptReply reply =
      call("response.setHeader('X-One', 1); response.setLocation('/x'); return {};");
  EXPECT_THAT(reply.headers, ::testing::UnorderedElementsAre(std::pair("X-One", "1"),
                                                             std::pair("Location", "/x")));
}

}  // namespace
}  // namespace bridge::sandbox
