// SPDX-License-Identifier: MIT
// All rules of the handoff: `decide` takes a session, one input and the time, and answers with the
// new session, the events it gives rise to, and the effects to start once that is committed. It
// does nothing itself, so its tests read as scripts: given, when, then.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bridge/core/error.hpp"
#include "bridge/core/trace.hpp"
#include "bridge/session/bridge_session.hpp"

namespace bridge::session {

/// The numbers of DESIGN 4.4 and 5.2.
struct Policy {
  std::chrono::milliseconds send_deadline{25'000};
  std::chrono::milliseconds reorder_wait{3'000};
  std::chrono::milliseconds reconcile_after{30'000};     ///< without a webhook; grows while quiet
  std::chrono::milliseconds reconcile_longest{300'000};  ///< and no further than this
  std::chrono::milliseconds reconcile_wait{5'000};       ///< what is missing is waited for so long
  int last_reconciles = 12;                              ///< tries to read a chat that is over
  std::chrono::milliseconds settle_pause{2'000};         ///< first pause; doubles
  std::chrono::milliseconds longest_settle_pause{300'000};
  int settle_attempts = 40;
  std::chrono::milliseconds close_wait{5'000};
  std::chrono::milliseconds legacy_close_wait{2'000};
  std::chrono::milliseconds abandoned_after{600'000};
  std::chrono::milliseconds bot_expiry{7'200'000};
  std::chrono::milliseconds closed_expiry{86'400'000};
  std::chrono::milliseconds touch_interval{60'000};
  std::chrono::milliseconds end_retry{5'000};  ///< first pause; doubles
  int end_attempts = 8;
  std::size_t max_waiting_messages = 32;
  std::size_t max_waiting_bytes = 64 * 1024;
  std::chrono::milliseconds delivery_retry{1'000};  ///< first pause; doubles
  std::chrono::milliseconds max_delivery_pause{60'000};
  std::chrono::milliseconds max_retry_after{300'000};  ///< whatever the other side asks for
  int delivery_attempts = 12;                          ///< then it waits for the person's next turn
  std::chrono::milliseconds turn_limit{15'000};        ///< an unfinished turn holds posts no longer
  std::chrono::milliseconds ask_interval{300'000};     ///< whether a chat nobody reads is still on
  /// So long after their last words somebody counts as reading who is told in another channel.
  std::chrono::milliseconds carried_patience{1'800'000};
  std::chrono::milliseconds carried_limit{86'400'000};    ///< without a word from either side
  std::chrono::milliseconds carried_expiry{604'800'000};  ///< once it is over
  std::chrono::milliseconds post_limit{600'000};          ///< all parts of one event
};

/// Who is reading, as far as this process knows.
struct Presence {
  std::size_t attached = 0;  ///< sockets and waiting polls
  Time last_seen{};          ///< last poll or detachment
  /// Nobody was seen yet: `last_seen` is when this process found the session in the store.
  bool assumed = false;

  void see(Time now) {
    last_seen = now;
    assumed = false;
  }
};
bool is_present(const Presence& presence, Time now);

// ---- Inputs --------------------------------------------------------------------------------

struct Escalate {
  std::string user_sys_id;  ///< whom the chat is opened for, already decided by policy
  std::string opening_message;
  std::string short_description;
  std::string context;
  Trace trace = {};
};

/// `open_chat` (or the look-up by key) has ended.
struct OpenAnswered {
  int chat_number = 0;
  Chat chat;  ///< ids, when it succeeded
  std::string first_message_sys_id;
  std::int64_t first_message_sequence = 0;
  bool opening_not_sent = false;  ///< the chat is open, its opening message is not in it
  bool opening_unknown = false;   ///< the chat was found open, and nobody can tell whether it is
  std::optional<Error> error;
};

struct UserMessage {
  std::string text;
  std::string client_message_id;
  Trace trace = {};
};

struct SendAnswered {
  std::uint64_t send_id = 0;
  std::vector<std::string> message_sys_ids;
  std::int64_t sequence = 0;
  std::optional<Error> error;
};

/// It was found out what became of a message, or could not be.
struct SendSettled {
  std::uint64_t send_id = 0;
  bool sent = false;  ///< if not, and there is no error, it never will be
  std::vector<std::string> message_sys_ids;
  std::int64_t sequence = 0;
  std::optional<Error> error;
};

struct UserTyping {
  Trace trace = {};
};

struct End {
  CloseReason reason = CloseReason::user_ended;
  Trace trace = {};
};

struct EndAnswered {
  std::string key;
  std::optional<Error> error;
};

/// A webhook. `service_account` is our own sys_user, empty if it could not be looked up.
struct AgentSaid {
  AgentEvent event;
  std::string service_account;
  Trace trace = {};  ///< of the webhook's own request
};

/// The interaction has been asked for who is assigned, or has said unasked that it is over.
struct InteractionAnswered {
  int chat_number = 0;
  bool with_agent = false;
  bool over = false;
  std::string agent_name;
  std::string agent_sys_id;
  bool failed = false;
};

/// The rows of a chat were read from ServiceNow, or could not be (messages.js, DESIGN P6).
struct Reconciled {
  int chat_number = 0;
  bool owed = false;  ///< as the effect said
  bool failed = false;
  std::vector<AgentEvent> rows;  ///< in order, whether known or not
  std::int64_t newest = 0;
  bool more = false;        ///< there are more rows after `newest`
  bool with_agent = false;  ///< of the interaction, before the rows were read
  bool over = false;        ///< likewise
  CloseReason reason = CloseReason::agent_ended;
  std::string agent_name;
  std::string agent_sys_id;
  std::string service_account;  ///< as with AgentSaid
};

/// Something may have been missed: ServiceNow was away for a while, a webhook was refused, or the
/// process has begun anew.
struct Recheck {
  /// Whether a read that is under way does not count, because it may have left too early.
  bool once_more = true;
  /// The one that is under way was the process before's: it does not come to an end.
  bool reader_gone = false;
};

/// Readers without a cursor have been handed all events up to here.
struct PlainHanded {
  std::uint64_t upto = 0;
};

/// The page got a Direct Line token for this session.
struct DirectLineBound {
  std::string user;
  std::string conversation;
};

/// An activity came from the conversation that carries this session's texts, or will from now on.
struct ActivityTaken {
  enum class Says {
    nothing,
    message,
    edit,  ///< of words said before: goes to an agent who is there
    ask,   ///< for a person; who is in a chat already has nothing more to say by it
    typing,
    leave,
  };

  ActivityAddress address;
  std::string activity_key;  ///< channel, conversation and activity id; empty: never a repeat
  Says says = Says::nothing;
  std::string text;
  std::string client_message_id;  ///< ours, for the message
  bool asks_to_leave = false;     ///< by a message, if there is a chat
  bool asks_for_person = false;   ///< expressly; matters when the last chat is over
  std::size_t query_hash = 0;  ///< of the question that the assistant passed on; another one asks
  std::optional<NoticeEvent> remark;  ///< what the bridge has to say about the activity itself
  std::uint64_t turn = 0;             ///< whose answer will carry what is due; 0: it will be posted
  Escalate opening;                   ///< if this is what opens a chat
  std::string refused;                ///< why it may not; empty if it may
};

/// A turn's answer is about to leave with the events after `from` up to `upto`; or without any.
struct TurnAnswered {
  std::uint64_t turn = 0;
  bool tells = false;
  std::string activity_key;
  Told from;
  Told upto;
};

/// A turn may wait no longer, and there is nothing to tell yet.
struct TurnWaited {};

enum class Delivered { yes, expired, retry, refused };

/// The event after `told` was posted, in part or whole, or could not be.
struct DeliveryAnswered {
  Delivered outcome = Delivered::yes;
  std::uint64_t post = 0;        ///< its number, from the effect
  std::uint64_t generation = 0;  ///< of the service URL that was used
  Told told;                     ///< how far it got
  bool of_notice = false;        ///< what was refused is itself one of our lines
  std::optional<std::chrono::milliseconds> retry_after;
};

struct Tick {
  Presence presence;
};

/// The process has begun anew: what was in flight is asked about, or done again where that is safe.
/// What may have been missed meanwhile is not read yet: `Recheck` does that, once people are
/// served.
struct Restarted {};

using Input = std::variant<Escalate, OpenAnswered, UserMessage, SendAnswered, SendSettled,
                           UserTyping, End, EndAnswered, AgentSaid, InteractionAnswered, Reconciled,
                           Recheck, PlainHanded, DirectLineBound, ActivityTaken, TurnAnswered,
                           TurnWaited, DeliveryAnswered, Tick, Restarted>;

// ---- Effects -------------------------------------------------------------------------------

struct OpenChat {
  Chat chat;
  PendingOpen open;
  bool ask_first = false;  ///< an earlier attempt may have succeeded: look the key up first
  bool operator==(const OpenChat& o) const {
    return chat.key == o.chat.key && ask_first == o.ask_first;
  }
};
struct SendMessage {
  std::uint64_t send_id = 0;
  Chat chat;
  std::string text;
  std::string client_message_id;
  Time deadline{};
  Trace trace = {};
  bool operator==(const SendMessage& o) const { return send_id == o.send_id && text == o.text; }
};
/// Find out what became of a message; if it is not there, see to it that it never will be.
struct SettleSend {
  std::uint64_t send_id = 0;
  Chat chat;
  std::string text;
  std::string client_message_id;
  bool operator==(const SettleSend& o) const { return send_id == o.send_id; }
};
/// Read the chat's rows after a place.
struct Reconcile {
  Chat chat;
  std::int64_t after = 0;
  bool owed = false;  ///< the chat is over: this is for its last words
  bool operator==(const Reconcile& o) const { return chat.key == o.chat.key && after == o.after; }
};
struct EndChat {
  Chat chat;
  CloseReason reason = CloseReason::user_ended;
  Trace trace = {};
  bool operator==(const EndChat& o) const { return chat.key == o.chat.key && reason == o.reason; }
};
struct TouchChat {
  Chat chat;
  bool typing = false;
  Trace trace = {};
  bool operator==(const TouchChat& o) const { return chat.key == o.chat.key && typing == o.typing; }
};
struct AskInteraction {
  Chat chat;
  bool operator==(const AskInteraction& o) const { return chat.key == o.chat.key; }
};
/// Post the next event to the conversation that carries the texts.
struct Deliver {
  Told after;
  std::uint64_t post = 0;
  std::uint64_t generation = 0;
  bool operator==(const Deliver&) const = default;
};
/// Show the agent typing to whoever is reading now.
struct ShowTyping {
  std::string rep_name;
  bool operator==(const ShowTyping&) const = default;
};
/// Something worth counting.
enum class Counted {
  webhook_repeat,         ///< a row that was taken before, by `message_sys_id`
  webhook_echo,           ///< our own words coming back
  webhook_parked,         ///< a row that may be an echo of a send that has not ended
  webhook_held,           ///< a row that came before its predecessor
  webhook_gap,            ///< a held row whose predecessor never came: shown late
  webhook_other_chat,     ///< an event of a chat that is not the current one
  webhook_without_text,   ///< a row with nothing to show
  webhook_unknown_event,  ///< an event that this version does not know
  reconcile_recovered,    ///< a row that no webhook had told, found by reading the chat
  reconcile_known,        ///< a row that was known already
  reconcile_failed,       ///< a chat could not be read
  open_settled_by_webhook,
  open_moved_on,        ///< the key of an open named a chat that was over: the next one was taken
  user_message_repeat,  ///< a `client_message_id` for the second time
  message_settled,      ///< a message of unknown outcome was found out about
  end_retried,
  end_given_up,
  activity_repeat,   ///< an inbound activity for the second time
  delivery_retried,  ///< an event is posted once more
  delivery_expired,  ///< the service URL was used up: the next turn tells
  delivery_skipped,  ///< an event that the channel refused for good
};
inline constexpr std::size_t kCountedKinds =
    static_cast<std::size_t>(Counted::delivery_skipped) + 1;
std::string_view to_string(Counted what);

struct Count {
  Counted what = Counted::webhook_repeat;
  bool operator==(const Count&) const = default;
};

using Effect = std::variant<OpenChat, SendMessage, SettleSend, EndChat, TouchChat, AskInteraction,
                            Reconcile, Deliver, ShowTyping, Count>;

// ---- Decision ------------------------------------------------------------------------------

/// What the caller that gave the input is told at once.
enum class Verdict {
  accepted,  ///< taken; its outcome is in the state, now or later
  already,   ///< nothing to do: it is so already
  no_live_chat,
  session_closed,
  other_text,       ///< the same client_message_id with another text
  unknown_outcome,  ///< a repeat of a message whose fate cannot be asked
  too_many,         ///< the queue of unsent messages is full
  other_chat,       ///< an event of a chat that is not the current one
  repeat,           ///< an event that was taken before
  echo,             ///< our own words coming back
  not_prepared,     ///< it would open a chat and does not say for whom: ask again
};

struct Decision {
  BridgeSession next;
  std::vector<Event> events;
  std::vector<Effect> effects;
  Verdict verdict = Verdict::accepted;
  std::uint64_t send_id = 0;  ///< of a UserMessage: the send that tells its outcome
  bool changed = false;       ///< false: nothing to commit
  bool expired = false;       ///< the session is over and may be forgotten
};

Decision decide(const BridgeSession& session, const Input& input, Time now, const Policy& policy);

/// When the next Tick could change anything; `Time::max()` if never.
Time next_due(const BridgeSession& session, const Presence& presence, const Policy& policy,
              Time now);

/// Whether `Recheck` would do anything.
bool wants_recheck(const BridgeSession& session);
/// Whether its chat is being read, as far as the session says.
bool is_being_read(const BridgeSession& session);

/// Whether `Restarted` is due before anybody is served: most sessions were quiet. Of those, one
/// whose chat was being read is told by `Recheck::reader_gone`, later.
bool may_be_interrupted(const BridgeSession& session);

/// Whether an AgentEvent names the current chat, by interaction, then conversation, then key.
bool is_current_chat(const BridgeSession& session, const AgentEvent& event);

}  // namespace bridge::session
