// SPDX-License-Identifier: MIT
#include "bridge/core/json.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace bridge {
namespace {

// ---- parse_object ----------------------------------------------------------------------------

TEST(ParseObjectTest, AnAbsentOrBlankBodyIsAnEmptyObject) {
  for (const char* body : {"", " ", "\r\n\t ", "{}", " {} \n"}) {
    const auto parsed = parse_object(body);
    ASSERT_TRUE(parsed) << body;
    EXPECT_TRUE(parsed->empty()) << body;
  }
}

TEST(ParseObjectTest, ReadsMembers) {
  const auto parsed = parse_object(R"( {"a": 1, "b": {"c": "Zoë 🙂"}} )");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->at("a").as_int64(), 1);
  EXPECT_EQ(parsed->at("b").at("c").as_string(), "Zoë 🙂");
}

TEST(ParseObjectTest, JsonThatIsNoObjectIsAnInvalidArgument) {
  for (const char* body : {"[]", "null", "true", "12", "\"text\"", "[{}]"}) {
    const auto parsed = parse_object(body);
    ASSERT_FALSE(parsed) << body;
    EXPECT_TRUE(parsed.error().is(Errc::invalid_argument)) << body;
  }
}

TEST(ParseObjectTest, GarbageIsMalformed) {
  for (const char* body :
       {"{", "}", "{\"a\"}", "{\"a\":}", "{a:1}", "{'a':1}", "{} {}", "{}x", "{\"a\":1,}",
        "nonsense", "<html></html>", "{\"a\":\"\n\"}", "{\"a\":NaN}", "/**/{}", "{\"a\":01}",
        "{\"a\":\"\\ud800\"}", "\xef\xbb\xbf{}"}) {
    const auto parsed = parse_object(body);
    ASSERT_FALSE(parsed) << body;
    EXPECT_TRUE(parsed.error().is(Errc::malformed)) << body;
  }
}

TEST(ParseObjectTest, InvalidUtf8IsMalformed) {
  for (const std::string bytes :
       {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\x80"}) {
    const auto parsed = parse_object("{\"a\":\"" + bytes + "\"}");
    ASSERT_FALSE(parsed);
    EXPECT_TRUE(parsed.error().is(Errc::malformed));
  }
}

TEST(ParseObjectTest, TheErrorDoesNotRepeatTheBody) {
  const auto parsed = parse_object("{\"password\": \"hunter2\"");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().to_string().find("hunter2"), std::string::npos);
}

std::string nested(std::size_t depth) {
  std::string text;
  for (std::size_t i = 0; i < depth; ++i) text += "{\"a\":";
  text += "1";
  text.append(depth, '}');
  return text;
}

