// SPDX-License-Identifier: MIT
// What was there before us keeps working: pages written for the old bridge, and instances that run
// the old scripts.
#include <signal.h>

#include <algorithm>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "rig.hpp"

namespace bridge::test {
namespace {

using Texts = std::vector<std::string>;

/// Does on the wire what the old page does: cookie only, no cursor, two sockets, a poll beside.
class OldPage {
 public:
  explicit OldPage(Rig& rig) : rig_(rig) {
    const auto answer = call("POST", "/api/servicenow/init-session", "{}");
    session_ = text_of(answer, "session_id");
    open_socket();
  }

  void escalate() {
    const auto answer =
        call("POST", "/api/servicenow/escalate",
             json::serialize(json::object{{"session_id", session_}, {"opening_message", "help"}}));
    number = text_of(answer, "interaction_number");
    open_socket();  // the old page opens another one and forgets the first
  }
  void say(const std::string& text) {
    const auto answer =
        call("POST", "/api/servicenow/user-message",
             json::serialize(json::object{{"session_id", session_}, {"text", text}}));
    EXPECT_TRUE(answer.contains("ok")) << json::serialize(answer);
  }
  /// Reads whatever there is on any path until `done`.
  bool read_until(const std::function<bool(const OldPage&)>& done) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done(*this) && std::chrono::steady_clock::now() < deadline) look();
    return done(*this);
  }
  void look() {
    for (const auto& socket : sockets_)
      while (auto text = socket->receive(std::chrono::milliseconds(20)))
        frames.push_back(json::parse(*text).as_object());
    const auto page = call("GET", "/api/servicenow/poll/" + session_, "");
    state = text_of(page, "state");
    for (const json::value& frame : page.at("events").as_array())
      frames.push_back(frame.as_object());
  }
  void cut_sockets() {
    for (const auto& socket : sockets_) socket->cut();
    sockets_.clear();
  }

  std::vector<json::object> frames;
  std::string number, state;

 private:
  json::object call(const std::string& method, const std::string& path, const std::string& body) {
    ProbeHeaders headers;
    if (!body.empty()) headers.emplace_back("Content-Type", "application/json");
    if (!cookie_.empty()) headers.emplace_back("Cookie", cookie_);
    const ProbeResponse answer = http_probe(rig_.bridge_port(), method, path, headers, body);
    if (const std::string set = answer.header("Set-Cookie"); !set.empty())
      cookie_ = set.substr(0, set.find(';'));
    return json::parse(answer.body).as_object();
  }
  void open_socket() {
    WsOptions options;
    options.headers = {{"Cookie", cookie_},
                       {"Origin", "http://127.0.0.1:" + std::to_string(rig_.bridge_port())}};
    sockets_.push_back(
        std::make_unique<WsClient>(rig_.bridge_port(), "/ws/intranet/" + session_, options));
    EXPECT_TRUE(sockets_.back()->is_open());
  }

  Rig& rig_;
  std::string cookie_, session_;
  std::vector<std::unique_ptr<WsClient>> sockets_;
};

void play(Rig& rig) {
  OldPage page(rig);
  page.escalate();
  const std::string at = "/sandbox/interactions/" + page.number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  Texts from_agent;
  for (int i = 0; i < 5; ++i) {
    page.say("yes");
    const std::string text = i % 2 == 0 ? "yes" : "answer " + std::to_string(i);
    rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", text}});
    from_agent.push_back(text);
    EXPECT_TRUE(page.read_until(
        [&](const OldPage& p) { return texts(p.frames, "rep").size() >= from_agent.size() + 1; }));
    if (i == 2) page.cut_sockets();  // from here it lives on its poll
  }
  rig.settle();
  page.look();
  Texts said = texts(page.frames, "rep");
  ASSERT_EQ(said.size(), from_agent.size() + 1) << "the greeting, and each reply once";
  EXPECT_EQ(Texts(said.end() - 5, said.end()), from_agent);
  EXPECT_TRUE(texts(page.frames, "user").empty()) << "the old page prints its own words itself";
  EXPECT_EQ(page.state, "live");

  page.say("[user ended the chat]");
  EXPECT_TRUE(page.read_until([](const OldPage& p) { return p.state == "closed"; }));
}

TEST(OldPages, SeeEachReplyOnce) {
  Rig rig;
  play(rig);
  // Our scripts really end the interaction, whatever the page sends.
  EXPECT_EQ(
      text_of(rig.look("/sandbox/interactions").as_array()[0].as_object(), "state").substr(0, 6),
      "closed");
}

TEST(OldScripts, CarryAWholeChat) {
  RigOptions options;
  options.scripts = BRIDGE_SOURCE_DIR "/tests/support/legacy_scripts";
  Rig rig(options);
  play(rig);
}

TEST(OldScripts, AnAmbiguousSendEndsUnknownAndIsNotSentTwice) {
  RigOptions options;
  options.scripts = BRIDGE_SOURCE_DIR "/tests/support/legacy_scripts";
  Rig rig(options);
  Client user(rig);
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  rig.control("/sandbox/interactions/" + number + "/message",
              {{"agent", "alex.rep"}, {"text", "hi"}});
  user.wait_for_state("live");
  rig.fault("send_message", "drop_after_commit", 1);
  for (int i = 0; i < 2; ++i) {
    const auto answer = user.say("once", "c1");
    EXPECT_EQ(answer.status, 502u);
    EXPECT_EQ(text_of(answer.body, "outcome"), "unknown");
  }
  const Texts pane = rig.pane(number);
  EXPECT_EQ(std::count(pane.begin(), pane.end(), "once"), 1);
  const auto frames = user.wait_until([](const auto& f) {
    return std::any_of(f.begin(), f.end(),
                       [](const auto& frame) { return text_of(frame, "status") == "unknown"; });
  });
  const Texts said = texts(frames, "rep");
  EXPECT_EQ(std::count(said.begin(), said.end(), "once"), 0) << "its echo is not the agent's";
}

}  // namespace
}  // namespace bridge::test
