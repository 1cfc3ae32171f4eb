// SPDX-License-Identifier: MIT
#include "bridge/telemetry/logging.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <limits>
#include <sstream>

namespace bridge::telemetry {
namespace {

namespace json = boost::json;

class LoggingTest : public testing::Test {
 protected:
  std::unique_ptr<Logger> make(LogFormat format, Level level = Level::debug,
                               std::size_t limit = 0) {
    LogOptions options;
    options.level = level;
    options.format = format;
    options.repeat_limit = limit;
    options.stream = &out_;
    options.now = [this] { return now_; };
    return make_logger(options, "net");
  }

  std::ptrdiff_t lines() const {
    const std::string text = out_.str();
    return std::count(text.begin(), text.end(), '\n');
  }

  std::ostringstream out_;
  Time now_ = Time(Millis(1'700'000'000'123));
};

TEST_F(LoggingTest, WritesATextLineWithTimeLevelLoggerEventAndFields) {
  make(LogFormat::text)
      ->info("chat_opened",
             {{"interaction", "IMS0000054"}, {"count", 3}, {"ok", true}, {"ms", 1.5}});
  EXPECT_EQ(out_.str(),
            "2023-11-14T22:13:20.123Z info net chat_opened interaction=IMS0000054 count=3 ok=true "
            "ms=1.5\n");
}

TEST_F(LoggingTest, ANewLineInAValueDoesNotForgeATextLine) {
  make(LogFormat::text)
      ->warning("refused", {{"name", "x\n2023-11-14T22:13:20.123Z error net forged a=1"}});
  EXPECT_EQ(lines(), 1);
  EXPECT_NE(out_.str().find(R"(name="x\n2023-11-14T22:13:20.123Z error net forged a=1")"),
            std::string::npos)
      << out_.str();
}

TEST_F(LoggingTest, EscapesTerminalSequencesAndDirectionMarksInText) {
  make(LogFormat::text)
      ->info("e", {{"a", "\x1b[31mred"}, {"b", "\u202Eabc"}, {"c", "\u0085x"}, {"d", "a\rb"}});
  const std::string text = out_.str();
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find(R"(a="\u001b[31mred")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(b="\u202eabc")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(c="\u0085x")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"(d="a\u000db")"), std::string::npos) << text;
}

TEST_F(LoggingTest, QuotesTextValuesThatWouldNotEndAtTheNextSpaceAndLeavesOutEmptyOnes) {
  make(LogFormat::text)
      ->info("e", {{"a", "two words"},
                   {"b", ""},
                   {"c", "say \"hi\" \\"},
                   {"d", "k=v"},
                   {"e", "gr\u00fc\u00df"}});
  EXPECT_NE(out_.str().find(R"(a="two words" c="say \"hi\" \\" d="k=v" e=grüß)"), std::string::npos)
      << out_.str();
}

TEST_F(LoggingTest, WritesOneJsonObjectPerLine) {
  make(LogFormat::json)->error("x", {{"text", "a\"b\nc\x01"}, {"n", 7}, {"f", 0.25}, {"b", false}});
  EXPECT_EQ(lines(), 1);
  const json::object line = json::parse(out_.str().substr(0, out_.str().size() - 1)).as_object();
  EXPECT_EQ(line.at("time"), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(line.at("level"), "error");
  EXPECT_EQ(line.at("logger"), "net");
  EXPECT_EQ(line.at("event"), "x");
  EXPECT_EQ(line.at("text"), "a\"b\nc\x01");
  EXPECT_EQ(line.at("n"), 7);
  EXPECT_EQ(line.at("f"), 0.25);
  EXPECT_EQ(line.at("b"), false);
}

TEST_F(LoggingTest, AFieldCannotOverwriteWhatTheLoggerSays) {
  make(LogFormat::json)
      ->info("real", {{"event", "forged"}, {"level", "error"}, {"a", "first"}, {"a", "second"}});
  const json::object line = json::parse(out_.str()).as_object();
  EXPECT_EQ(line.at("event"), "real");
  EXPECT_EQ(line.at("level"), "info");
  EXPECT_EQ(line.at("field_event"), "forged");
  EXPECT_EQ(line.at("a"), "first");
  EXPECT_EQ(line.at("field_a"), "second");
}

TEST_F(LoggingTest, NumbersAndTruthsAreJsonWhateverTheyAre) {
  make(LogFormat::json)
      ->info("e", {{"small", std::numeric_limits<std::int64_t>::min()},
                   {"tiny", 1e-9},
                   {"none", std::numeric_limits<double>::quiet_NaN()},
                   {"yes", true}});
  const json::object line = json::parse(out_.str()).as_object();
  EXPECT_EQ(line.at("small"), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(line.at("tiny"), 1e-9);
  EXPECT_TRUE(line.at("none").is_null());
  EXPECT_EQ(line.at("yes"), true);
}

TEST_F(LoggingTest, BrokenUtf8BecomesValidJson) {
  make(LogFormat::json)->info("e", {{"v", std::string_view("a\xff\xc0\x80z\xe2\x82")}});
  const json::object line = json::parse(out_.str()).as_object();
  EXPECT_EQ(line.at("v"), "a\uFFFD\uFFFD\uFFFDz\uFFFD\uFFFD");
}

TEST_F(LoggingTest, CutsLongValuesAtACharacter) {
  std::string longer(1023, 'x');
  longer += "\u00fc and more";
  make(LogFormat::json)->info("e", {{"v", longer}});
  const json::object line = json::parse(out_.str()).as_object();
  EXPECT_EQ(line.at("v").as_string(), std::string(1023, 'x') + "\u00fc\u2026");
}

TEST_F(LoggingTest, WritesNothingBelowItsLevel) {
  const auto logger = make(LogFormat::text, Level::warning);
  EXPECT_FALSE(logger->enabled(Level::info));
  EXPECT_TRUE(logger->enabled(Level::error));
  logger->info("quiet");
  logger->debug("quiet");
  EXPECT_EQ(out_.str(), "");
  EXPECT_FALSE(make(LogFormat::text, Level::off)->enabled(Level::error));
}

TEST_F(LoggingTest, FmtPlaceholdersInAValueAreJustText) {
  make(LogFormat::text)->info("e", {{"v", "{}{0}%v"}});
  EXPECT_NE(out_.str().find("v={}{0}%v"), std::string::npos) << out_.str();
}

TEST_F(LoggingTest, ARepeatedWarningIsHeldBackAndCounted) {
  const auto logger = make(LogFormat::text, Level::debug, 2);
  for (int i = 0; i < 5; ++i) logger->warning("servicenow_failed");
  EXPECT_EQ(lines(), 2);
  logger->warning("another_event");
  for (int i = 0; i < 5; ++i) logger->info("request");
  EXPECT_EQ(lines(), 8) << "other events and lower levels are not held back";
  now_ += std::chrono::seconds(10);
  logger->warning("servicenow_failed");
  EXPECT_NE(out_.str().find("servicenow_failed suppressed=3\n"), std::string::npos) << out_.str();
}

}  // namespace
}  // namespace bridge::telemetry
