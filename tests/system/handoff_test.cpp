// SPDX-License-Identifier: MIT
// The main job, end to end, with every guess about the platform settled either way.
#include <signal.h>

#include <algorithm>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "rig.hpp"

namespace bridge::test {
namespace {

using Texts = std::vector<std::string>;

class WholeHandoff : public testing::TestWithParam<std::pair<const char*, const char*>> {};

std::uint64_t last_seq(const std::vector<json::object>& frames) {
  std::uint64_t seq = 0;
  for (const json::object& frame : frames)
    if (const json::value* value = frame.if_contains("seq"))
      seq = value->to_number<std::uint64_t>();
  return seq;
}

TEST_P(WholeHandoff, HoldsEachMessageOnceAndInOrderEverywhere) {
  RigOptions options;
  if (*GetParam().second) options.sandbox_arguments = {"--switch", GetParam().second};
  Rig rig(options);
  Client user(rig);

  // Two escalations at once make one interaction.
  std::string numbers[2];
  std::thread other([&] { numbers[1] = user.escalate("my screen is black"); });
  numbers[0] = user.escalate("my screen is black");
  other.join();
  const std::string number = numbers[0];
  EXPECT_EQ(numbers[0], numbers[1]);
  EXPECT_EQ(rig.look("/sandbox/interactions").as_array().size(), 1u);

  const std::string epoch = [&] {
    const std::string cursor = text_of(user.poll("").body, "cursor");
    return cursor.substr(0, cursor.find(':'));
  }();
  std::vector<json::object> first, second;
  auto tab = user.socket("0:0");
  auto other_tab = user.socket("0:0");
  EXPECT_TRUE(read_until(*tab, first, [](const auto& f) { return has_state(f, "queued"); }));

  const std::string at = "/sandbox/interactions/" + number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  EXPECT_TRUE(read_until(*tab, first, [](const auto& f) { return has_state(f, "live"); }));

  // From here webhooks come twice, and later two of them are overtaken by the next.
  rig.fault("webhook", "double");
  rig.control(at + "/typing", {{"agent", "alex.rep"}});
  EXPECT_TRUE(read_until(*tab, first, [](const auto& f) {
    return std::any_of(f.begin(), f.end(),
                       [](const auto& frame) { return text_of(frame, "type") == "typing"; });
  }));
  EXPECT_EQ(user.post("typing", {}).status, 200u);

  Texts from_agent, from_user;
  for (int i = 0; i < 5; ++i) {
    const std::string text = i % 2 == 0 ? "yes" : "agent " + std::to_string(i);
    rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", text}});
    from_agent.push_back(text);
    const std::string said = i % 2 == 0 ? "yes" : "user " + std::to_string(i);
    EXPECT_EQ(user.say(said, "c" + std::to_string(i)).status, 200u);
    from_user.push_back(said);
    if (i == 2) {  // cut the first tab in mid-stream; it comes back with its cursor
      const auto count = [&](const std::vector<json::object>& f) {
        return texts(f, "rep").size() >= 2;
      };
      EXPECT_TRUE(read_until(*tab, first, count));
      tab->cut();
      tab.reset();
      rig.heal();
      rig.fault("webhook", "reorder", 2, 1);  // the first that fits strikes, as long as it lasts
      rig.fault("webhook", "double");
    }
  }
  tab = user.socket(epoch + ":" + std::to_string(last_seq(first)));
  rig.settle();
  rig.control(at + "/end", {{"by", "agent"}});
  const auto is_closed = [](const auto& f) { return has_state(f, "closed"); };
  EXPECT_TRUE(read_until(*tab, first, is_closed));
  EXPECT_TRUE(read_until(*other_tab, second, is_closed));
  const std::vector<json::object> polled = user.wait_until(is_closed);

  for (const std::vector<json::object>* frames :
       std::initializer_list<const std::vector<json::object>*>{&first, &second, &polled}) {
    Texts said = texts(*frames, "rep");
    // The queue's greeting is not the agent's words, but it is shown, first and once.
    ASSERT_FALSE(said.empty());
    EXPECT_EQ(
        Texts(said.end() - std::min<std::ptrdiff_t>(5, static_cast<std::ptrdiff_t>(said.size())),
              said.end()),
        from_agent);
    EXPECT_EQ(said.size(), from_agent.size() + 1);
    Texts own = texts(*frames, "user");
    EXPECT_EQ(own.front(), "my screen is black");
    EXPECT_EQ(Texts(own.begin() + 1, own.end()), from_user);
    std::uint64_t previous = 0;
    for (const json::object& frame : *frames)
      if (const json::value* seq = frame.if_contains("seq")) {
        EXPECT_EQ(seq->to_number<std::uint64_t>(), previous + 1);
        previous = seq->to_number<std::uint64_t>();
      }
  }
  // The agent's pane: what either said, once and in order, and as the two said it in turn.
  Texts user_side = {"my screen is black"};
  user_side.insert(user_side.end(), from_user.begin(), from_user.end());
  EXPECT_EQ(rig.pane(number, "user"), user_side);
  EXPECT_EQ(rig.pane(number, "agent"), from_agent);
  Texts whole = {"my screen is black"};
  whole.push_back(rig.pane(number, "system").at(0));  // the greeting
  for (std::size_t i = 0; i < from_agent.size(); ++i) {
    whole.push_back(from_agent[i]);
    whole.push_back(from_user[i]);
  }
  EXPECT_EQ(rig.pane(number), whole);
  EXPECT_EQ(text_of(rig.interaction(number), "state").substr(0, 6), "closed");

  const std::string ledger = json::serialize(rig.look("/sandbox/calls"));
  for (const char* struck : {"fault:double", "fault:reorder"})
    EXPECT_NE(ledger.find(struck), std::string::npos) << struck;

  rig.bridge().signal(SIGTERM);
  EXPECT_EQ(rig.bridge().wait(), 0) << rig.bridge().output();
}

INSTANTIATE_TEST_SUITE_P(
    Guesses, WholeHandoff,
    testing::Values(std::pair{"Defaults", ""},
                    std::pair{"ConsumerIsTheArgument", "consumer=argument"},
                    std::pair{"SendReturnsIds", "send_result=ids"},
                    std::pair{"SendReturnsNothing", "send_result=empty"},
                    std::pair{"GreetingByVirtualAgent", "greeting_by_agent=off"},
                    std::pair{"VisibilityIsNamed", "public_visibility=public"},
                    std::pair{"PasswordPropertiesAreCiphertext", "password2_clear=off"},
                    std::pair{"AsyncRulesOvertake", "async_reorder=on"},
                    std::pair{"ConversationsAreReused", "reuse_conversation=on"},
                    std::pair{"IdleJobSparesTheQueue", "idle_while_queued=off"},
                    std::pair{"TimeOutsThrow", "timeout_throws=on"},
                    std::pair{"RefusalsDoNotThrow", "refused_throws=off"},
                    std::pair{"ScriptsInterleave", "interleave=on"}),
    [](const auto& tested) { return tested.param.first; });

class UserEnds : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(UserEnds, AndTheInteractionIsReallyEnded) {
  RigOptions options;
  if (*GetParam().second) options.sandbox_arguments = {"--switch", GetParam().second};
  Rig rig(options);
  Client user(rig);
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  EXPECT_EQ(user.post("end", {}).status, 200u);
  EXPECT_EQ(text_of(rig.interaction(number), "state").substr(0, 6), "closed");
  EXPECT_EQ(user.say("too late").status, 409u);

