// SPDX-License-Identifier: MIT
// Everything about a session comes back from its bytes. The structs are filled and compared by
// walking the same lists as the codec; that the lists are whole is asserted where they stand.
#include "stores/session_codec.hpp"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "stores/session_fields.hpp"

namespace bridge::stores {
namespace {

using session::BridgeSession;
using session::Event;

/// Turns the text around, which is enough to see whether it was used.
class Mirror final : public Sealer {
 public:
  std::string seal(const Secret& secret) const override {
    const std::string_view text = secret.reveal();
    return "sealed:" + std::string(text.rbegin(), text.rend());
  }
  Result<Secret> open(std::string_view sealed) const override {
    if (!sealed.starts_with("sealed:")) return Error(Errc::forbidden, "another key");
    sealed.remove_prefix(7);
    return Secret(std::string(sealed.rbegin(), sealed.rend()));
  }
};

/// Gives every member another value than it usually has, and every one another.
class Filler {
 public:
  template <class Struct>
  void fill(Struct& into) {
    std::apply([&](const auto&... m) { (one(into.*m.at), ...); }, Stored<Struct>::list);
  }

 private:
  std::string text() { return "text \"" + std::to_string(++count_) + "\" \n é"; }
  void one(std::string& into) { into = text(); }
  void one(bool& into) { into = !into; }
  void one(Time& into) { into = Time(Millis(1'700'000'000'000 + ++count_)); }
  void one(Secret& into) { into = Secret(text()); }
  void one(session::RecentIds& into) {
    into.insert("00112233445566778899aabbccddeef" + std::to_string(++count_ % 10));
    into.insert(text());
  }
  void one(session::SeenSequences& into) {
    into.insert(++count_);
    into.insert(++count_);
  }
  void one(session::TakenActivities& into) {
    into.insert(text());
    into.insert(text());
  }
  void one(session::SurfacePtr& into) {
    session::ActivitySurface surface;
    fill(surface);
    into = std::make_shared<const session::ActivitySurface>(surface);
  }
  template <class T>
  void one(std::vector<T>& into) {
    into.resize(2);
    for (T& element : into) one(element);
  }
  template <class T>
  void one(std::optional<T>& into) {
    one(into.emplace());
  }
  template <class T>
  void one(T& into) {
    if constexpr (std::is_enum_v<T>) {
      into = LastEnumerator<T>::value;
    } else if constexpr (std::is_integral_v<T>) {
      into = static_cast<T>(++count_ + 1000);
    } else {
      fill(into);
    }
  }

  std::int64_t count_ = 0;
};

/// Counts what is compared, and names what differs.
class Comparer {
 public:
  template <class Struct>
  void structs(const Struct& a, const Struct& b, const std::string& where) {
    std::apply(
        [&](const auto&... m) { (one(a.*m.at, b.*m.at, where + "." + std::string(m.name)), ...); },
        Stored<Struct>::list);
  }
  int compared = 0;

