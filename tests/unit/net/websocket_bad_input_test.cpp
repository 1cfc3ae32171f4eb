// SPDX-License-Identifier: MIT
// Frames that no browser sends, written by hand: what each is answered with, and that the
// connection ends although its peer goes on.
#include <gtest/gtest.h>

#include <algorithm>

#include "support/http_probe.hpp"
#include "unit/net/running_server.hpp"

namespace bridge::net {
namespace {

using namespace std::chrono_literals;
using test::RawConnection;

/// A masked client frame; the mask is zeros, so the payload stays readable.
std::string frame(unsigned first, std::string_view payload) {
  std::string bytes(1, static_cast<char>(first));
  if (payload.size() < 126) {
    bytes += static_cast<char>(0x80 | payload.size());
  } else {
    bytes += static_cast<char>(0x80 | 126);
    bytes += static_cast<char>(payload.size() >> 8);
    bytes += static_cast<char>(payload.size() & 0xFF);
  }
  return bytes + std::string(4, '\0') + std::string(payload);
}

/// A frame header with a length of 64 bits, and nothing behind it.
std::string long_frame(std::uint64_t length) {
  std::string bytes = "\x81";
  bytes += static_cast<char>(0x80 | 127);
  for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(length >> shift);
  return bytes + std::string(4, '\0');
}

std::string code(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xFF)};
}

constexpr unsigned kFin = 0x80, kText = 1, kBinary = 2, kClose = 8, kPing = 9;

struct BadFrame {
  std::string name;
  std::string bytes;
  std::vector<unsigned> codes;  ///< more than one where versions of Beast differ
};
void PrintTo(const BadFrame& bad, std::ostream* out) { *out << bad.name; }

