// SPDX-License-Identifier: MIT
#include <atomic>
#include <thread>

#include "sandbox/glide/script_source.hpp"
#include "unit/sandbox/glide_fixture.hpp"

namespace bridge::sandbox {
namespace {

using ::testing::HasSubstr;

class Scripts : public GlideTest {
 protected:
  explicit Scripts(InstanceOptions options = {}) : GlideTest(options) {}
};

// --- Limits
// ---------------------------------------------------------------------------------------

class BoundedScripts : public Scripts {
 protected:
  static InstanceOptions bounds() {
    InstanceOptions options;
    options.script_time_limit = std::chrono::milliseconds(150);
    options.script_memory_limit = std::size_t{8} << 20;
    return options;
  }
  BoundedScripts() : Scripts(bounds()) {}
};

TEST_F(BoundedScripts, EndlessLoopsAreCancelled) {
  for (const char* loop : {"while (true) {}", "for (;;);", "do {} while (true)",
                           "for (var i = 0; ; i++) { continue; }",
                           "function f() { for (;;) { try { while (1) {} } catch (e) {} } } f();",
                           "(function f(n) { return n > 0 ? f(n - 1) + f(n - 1) : 0; })(60)"})
    EXPECT_THAT(thrown(loop), HasSubstr("maximum execution time exceeded")) << loop;
}

TEST_F(BoundedScripts, CancelledResourceIs500) {
  const ScriptReply reply = call("while (true) {}");
  EXPECT_EQ(reply.status, 500);
  EXPECT_THAT(reply.body, HasSubstr("Transaction cancelled"));
}

TEST_F(BoundedScripts, EndlessMemoryIsRefused) {
  EXPECT_NE(thrown("var s = 'x'; while (true) s += s;"), "");
  EXPECT_EQ(text("'still ' + 'alive'"), "still alive");
}

TEST_F(BoundedScripts, EndlessRecursionIsAnError) {
  EXPECT_NE(thrown("(function f() { f(); })()"), "");
}

TEST(ScriptSource, InstrumentationKeepsLinesAndMeaning) {
  const std::string source =
      "var re = /while(/; // while (\nvar a = {while: 1}; a.while;\nfor (var k in a) {}\nif (a) "
      "/[/;]/.test('x');\nx = b / c / d;";
  EXPECT_EQ(prepare_script(source).text, source);
  const std::string loop = prepare_script("for (i = 0; i < 3; i++)\n while (f(')')) g();").text;
  EXPECT_EQ(loop,
            "for (i = 0;__sandboxTick(),  i < 3; i++)\n while (__sandboxTick(), f(')')) g();");
}

TEST(ScriptSource, StrictFunctionsStayStrict) {
  EXPECT_EQ(prepare_script("function f() { 'use strict'; }").text,
            "function f() { 'use strict'; }");
  EXPECT_EQ(prepare_script("var f = function g(a) { return a; };").text,
            "var f = function g(a) {__sandboxTick(); return a; };");
}

TEST_F(Scripts, NewerSyntaxIsRefusedBeforeAnythingRuns) {
  for (const char* source : {"const a = 1;", "let b = 2;", "var f = x => x;", "var t = `text`;",
                             "class A {}", "f(...args)", "for (var x of list) {}"})
    EXPECT_THAT(thrown(std::string("new GlideRecord('interaction').insert();\n") + source),
                HasSubstr("SyntaxError"))
        << source;
  EXPECT_EQ(instance.count("interaction", Query()), 0U);
  EXPECT_EQ(thrown("var letter = {let: 1, class: 2}; /* const => ` */ letter.class + '=>`...'"),
            "");
}

TEST_F(Scripts, EngineHasNoHostFunctions) {
  EXPECT_EQ(text("[typeof setTimeout, typeof console, typeof require, typeof Promise, typeof "
                 "Proxy, typeof Duktape,"
                 " typeof fetch].join()"),
            "undefined,undefined,undefined,undefined,undefined,undefined,undefined");
}

TEST_F(Scripts, EachRunStartsFresh) {
  (void)js("leak = 1; GlideRecord.prototype.broken = true;");
  EXPECT_EQ(text("typeof leak + typeof new GlideRecord('task').broken"), "undefinedundefined");
}

// --- gs and properties
// ----------------------------------------------------------------------------

TEST_F(Scripts, PropertiesAreStringsOrTheAlternative) {
  instance.set_property("a.flag", "true");
  instance.set_property("a.empty", "");
  EXPECT_EQ(text("JSON.stringify([gs.getProperty('a.flag'), gs.getProperty('a.none'), "
                 "gs.getProperty('a.none', 'alt'),"
                 " gs.getProperty('a.empty', 'alt')])"),
            R"(["true",null,"alt",""])");
  EXPECT_EQ(text("gs.setProperty('a.flag', 'false'); gs.getProperty('a.flag')"), "false");
}

TEST_F(Scripts, Password2PropertyIsClearOrCipherByMode) {
  instance.set_property("bridge.secret", "s3cret", "password2");
  EXPECT_NE(instance.find_one("sys_properties", "name", "bridge.secret")->text("value"), "s3cret");
  EXPECT_EQ(text("gs.getProperty('bridge.secret')"), "s3cret");
  instance.options().password2_clear = false;
  EXPECT_NE(text("gs.getProperty('bridge.secret')"), "s3cret");
  EXPECT_EQ(text("var p = new GlideRecord('sys_properties'); p.get('name', 'bridge.secret');"
                 "String(p.type) === 'password2' ? p.value.getDecryptedValue() : 'wrong'"),
            "s3cret");
  EXPECT_EQ(
      text("gs.setProperty('bridge.secret', 'n3w'); var p = new GlideRecord('sys_properties');"
           "p.get('name', 'bridge.secret'); p.value.getDecryptedValue()"),
      "n3w");
  EXPECT_EQ(instance.property("bridge.secret"), "n3w");
}

TEST_F(Scripts, GsKnowsTheUserAndLogs) {
  session = *instance.session_for("alice");
  instance.grant_role(ids["alice"], "itil");
  EXPECT_EQ(
      text("[gs.getUserID() == '" + ids["alice"] +
           "', gs.getUserName(), gs.hasRole('itil'), gs.hasRole('admin'),"
           " gs.nil(''), gs.nil(new GlideRecord('task').state), gs.generateGUID().length].join()"),
      "true,alice,true,false,true,true,32");
  (void)js("gs.error('failed {0} of {1}', 1, 'two')");
  EXPECT_EQ(instance.system_log().entries().back().message, "failed 1 of two");
  EXPECT_EQ(instance.system_log().entries().back().level, "error");
}

TEST_F(Scripts, DateTimesFollowTheInstanceClock) {
  EXPECT_EQ(text("var t = new GlideDateTime('2026-02-28 23:59:30'); t.addSeconds(45);"
                 "[t.getValue(), t.getNumericValue(), t.compareTo(new GlideDateTime('2026-03-01 "
                 "00:00:15'))].join()"),
            "2026-03-01 00:00:15,1772323215000,0");
  const std::string before = text("new GlideDateTime().getValue()");
  instance.clock().advance(std::chrono::hours(24));
  EXPECT_EQ(text("var t = new GlideDateTime('" + before +
                 "'); t.addDays(1);"
                 "Math.abs(new GlideDateTime().getNumericValue() - t.getNumericValue()) < 20000"),
            "true");
}

// --- Impersonation
// --------------------------------------------------------------------------------

TEST_F(Scripts, ImpersonationReturnsThePreviousUserAndStaysInTheSession) {
  EXPECT_EQ(text("new GlideImpersonate().impersonate('" + ids["alice"] + "')"), ids["admin"]);
  EXPECT_EQ(text("gs.getUserName()"), "alice") << "the next call on the same session is still her";
  EXPECT_EQ(session.login_id, ids["admin"]);
  EXPECT_EQ(text("new GlideImpersonate().impersonate('" + ids["admin"] + "')"), ids["alice"]);
  EXPECT_EQ(text("gs.getUserName()"), "admin");
}

TEST_F(Scripts, ImpersonationWithoutTheRoleSilentlyDoesNothing) {
  session = *instance.session_for("service");
  EXPECT_EQ(text("var i = new GlideImpersonate(); i.impersonate('" + ids["alice"] +
                 "');"
                 "gs.getUserName() + ' ' + i.canImpersonate('" +
                 ids["alice"] + "')"),
            "service false");
  instance.grant_role(ids["service"], "impersonator");
  EXPECT_EQ(text("var i = new GlideImpersonate(); i.impersonate('" + ids["admin"] +
                 "'); gs.getUserName()"),
            "service");
  EXPECT_EQ(text("var i = new GlideImpersonate(); i.impersonate('" + ids["alice"] +
                 "'); gs.getUserName()"),
            "alice");
}

TEST_F(Scripts, InactiveUserCannotBeImpersonated) {
  Session system = instance.system_session();
  (void)instance.update(Record("sys_user").set("sys_id", ids["alice"]).set_flag("active", false),
                        system);
  EXPECT_EQ(text("var i = new GlideImpersonate(); i.impersonate('" + ids["alice"] +
                 "'); gs.getUserName()"),
            "admin");
}

// --- Calling out
// ----------------------------------------------------------------------------------

constexpr const char* kCallOut =
    "var m = new sn_ws.RESTMessageV2(); m.setEndpoint('http://bridge/webhook'); "
    "m.setHttpMethod('post');"
    "m.setRequestHeader('X-Bridge-Secret', 's'); m.setRequestBody('{}'); m.setHttpTimeout(8000);"
    "var r = m.execute(); [r.getStatusCode(), r.getBody(), r.getHeader('x-one'), r.haveError(), "
    "r.getErrorCode(),"
    " r.getErrorMessage()].join()";

TEST_F(Scripts, KeyedHashesAreThoseOfTheStandard) {
  // RFC 4231, 4.3, with key and answer in Base64 as the platform has them.
  EXPECT_EQ(
      text("new GlideCertificateEncryption().generateMac(GlideStringUtil.base64Encode('Jefe'), "
           "'HmacSHA256', 'what do ya want for nothing?')"),
      "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
  EXPECT_NE(thrown("new GlideCertificateEncryption().generateMac('SmVmZQ==', 'HmacMagic', 'x')"),
            "");
  EXPECT_NE(thrown("new GlideCertificateEncryption().generateMac('', 'HmacSHA256', 'x')"), "");
}

TEST_F(Scripts, RestMessageReallyCallsOut) {
  OutboundRequest seen;
  instance.set_outbound([&](const OutboundRequest& sent) {
    seen = sent;
    OutboundReply reply;
    reply.status = 200;
    reply.headers = {{"X-One", "1"}};
    reply.body = "ok";
    return reply;
  });
  EXPECT_EQ(text(kCallOut), "200,ok,1,false,0,");
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.url, "http://bridge/webhook");
  EXPECT_EQ(seen.timeout, std::chrono::milliseconds(8000));
  EXPECT_EQ(seen.body, "{}");
  EXPECT_EQ(seen.headers, (HeaderList{{"X-Bridge-Secret", "s"}}));
  EXPECT_EQ(seen.source, "script");
}

TEST_F(Scripts, OutboundFailureThrowsOrIsStatusZeroBySwitch) {
  OutboundReply failure;
  instance.set_outbound([&](const OutboundRequest&) { return failure; });
  failure.failure = OutboundReply::Failure::timeout;
  EXPECT_EQ(text(kCallOut), "0,,,true,1,java.net.SocketTimeoutException: Read timed out");
  instance.options().outbound_timeout_throws = true;
  EXPECT_THAT(thrown(kCallOut), HasSubstr("JavaException: java.net.SocketTimeoutException"));
  failure.failure = OutboundReply::Failure::refused;
  EXPECT_THAT(thrown(kCallOut), HasSubstr("Connection refused"));
  instance.options().outbound_refused_throws = false;
  EXPECT_THAT(text(kCallOut), ::testing::StartsWith("0,,,true,"));
}

TEST_F(BoundedScripts, InstanceStaysUsableWhileAScriptWaitsForAnAnswer) {
  std::atomic<bool> calling = false, answered = false;
  instance.set_outbound([&](const OutboundRequest&) {
    calling = true;
    const auto too_late = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!answered && std::chrono::steady_clock::now() < too_late) std::this_thread::yield();
    // Longer than the script may run: waiting does not count.
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    OutboundReply reply;
    reply.status = 200;
    return reply;
  });
  BusinessRule made =
      rule("interaction", BusinessRule::When::async, kCallOut + std::string("; gs.info('done')"));
  install(made);
  (void)add("interaction");
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!calling && std::chrono::steady_clock::now() < give_up) std::this_thread::yield();
  ASSERT_TRUE(calling);
  EXPECT_EQ(text("1 + 1"), "2");
  answered = true;
  ASSERT_TRUE(jobs_done());
  EXPECT_TRUE(instance.system_log().contains("done"));
}

