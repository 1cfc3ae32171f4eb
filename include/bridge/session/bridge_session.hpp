// SPDX-License-Identifier: MIT
// One session as a value: everything about it that must survive, and nothing that can be derived.
// The outbox is part of it: an unanswered open, unsent messages and unfinished ends are found here
// after a crash and resumed. It is changed by `decide` alone.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/trace.hpp"
#include "bridge/session/event.hpp"
#include "bridge/session/surface.hpp"

namespace bridge::session {

using SessionId = std::string;  ///< 32 lower-case hex digits: an identifier, not a secret

/// The last ids of one kind that were seen. Bounded; the oldest goes first. Every decision copies
/// its session, so they stand in one block: a list of strings made that copy the dearest part.
class RecentIds {
 public:
  explicit RecentIds(std::size_t limit = 256) : limit_(limit) {}
  bool contains(std::string_view id) const;
  /// False if it was there already, or is empty.
  bool insert(std::string_view id);
  /// Oldest first: what a store keeps.
  std::vector<std::string> all() const;
  /// Puts back an id that `all` gave, the oldest first: it is not looked whether it is there.
  void restore(std::string_view id);
  /// Room for so many sys_ids.
  void reserve(std::size_t ids);

 private:
  std::size_t limit_;
  std::size_t count_ = 0;
  std::string ids_;  // each behind a check sum and its length; sys_ids as 16 bytes
};

/// Positions in a conversation (sys_cs_message.sequence) that have been accounted for. Gaps are
/// normal: ServiceNow counts rows that are never relayed.
class SeenSequences {
 public:
  bool contains(std::int64_t sequence) const;
  void insert(std::int64_t sequence);
  /// Oldest first.
  const std::vector<std::int64_t>& all() const { return recent_; }
  /// Puts back what `all` gave.
  void restore(std::vector<std::int64_t> all);

 private:
  std::vector<std::int64_t> recent_;
};

/// A message of the user's on its way, or what became of it.
struct Send {
  enum class Status { waiting, in_flight, delivered, failed, unknown };

  std::uint64_t id = 0;
  int chat_number = 0;  ///< the chat that it was said in; the next one may have begun since
  std::string client_message_id;
  std::string text;             ///< dropped once it is not needed any more
  std::uint64_t text_hash = 0;  ///< fingerprint: the same in every build
  Status status = Status::waiting;
  Time accepted{};
  Time deadline{};
  /// An echo of it may still come that only its text gives away (DESIGN 5.2 c).
  bool echo_owed = false;
  std::string error_id;  ///< of a failed or unknown one
  std::string hint;
  Trace trace;  ///< of the request that said it; dropped once its outcome is known
  /// A call under its key may have come through that this process knows nothing of: then nobody is
  /// told `failed` before that has been found out.
  bool in_doubt = false;
  /// Counts what is said anew under one `client_message_id` after it was withdrawn: ServiceNow
  /// never takes a withdrawn id again.
  int take = 1;
  /// Of an unknown one: it is being found out, or will be, whether ServiceNow has it.
  bool settling = false;
  int settle_attempts = 0;
  Time settle_at{};
};

/// Whether it is being found out at this moment what became of it.
bool is_being_settled(const Send& send);
/// The id under which ServiceNow knows a message (send_message.js, `client_message_id`).
std::string message_key(const Send& send);

/// A row of sys_cs_message (or a change of its interaction) as a webhook told it. DESIGN 5.2.
struct AgentEvent {
  enum class Kind { reply, claimed, closed, typing, other };

