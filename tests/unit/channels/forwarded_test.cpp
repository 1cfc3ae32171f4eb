// SPDX-License-Identifier: MIT
// Whom a request is counted under, and what of a proxy's word is believed.
#include "channels/forwarded.hpp"

#include <gtest/gtest.h>

namespace bridge::channels {
namespace {

using Lines = std::vector<std::string>;

net::Request request(const Lines& lines, std::string_view name = "X-Forwarded-For") {
  net::Request made;
  made.peer_address = "10.0.0.1";
  for (const std::string& line : lines) made.headers.add(name, line);
  return made;
}

struct Case {
  const char* name;
  int proxies;
  Lines lines;
  const char* counted_as;
};

TEST(ClientKeyTest, IsTheAddressThatTheOutermostTrustedProxySaw) {
  const std::vector<Case> cases{
      {"nobody in front", 0, {}, "10.0.0.1"},
      {"no proxy is trusted", 0, {"192.0.2.1"}, "10.0.0.1"},
      {"one proxy", 1, {"192.0.2.1"}, "192.0.2.1"},
      {"the caller wrote some itself", 1, {"203.0.113.9, 192.0.2.1"}, "192.0.2.1"},
      {"the caller wrote a line of its own", 1, {"203.0.113.9", "192.0.2.1"}, "192.0.2.1"},
      {"two proxies", 2, {"192.0.2.1, 198.51.100.2"}, "192.0.2.1"},
      {"two proxies and a forger", 2, {"1.1.1.1, 192.0.2.1, 198.51.100.2"}, "192.0.2.1"},
      {"two proxies, two lines", 2, {"1.1.1.1", "192.0.2.1", "198.51.100.2"}, "192.0.2.1"},
      {"one proxy of two was passed by", 2, {"198.51.100.2"}, "10.0.0.1"},
      {"ten proxies", 10, {"192.0.2.1, 198.51.100.2"}, "10.0.0.1"},
      {"the header is missing", 1, {}, "10.0.0.1"},
      {"the header is empty", 1, {""}, "10.0.0.1"},
      {"only commas", 1, {", ,,"}, "10.0.0.1"},
      {"no address", 1, {"192.0.2.1, unknown"}, "10.0.0.1"},
      {"an obfuscated one", 1, {"_hidden"}, "10.0.0.1"},
      {"a name", 1, {"evil.example"}, "10.0.0.1"},
      {"markup", 1, {"<script>"}, "10.0.0.1"},
      {"blanks around", 1, {"203.0.113.9 ,\t192.0.2.1  "}, "192.0.2.1"},
      {"an empty element at the end", 1, {"192.0.2.1,"}, "192.0.2.1"},
      {"with a port", 1, {"192.0.2.1:4711"}, "192.0.2.1"},
      {"IPv6", 1, {"2001:db8::1"}, "2001:db8::1"},
      {"IPv6 in brackets", 1, {"[2001:db8::1]"}, "2001:db8::1"},
      {"IPv6 with a port", 1, {"[2001:db8::1]:4711"}, "2001:db8::1"},
      {"a broken bracket", 1, {"[2001:db8::1"}, "10.0.0.1"},
      {"IPv4 as IPv6", 1, {"::ffff:192.0.2.1"}, "192.0.2.1"},
  };
  for (const Case& c : cases)
    EXPECT_EQ(client_key(request(c.lines), c.proxies), address_key(c.counted_as)) << c.name;
}

TEST(ClientKeyTest, APeerWithoutAnAddressIsStillCounted) {
  net::Request made;
  EXPECT_EQ(client_key(made, 0), BucketKey());
  EXPECT_EQ(client_key(made, 1), BucketKey());
}

TEST(ForwardedTest, IsTheWordOfTheTrustedProxies) {
  constexpr std::string_view kHeader = "X-Forwarded-Host";
  const auto host = [&](const Lines& lines, int proxies) {
    const net::Request made = request(lines, kHeader);
    return std::string(forwarded(made, kHeader, proxies));
  };
  EXPECT_EQ(host({"a.example"}, 0), "");
  EXPECT_EQ(host({"a.example"}, 1), "a.example");
  EXPECT_EQ(host({"evil.example, a.example"}, 1), "a.example");
  EXPECT_EQ(host({"evil.example", "a.example"}, 1), "a.example");
  EXPECT_EQ(host({"evil.example, a.example, b.example"}, 2), "a.example");
  EXPECT_EQ(host({"a.example"}, 2), "a.example") << "two proxies, of which the second replaces";
  EXPECT_EQ(host({}, 1), "");
}

}  // namespace
}  // namespace bridge::channels
