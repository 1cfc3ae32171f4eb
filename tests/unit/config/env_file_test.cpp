// SPDX-License-Identifier: MIT
#include "bridge/config/env_file.hpp"

#include <gmock/gmock.h>

namespace bridge::config {
namespace {

using testing::ElementsAre;
using testing::Pair;

EnvMap parsed(std::string_view text) {
  auto result = parse_env_file(text);
  if (auto* problems = std::get_if<std::vector<ConfigProblem>>(&result)) {
    ADD_FAILURE() << describe(*problems);
    return {};
  }
  return std::get<EnvMap>(std::move(result));
}

std::vector<std::string> problems(std::string_view text) {
  std::vector<std::string> lines;
  auto result = parse_env_file(text);
  if (auto* found = std::get_if<std::vector<ConfigProblem>>(&result))
    for (const ConfigProblem& problem : *found)
      lines.push_back(problem.variable + " " + problem.what);
  return lines;
}

TEST(EnvFileTest, ReadsNamesAndValues) {
  EXPECT_THAT(parsed("A=1\nB = two words \n_C9=\n"),
              ElementsAre(Pair("A", "1"), Pair("B", "two words"), Pair("_C9", "")));
}

TEST(EnvFileTest, SkipsCommentsAndBlankLines) {
  EXPECT_THAT(parsed("# head\n\n   \n  # indented\nA=1 # behind\nB=#nothing\n"),
              ElementsAre(Pair("A", "1"), Pair("B", "")));
}

TEST(EnvFileTest, AHashInsideAWordIsPartOfIt) {
  EXPECT_THAT(parsed("A=pass#word\nB='x # y'\n"),
              ElementsAre(Pair("A", "pass#word"), Pair("B", "x # y")));
}

TEST(EnvFileTest, UnderstandsQuotes) {
  EXPECT_THAT(parsed("A=\" a \\\"b\\\" \\\\ \\n \"\nB='a \\n \"b\"' # c\nC=\"\"\n"),
              ElementsAre(Pair("A", " a \"b\" \\ \n "), Pair("B", "a \\n \"b\""), Pair("C", "")));
}

TEST(EnvFileTest, ExpandsNothing) {
  EXPECT_THAT(parsed("A=$HOME ${B} `id` pa$$\nB=\"\\$x $x\"\n"),
              ElementsAre(Pair("A", "$HOME ${B} `id` pa$$"), Pair("B", "$x $x")));
}

TEST(EnvFileTest, UnderstandsExportCrLfAndAByteOrderMark) {
  EXPECT_THAT(parsed("\xEF\xBB\xBF"
                     "export A=1\r\nB=2\r\nexport\tC='3'\r\n"),
              ElementsAre(Pair("A", "1"), Pair("B", "2"), Pair("C", "3")));
}

TEST(EnvFileTest, ANameGivenTwiceHasTheLastValue) {
  EXPECT_THAT(parsed("A=1\nA=2"), ElementsAre(Pair("A", "2")));
}

TEST(EnvFileTest, ReportsEveryBadLineByNumber) {
  EXPECT_THAT(
      problems("A=1\nhello\n\n9X=1\nB='open\nC=\"x\" y\nD=a\x01z\n=1\n"),
      ElementsAre("line 2 has no '='", "line 4 does not begin with a variable name",
                  "line 5 has no closing quote", "line 6 has text after the closing quote",
                  "line 7 holds control characters", "line 8 does not begin with a variable name"));
}

TEST(EnvFileTest, AProblemRepeatsNothingOfItsLine) {
  auto result = parse_env_file("SN_PASSWORD 'hunter2\n");
  auto* found = std::get_if<std::vector<ConfigProblem>>(&result);
  ASSERT_TRUE(found);
  EXPECT_EQ(describe(*found).find("hunter2"), std::string::npos);
}

TEST(EnvFileTest, AFileThatIsNotThereIsAProblem) {
  EXPECT_TRUE(std::holds_alternative<std::vector<ConfigProblem>>(read_env_file("/nowhere/.env")));
  EXPECT_TRUE(std::holds_alternative<std::vector<ConfigProblem>>(read_env_file(BRIDGE_SOURCE_DIR)));
}

}  // namespace
}  // namespace bridge::config