std::vector<BadFrame> bad_frames() {
  const std::string big(60'000, 'x');
  return {
      {"UnmaskedText", std::string("\x81\x02hi", 4), {1002}},
      {"UnmaskedClose", std::string("\x88\x02\x03\xe8", 4), {1002}},
      {"ReservedBit1", frame(kFin | 0x40 | kText, "a"), {1002}},
      {"ReservedBit2", frame(kFin | 0x20 | kText, "a"), {1002}},
      {"ReservedBit3", frame(kFin | 0x10 | kText, "a"), {1002}},
      {"ReservedDataOpcode", frame(kFin | 3, "a"), {1002}},
      {"ReservedControlOpcode", frame(kFin | 11, "a"), {1002}},
      {"FragmentedPing", frame(kPing, "a"), {1002}},
      {"FragmentedClose", frame(kClose, code(1000)), {1002}},
      {"OverlongPing", frame(kFin | kPing, std::string(126, 'p')), {1002}},
      {"OverlongClose", frame(kFin | kClose, code(1000) + std::string(124, 'c')), {1002}},
      {"ContinuationOfNothing", frame(kFin | 0, "a"), {1002}},
      {"NewMessageInsideOne", frame(kText, "a") + frame(kFin | kText, "b"), {1002}},
      {"LengthNotInTheShortestForm",
       std::string("\x81\xfe\x00\x05\x00\x00\x00\x00hello", 13),
       {1002}},
      {"BadUtf8",
       frame(kFin | kText,
             "a\xff"
             "b"),
       {1007}},
      {"OverlongUtf8", frame(kFin | kText, "\xc0\xaf"), {1007}},
      {"SurrogateInUtf8", frame(kFin | kText, "\xed\xa0\x80"), {1007}},
      {"CutUtf8", frame(kFin | kText, "ab\xe2\x82"), {1007}},
      {"BadUtf8AcrossFragments", frame(kText, "\xe2") + frame(kFin | 0, "\x28\xa1"), {1007}},
      {"CutUtf8AcrossFragments", frame(kText, "a\xe2") + frame(kFin | 0, "\x82"), {1007}},
      {"BadUtf8InCloseReason", frame(kFin | kClose, code(1000) + "\xff"), {1002, 1007}},
      {"CloseWithHalfACode", frame(kFin | kClose, "\x03"), {1002}},
      {"CloseCode0", frame(kFin | kClose, code(0)), {1002}},
      {"CloseCode999", frame(kFin | kClose, code(999)), {1002}},
      {"CloseCode1005", frame(kFin | kClose, code(1005)), {1002}},
      {"CloseCode1006", frame(kFin | kClose, code(1006)), {1002}},
      {"CloseCode1015", frame(kFin | kClose, code(1015)), {1002}},
      {"CloseCode5000", frame(kFin | kClose, code(5000)), {1002, 5000}},
      {"OverlongMessage", long_frame(64 * 1024 + 1), {1009}},
      {"OverlongInFragments", frame(kText, big) + frame(kFin | 0, big), {1009}},
      {"LengthOf63Bits", long_frame(0x7fffffffffffffff), {1009}},
      {"LengthWithTheHighBit", long_frame(0x8000000000000001), {1002, 1009}},
      {"Binary", frame(kFin | kBinary, "\x01\x02"), {1008}},
      {"BinaryInFragments", frame(kBinary, "\x01") + frame(kFin | 0, "\x02"), {1008}},
  };
}

class RawFrameTest : public testing::Test {
 protected:
  RawFrameTest() {
    WebSocketRoute echo;
    echo.pattern = "/echo";
    echo.run = [this](Request, std::shared_ptr<WebSocket> socket) { return run(socket); };
    server.router.add(std::move(echo));
    server.options.ping_interval = 500ms;
  }

  Task<> run(std::shared_ptr<WebSocket> socket) {
    for (;;) {
      auto message = co_await socket->receive();
      if (!message) break;
      received.push_back(std::move(*message));
    }
    ++ended;
  }

  std::vector<std::string> received;  // on the loop
  int ended = 0;
  test::RunningServer server;
};

class BadFrameTest : public RawFrameTest, public testing::WithParamInterface<BadFrame> {};

TEST_P(BadFrameTest, IsAnsweredWithItsCloseCode) {
  server.start();
  RawConnection client(server.port());
  client.send(
      "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  ASSERT_EQ(client.receive_response().status, 101u);
  client.send(frame(kFin | kText, "fine"));
  client.send(GetParam().bytes);
  // We neither answer the close nor end our side: the server has to end it.
  const std::string frames = client.receive_all();
  const std::size_t close = frames.find('\x88');
  ASSERT_NE(close, std::string::npos) << testing::PrintToString(frames);
  ASSERT_GE(frames.size(), close + 4);
  const unsigned got = static_cast<unsigned char>(frames[close + 2]) * 256u +
                       static_cast<unsigned char>(frames[close + 3]);
  EXPECT_NE(std::count(GetParam().codes.begin(), GetParam().codes.end(), got), 0) << got;
  client.finish();
  EXPECT_TRUE(server.wait_connections(0));
  server.stop();
  EXPECT_EQ(received, std::vector<std::string>{"fine"});
  EXPECT_EQ(ended, 1);
}

TEST_F(RawFrameTest, APeerThatKeepsItsSideOpenAfterAnErrorIsCut) {
  server.start();
  RawConnection client(server.port());
  client.send(
      "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  ASSERT_EQ(client.receive_response().status, 101u);
  client.send(std::string("\x81\x02hi", 4));
  EXPECT_TRUE(server.wait_connections(0));  // although we have not closed
}

TEST_F(RawFrameTest, AMessageInFragmentsWithPingsBetweenIsWhole) {
  server.start();
  RawConnection client(server.port());
  client.send(
      "GET /echo HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
  ASSERT_EQ(client.receive_response().status, 101u);
  client.send(frame(kText, "a\xe2\x82") + frame(kFin | kPing, "p") + frame(0, "\xac") +
              frame(kFin | 0, "b"));
  client.send(frame(kFin | kClose, code(1000) + "bye"));
  const std::string frames = client.receive_all();
  EXPECT_NE(frames.find("\x8a\x01p"), std::string::npos) << "the ping was answered";
  EXPECT_NE(frames.find("\x88\x02\x03\xe8"), std::string::npos) << "and the close";
  client.finish();
  EXPECT_TRUE(server.wait_connections(0));
  server.stop();
  EXPECT_EQ(received, std::vector<std::string>{"a\xe2\x82\xac"
                                               "b"});
}

INSTANTIATE_TEST_SUITE_P(Frames, BadFrameTest, testing::ValuesIn(bad_frames()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace bridge::net
