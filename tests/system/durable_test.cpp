// SPDX-License-Identifier: MIT
// The bridge dies, is replaced, or cannot write, in the middle of chats: what was acknowledged is
// there afterwards, once and in order.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <thread>

#include "bridge/stores/sqlite_store.hpp"
#include "rig.hpp"

namespace bridge::test {
namespace {

RigOptions durable() {
  RigOptions options;
  options.bridge_keeps_sessions = true;
  options.bridge_environment = {{"SN_REQUEST_TIMEOUT", "3s"}, {"SEND_DEADLINE", "6s"}};
  return options;
}

class DurableChat {
 public:
  DurableChat() : rig(durable()), user(rig) {
    number = user.escalate("hello");
    at = "/sandbox/interactions/" + number;
    rig.control(at + "/accept", {{"agent", "alex.rep"}});
    user.wait_for_state("live");
    rig.settle();
  }
  void agent_says(const std::string& text) {
    rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", text}});
  }
  /// Everything from the beginning, once the agent's last words are there.
  std::vector<json::object> frames_with(const std::string& last) {
    return user.wait_until([&](const auto& frames) {
      const auto said = texts(frames, "rep");
      return std::count(said.begin(), said.end(), last) > 0;
    });
  }
  long shown_to_agent(const std::string& text) {
    const auto pane = rig.pane(number);
    return std::count(pane.begin(), pane.end(), text);
  }

