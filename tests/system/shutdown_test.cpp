// SPDX-License-Identifier: MIT
// SIGTERM to the whole program: who is told what, what still finishes, and how soon it is over.
#include <signal.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <future>
#include <thread>

#include "rig.hpp"

namespace bridge::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Shutdown, SocketsAreToldTheirPlaceWaitingPollsAreAnsweredAndTheProgramEndsWith0) {
  Rig rig;
  Client user(rig);
  const std::string number = user.escalate("hello");
  user.wait_for_state("queued");
  auto socket = user.socket("0:0");
  std::vector<json::object> frames;
  EXPECT_TRUE(
      read_until(*socket, frames, [](const auto& all) { return has_state(all, "queued"); }));
  const std::string cursor = text_of(user.poll("?after=0:0").body, "cursor");

  RawConnection poll(rig.bridge_port(), seconds(50));
  poll.send("GET /api/servicenow/poll/" + user.session + "?wait=60&after=" + cursor +
            " HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer " + user.token + "\r\n\r\n");
  // One thread takes things as they come: when a later request is answered, the poll waits.
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(http_probe(rig.bridge_port(), "GET", "/healthz").status, 200u);
  const auto begun = std::chrono::steady_clock::now();
  rig.bridge().signal(SIGTERM);
  EXPECT_TRUE(socket->wait_closed(seconds(10)));
  EXPECT_EQ(socket->close_code(), 1012u);
  EXPECT_EQ(socket->close_reason(), cursor);
  const ProbeResponse page = poll.receive_response();
  EXPECT_EQ(page.status, 200u) << page.body;
  EXPECT_EQ(page.header("Connection"), "close");
  EXPECT_EQ(text_of(json::parse(page.body).as_object(), "cursor"), cursor);
  poll.finish();
  EXPECT_EQ(rig.bridge().wait(seconds(25)), 0) << rig.bridge().output();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(20)) << "the poll's own time is 60 s";
  EXPECT_EQ(rig.bridge().output().find("ERROR"), std::string::npos) << rig.bridge().output();
}

TEST(Shutdown, IsSeenByReadinessFirst) {
  RigOptions options;
  options.bridge_environment = {{"SHUTDOWN_DELAY", "1s"}};
  Rig rig(options);
  EXPECT_EQ(http_probe(rig.bridge_port(), "GET", "/readyz").status, 200u);
  rig.bridge().signal(SIGTERM);
  rig.bridge().wait_for("draining");
  const ProbeResponse ready = http_probe(rig.bridge_port(), "GET", "/readyz");
  EXPECT_EQ(ready.status, 503u);
  EXPECT_EQ(http_probe(rig.bridge_port(), "GET", "/healthz").status, 200u) << "it still serves";
  EXPECT_EQ(rig.bridge().wait(seconds(25)), 0);
}

TEST(Shutdown, ACallUnderWayIsFinishedAndAnswered) {
  Rig rig;
  Client user(rig);
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  rig.settle();
  rig.fault("send_message", "slow", 1, 2);
  auto said = std::async(std::launch::async, [&] { return user.say("wait for me"); });
  const auto deadline = std::chrono::steady_clock::now() + seconds(15);
  const auto arrived = [&] {
    const auto pane = rig.pane(number);
    return std::find(pane.begin(), pane.end(), "wait for me") != pane.end();
  };
  while (!arrived() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(milliseconds(5));
  rig.bridge().signal(SIGTERM);
  EXPECT_EQ(said.get().status, 200u);
  EXPECT_EQ(rig.bridge().wait(seconds(28)), 0) << rig.bridge().output();
}

TEST(Shutdown, ASecondSignalLeavesAtOnce) {
  RigOptions options;
  options.bridge_environment = {{"SHUTDOWN_DELAY", "20s"}};
  Rig rig(options);
  rig.bridge().signal(SIGTERM);
  rig.bridge().wait_for("draining");
  const auto begun = std::chrono::steady_clock::now();
  rig.bridge().signal(SIGTERM);
  EXPECT_EQ(rig.bridge().wait(seconds(15)), 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, seconds(15));
}

TEST(Shutdown, AnInterruptIsHeededToo) {
  Rig rig;
  rig.bridge().signal(SIGINT);
  EXPECT_EQ(rig.bridge().wait(seconds(15)), 0);
  EXPECT_THROW(http_probe(rig.bridge_port(), "GET", "/healthz"), std::runtime_error);
}

}  // namespace
}  // namespace bridge::test
