// SPDX-License-Identifier: MIT
#include "gateways/connector/service_url_policy.hpp"

#include <gtest/gtest.h>

namespace bridge::gateways {
namespace {

const std::vector<std::string> kHosts = {".api.example.com", "bots.example.com"};

Errc refusal_of(const ServiceUrlPolicy& policy, const std::string& url) {
  const auto host = policy.check(url);
  if (host) return Errc::internal;
  const Error error = host.error();
  EXPECT_FALSE(error.hint().empty()) << url;
  EXPECT_NE(error.hint().find("CS_SERVICE_HOSTS"), std::string::npos) << url;
  EXPECT_EQ((error.context() + error.hint()).find("CANARY"), std::string::npos) << url;
  return error.errc();
}

class GoodServiceUrlTest : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(GoodServiceUrlTest, IsAllowedAndItsHostKnown) {
  const ServiceUrlPolicy policy(kHosts, false, false);
  const auto host = policy.check(GetParam().first);
  ASSERT_TRUE(host) << host.error().to_string();
  EXPECT_EQ(*host, GetParam().second);
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodServiceUrlTest,
    testing::Values(
        std::pair("https://bots.example.com", "bots.example.com"),
        std::pair("https://bots.example.com/", "bots.example.com"),
        std::pair("https://bots.example.com?sig=x", "bots.example.com"),
        std::pair("HTTPS://BOTS.Example.COM/x", "bots.example.com"),
        std::pair("https://bots.example.com:443/x", "bots.example.com"),
        std::pair("https://a.b-c.api.example.com/p/%2F?q=%zz|{}[]@:\\//x", "a.b-c.api.example.com"),
        std::pair("https://1.2.3.api.example.com/", "1.2.3.api.example.com"),
        std::pair("https://xn--bcher-kva.api.example.com/", "xn--bcher-kva.api.example.com")));

class BadServiceUrlTest : public testing::TestWithParam<const char*> {};

TEST_P(BadServiceUrlTest, IsRefusedForItsForm) {
  // A list that would let all of it in, and learning: neither mends the form.
  ServiceUrlPolicy policy({"127.0.0.1", "2130706433", "localhost", "0x7f.1", "bots.example.com",
                           ".example.com", ".com", "1"},
                          true, false);
  EXPECT_EQ(refusal_of(policy, GetParam()), Errc::invalid_argument);
  EXPECT_FALSE(policy.admit(GetParam()));
}

INSTANTIATE_TEST_SUITE_P(
    SchemesAndParts, BadServiceUrlTest,
    testing::Values("", "bots.example.com", "//bots.example.com/", "https:/bots.example.com/",
                    "https:bots.example.com/", "http://bots.example.com/CANARY",
                    "ftp://bots.example.com/", "file:///etc/passwd", "gopher://bots.example.com/",
                    "wss://bots.example.com/", "javascript:alert(1)", " https://bots.example.com/",
                    "https://bots.example.com/ CANARY", "https://bots.example.com/\r\nX: CANARY",
                    "https://bots.example.com/\tCANARY", "https://bots.example.com/#CANARY",
                    "https://bots.example.com#@evil.example/", "https://bots.ex\xc3\xa4mple.com/",
                    "https://bots.example.com/\xc3\xa4"));

INSTANTIATE_TEST_SUITE_P(
    Authorities, BadServiceUrlTest,
    testing::Values(
        "https://", "https:///", "https:///bots.example.com", "https://?x",
        "https://user@bots.example.com/", "https://user:CANARY@bots.example.com/",
        "https://bots.example.com@evil.example/", "https://@bots.example.com/",
        "https://evil.example\\@bots.example.com/", "https://evil.example\\.example.com/",
        "https://bots.example.com\\/", "https://bots.example.com:/", "https://bots.example.com:0/",
        "https://bots.example.com:65979/", "https://bots.example.com:443:443/",
        "https://bots.example.com:+443/", "https://bots.example.com:x/",
        "https://bots.example.com:8443/", "https://bots.example.com:80/",
        "https://bots.example.com:25/", "https://.example.com/", "https://bots..example.com/",
        "https://bots.example.com./", "https://bots.example.com../", "https://-bots.example.com/",
        "https://bots-.example.com/", "https://bots%2eexample.com/",
        "https://bots.example.com%00.evil.example/", "https://bots.example.com%2f.evil.example/",
        "https://bots_x.example.com/", "https://*.example.com/", "https://a,b.example.com/",
        "https://b;x.example.com/"));

INSTANTIATE_TEST_SUITE_P(
    Addresses, BadServiceUrlTest,
    testing::Values("https://127.0.0.1/", "https://127.0.0.1:443/", "https://127.1/", "https://1/",
                    "https://2130706433/", "https://0/", "https://0x7f.1/", "https://0X7F.0x0.1/",
                    "https://0x7f000001/", "https://0x/", "https://0177.0.0.1/",
                    "https://017700000001/", "https://127.0.0.1./", "https://127%2E0.0.1/",
                    "https://%31%32%37.0.0.1/", "https://10.0.0.1/", "https://169.254.169.254/",
                    "https://256.256.256.256/", "https://999999999999/", "https://a.b.1/",
                    "https://bots.example.com.0x1/", "https://[::1]/", "https://[::]/",
                    "https://[::ffff:127.0.0.1]/", "https://[fd00::1]:443/", "https://[v1.x]/",
                    "https://[::1].example.com/", "https://[fe80::1%25eth0]/", "https://::1/",
                    "https://127.0.0.1.example.com/", "https://10.0.0.1x.example.com/",
                    "https://8.8.8.8/",
                    "https://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/",  // circled digits
                    "https://127\xe3\x80\x82"
                    "0.0.1/"));  // an ideographic full stop

TEST(ServiceUrlPolicyTest, LengthIsBounded) {
  const ServiceUrlPolicy policy(kHosts, false, false);
  const std::string start = "https://bots.example.com/";
  EXPECT_TRUE(policy.check(start + std::string(8192 - start.size(), 'x')));
  EXPECT_EQ(refusal_of(policy, start + std::string(8193 - start.size(), 'x')),
            Errc::invalid_argument);
  const std::string label(63, 'a');
  EXPECT_TRUE(policy.check("https://" + label + ".api.example.com/"));
  EXPECT_EQ(refusal_of(policy, "https://" + label + "a.api.example.com/"), Errc::invalid_argument);
  std::string deep;
  for (int i = 0; i < 120; ++i) deep += "a.";
  EXPECT_EQ(refusal_of(policy, "https://" + deep + "api.example.com/"), Errc::invalid_argument);
}

TEST(ServiceUrlPolicyTest, OnlyListedHostsAreAllowedAndOthersAreNamed) {
  const ServiceUrlPolicy policy(kHosts, false, false);
  for (const std::string host :
       {"api.example.com", "evilapi.example.com", "x.api.example.com.evil.example",
        "xbots.example.com", "x.bots.example.com", "bots.example.com.evil.example", "example.com",
        "com", "localhost", "metadata.google.internal", "bots.example.co"}) {
    const std::string url = "https://" + host + "/CANARY?CANARY";
    EXPECT_EQ(refusal_of(policy, url), Errc::forbidden) << host;
    EXPECT_EQ(policy.check(url).error().context(), host);
  }
  const ServiceUrlPolicy nothing({}, false, true);
  EXPECT_EQ(refusal_of(nothing, "https://bots.example.com/"), Errc::forbidden);
}

TEST(ServiceUrlPolicyTest, ASandboxMayBeAnythingThatIsListedByName) {
  const ServiceUrlPolicy policy({"127.0.0.1", "localhost", "sandbox", ".api.example.com"}, false,
                                true);
  for (const char* url : {"http://127.0.0.1:5080/copilot/x?sig=1", "http://localhost:5080/",
                          "https://localhost:5080/", "http://sandbox:5080/", "http://sandbox/",
                          "https://x.api.example.com:8443/"})
    EXPECT_TRUE(policy.check(url)) << url;
  EXPECT_EQ(refusal_of(policy, "http://127.0.0.2:5080/"), Errc::invalid_argument);
  EXPECT_EQ(refusal_of(policy, "http://127.1/"), Errc::invalid_argument);
  EXPECT_EQ(refusal_of(policy, "http://[::1]/"), Errc::invalid_argument);
  EXPECT_EQ(refusal_of(policy, "http://user@localhost/"), Errc::invalid_argument);
  EXPECT_EQ(refusal_of(policy, "http://x.localhost/"), Errc::forbidden);
  // Without that setting the same list lets no address in.
  const ServiceUrlPolicy strict({"127.0.0.1", "localhost"}, false, false);
  EXPECT_EQ(refusal_of(strict, "https://127.0.0.1/"), Errc::invalid_argument);
  EXPECT_EQ(refusal_of(strict, "http://localhost/"), Errc::invalid_argument);
}

TEST(ServiceUrlPolicyTest, LearnsTheFirstOtherHostAndNoSecond) {
  ServiceUrlPolicy policy(kHosts, true, false);
  const std::string url = "https://New.Runtime.example.net/x?CANARY";
  EXPECT_EQ(refusal_of(policy, url), Errc::forbidden) << "asking alone teaches nothing";
  const auto listed = policy.admit("https://bots.example.com/");
  ASSERT_TRUE(listed);
  EXPECT_FALSE(listed->learned);
  const auto first = policy.admit(url);
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->learned);
  EXPECT_EQ(first->host, "new.runtime.example.net");
  const auto again = policy.admit(url);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->learned);
  EXPECT_TRUE(policy.check(url));
  EXPECT_FALSE(policy.admit("https://second.example.net/"));
  EXPECT_FALSE(policy.check("https://x.new.runtime.example.net/"));
  EXPECT_EQ(policy.setting_with("new.runtime.example.net"),
            "CS_SERVICE_HOSTS=.api.example.com,bots.example.com,new.runtime.example.net");
}

TEST(ServiceUrlPolicyTest, LearnsNoLocalNameAndNothingUnlessToldTo) {
  for (const bool insecure : {false, true}) {
    ServiceUrlPolicy policy(kHosts, true, insecure);
    for (const char* url :
         {"https://localhost/", "https://redis/", "https://x.localhost/", "https://printer.local/",
          "https://metadata.google.internal/", "https://nas.home.arpa/", "https://10.0.0.1/",
          "https://box.lan/", "https://hr.corp/", "https://8.8.8.8/"})
      EXPECT_FALSE(policy.admit(url)) << url;
    EXPECT_TRUE(policy.admit("https://other.example.net/")) << "none of these took the place";
  }
  ServiceUrlPolicy policy(kHosts, false, false);
  EXPECT_FALSE(policy.admit("https://other.example.net/"));
  EXPECT_FALSE(policy.check("https://other.example.net/"));
}

}  // namespace
}  // namespace bridge::gateways
