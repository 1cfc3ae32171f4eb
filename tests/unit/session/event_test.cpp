// SPDX-License-Identifier: MIT
#include "bridge/session/event.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <numeric>

#include "bridge/session/bridge_session.hpp"

namespace bridge::session {
namespace {

std::string rendered(decltype(Event::what) what) {
  Event event;
  event.seq = 7;
  event.what = std::move(what);
  return render(event);
}

TEST(EventTest, AFrameIsWrittenAsTheReferenceShowsIt) {
  EXPECT_EQ(
      rendered(StatusEvent{State::queued, "IMS1", "", {}}),
      R"({"type":"status","state":"queued","interaction_number":"IMS1","rep_name":null,"seq":7})");
  EXPECT_EQ(rendered(StatusEvent{State::closed, "", "", CloseReason::abandoned}),
            R"({"type":"status","state":"closed","reason":"abandoned","seq":7})");
  EXPECT_EQ(rendered(ReceiptEvent{"c1", Delivery::unknown}),
            R"({"type":"receipt","client_message_id":"c1","status":"unknown","seq":7})");
  EXPECT_EQ(rendered(RepMessageEvent{"hi", "Alex", "m1", "2026-01-01 10:00:00", true, true}),
            R"({"type":"message","from":"rep","rep_name":"Alex","text":"hi","id":"m1",)"
            R"("sent_at":"2026-01-01 10:00:00","system":true,"late":true,"seq":7})");
  EXPECT_EQ(render_typing("Alex"), R"({"type":"typing","rep_name":"Alex"})");
}

TEST(EventTest, EveryCharacterSurvivesItsFrame) {
  std::string text;
  for (int c = 1; c < 0x80; ++c) text.push_back(static_cast<char>(c));
  text += "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x96\xA8 \\u0041 \\\" end\\";
  text.push_back('\0');
  const auto frame = boost::json::parse(rendered(UserMessageEvent{text, "c\"1"}));
  EXPECT_EQ(frame.at("text").as_string(), text);
  EXPECT_EQ(frame.at("client_message_id").as_string(), "c\"1");
  EXPECT_EQ(frame.at("seq").as_int64(), 7);
}

TEST(RecentIdsTest, TheOldestGoesFirst) {
  RecentIds ids(3);
  for (const char* id : {"a", "bb", "ccc"}) EXPECT_TRUE(ids.insert(id));
  EXPECT_FALSE(ids.insert("bb"));
  EXPECT_TRUE(ids.insert("dddd"));
  EXPECT_FALSE(ids.contains("a"));
  for (const char* id : {"bb", "ccc", "dddd"}) EXPECT_TRUE(ids.contains(id));
}

TEST(RecentIdsTest, ACopyGoesItsOwnWay) {
  const auto id = [](int n) { return "id" + std::to_string(n); };
  const auto kept = [&](const RecentIds& ids) {
    std::vector<int> found;
    for (int n = 0; n < 1000; ++n)
      if (ids.contains(id(n))) found.push_back(n);
    return found;
  };
  RecentIds ids(256);
  for (int n = 0; n < 500; ++n) EXPECT_TRUE(ids.insert(id(n)));
  const RecentIds before = ids;
  for (int n = 500; n < 1000; ++n) {
    EXPECT_TRUE(ids.insert(id(n)));
    EXPECT_FALSE(ids.contains(id(n - 256)));
    EXPECT_TRUE(ids.contains(id(n - 255)));
  }
  std::vector<int> last(256);
  std::iota(last.begin(), last.end(), 244);
  EXPECT_EQ(kept(before), last);
  std::iota(last.begin(), last.end(), 744);
  EXPECT_EQ(kept(ids), last);
}

TEST(RecentIdsTest, ASysIdIsNotTheTextOfTheSameBytes) {
  RecentIds ids;
  const std::string sys_id = "6162636465666768696a6b6c6d6e6f70";
  EXPECT_TRUE(ids.insert(sys_id));
  EXPECT_FALSE(ids.insert(sys_id));
  EXPECT_FALSE(ids.contains("abcdefghijklmnop")) << "its bytes";
  EXPECT_TRUE(ids.insert("abcdefghijklmnop"));
  EXPECT_FALSE(ids.contains("6162636465666768696A6B6C6D6E6F70")) << "ids are compared as they are";
  EXPECT_TRUE(ids.insert("6162636465666768696A6B6C6D6E6F70"));
  EXPECT_FALSE(ids.contains("6162636465666768696a6b6c6d6e6f71"));
  EXPECT_FALSE(ids.contains("6162636465666768696a6b6c6d6e6fzz"));
  EXPECT_TRUE(ids.contains(sys_id));
}

TEST(RecentIdsTest, WhatItGaveIsPutBackInItsOrderAndWithinItsLimit) {
  RecentIds before(3);
  for (const char* id : {"6162636465666768696a6b6c6d6e6f70", "bb", "ccc"}) before.insert(id);
  RecentIds after(3);
  after.reserve(before.all().size());
  for (const std::string& id : before.all()) after.restore(id);
  EXPECT_EQ(after.all(), before.all());
  after.restore("");
  after.restore("dddd");
  EXPECT_EQ(after.all(), (std::vector<std::string>{"bb", "ccc", "dddd"}));
}

TEST(SeenSequencesTest, WhatItGaveIsPutBackAndTheOldestAreLeftOut) {
  std::vector<std::int64_t> all(200);
  std::iota(all.begin(), all.end(), 1);
  SeenSequences seen;
  seen.restore(all);
  EXPECT_EQ(seen.all().size(), 128u);
  EXPECT_FALSE(seen.contains(72));
  EXPECT_TRUE(seen.contains(73));
  EXPECT_TRUE(seen.contains(200));
  seen.insert(201);
  EXPECT_FALSE(seen.contains(73));
  SeenSequences few;
  few.restore({5, 3});
  EXPECT_EQ(few.all(), (std::vector<std::int64_t>{5, 3}));
}

TEST(RecentIdsTest, NeitherEmptyNorAPartOfAnotherId) {
  RecentIds ids;
  EXPECT_FALSE(ids.insert(""));
  EXPECT_FALSE(ids.contains(""));
  EXPECT_TRUE(ids.insert("abcabc"));
  EXPECT_FALSE(ids.contains("abc"));
  EXPECT_TRUE(ids.insert("abc"));
  const std::string odd(
      "a\0\x03"
      "b\n",
      5);
  EXPECT_TRUE(ids.insert(odd));
  EXPECT_TRUE(ids.contains(odd));
}

TEST(RecentIdsTest, IdsOfTheSameCheckSumAreTwo) {
  RecentIds ids;
  EXPECT_TRUE(ids.insert("Aa"));  // 65 * 31 + 97 is 66 * 31 + 66
  EXPECT_FALSE(ids.contains("BB"));
  EXPECT_TRUE(ids.insert("BB"));
  EXPECT_FALSE(ids.insert("Aa"));
}

TEST(RecentIdsTest, ALongIdIsItself) {
  RecentIds ids;
  const std::string longer(300, 'x');
  EXPECT_TRUE(ids.insert(longer));
  EXPECT_TRUE(ids.contains(longer));
  EXPECT_FALSE(ids.contains(longer + "x"));
  EXPECT_TRUE(ids.insert("after"));
  EXPECT_TRUE(ids.contains("after"));
}

}  // namespace
}  // namespace bridge::session