 private:
  template <class T>
  void one(const std::vector<T>& a, const std::vector<T>& b, const std::string& where) {
    ASSERT_EQ(a.size(), b.size()) << where;
    for (std::size_t i = 0; i < a.size(); ++i) one(a[i], b[i], where);
  }
  template <class T>
  void one(const std::optional<T>& a, const std::optional<T>& b, const std::string& where) {
    ASSERT_EQ(a.has_value(), b.has_value()) << where;
    if (a) one(*a, *b, where);
  }
  void one(const session::SurfacePtr& a, const session::SurfacePtr& b, const std::string& where) {
    ASSERT_EQ(a != nullptr, b != nullptr) << where;
    if (a) structs(*a, *b, where);
  }
  void one(const Secret& a, const Secret& b, const std::string& where) {
    equal(a.reveal(), b.reveal(), where);
  }
  template <class T>
  void one(const T& a, const T& b, const std::string& where) {
    if constexpr (StoredStruct<T>) {
      structs(a, b, where);
    } else if constexpr (requires { a.all(); }) {
      equal(a.all(), b.all(), where);
    } else {
      equal(a, b, where);
    }
  }
  template <class T>
  void equal(const T& a, const T& b, const std::string& where) {
    ++compared;
    EXPECT_TRUE(a == b) << where;
  }
};

BridgeSession full_session() {
  BridgeSession session;
  Filler filler;
  filler.fill(session);
  return session;
}

Result<BridgeSession> read_session(SessionDecoder& decoder, std::string_view bytes) {
  BridgeSession session;
  if (auto read = decoder.session(bytes, session); !read) return read.error();
  return session;
}

TEST(SessionCodecTest, EveryMemberOfASessionComesBack) {
  const Mirror sealer;
  const BridgeSession before = full_session();
  SessionDecoder decoder(&sealer);
  const auto after = read_session(decoder, encode(before, &sealer));
  ASSERT_TRUE(after) << after.error().to_string();
  Comparer comparer;
  comparer.structs(before, *after, "session");
  EXPECT_GT(comparer.compared, 150);
  EXPECT_EQ(decoder.unopened(), 0u);
}

TEST(SessionCodecTest, EverythingThatWasFilledIsInTheBytes) {
  // What the filler did not reach would have its usual value, and would be left out.
  const Mirror sealer;
  boost::json::parse_options any_bytes;  // text that was turned around is not UTF-8
  any_bytes.allow_invalid_utf8 = true;
  const auto bytes = boost::json::parse(encode(full_session(), &sealer), {}, any_bytes).as_object();
  EXPECT_EQ(bytes.size(), std::tuple_size_v<decltype(Stored<BridgeSession>::list)>);
  EXPECT_EQ(bytes.at("surface").as_object().size(),
            std::tuple_size_v<decltype(Stored<session::ActivitySurface>::list)>);
  EXPECT_EQ(bytes.at("sends").as_array()[1].as_object().size(),
            std::tuple_size_v<decltype(Stored<session::Send>::list)>);
  EXPECT_EQ(bytes.at("reconciling").as_object().size(),
            std::tuple_size_v<decltype(Stored<session::Reconciling>::list)>);
}

TEST(SessionCodecTest, AFreshSessionIsShortAndComesBack) {
  BridgeSession before;
  before.id = std::string(32, 'a');
  before.version = 1;
  const std::string bytes = encode(before, nullptr);
  EXPECT_EQ(bytes, R"({"id":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","version":1})");
  SessionDecoder decoder(nullptr);
  const auto after = read_session(decoder, bytes);
  ASSERT_TRUE(after);
  Comparer comparer;
  comparer.structs(before, *after, "session");
}

TEST(SessionCodecTest, AMemberThatBecameItsUsualValueStaysSo) {
  // 0 is not the usual value of these.
  BridgeSession before;
  before.next_send_id = 0;
  before.sends.resize(1);
  before.sends[0].take = 0;
  SessionDecoder decoder(nullptr);
  const auto after = read_session(decoder, encode(before, nullptr));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->next_send_id, 0u);
  EXPECT_EQ(after->sends.at(0).take, 0);
}

TEST(SessionCodecTest, UnknownMembersAreIgnoredAndAbsentOnesUsual) {
  SessionDecoder decoder(nullptr);
  const auto session = read_session(
      decoder,
      R"({"id":"x","a_later_one":{"deep":[1,2]},"sends":[{"id":7,"mood":"good"}],"version":3})");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->id, "x");
  EXPECT_EQ(session->sends.at(0).id, 7u);
  EXPECT_EQ(session->sends.at(0).take, 1);
  EXPECT_EQ(session->next_send_id, 1u);
}

TEST(SessionCodecTest, AnotherOrderOfMembersMeansTheSame) {
  const Mirror sealer;
  const BridgeSession before = full_session();
  boost::json::parse_options any_bytes;
  any_bytes.allow_invalid_utf8 = true;
  auto bytes = boost::json::parse(encode(before, &sealer), {}, any_bytes).as_object();
  bytes.stable_erase("epoch");  // and behind all the others
  bytes["epoch"] = before.epoch;
  auto& chat = bytes.at("chat").as_object();
  chat.stable_erase("number");
  chat["number"] = before.chat.number;
  SessionDecoder decoder(&sealer);
  const auto after = read_session(decoder, boost::json::serialize(bytes));
  ASSERT_TRUE(after) << after.error().to_string();
  Comparer comparer;
  comparer.structs(before, *after, "session");
}

TEST(SessionCodecTest, WhatIsNoSessionIsMalformed) {
  SessionDecoder decoder(nullptr);
  for (const char* bytes :
       {"", "{", "[]", "null", R"({"id":7})", R"({"state":99})", R"({"state":-1})",
        R"({"state":"live"})", R"({"version":-1})", R"({"sends":{}})", R"({"sends":[1]})",
        R"({"chat":[]})", R"({"sends":[{"status":5}]})", R"({"seen_messages":[1]})"}) {
    const auto session = read_session(decoder, bytes);
    EXPECT_FALSE(session) << bytes;
    if (!session) {
      EXPECT_TRUE(session.error().is(Errc::malformed));
    }
  }
}