  // Escalating again opens the next chat under the next key; the first one's events change nothing.
  const std::string next = user.escalate("me again");
  EXPECT_NE(next, number);
  EXPECT_EQ(text_of(rig.interaction(next), "bridge_session_id"), user.session + "-2");
  EXPECT_EQ(text_of(user.poll("").body, "state"), "queued");
}

INSTANTIATE_TEST_SUITE_P(
    Guesses, UserEnds,
    testing::Values(std::pair{"Defaults", ""},
                    std::pair{"ScriptAbandons", "closing_script=closed_abandoned"},
                    std::pair{"ConversationsAreReused", "reuse_conversation=on"}),
    [](const auto& tested) { return tested.param.first; });

class Closings : public testing::TestWithParam<const char*> {};

TEST_P(Closings, AreToldToTheUserWhateverTheInteractionIsCalledThen) {
  const std::string state = GetParam();
  RigOptions options;
  options.sandbox_arguments = {"--switch", "closing_idle=" + state};
  Rig rig(options);
  Client user(rig);
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  rig.control("/sandbox/clock", {{"advance_s", 600}});
  user.wait_for_state("closed");
  EXPECT_EQ(text_of(rig.interaction(number), "state"), state);
}

INSTANTIATE_TEST_SUITE_P(Guesses, Closings,
                         testing::Values("closed_complete", "closed_abandoned", "faulted"),
                         [](const auto& tested) { return std::string(tested.param); });

class Whispers : public testing::TestWithParam<std::pair<const char*, const char*>> {};

INSTANTIATE_TEST_SUITE_P(Visibilities, Whispers,
                         testing::Values(std::pair{"Internal", "internal"},
                                         std::pair{"Private", "private"},
                                         std::pair{"Fulfiller", "PUBLIC_FULFILLER"},
                                         std::pair{"Number", "1"}),
                         [](const auto& tested) { return tested.param.first; });

TEST_P(Whispers, NeverReachTheUser) {
  RigOptions options;
  options.sandbox_arguments = {"--switch", std::string("internal_visibility=") + GetParam().second};
  Rig rig(options);
  Client user(rig);
  const std::string at = "/sandbox/interactions/" + user.escalate("hello");
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  rig.control(at + "/whisper", {{"agent", "alex.rep"}, {"text", "this one is difficult"}});
  rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", "one moment please"}});
  const auto frames = user.wait_until([](const auto& f) {
    const auto said = texts(f, "rep");
    return std::find(said.begin(), said.end(), "one moment please") != said.end();
  });
  for (const std::string& text : texts(frames, "rep")) EXPECT_NE(text, "this one is difficult");
}

TEST(Handoff, ACopilotToolHandsOverAndFilesTickets) {
  Rig rig;
  Client user(rig);
  const ProbeHeaders agent{{"Content-Type", "application/json"},
                           {"X-Agent-Secret", "system-test-agent-secret-0123456789"}};
  const auto post = [&](const std::string& path, const json::object& body) {
    const ProbeResponse raw = http_probe(rig.bridge_port(), "POST", "/api/servicenow/agent/" + path,
                                         agent, json::serialize(body));
    EXPECT_EQ(raw.status, 200u) << raw.body;
    return json::parse(raw.body).as_object();
  };
  const json::object first = post("escalate", {{"user_id", user.session}, {"summary", "printer"}});
  const json::object again = post("escalate", {{"session_id", user.session}});
  EXPECT_EQ(text_of(first, "ticket_number"), text_of(again, "ticket_number"));
  EXPECT_EQ(text_of(first, "state"), "queued");

  const json::object order{{"short_description", "Printer on fire"},
                           {"caller_email", "abel.tuter@example.com"},
                           {"request_id", "req-1"}};
  const json::object ticket = post("create-ticket", order);
  EXPECT_EQ(text_of(post("create-ticket", order), "ticket_sys_id"),
            text_of(ticket, "ticket_sys_id"));
  EXPECT_FALSE(text_of(ticket, "ticket_number").empty());
}

}  // namespace
}  // namespace bridge::test
