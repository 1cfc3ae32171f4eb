// SPDX-License-Identifier: MIT
// The scripts sign their webhooks with what the platform has, and the bridge takes nothing else.
#include <algorithm>
#include <boost/json/serialize.hpp>

#include "rig.hpp"

namespace bridge::test {
namespace {

RigOptions signatures_required() {
  RigOptions options;
  options.bridge_environment = {{"WEBHOOK_SIGNATURE", "required"}};
  return options;
}

void let_sign(Rig& rig, const std::string& how) {
  rig.control("/sandbox/properties", {{"intranet_bridge.sign_webhooks", how}});
}

/// A chat from the question to the end, which takes webhooks of both rules.
void talk(Rig& rig) {
  Client user(rig);
  const std::string number = user.escalate("hello");
  const std::string at = "/sandbox/interactions/" + number;
  rig.control(at + "/accept", {{"agent", "alex.rep"}});
  user.wait_for_state("live");
  // Texts that a signature over other bytes than those sent would not survive.
  const std::vector<std::string> said{"plain", "Grüße, \u4f60\u597d \U0001F44B",
                                      "${secret} \"quoted\"", "a\nb\tc"};
  for (const std::string& text : said)
    rig.control(at + "/message", {{"agent", "alex.rep"}, {"text", text}});
  const auto frames =
      user.wait_until([&](const auto& all) { return texts(all, "rep").size() >= said.size() + 1; });
  const auto heard = texts(frames, "rep");
  for (const std::string& text : said)
    EXPECT_EQ(std::count(heard.begin(), heard.end(), text), 1) << text;
  rig.control(at + "/end", {{"agent", "alex.rep"}});
  user.wait_for_state("closed");
}

TEST(SignedWebhooks, AreEnoughByThemselves) {
  Rig rig(signatures_required());
  let_sign(rig, "only");
  talk(rig);
  EXPECT_EQ(rig.bridge().output().find("request_refused"), std::string::npos);
}

TEST(SignedWebhooks, MayGoBesideTheSecret) {
  Rig rig(signatures_required());
  let_sign(rig, "true");
  talk(rig);
}

TEST(SignedWebhooks, AreTakenWhereTheyAreOptional) {
  Rig rig;
  let_sign(rig, "only");
  talk(rig);
}

TEST(SignedWebhooks, TheSecretAloneIsRefusedWhereTheyAreRequired) {
  Rig rig(signatures_required());
  Client user(rig);
  const std::string number = user.escalate("hello");
  rig.control("/sandbox/interactions/" + number + "/accept", {{"agent", "alex.rep"}});
  rig.settle();
  (void)rig.bridge().wait_for("a signature is required");
  EXPECT_EQ(text_of(user.poll("").body, "state"), "queued") << "nobody was believed";
}

}  // namespace
}  // namespace bridge::test