  Rig rig;
  Client user;
  std::string number, at;
};

void expect_whole(const std::vector<json::object>& frames) {
  for (std::size_t i = 0; i < frames.size(); ++i)
    EXPECT_EQ(frames[i].at("seq").as_int64(), static_cast<std::int64_t>(i) + 1);
}

/// Until it answers so, or in vain.
bool becomes(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!condition() && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return condition();
}

class Durable : public testing::Test {
 protected:
  void SetUp() override {
    if (!stores::has_sqlite()) GTEST_SKIP() << "built without SQLite";
  }
};

TEST_F(Durable, AChatGoesOnAfterKillNine) {
  DurableChat chat;
  chat.agent_says("before");
  (void)chat.frames_with("before");
  EXPECT_EQ(chat.user.say("mine before", "c1").status, 200u);
  const std::string cursor = text_of(chat.user.poll("?after=0:0").body, "cursor");

  chat.rig.kill_bridge();
  chat.rig.restart_bridge();

  // The token is good, the cursor too, and nothing comes again.
  const auto page = chat.user.poll("?after=" + cursor);
  ASSERT_EQ(page.status, 200u) << json::serialize(page.body);
  EXPECT_TRUE(page.body.at("recovered").as_bool());
  EXPECT_TRUE(page.body.at("events").as_array().empty());
  EXPECT_EQ(text_of(page.body, "cursor"), cursor);
  EXPECT_EQ(text_of(page.body, "state"), "live");
  // The cookie alone as well.
  const ProbeResponse by_cookie =
      http_probe(chat.rig.bridge_port(), "GET", "/api/servicenow/poll/" + chat.user.session,
                 {{"Cookie", chat.user.cookie}});
  EXPECT_EQ(by_cookie.status, 200u) << by_cookie.body;

  chat.agent_says("after");  // its webhook finds the session by the interaction
  EXPECT_EQ(chat.user.say("mine after", "c2").status, 200u);
  EXPECT_EQ(chat.user.say("mine before", "c1").status, 200u) << "a repeat, known as such";
  const auto frames = chat.frames_with("after");
  expect_whole(frames);
  EXPECT_EQ(texts(frames, "rep").back(), "after");
  EXPECT_EQ(chat.shown_to_agent("mine before"), 1);
  EXPECT_EQ(chat.shown_to_agent("mine after"), 1);
  chat.rig.control(chat.at + "/end", {{"agent", "alex.rep"}});
  chat.user.wait_for_state("closed");
}

TEST_F(Durable, ASocketResumesWhereItWas) {
  DurableChat chat;
  std::vector<json::object> frames;
  {
    const auto socket = chat.user.socket("0:0");
    chat.agent_says("one");
    EXPECT_TRUE(read_until(*socket, frames, [](const auto& f) {
      return !texts(f, "rep").empty() && texts(f, "rep").back() == "one";
    }));
    chat.rig.kill_bridge();
  }
  chat.rig.restart_bridge();
  const std::string epoch = [&] {
    const std::string cursor = text_of(chat.user.poll("?after=0:0").body, "cursor");
    return cursor.substr(0, cursor.find(':'));
  }();
  const auto socket =
      chat.user.socket(epoch + ":" + std::to_string(frames.back().at("seq").as_int64()));
  chat.agent_says("two");
  EXPECT_TRUE(
      read_until(*socket, frames, [](const auto& f) { return texts(f, "rep").back() == "two"; }));
  expect_whole(frames);
}

TEST_F(Durable, AMessageOnItsWayIsSentOnceAfterKillNine) {
  DurableChat chat;
  chat.rig.fault("send_message", "hang", 1);
  std::thread sender([&] {
    try {
      (void)chat.user.say("in the middle", "c1");
    } catch (const std::exception&) {
      // its bridge is killed
    }
  });
  EXPECT_TRUE(becomes([&] {
    const auto frames = chat.user.poll("?after=0:0").body.at("events").as_array();
    return std::any_of(frames.begin(), frames.end(), [](const json::value& frame) {
      return text_of(frame.as_object(), "client_message_id") == "c1";
    });
  }));
  chat.rig.kill_bridge();
  sender.join();
  chat.rig.heal();
  chat.rig.restart_bridge();
  const auto frames = chat.user.wait_until([](const auto& all) {
    return std::any_of(all.begin(), all.end(), [](const json::object& frame) {
      return text_of(frame, "type") == "receipt" && text_of(frame, "client_message_id") == "c1";
    });
  });
  EXPECT_EQ(text_of(frames.back(), "status"), "delivered");
  EXPECT_EQ(chat.user.say("in the middle", "c1").status, 200u);
  EXPECT_EQ(chat.shown_to_agent("in the middle"), 1);
}

TEST_F(Durable, ASecondProcessTakesOverAndTheFirstEnds) {
  DurableChat chat;
  chat.agent_says("before");
  (void)chat.frames_with("before");
  const std::uint16_t first_port = chat.rig.bridge_port();
  const auto first = chat.rig.start_another_bridge();
  EXPECT_NE(chat.rig.bridge_port(), first_port);
  EXPECT_EQ(first->wait(), 0);
  EXPECT_NE(first->output().find("store_superseded"), std::string::npos);
  chat.agent_says("after");
  EXPECT_EQ(chat.user.say("still there?", "c1").status, 200u);
  const auto frames = chat.frames_with("after");
  expect_whole(frames);
  EXPECT_EQ(chat.shown_to_agent("still there?"), 1);
}

TEST_F(Durable, WhoCannotListenTakesNothing) {
  DurableChat chat;
  ChildProcess twice(BRIDGE_BINARY, {"serve"}, chat.rig.bridge_environment());
  EXPECT_EQ(twice.wait(), 1) << twice.output();
  EXPECT_NE(twice.output().find("not touched"), std::string::npos) << twice.output();
  EXPECT_EQ(chat.user.say("still there?", "c1").status, 200u);
  EXPECT_EQ(chat.shown_to_agent("still there?"), 1);
}

TEST_F(Durable, AFullDiskIsToldAndMendsItself) {
  DurableChat chat;
  rlimit unlimited{};
  const auto limit = [&](rlim_t bytes) {
    rlimit limited{bytes, RLIM_INFINITY};
    ASSERT_EQ(::prlimit(chat.rig.bridge().pid(), RLIMIT_FSIZE, &limited, &unlimited), 0);
  };
  const auto ready = [&] { return http_probe(chat.rig.bridge_port(), "GET", "/readyz").body; };
  limit(std::filesystem::file_size(chat.rig.session_file() + "-wal"));
  const auto refused = chat.user.say("does not fit", "c1");
  EXPECT_EQ(refused.status, 503u);
  EXPECT_EQ(refused.error(), "storage_failed");
  EXPECT_FALSE(text_of(refused.body, "hint").empty());
  EXPECT_NE(ready().find("storage_failed"), std::string::npos);
  EXPECT_EQ(chat.shown_to_agent("does not fit"), 0);
  limit(RLIM_INFINITY);
  EXPECT_TRUE(becomes([&] { return ready().find("storage_failed") == std::string::npos; }));
  EXPECT_EQ(chat.user.say("does not fit", "c1").status, 200u);
  EXPECT_EQ(chat.shown_to_agent("does not fit"), 1);
  chat.agent_says("now it does");
  expect_whole(chat.frames_with("now it does"));
}

TEST_F(Durable, ForgetEndsTheChatAndErasesIt) {
  DurableChat chat;
  const std::string canary = "a private canary of the user";
  EXPECT_EQ(chat.user.say(canary, "c1").status, 200u);
  ChildProcess forget(BRIDGE_BINARY, {"forget", "--session", chat.user.session},
                      chat.rig.bridge_environment());
  EXPECT_EQ(forget.wait(std::chrono::seconds(60)), 0) << forget.output();
  EXPECT_NE(forget.output().find("erased 1 session"), std::string::npos) << forget.output();
  EXPECT_EQ(chat.user.poll("?after=0:0").status, 404u);
  EXPECT_TRUE(text_of(chat.rig.interaction(chat.number), "state").starts_with("closed"))
      << json::serialize(chat.rig.interaction(chat.number));
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::ifstream file(chat.rig.session_file() + suffix, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    EXPECT_EQ(bytes.find(canary), std::string::npos) << suffix;
  }
}

TEST_F(Durable, WhatIsNotOursIsNotServedFrom) {
  Rig rig(durable());
  rig.kill_bridge();
  { std::ofstream(rig.session_file()) << std::string(5000, 'x'); }
  ChildProcess bridge(BRIDGE_BINARY, {"serve"}, rig.bridge_environment());
  EXPECT_EQ(bridge.wait(), 1) << bridge.output();
  EXPECT_NE(bridge.output().find(rig.session_file()), std::string::npos) << bridge.output();
  EXPECT_EQ(std::filesystem::file_size(rig.session_file()), 5000u);
}

}  // namespace
}  // namespace bridge::test