  Kind kind = Kind::reply;
  int api = 1;
  std::string key;  ///< bridge_session_id
  std::string conversation_sys_id;
  std::string interaction_sys_id;
  std::string interaction_number;
  std::string message_sys_id;
  std::string sender_sys_id;
  bool system = false;  ///< q_data_message_type systemTextMessage
  std::string text;
  std::string rep_name;
  std::string rep_sys_id;
  std::string sent_at;
  std::optional<std::int64_t> sequence;
  std::optional<std::int64_t> prev_sequence;
  std::optional<std::int64_t> last_sequence;  ///< of a close
  CloseReason reason = CloseReason::agent_ended;
};

/// One live chat of a session; a session has one after another.
struct Chat {
  int number = 0;  ///< 1 for the first; 0: there has been none
  std::string key;
  int api = 0;  ///< 0: not known yet
  std::string user_sys_id;
  std::string conversation_sys_id;
  std::string interaction_sys_id;
  std::string interaction_number;
  std::string consumer_sys_id;
  std::string rep_name;
  std::string rep_sys_id;
};

/// An open that ServiceNow has not settled. It outlives `opening` when a webhook proves the chat
/// before the open's own answer has come, and when the user leaves meanwhile.
struct PendingOpen {
  std::string opening_message;
  std::string client_message_id;  ///< of the opening message
  std::string short_description;
  std::string context;
  bool in_flight = false;  ///< false: its outcome is unknown and nobody is asking
  /// A call that this process knows nothing of may have opened it: it is not told as refused.
  bool in_doubt = false;
  bool moved_on = false;  ///< the key named a chat that was over, so the next one was taken
  Trace trace;            ///< of the last request that asked for it
};

/// A chat that has to be ended in ServiceNow. It outlives the chat's place as the current one.
/// Without ids, because nobody knows whether it was ever opened, it is looked up by its key.
struct PendingEnd {
  Chat chat;
  CloseReason reason = CloseReason::user_ended;
  bool in_flight = false;
  int attempts = 0;
  Time next_try{};
  Trace trace;  ///< of the request that ended it; empty if time or the other side did
};

struct HeldRow {
  AgentEvent row;
  Time due{};
  bool asked = false;  ///< ServiceNow has been asked for what is missing before it
};

struct PendingClose {
  std::optional<std::int64_t> last_sequence;  ///< 0: no row was relayed; absent: not said
  CloseReason reason = CloseReason::agent_ended;
  Time due{};
  Time ask_at{};       ///< when ServiceNow is asked for what is missing
  bool asked = false;  ///< it has been
};

/// How the agent's side of the current chat is read without webhooks (DESIGN P6, messages.js).
struct Reconciling {
  std::int64_t known_upto = 0;  ///< every row up to this sequence has been taken in
  std::int64_t newest = 0;      ///< the last row when it was last read: the next `known_upto`
  std::int64_t shown = 0;       ///< the last row, in their order, that has been shown
  int rows_since = 0;           ///< rows that webhooks brought since
  Time next{};                  ///< when it is read unasked
  int quiet = 0;  ///< how often in a row nothing new was found; the pause grows with it
  bool in_flight = false;
  bool again = false;       ///< somebody wants it read once more after the one in flight
  bool unreliable = false;  ///< rows were found that no webhook had told
  bool gap = false;         ///< a row was shown although the one before it could not be read
};

/// A chat that is over and has not been read to its end. It outlives the chat's place as the
/// current one.
struct OwedRead {
  int chat_number = 0;
  std::int64_t after = 0;
  Time next{};
  int attempts = 0;
  bool in_flight = false;
};

/// Why ServiceNow did not open a chat, for those who asked.
struct Trouble {
  std::string error_id;
  std::string hint;
  bool unknown = false;  ///< it may have opened one all the same
};

struct BridgeSession {
  SessionId id;
  std::string epoch;
  std::uint64_t version = 0;   ///< of the stored state; the store's compare-and-set
  std::uint64_t last_seq = 0;  ///< of the last event decided
  State state = State::bot;
  CloseReason close_reason = CloseReason::agent_ended;
  Time created{};
  Time last_activity{};
  Time closed_at{};
  Time live_chat_since{};  ///< when it was last queued; the abandonment clock starts here
  /// Since when nobody has been reading the chat, once that has lasted; else unset. Written down so
  /// that restarts do not begin the wait for them anew.
  Time unread_since{};

  std::string user_email;         ///< a claim until it is verified
  std::string user_display_name;  ///< a claim
  std::string token_hash;         ///< SHA-256 of the session token
  std::string browser_hash;       ///< SHA-256 of the browser's cookie
  std::string directline_user;
  std::string directline_conversation;
  SurfacePtr surface;  ///< the conversation that carries the texts; null: the web does

  Chat chat;                     ///< the current one, or the last
  std::vector<Chat> past_chats;  ///< ids only matter: late events are recognised
  std::optional<PendingOpen> open;
  Trouble open_trouble;  ///< of the last open that did not succeed
  /// The opening message of the current chat that the log has: asked for once more it is the same
  /// one, unless its text is another.
  std::uint64_t opening_hash = 0;  ///< fingerprint; 0: none
  int opening_take = 1;
  int opening_chat =
      0;  ///< number of the chat that its id names, also after a move to the next one
  std::vector<Send> sends;  ///< waiting and in flight first come first; finished ones for repeats
  std::uint64_t next_send_id = 1;
  std::vector<PendingEnd> ends;

  RecentIds seen_messages;  ///< message_sys_id of rows taken in
  RecentIds own_messages;   ///< message_sys_id of rows that we made
  SeenSequences sequences;
  std::vector<HeldRow> held;          ///< rows that came before their predecessor
  std::vector<AgentEvent> parked;     ///< rows that may be echoes of a send that has not ended
  std::optional<PendingClose> close;  ///< a close that overtook the last reply
  bool asking_interaction = false;
  Time last_touch{};
  Reconciling reconciling;
  std::vector<OwedRead> owed_reads;
  /// Readers without a cursor have been handed everything up to here (DESIGN 4.3).
  std::uint64_t plain_handed = 0;
};

/// Whether something remains to be done in ServiceNow: such a session is not given up for room.
bool has_unfinished_work(const BridgeSession& session);

/// The key of chat `number` of a session: the plain id for the first, then "<id>-<n>".
std::string chat_key(const SessionId& id, int number);
/// The session that a key belongs to; empty if the key has no such form.
SessionId session_of_key(const std::string& key);

}  // namespace bridge::session