TEST(SessionCodecTest, TheLargestNumbersComeBack) {
  BridgeSession before;
  before.last_seq = std::numeric_limits<std::uint64_t>::max();
  before.sends.resize(1);
  before.sends[0].text_hash = std::numeric_limits<std::size_t>::max();
  before.closed_at = Time(Millis(-5));
  SessionDecoder decoder(nullptr);
  const auto after = read_session(decoder, encode(before, nullptr));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->last_seq, before.last_seq);
  EXPECT_EQ(after->sends.at(0).text_hash, before.sends[0].text_hash);
  EXPECT_EQ(after->closed_at, before.closed_at);
}

TEST(SessionCodecTest, BytesThatAreNotUnicodeComeBack) {
  BridgeSession before;
  before.user_display_name = std::string("a\xFF\xC3 b\0c", 7);
  SessionDecoder decoder(nullptr);
  const auto after = read_session(decoder, encode(before, nullptr));
  ASSERT_TRUE(after);
  EXPECT_EQ(after->user_display_name, before.user_display_name);
}

TEST(SessionCodecTest, AServiceUrlIsSealedOrNotThere) {
  const std::string url = "https://signed.example/secret";
  BridgeSession session;
  session::ActivitySurface surface;
  surface.address.service_url = Secret(url);
  surface.told.seq = 3;
  session.surface = std::make_shared<const session::ActivitySurface>(surface);

  const Mirror sealer;
  const std::string sealed = encode(session, &sealer);
  EXPECT_EQ(sealed.find("signed.example"), std::string::npos);
  EXPECT_EQ(encode(session, nullptr).find("service_url"), std::string::npos);

  SessionDecoder with_key(&sealer);
  EXPECT_EQ(read_session(with_key, sealed)->surface->address.service_url.reveal(), url);
  SessionDecoder without_key(nullptr);
  const auto blind = read_session(without_key, sealed);
  ASSERT_TRUE(blind);
  EXPECT_TRUE(blind->surface->address.service_url.empty());
  EXPECT_EQ(blind->surface->told.seq, 3u);
  EXPECT_EQ(without_key.unopened(), 1u);
}

Event back(const Event& event) {
  SessionDecoder decoder(nullptr);
  auto read = decoder.event(event.seq, event.at, encode(event));
  EXPECT_TRUE(read) << read.error().to_string();
  return read ? *read : Event();
}

TEST(SessionCodecTest, EveryKindOfEventComesBack) {
  Event event;
  event.seq = 12;
  event.at = Time(Millis(1'700'000'000'123));
  Filler filler;
  session::StatusEvent status;
  filler.fill(status);
  session::UserMessageEvent said;
  filler.fill(said);
  session::RepMessageEvent row;
  filler.fill(row);
  session::ReceiptEvent receipt;
  filler.fill(receipt);
  session::NoticeEvent notice;
  filler.fill(notice);
  for (const decltype(Event::what)& what : std::initializer_list<decltype(Event::what)>{
           status, said, row, receipt, notice, session::StatusEvent(),
           session::RepMessageEvent()}) {
    event.what = what;
    for (const bool carried : {false, true}) {
      event.carried = carried;
      EXPECT_EQ(back(event), event) << encode(event);
    }
  }
}

TEST(SessionCodecTest, WhatIsNoEventIsMalformed) {
  SessionDecoder decoder(nullptr);
  for (const char* bytes : {"", "{}", R"({"what":5})", R"({"what":-1})", R"({"what":"0"})",
                            R"({"what":2,"text":7})", R"({"what":4,"notice":99})"})
    EXPECT_FALSE(decoder.event(1, Time(), bytes)) << bytes;
}

TEST(SessionCodecTest, TheNumbersInOurUsersFilesMeanWhatTheyMeant) {
  SessionDecoder decoder(nullptr);
  const auto session = read_session(
      decoder,
      R"({"state":3,"close_reason":2,"sends":[{"status":1},{"status":4}],"parked":[{"kind":2}]})");
  ASSERT_TRUE(session);
  EXPECT_EQ(session->state, session::State::live);
  EXPECT_EQ(session->close_reason, session::CloseReason::abandoned);
  EXPECT_EQ(session->sends.at(0).status, session::Send::Status::in_flight);
  EXPECT_EQ(session->sends.at(1).status, session::Send::Status::unknown);
  EXPECT_EQ(session->parked.at(0).kind, session::AgentEvent::Kind::closed);
  const auto receipt = decoder.event(1, Time(), R"({"what":3,"status":1,"client_id":"c"})");
  ASSERT_TRUE(receipt);
  EXPECT_EQ(std::get<session::ReceiptEvent>(receipt->what).status, session::Delivery::failed);
  const auto notice = decoder.event(1, Time(), R"({"what":4,"notice":6})");
  ASSERT_TRUE(notice);
  EXPECT_EQ(std::get<session::NoticeEvent>(notice->what).notice, session::Notice::chat_over);
}

}  // namespace
}  // namespace bridge::stores
