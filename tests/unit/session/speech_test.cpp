// SPDX-License-Identifier: MIT
#include "bridge/session/speech.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

namespace bridge::session {
namespace {

namespace json = boost::json;

ActivityAddress address_in(std::string locale = "en-GB") {
  ActivityAddress address;
  address.channel_id = "msteams";
  address.conversation_id = "19:abc;messageid=1";
  address.user_id = "29:user";
  address.user_name = "A User";
  address.agent_id = "agent-1";
  address.locale = std::move(locale);
  address.activity_id = "act9";
  return address;
}

Event event_of(decltype(Event::what) what) {
  Event event;
  event.seq = 1;
  event.carried = true;
  event.what = std::move(what);
  return event;
}

std::vector<std::string> texts(const Spoken& spoken) {
  std::vector<std::string> found;
  for (const std::string& activity : spoken.activities) {
    const json::object one = json::parse(activity).as_object();
    if (one.at("type") == "message") found.emplace_back(one.at("text").as_string());
  }
  return found;
}

RepMessageEvent said(std::string text, std::string name) {
  RepMessageEvent row;
  row.text = std::move(text);
  row.rep_name = std::move(name);
  return row;
}

TEST(SpeechTest, AnActivityGoesBackTheWayItCame) {
  StatusEvent queued;
  queued.state = State::queued;
  queued.interaction_number = "IMS0001";
  const Spoken spoken = speak(event_of(queued), address_in(), {}, {});
  ASSERT_EQ(spoken.activities.size(), 1u);
  const json::object activity = json::parse(spoken.activities[0]).as_object();
  EXPECT_EQ(activity.at("type"), "message");
  EXPECT_EQ(activity.at("from").at("id"), "agent-1");
  EXPECT_EQ(activity.at("recipient").at("id"), "29:user");
  EXPECT_EQ(activity.at("conversation").at("id"), "19:abc;messageid=1");
  EXPECT_EQ(activity.at("replyToId"), "act9");
  EXPECT_EQ(activity.at("textFormat"), "markdown");
  EXPECT_NE(activity.at("text").as_string().find("**IMS0001**"), json::string::npos);
  for (const char* never : {"id", "timestamp", "serviceUrl", "callerId"})
    EXPECT_FALSE(activity.contains(never)) << never;
}

TEST(SpeechTest, WhatTheOtherSideHasNotSaidIsLeftOut) {
  ActivityAddress address;
  address.conversation_id = "c1";
  const json::object activity = json::parse(speak_typing(address)).as_object();
  EXPECT_EQ(activity, json::parse(R"({"type":"typing","conversation":{"id":"c1"},
      "from":{"role":"bot"}})")
                          .as_object());
}

TEST(SpeechTest, WhoSpeaksIsSaidWhenItChanges) {
  const ActivityAddress address = address_in();
  StatusEvent live;
  live.state = State::live;
  live.rep_name = "Alex Rep";
  const Spoken joined = speak(event_of(live), address, {}, {});
  EXPECT_EQ(texts(joined), std::vector<std::string>{"**Alex Rep** joined."});
  const Spoken first = speak(event_of(said("hi", "Alex Rep")), address, joined.voice, {});
  EXPECT_EQ(texts(first), std::vector<std::string>{"hi"});
  const Spoken other = speak(event_of(said("I take over", "Bea Rep")), address, first.voice, {});
  EXPECT_EQ(texts(other), (std::vector<std::string>{"**Bea Rep** joined.", "I take over"}));
  const Spoken again = speak(event_of(said("more", "Bea Rep")), address, other.voice, {});
  EXPECT_EQ(texts(again), std::vector<std::string>{"more"});
}

TEST(SpeechTest, AMessageThatIsNotInItsPlaceSaysSo) {
  RepMessageEvent row = said("one of_them", "Alex");
  row.late = true;
  EXPECT_EQ(texts(speak(event_of(row), address_in(), Voice{"Alex"}, {})),
            (std::vector<std::string>{"_(late, out of order)_ one of\\_them"}));
  EXPECT_EQ(texts(speak(event_of(row), address_in("de"), Voice{"Alex"}, {})).front(),
            "_(verspätet, nicht in der Reihenfolge)_ one of\\_them");
  row.text = std::string(5000, 'a') + " " + std::string(kMaxTextUnits, 'b');
  const auto parts = texts(speak(event_of(row), address_in(), Voice{"Alex"}, {}));
  ASSERT_GT(parts.size(), 1u);
  for (std::size_t i = 0; i < parts.size(); ++i)
    EXPECT_EQ(parts[i].starts_with("_(late"), i == 0) << i;
}

TEST(SpeechTest, ANameCannotDressItselfUp) {
  StatusEvent live;
  live.state = State::live;
  live.rep_name = "**Admin** <at>Bob</at> [x](http://e)";
  const Spoken spoken = speak(event_of(live), address_in(), {}, {});
  EXPECT_EQ(texts(spoken)[0],
            R"(**\*\*Admin\*\* &lt;at&gt;Bob&lt;/at&gt; \[x\](http://e)** joined.)");
}

TEST(SpeechTest, TheEndHandsTheConversationBackWithOutcomeAndTicket) {
  struct Row {
    CloseReason reason;
    std::string_view code;
  };
  for (const Row& row :
       {Row{CloseReason::agent_ended, "completedSuccessfully"},
        Row{CloseReason::user_ended, "userCancelled"}, Row{CloseReason::abandoned, "botTimedOut"},
        Row{CloseReason::error, "channelFailed"}}) {
    StatusEvent closed;
    closed.state = State::closed;
    closed.reason = row.reason;
    Known known;
    known.ticket = "IMS0001";
    const Spoken spoken = speak(event_of(closed), address_in(), {"Alex Rep"}, known);
    ASSERT_EQ(spoken.activities.size(), 2u);
    const json::object end = json::parse(spoken.activities[1]).as_object();
    EXPECT_EQ(end.at("type"), "endOfConversation");
    EXPECT_EQ(end.at("code").as_string(), row.code);
    EXPECT_EQ(end.at("value").at("outcome").as_string(), to_string(row.reason));
    EXPECT_EQ(end.at("value").at("ticketNumber"), "IMS0001");
    EXPECT_TRUE(spoken.voice.speaker.empty());
  }
}

TEST(SpeechTest, OnlyTroubleIsSaidOfAMessage) {
  const auto receipt = [](std::string id, Delivery status) {
    return event_of(ReceiptEvent{std::move(id), status});
  };
  EXPECT_FALSE(is_spoken(receipt("act-1", Delivery::delivered)));
  Known covered;
  covered.covered = true;
  EXPECT_TRUE(
      speak(receipt("open-1", Delivery::failed), address_in(), {}, covered).activities.empty())
      << "what became of the chat says it";
  EXPECT_FALSE(is_spoken(event_of(UserMessageEvent{"hello", "act-1"})));
  Known known;
  known.quote = "my *text*";
  EXPECT_EQ(
      texts(speak(receipt("act-1", Delivery::failed), address_in(), {}, known)),
      std::vector<std::string>{R"(This was not delivered: "my \*text\*". Please send it again.)"});
  Event from_the_page = receipt("c1", Delivery::failed);
  from_the_page.carried = false;
  EXPECT_FALSE(is_spoken(from_the_page));
}

TEST(SpeechTest, EveryNoticeHasALineInEveryLanguage) {
  for (const char* locale : {"en-US", "de", "fr-FR", "es_ES", "ja", ""})
    for (int n = 0; n <= static_cast<int>(Notice::not_shown); ++n) {
      NoticeEvent notice;
      notice.notice = static_cast<Notice>(n);
      notice.detail = "IMS0001";
      const auto lines = texts(speak(event_of(notice), address_in(locale), {}, {}));
      ASSERT_EQ(lines.size(), 1u) << to_string(notice.notice);
      EXPECT_GT(lines[0].size(), 10u);
      EXPECT_EQ(lines[0].find("{}"), std::string::npos);
    }
  StatusEvent live;
  live.state = State::live;
  live.rep_name = "Alex";
  EXPECT_EQ(texts(speak(event_of(live), address_in("de-AT"), {}, {}))[0],
            "**Alex** ist jetzt im Gespräch.");
  EXPECT_EQ(texts(speak(event_of(live), address_in("den"), {}, {}))[0], "**Alex** joined.");
}

TEST(SpeechTest, MarkdownIsShownAsItWasWritten) {
  struct Row {
    std::string_view text, escaped;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"plain words, 3.14 and a-b", "plain words, 3.14 and a-b"},
           {"*bold* _it_ `code` ~x~ a|b", R"(\*bold\* \_it\_ \`code\` \~x\~ a\|b)"},
           {"<b> & &lt;", "&lt;b&gt; &amp; &amp;lt;"},
           {"# head", R"(\# head)"},
           {"- item\n+ item", "\\- item\n\n\\+ item"},
           {"1. one\n 2) two", "1\\. one\n\n 2\\) two"},
           {"> quote", "&gt; quote"},
           {"C:\\dir", R"(C:\\dir)"},
           {"[x](y)", R"(\[x\](y))"},
       })
    EXPECT_EQ(escape_markdown(row.text), row.escaped);
  EXPECT_EQ(escape_markdown("see https://x.example/a_b?q=1&r=2 now"),
            "see https://x.example/a_b?q=1&r=2 now")
      << "a link stays a link";
  EXPECT_EQ(escape_markdown("https://"), "https://") << "no host, no link";
}

