// SPDX-License-Identifier: MIT
#include "net/public_address.hpp"

#include <gtest/gtest.h>

namespace bridge::net {
namespace {

bool is_public_text(const char* text) {
  return net::is_public(boost::asio::ip::make_address(text));
}

class NotPublicTest : public testing::TestWithParam<const char*> {};

TEST_P(NotPublicTest, IsRefused) { EXPECT_FALSE(is_public_text(GetParam())); }

INSTANTIATE_TEST_SUITE_P(V4, NotPublicTest,
                         testing::Values("0.0.0.0", "0.1.2.3", "10.0.0.0", "10.255.255.255",
                                         "100.64.0.0", "100.127.255.255", "127.0.0.1",
                                         "127.255.255.254", "168.63.129.16", "169.254.0.1",
                                         "169.254.169.254", "172.16.0.1", "172.31.255.255",
                                         "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1",
                                         "192.168.255.255", "198.18.0.1", "198.19.255.255",
                                         "198.51.100.7", "203.0.113.9", "224.0.0.1",
                                         "239.255.255.255", "240.0.0.1", "255.255.255.255"));

INSTANTIATE_TEST_SUITE_P(
    V6, NotPublicTest,
    testing::Values("::", "::1", "::127.0.0.1", "::8.8.8.8",  // unspecified, compatible
                    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8",  // mapped
                    "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254",          // NAT64
                    "64:ff9b::7f00:1", "64:ff9b:1::8.8.8.8",            // and its local prefix
                    "100::1",                                           // discard
                    "2001::1", "2001:0:4136:e378:8000:63bf:f5ff:fffe",  // Teredo
                    "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1", "2001:db8::1",
                    "2001:db8:ffff::1",                                   // documentation
                    "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1",  // 6to4
                    "3fff::1", "3fff:fff::1",                             // documentation
                    "4000::1", "5f00::1",                                 // not given out, SRv6
                    "fc00::1", "fd12:3456::1",                            // unique local
                    "fe80::1", "febf::1", "fec0::1",                      // link- and site-local
                    "ff02::1", "ff0e::1"));                               // multicast

class PublicTest : public testing::TestWithParam<const char*> {};

TEST_P(PublicTest, IsAllowed) { EXPECT_TRUE(is_public_text(GetParam())); }

// The neighbours of each block among them.
INSTANTIATE_TEST_SUITE_P(V4, PublicTest,
                         testing::Values("1.0.0.0", "8.8.8.8", "9.255.255.255", "11.0.0.0",
                                         "100.63.255.255", "100.128.0.0", "126.255.255.255",
                                         "128.0.0.0", "168.63.129.15", "168.63.129.17",
                                         "169.253.255.255", "169.255.0.0", "172.15.255.255",
                                         "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255",
                                         "192.169.0.0", "198.17.255.255", "198.20.0.0",
                                         "203.0.112.255", "203.0.114.0", "223.255.255.255"));

INSTANTIATE_TEST_SUITE_P(V6, PublicTest,
                         testing::Values("2001:200::1", "2001:4860:4860::8888", "2001:db7::1",
                                         "2001:db9::1", "2003::1", "2603:1030::1", "2a00::1",
                                         "3ffe:ffff::1", "3fff:1000::1", "64:ff9b::8.8.8.8"));

}  // namespace
}  // namespace bridge::net
