// SPDX-License-Identifier: MIT
// Whether an answer arrived, as far as TCP can tell.
#include <atomic>

#include "running_server.hpp"
#include "support/http_probe.hpp"

namespace bridge::net {
namespace {

using test::RawConnection;

constexpr std::string_view kAsk = "GET /page HTTP/1.1\r\nHost: x\r\n\r\n";

class Receipts : public ::testing::Test {
 protected:
  Receipts() {
    server_.router.add(test::route(Method::get, "/page", [this](Request&) { return page(); }));
    server_.start();
  }

  Task<Response> page() {
    Response response = text_response(200, std::string(size, 'x'));
    response.receipt = [this](bool arrived) { ++(arrived ? arrivals : losses); };
    co_return response;
  }
  bool told(int good, int bad) {
    return server_.wait_until([&] { return arrivals == good && losses == bad; });
  }

  std::size_t size = 100;
  std::atomic<int> arrivals{0}, losses{0};
  test::RunningServer server_;
};

TEST_F(Receipts, TheNextRequestConfirmsTheLastAnswer) {
  RawConnection connection(server_.port());
  connection.send(kAsk);
  EXPECT_EQ(connection.receive_response().status, 200u);
  EXPECT_EQ(arrivals + losses, 0) << "nobody knows yet";
  connection.send(kAsk);
  EXPECT_EQ(connection.receive_response().status, 200u);
  EXPECT_TRUE(told(1, 0));
}

TEST_F(Receipts, AnOrderlyEndConfirmsIt) {
  {
    RawConnection connection(server_.port());
    connection.send(kAsk);
    EXPECT_EQ(connection.receive_response().status, 200u);
  }
  EXPECT_TRUE(told(1, 0));
  EXPECT_EQ(test::http_probe(server_.port(), "GET", "/page").status, 200u);
  EXPECT_TRUE(told(2, 0));
}

TEST_F(Receipts, AResetDeniesIt) {
  RawConnection connection(server_.port());
  connection.send(kAsk);
  EXPECT_EQ(connection.receive_exactly(10).size(), 10u);
  connection.reset();
  EXPECT_TRUE(told(0, 1));
}

TEST_F(Receipts, AnAnswerThatCannotBeWrittenIsDenied) {
  size = 32 * 1024 * 1024;
  RawConnection connection(server_.port());
  connection.send(kAsk);
  EXPECT_EQ(connection.receive_exactly(10).size(), 10u);
  connection.reset();
  EXPECT_TRUE(told(0, 1));
}

}  // namespace
}  // namespace bridge::net
