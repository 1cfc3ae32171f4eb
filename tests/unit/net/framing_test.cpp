// SPDX-License-Identifier: MIT
// Shapes that two programs behind one another could frame in two ways (RFC 9112, 11.2), byte for
// byte: each is followed by a request for /secret, which nobody may ever answer.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/http_probe.hpp"
#include "unit/net/running_server.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::RawConnection;
using test::route;

constexpr std::string_view kBehind = "GET /secret HTTP/1.1\r\nHost: h\r\n\r\n";

std::string refusal(unsigned status) {
  const std::string reason = status == 400   ? "Bad Request"
                             : status == 431 ? "Request Header Fields Too Large"
                                             : "Payload Too Large";
  const std::string id = status == 400   ? "bad_request"
                         : status == 431 ? "header_too_large"
                                         : "too_large";
  const std::string body = "{\"error\":\"" + id + "\"}";
  return "HTTP/1.1 " + std::to_string(status) + " " + reason +
         "\r\nDate: *\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" + body;
}

std::string accepted(std::string_view body, bool keep = true) {
  return "HTTP/1.1 200 OK\r\nDate: *\r\nContent-Type: text/plain; charset=utf-8\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + (keep ? "" : "\r\nConnection: close") + "\r\n\r\n" +
         std::string(body);
}

/// The reply with the Date's value, which nobody knows beforehand, as "*".
std::string without_dates(std::string text) {
  for (std::size_t at = 0; (at = text.find("\r\nDate: ", at)) != std::string::npos;) {
    at += 8;
    text.replace(at, text.find("\r\n", at) - at, "*");
  }
  return text;
}

struct Shape {
  std::string name;
  std::string bytes;
  std::string reply;
  bool last = false;  ///< send nothing behind it
};
void PrintTo(const Shape& shape, std::ostream* out) { *out << shape.name; }

const std::string kPost = "POST /echo HTTP/1.1\r\nHost: h\r\n";
const std::string kChunked = kPost + "Transfer-Encoding: chunked\r\n\r\n";