TEST(ParseObjectTest, DepthIsBounded) {
  EXPECT_TRUE(parse_object(nested(32)));
  const auto deeper = parse_object(nested(33));
  ASSERT_FALSE(deeper);
  EXPECT_TRUE(deeper.error().is(Errc::malformed));
  EXPECT_FALSE(parse_object(nested(100'000)));
  EXPECT_TRUE(parse_object(nested(3), 3));
  EXPECT_FALSE(parse_object(nested(4), 3));
}

// ---- Text helpers ----------------------------------------------------------------------------

TEST(TextTest, TrimTakesWhiteSpaceFromBothEndsOnly) {
  EXPECT_EQ(trim("  a b \t\r\n"), "a b");
  EXPECT_EQ(trim("a"), "a");
  EXPECT_EQ(trim(""), "");
  EXPECT_EQ(trim(" \f\v\n"), "");
}

TEST(TextTest, CharactersAreCountedNotBytes) {
  EXPECT_EQ(count_characters(""), 0u);
  EXPECT_EQ(count_characters("abc"), 3u);
  EXPECT_EQ(count_characters("Zoë"), 3u);
  EXPECT_EQ(count_characters("你好"), 2u);
  EXPECT_EQ(count_characters("🙂"), 1u);
}

// ---- Fields ----------------------------------------------------------------------------------

json::object object_of(std::string_view text) { return json::parse(text).as_object(); }

TEST(FieldsTest, TextIsTrimmedAndBlankIsAbsent) {
  const json::object object = object_of(R"({"a":"  hi\n","blank":" \t","null":null})");
  Fields fields(object);
  EXPECT_EQ(fields.text("a", 10), "hi");
  EXPECT_FALSE(fields.text("blank", 10));
  EXPECT_FALSE(fields.text("null", 10));
  EXPECT_FALSE(fields.text("missing", 10));
  EXPECT_FALSE(fields.problem());
}

TEST(FieldsTest, TextRefusesOtherTypes) {
  for (const char* value : {"1", "1.5", "true", "[]", "{}", "[\"a\"]"}) {
    const json::object object = object_of("{\"a\":" + std::string(value) + "}");
    Fields fields(object);
    EXPECT_FALSE(fields.text("a", 10)) << value;
    ASSERT_TRUE(fields.problem()) << value;
    EXPECT_TRUE(fields.problem()->is(Errc::invalid_argument));
    EXPECT_EQ(fields.problem()->context(), "a must be a string");
  }
}

TEST(FieldsTest, LengthIsInCharactersAfterTrimming) {
  const json::object object = object_of(R"({"a":" 🙂🙂🙂 ","b":"🙂🙂🙂🙂"})");
  Fields fields(object);
  EXPECT_EQ(fields.text("a", 3), "🙂🙂🙂");
  EXPECT_FALSE(fields.problem());
  EXPECT_FALSE(fields.text("b", 3));
  ASSERT_TRUE(fields.problem());
  EXPECT_EQ(fields.problem()->context(), "b is longer than 3 characters");
}

TEST(FieldsTest, ControlCharactersAreRefusedButTabsAndLineEndsAreText) {
  const json::object object = object_of(
      R"({"ok":"a\tb\r\nc","nul":"a\u0000b","bell":"a\u0007b","esc":"\u001b[31m","del":"a\u007fb"})");
  Fields good(object);
  EXPECT_EQ(good.text("ok", 10), "a\tb\r\nc");
  EXPECT_FALSE(good.problem());
  for (const char* name : {"nul", "bell", "esc", "del"}) {
    Fields fields(object);
    EXPECT_FALSE(fields.text(name, 10)) << name;
    ASSERT_TRUE(fields.problem()) << name;
    EXPECT_EQ(fields.problem()->context(), std::string(name) + " holds control characters");
  }
}

TEST(FieldsTest, TheFirstProblemWinsAndNamesItsField) {
  const json::object object = object_of(R"({"a":"fine","b":1,"c":true})");
  Fields fields(object);
  EXPECT_EQ(fields.text("a", 10), "fine");
  EXPECT_FALSE(fields.text("b", 10));
  EXPECT_FALSE(fields.text("c", 10));
  EXPECT_EQ(fields.text("a", 10), "fine");  // still reads on
  ASSERT_TRUE(fields.problem());
  EXPECT_EQ(fields.problem()->context(), "b must be a string");
}

TEST(FieldsTest, AProblemNeverRepeatsTheValue) {
  const json::object object = object_of(R"({"a":"hunter2 hunter2","b":["hunter2"]})");
  Fields fields(object);
  (void)fields.text("a", 3);
  ASSERT_TRUE(fields.problem());
  EXPECT_EQ(fields.problem()->context().find("hunter2"), std::string::npos);
}

TEST(FieldsTest, IntegersMayBeStrings) {
  const json::object object = object_of(
      R"({"n":7,"s":" 42 ","neg":"-3","blank":"","null":null,"max":9223372036854775807})");
  Fields fields(object);
  EXPECT_EQ(fields.integer("n"), 7);
  EXPECT_EQ(fields.integer("s"), 42);
  EXPECT_EQ(fields.integer("neg"), -3);
  EXPECT_EQ(fields.integer("max"), std::numeric_limits<std::int64_t>::max());
  EXPECT_FALSE(fields.integer("blank"));
  EXPECT_FALSE(fields.integer("null"));
  EXPECT_FALSE(fields.integer("missing"));
  EXPECT_FALSE(fields.problem());
}

TEST(FieldsTest, WhatIsNoWholeNumberIsRefused) {
  for (const char* value :
       {"1.5", "true", "\"1.5\"", "\"7x\"", "\"x\"", "[]", "9223372036854775808",
        "\"9223372036854775808\"", "\"0x10\"", "1e400"}) {
    const json::object object = object_of("{\"a\":" + std::string(value) + "}");
    Fields fields(object);
    EXPECT_FALSE(fields.integer("a")) << value;
    ASSERT_TRUE(fields.problem()) << value;
    EXPECT_EQ(fields.problem()->context(), "a must be a whole number");
  }
}

TEST(FieldsTest, BooleansAndObjectsHaveTheirType) {
  const json::object object = object_of(R"({"yes":true,"word":"true","o":{"k":1},"list":[1]})");
  Fields good(object);
  EXPECT_EQ(good.boolean("yes"), true);
  EXPECT_FALSE(good.boolean("missing"));
  ASSERT_TRUE(good.object("o"));
  EXPECT_EQ(good.object("o")->at("k").as_int64(), 1);
  EXPECT_FALSE(good.object("missing"));
  EXPECT_FALSE(good.problem());
  Fields word(object);
  EXPECT_FALSE(word.boolean("word"));
  EXPECT_EQ(word.problem().value().context(), "word must be true or false");
  Fields list(object);
  EXPECT_FALSE(list.object("list"));
  EXPECT_EQ(list.problem().value().context(), "list must be an object");
}

}  // namespace
}  // namespace bridge
