// SPDX-License-Identifier: MIT
#include "bridge/core/logger.hpp"

#include <gtest/gtest.h>

namespace bridge {
namespace {

class LevelLogger final : public Logger {
 public:
  explicit LevelLogger(Level least) : least_(least) {}
  bool enabled(Level level) const override { return level >= least_; }
  void write(Level level, std::string_view event, std::span<const Field> fields) override {
    levels.push_back(level);
    events.emplace_back(event);
    values.clear();
    for (const Field& field : fields) values.push_back(field);
  }
  std::vector<Level> levels;
  std::vector<std::string> events;
  std::vector<Field> values;  // of the last line; its views live as long as the test's literals

 private:
  Level least_;
};

TEST(LoggerTest, EachHelperHasItsLevel) {
  LevelLogger logger(Level::debug);
  logger.debug("a");
  logger.info("b");
  logger.warning("c");
  logger.error("d");
  EXPECT_EQ(logger.levels, (std::vector{Level::debug, Level::info, Level::warning, Level::error}));
  EXPECT_EQ(logger.events, (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST(LoggerTest, WhatIsNotEnabledIsNotWritten) {
  LevelLogger logger(Level::warning);
  logger.debug("a");
  logger.info("b");
  logger.warning("c");
  logger.error("d");
  EXPECT_EQ(logger.events, (std::vector<std::string>{"c", "d"}));
  LevelLogger off(Level::off);
  off.error("e");
  EXPECT_TRUE(off.events.empty());
}

TEST(LoggerTest, FieldsKeepTheirTypes) {
  LevelLogger logger(Level::debug);
  const std::string text = "text";
  logger.info("all", {{"literal", "word"},
                      {"string", text},
                      {"view", std::string_view(text)},
                      {"int", 7},
                      {"size", std::size_t{8}},
                      {"real", 0.5},
                      {"flag", true}});
  ASSERT_EQ(logger.values.size(), 7u);
  EXPECT_EQ(std::get<std::string_view>(logger.values[0].value), "word");
  EXPECT_EQ(std::get<std::string_view>(logger.values[1].value), "text");
  EXPECT_EQ(std::get<std::string_view>(logger.values[2].value), "text");
  EXPECT_EQ(std::get<std::int64_t>(logger.values[3].value), 7);
  EXPECT_EQ(std::get<std::int64_t>(logger.values[4].value), 8);
  EXPECT_EQ(std::get<double>(logger.values[5].value), 0.5);
  EXPECT_EQ(std::get<bool>(logger.values[6].value), true);
}

TEST(LoggerTest, TheNullLoggerIsNeverEnabled) {
  const NullLogger logger;
  EXPECT_FALSE(logger.enabled(Level::error));
}

}  // namespace
}  // namespace bridge
