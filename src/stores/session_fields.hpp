// SPDX-License-Identifier: MIT
// What is stored of a session, struct by struct: each member once, with the name that it has in
// stored bytes. Writing, reading and the tests walk these lists, so a new member is one line here;
// forgetting it does not compile. Names and the numbers of enumerators are in files of our users:
// they never change their meaning, and new enumerators go to the end.
#pragma once

#include <string_view>
#include <tuple>

#include "bridge/session/bridge_session.hpp"
#include "bridge/session/event.hpp"

namespace bridge::stores {

template <class Struct, class Member>
struct StoredMember {
  std::string_view name;
  Member Struct::*at;
};

template <class Struct, class Member>
constexpr StoredMember<Struct, Member> member(std::string_view name, Member Struct::*at) {
  return {name, at};
}

/// `list`: the members of a struct.
template <class Struct>
struct Stored;

template <class Struct>
concept StoredStruct = requires {
  Stored<Struct>::list;
};

template <>
struct Stored<Trace> {
  static constexpr std::tuple list{
      member("id", &Trace::request_id),
      member("parent", &Trace::traceparent),
  };
};

template <>
struct Stored<session::Chat> {
  using S = session::Chat;
  static constexpr std::tuple list{
      member("number", &S::number),
      member("key", &S::key),
      member("api", &S::api),
      member("user", &S::user_sys_id),
      member("conversation", &S::conversation_sys_id),
      member("interaction", &S::interaction_sys_id),
      member("interaction_number", &S::interaction_number),
      member("consumer", &S::consumer_sys_id),
      member("rep_name", &S::rep_name),
      member("rep", &S::rep_sys_id),
  };
};

template <>
struct Stored<session::Send> {
  using S = session::Send;
  static constexpr std::tuple list{
      member("id", &S::id),
      member("chat", &S::chat_number),
      member("client_id", &S::client_message_id),
      member("text", &S::text),
      member("text_hash", &S::text_hash),
      member("status", &S::status),
      member("accepted", &S::accepted),
      member("deadline", &S::deadline),
      member("echo_owed", &S::echo_owed),
      member("error", &S::error_id),
      member("hint", &S::hint),
      member("trace", &S::trace),
      member("in_doubt", &S::in_doubt),
      member("take", &S::take),
      member("settling", &S::settling),
      member("settle_attempts", &S::settle_attempts),
      member("settle_at", &S::settle_at),
  };
};

template <>
struct Stored<session::AgentEvent> {
  using S = session::AgentEvent;
  static constexpr std::tuple list{
      member("kind", &S::kind),
      member("api", &S::api),
      member("key", &S::key),
      member("conversation", &S::conversation_sys_id),
      member("interaction", &S::interaction_sys_id),
      member("interaction_number", &S::interaction_number),
      member("message", &S::message_sys_id),
      member("sender", &S::sender_sys_id),
      member("system", &S::system),
      member("text", &S::text),
      member("rep_name", &S::rep_name),
      member("rep", &S::rep_sys_id),
      member("sent_at", &S::sent_at),
      member("sequence", &S::sequence),
      member("prev_sequence", &S::prev_sequence),
      member("last_sequence", &S::last_sequence),
      member("reason", &S::reason),
  };
};

template <>
struct Stored<session::PendingOpen> {
  using S = session::PendingOpen;
  static constexpr std::tuple list{
      member("message", &S::opening_message),
      member("client_id", &S::client_message_id),
      member("description", &S::short_description),
      member("context", &S::context),
      member("in_flight", &S::in_flight),
      member("in_doubt", &S::in_doubt),
      member("moved_on", &S::moved_on),
      member("trace", &S::trace),
  };
};

template <>
struct Stored<session::PendingEnd> {
  using S = session::PendingEnd;
  static constexpr std::tuple list{
      member("chat", &S::chat),           member("reason", &S::reason),
      member("in_flight", &S::in_flight), member("attempts", &S::attempts),
      member("next_try", &S::next_try),   member("trace", &S::trace),
  };
};

template <>
struct Stored<session::HeldRow> {
  using S = session::HeldRow;
  static constexpr std::tuple list{
      member("row", &S::row),
      member("due", &S::due),
      member("asked", &S::asked),
  };
};

template <>
struct Stored<session::PendingClose> {
  using S = session::PendingClose;
  static constexpr std::tuple list{
      member("last_sequence", &S::last_sequence),
      member("reason", &S::reason),
      member("due", &S::due),
      member("ask_at", &S::ask_at),
      member("asked", &S::asked),
  };
};

template <>
struct Stored<session::Reconciling> {
  using S = session::Reconciling;
  static constexpr std::tuple list{
      member("known_upto", &S::known_upto),
      member("newest", &S::newest),
      member("shown", &S::shown),
      member("rows_since", &S::rows_since),
      member("next", &S::next),
      member("quiet", &S::quiet),
      member("in_flight", &S::in_flight),
      member("again", &S::again),
      member("unreliable", &S::unreliable),
      member("gap", &S::gap),
  };
};

template <>
struct Stored<session::OwedRead> {
  using S = session::OwedRead;
  static constexpr std::tuple list{
      member("chat", &S::chat_number),    member("after", &S::after),
      member("next", &S::next),           member("attempts", &S::attempts),
      member("in_flight", &S::in_flight),
  };
};

template <>
struct Stored<session::Trouble> {
  using S = session::Trouble;
  static constexpr std::tuple list{
      member("error", &S::error_id),
      member("hint", &S::hint),
      member("unknown", &S::unknown),
  };
};

template <>
struct Stored<session::ActivityAddress> {
  using S = session::ActivityAddress;
  static constexpr std::tuple list{
      member("channel", &S::channel_id),      member("conversation", &S::conversation_id),
      member("service_url", &S::service_url), member("user", &S::user_id),
      member("user_name", &S::user_name),     member("agent", &S::agent_id),
      member("agent_name", &S::agent_name),   member("locale", &S::locale),
      member("activity", &S::activity_id),
  };
};

template <>
struct Stored<session::Voice> {
  static constexpr std::tuple list{member("speaker", &session::Voice::speaker)};
};

template <>
struct Stored<session::Told> {
  using S = session::Told;
  static constexpr std::tuple list{
      member("seq", &S::seq),
      member("parts", &S::parts),
      member("voice", &S::voice),
  };
};

template <>
struct Stored<session::AnsweredTurn> {
  using S = session::AnsweredTurn;
  static constexpr std::tuple list{
      member("activity", &S::activity_key),
      member("from", &S::from),
      member("upto", &S::upto),
  };
};

template <>
struct Stored<session::ActivitySurface> {
  using S = session::ActivitySurface;
  static constexpr std::tuple list{
      member("address", &S::address),
      member("generation", &S::generation),
      member("taken", &S::taken),
      member("turns", &S::turns),
      member("told", &S::told),
      member("posting", &S::posting),
      member("posting_until", &S::posting_until),
      member("posts", &S::posts),
      member("waits_for_turn", &S::waits_for_turn),
      member("open_turns", &S::open_turns),
      member("open_until", &S::open_until),
      member("attempts", &S::attempts),
      member("refusals", &S::refusals),
      member("next_try", &S::next_try),
      member("aside", &S::aside),
      member("query_hash", &S::query_hash),
      member("told_waiting", &S::told_waiting),
      member("last_turn", &S::last_turn),
      member("last_asked", &S::last_asked),
  };
};

template <>
struct Stored<session::BridgeSession> {
  using S = session::BridgeSession;
  static constexpr std::tuple list{
      member("id", &S::id),
      member("epoch", &S::epoch),
      member("version", &S::version),
      member("last_seq", &S::last_seq),
      member("state", &S::state),
      member("close_reason", &S::close_reason),
      member("created", &S::created),
      member("last_activity", &S::last_activity),
      member("closed_at", &S::closed_at),
      member("live_chat_since", &S::live_chat_since),
      member("unread_since", &S::unread_since),
      member("user_email", &S::user_email),
      member("user_name", &S::user_display_name),
      member("token_hash", &S::token_hash),
      member("browser_hash", &S::browser_hash),
      member("directline_user", &S::directline_user),
      member("directline_conversation", &S::directline_conversation),
      member("surface", &S::surface),
      member("chat", &S::chat),
      member("past_chats", &S::past_chats),
      member("open", &S::open),
      member("open_trouble", &S::open_trouble),
      member("opening_hash", &S::opening_hash),
      member("opening_take", &S::opening_take),
      member("opening_chat", &S::opening_chat),
      member("sends", &S::sends),
      member("next_send_id", &S::next_send_id),
      member("ends", &S::ends),
      member("seen_messages", &S::seen_messages),
      member("own_messages", &S::own_messages),
      member("sequences", &S::sequences),
      member("held", &S::held),
      member("parked", &S::parked),
      member("close", &S::close),
      member("asking_interaction", &S::asking_interaction),
      member("last_touch", &S::last_touch),
      member("reconciling", &S::reconciling),
      member("owed_reads", &S::owed_reads),
      member("plain_handed", &S::plain_handed),
  };
};

// Events. What kind one is stands beside its members as "what": its place in Event::what.

template <>
struct Stored<session::StatusEvent> {
  using S = session::StatusEvent;
  static constexpr std::tuple list{
      member("state", &S::state),
      member("interaction_number", &S::interaction_number),
      member("rep_name", &S::rep_name),
      member("reason", &S::reason),
  };
};

template <>
struct Stored<session::UserMessageEvent> {
  using S = session::UserMessageEvent;
  static constexpr std::tuple list{
      member("text", &S::text),
      member("client_id", &S::client_message_id),
  };
};

template <>
struct Stored<session::RepMessageEvent> {
  using S = session::RepMessageEvent;
  static constexpr std::tuple list{
      member("text", &S::text),
      member("rep_name", &S::rep_name),
      member("message", &S::message_sys_id),
      member("sent_at", &S::sent_at),
      member("system", &S::system),
      member("late", &S::late),
  };
};

template <>
struct Stored<session::ReceiptEvent> {
  using S = session::ReceiptEvent;
  static constexpr std::tuple list{
      member("client_id", &S::client_message_id),
      member("status", &S::status),
  };
};

template <>
struct Stored<session::NoticeEvent> {
  using S = session::NoticeEvent;
  static constexpr std::tuple list{
      member("notice", &S::notice),
      member("detail", &S::detail),
  };
};

// The last enumerator of each enum that is stored: a greater number is not read.

template <class Enum>
struct LastEnumerator;
template <>
struct LastEnumerator<session::State> {
  static constexpr auto value = session::State::closed;
};
template <>
struct LastEnumerator<session::CloseReason> {
  static constexpr auto value = session::CloseReason::error;
};
template <>
struct LastEnumerator<session::Delivery> {
  static constexpr auto value = session::Delivery::unknown;
};
template <>
struct LastEnumerator<session::Notice> {
  static constexpr auto value = session::Notice::not_shown;
};
template <>
struct LastEnumerator<session::Send::Status> {
  static constexpr auto value = session::Send::Status::unknown;
};
template <>
struct LastEnumerator<session::AgentEvent::Kind> {
  static constexpr auto value = session::AgentEvent::Kind::other;
};

// Nothing may be left out. An aggregate takes as many initialisers as it has members, and no more.

namespace stored_detail {
struct Anything {
  template <class T>
  operator T() const;  // never called
};
template <class Struct, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { Struct{(static_cast<void>(I), Anything{})...}; };
}
template <class Struct>
constexpr std::size_t listed = std::tuple_size_v<decltype(Stored<Struct>::list)>;
}  // namespace stored_detail

/// Whether the list of an aggregate names as many members as it has.
template <class Struct>
constexpr bool lists_every_member =
    stored_detail::takes<Struct>(std::make_index_sequence<stored_detail::listed<Struct>>()) &&
    !stored_detail::takes<Struct>(std::make_index_sequence<stored_detail::listed<Struct> + 1>());

}  // namespace bridge::stores