std::size_t units(std::string_view utf8) {
  std::size_t n = 0;
  for (const char c : utf8) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) != 0x80) n += byte >= 0xF0 ? 2 : 1;
  }
  return n;
}

TEST(SpeechTest, LongTextIsSplitWithoutBreakingCharacters) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += i % 7 == 0 ? "😀 " : i % 5 == 0 ? "Größe*" : "wort ";
  for (const std::size_t limit : {10u, 33u, 100u, 1000u}) {
    std::string whole;
    for (const std::string& part : split_text(text, limit)) {
      EXPECT_LE(units(escape_markdown(part)), limit);
      EXPECT_FALSE(part.empty());
      EXPECT_NE(static_cast<unsigned char>(part[0]) & 0xC0, 0x80) << "begins inside a character";
      whole += part;
    }
    EXPECT_EQ(whole, text) << "nothing is lost";
  }
  EXPECT_EQ(split_text("one two", 5), (std::vector<std::string>{"one ", "two"}));
  EXPECT_TRUE(split_text("", 5).empty());
  const std::string link = "https://example.com/" + std::string(50, 'a');
  std::string whole;
  for (const std::string& part : split_text(link, 30)) whole += part;
  EXPECT_EQ(whole, link);
}

TEST(SpeechTest, AVeryLongMessageIsSeveralActivities) {
  const std::string text(kMaxTextUnits * 2 + 10, 'x');
  EXPECT_EQ(speak(event_of(said(text, "")), address_in(), {}, {}).activities.size(), 3u);
}

TEST(SpeechTest, WhoAsksForAPersonIsUnderstood) {
  for (const char* text : {"agent", "Agent!", "I want to talk to a person", "connect me please",
                           "Mitarbeiter", "parler à quelqu'un", "quiero hablar con alguien"})
    EXPECT_TRUE(asks_for_a_person(text)) << text;
  for (const char* text : {"thanks, bye", "the agent was nice", "ok", "", "personal computer"})
    EXPECT_FALSE(asks_for_a_person(text)) << text;
}

TEST(SpeechTest, OnlyWhoSaysJustThatLeaves) {
  for (const char* text : {"end chat", "End chat.", "/end", "Chat beenden"})
    EXPECT_TRUE(asks_to_leave(text)) << text;
  for (const char* text : {"how do I end chat mode?", "the end", "", "chat"})
    EXPECT_FALSE(asks_to_leave(text)) << text;
}

}  // namespace
}  // namespace bridge::session