TEST_F(Scripts, ManyThreadsMayRunScriptsAtOnce) {
  install(rule("interaction", BusinessRule::When::async,
               "gs.info('seen ' + current.short_description)"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      Session mine = *instance.session_for(i % 2 == 0 ? "alice" : "bob");
      for (int n = 0; n < 5; ++n)
        (void)instance.run_script(
            "var g = new GlideRecord('interaction'); g.initialize(); g.short_description = 'x'; "
            "g.insert();",
            mine);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(jobs_done());
  EXPECT_EQ(instance.count("interaction", Query()), 20U);
}

// --- Natives and preludes of the shell
// ------------------------------------------------------------

TEST_F(Scripts, ElementsReachNativesAsText) {
  instance.register_native("sn_x.echo", [](ScriptContext&, const json::array& arguments) {
    return json::value(arguments);
  });
  (void)add("interaction", {{"state", "new"}});
  EXPECT_EQ(text("var g = new GlideRecord('interaction'); g.query(); g.next();"
                 "JSON.stringify(sn_x.echo(g.state, {deep: g.number}, undefined, 2))"),
            R"(["new",{"deep":"IMS0000001"},null,2])");
}

TEST_F(Scripts, PreludesOfTheShellBuildOnNatives) {
  instance.register_native("$queue.name", [](ScriptContext&, const json::array& arguments) {
    return json::value("queue " + text_argument(arguments, 0));
  });
  ASSERT_TRUE(instance.add_prelude("sn_awa",
                                   "(function (global) { var native = global.$native; "
                                   "global.sn_awa = { Queue: { get: function (id) {"
                                   " return { getName: function () { return native('$queue.name', "
                                   "[id]); } }; } } }; })(this);"));
  EXPECT_EQ(text("sn_awa.Queue.get('7').getName()"), "queue 7");
  EXPECT_FALSE(instance.add_prelude("broken", "function ("));
}

}  // namespace
}  // namespace bridge::sandbox