std::vector<Shape> shapes() {
  const std::string no = refusal(400);
  const std::string large = refusal(431);
  const auto get = [](const std::string& fields) { return "GET /hello HTTP/1.1\r\n" + fields; };
  std::string many = get("Host: h\r\n");
  for (int i = 0; i < 30; ++i) many += "X-" + std::to_string(i) + ": a\r\n";
  std::string trailers = kChunked + "1\r\na\r\n0\r\n";
  for (int i = 0; i < 30; ++i) trailers += "X-" + std::to_string(i) + ": a\r\n";
  std::string extensions = kChunked;
  for (int i = 0; i < 30; ++i) extensions += "1;" + std::string(100, 'e') + "\r\na\r\n";
  return {
      // Two lengths
      {"LengthAndChunked",
       kPost + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", no},
      {"ChunkedAndLength",
       kPost + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", no},
      {"SameLengthTwice", kPost + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na", no},
      {"OtherLengthTwice", kPost + "Content-Length: 1\r\nContent-Length: 2\r\n\r\na", no},
      {"LengthList", kPost + "Content-Length: 1, 1\r\n\r\na", no},
      {"LengthWithPlus", kPost + "Content-Length: +1\r\n\r\na", no},
      {"LengthInHex", kPost + "Content-Length: 0x1\r\n\r\na", no},
      {"LengthEmpty", kPost + "Content-Length:\r\n\r\na", no},
      {"LengthBeyond64Bits", kPost + "Content-Length: 18446744073709551617\r\n\r\na", no},
      {"LengthNegative", kPost + "Content-Length: -1\r\n\r\na", no},
      // Transfer codings
      {"Gzip", kPost + "Transfer-Encoding: gzip\r\n\r\n", no},
      {"ChunkedThenIdentity", kPost + "Transfer-Encoding: chunked, identity\r\n\r\n", no},
      {"GzipThenChunked", kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", no},
      {"ChunkedTwice",
       kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", no},
      {"ChunkedListTwice", kPost + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", no},
      {"ChunkedQuoted", kPost + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", no},
      {"ChunkedWithParameter", kPost + "Transfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", no},
      {"ChunkedAfterVerticalTab", kPost + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", no},
      {"EncodingEmpty", kPost + "Transfer-Encoding:\r\n\r\n", no},
      {"EncodingMisspelt", kPost + "Transfer-Encoding: xchunked\r\n\r\n", no},
      {"ChunkedIn10",
       "POST /echo HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", no},
      {"ChunkedInAnyCase", kPost + "TRANSFER-ENCODING:  CHUNKED  \r\n\r\n1\r\na\r\n0\r\n\r\n",
       accepted("a"), true},
      // Names and lines
      {"SpaceBeforeColon", kPost + "Content-Length : 1\r\n\r\na", no},
      {"FoldedEncoding", kPost + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", no},
      {"FoldedAfterTheValue", get("Host: h\r\nX-A: b\r\n \r\n\r\n"), no},
      {"FoldedValue", get("Host: h\r\nX-A: b\r\n c\r\n\r\n"), no},
      {"LeadingSpaceInFirstField", "GET /hello HTTP/1.1\r\n Host: h\r\n\r\n", no},
      {"BareLineFeeds", "GET /hello HTTP/1.1\nHost: h\n\n", no},
      {"BareCarriageReturnInValue", get("Host: h\r\nX-A: a\rContent-Length: 40\r\n\r\n"), no},
      {"NulInValue", get("Host: h\r\nX-A: a" + std::string(1, '\0') + "b\r\n\r\n"), no},
      {"NoColon", get("Host: h\r\nX-A\r\n\r\n"), no},
      {"EmptyName", get("Host: h\r\n: a\r\n\r\n"), no},
      {"ControlInName", get("Host: h\r\nX\x01Y: a\r\n\r\n"), no},
      // Hosts
      {"TwoHosts", get("Host: h\r\nHost: h\r\n\r\n"), no},
      {"NoHost", get("\r\n"), no},
      {"TwoHostsIn10", "GET /hello HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", no},
      {"HostWithPath", get("Host: h/x\r\n\r\n"), no},
      {"HostWithUser", get("Host: u@h\r\n\r\n"), no},
      {"HostList", get("Host: a b\r\n\r\n"), no},
      {"HostWithPort", get("Host: [::1]:5000\r\nConnection: close\r\n\r\n"),
       accepted("hello", false)},
      // Request lines
      {"Version20", "GET /hello HTTP/2.0\r\nHost: h\r\n\r\n", no},
      {"Version12", "GET /hello HTTP/1.2\r\nHost: h\r\n\r\n", no},
      {"Version09", "GET /hello\r\n\r\n", no},
      {"TwoSpaces", "GET  /hello HTTP/1.1\r\nHost: h\r\n\r\n", no},
      {"BrokenPercent", "GET /hello%zz HTTP/1.1\r\nHost: h\r\n\r\n", no},
      {"TlsHello", "\x16\x03\x01\x02\x01\x01\r\n\r\n", no},
      // Chunks
      {"ChunkSizeNotHex", kChunked + "xyz\r\n", no},
      {"ChunkSizeWithSign", kChunked + "+1\r\na\r\n0\r\n\r\n", no},
      {"ChunkSizeWithPrefix", kChunked + "0x1\r\na\r\n0\r\n\r\n", no},
      {"ChunkSizeBeyond64Bits", kChunked + "10000000000000001\r\na\r\n0\r\n\r\n", no},
      {"ChunkLongerThanItsSize", kChunked + "1\r\nab\r\n0\r\n\r\n", no},
      {"ChunkWithoutLineEnd", kChunked + "1\r\na0\r\n\r\n", no},
      {"ChunkOverTheLimit", kChunked + "ffffffffffffff\r\n", refusal(413)},
      {"LineFeedAfterChunkSize", kChunked + "1\na\r\n0\r\n\r\n", no},
      {"ExtensionsWithoutEnd", kChunked + "1;" + std::string(8'000, 'e'), no, true},
      {"ManyExtensions", extensions + "0\r\n\r\n", no},
      {"TrailersWithoutEnd", kChunked + "0\r\nX: " + std::string(8'000, 'e'), no, true},
      {"ManyTrailers", trailers + "\r\n", no},
      // Sizes
      {"LongTarget", "GET /" + std::string(600, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", large},
      {"LongField", get("Host: h\r\nX-A: " + std::string(600, 'a') + "\r\n\r\n"), large},
      {"LongName", get("Host: h\r\n" + std::string(600, 'a') + ": a\r\n\r\n"), large},
      {"ManyFields", many + "\r\n", large},
      {"LongHead", get("Host: h\r\nX-A: " + std::string(3'000, 'a')), large, true},
      // What is meant to work
      {"BodyOnGet",
       "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " +
           std::to_string(kBehind.size()) + "\r\n\r\n" + std::string(kBehind),
       accepted("hello", false)},
      {"EmptyLinesBefore", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
       accepted("hello", false)},
      {"TwoInOneSegment", kPost + "Content-Length: 2\r\n\r\nab" + kChunked + "2\r\ncd\r\n0\r\n\r\n",
       accepted("ab") + accepted("cd"), true},
  };
}

class FramingTest : public testing::TestWithParam<Shape> {};

TEST_P(FramingTest, IsAnsweredOnceAndNothingBehindItIs) {
  test::RunningServer server;
  server.options.max_header_bytes = 2048;
  server.options.max_header_line = 512;
  server.options.max_header_fields = 20;
  int secrets = 0;
  server.router.add(route(Method::post, "/echo", [](Request& request) -> Task<Response> {
    co_return text_response(200, request.body);
  }));
  server.router.add(route(Method::get, "/hello", [](Request&) -> Task<Response> {
    co_return text_response(200, "hello");
  }));
  server.router.add(route(Method::get, "/secret", [&secrets](Request&) -> Task<Response> {
    ++secrets;
    co_return text_response(200, "secret");
  }));
  server.start();
  const Shape& shape = GetParam();
  RawConnection connection(server.port());
  connection.send(shape.bytes + (shape.last ? "" : std::string(kBehind)));
  connection.finish();
  EXPECT_EQ(without_dates(connection.receive_all()), shape.reply);
  server.stop();
  EXPECT_EQ(secrets, 0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, FramingTest, testing::ValuesIn(shapes()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace bridge::net
