// SPDX-License-Identifier: MIT
// One conversation of the stand-in Copilot Studio: who takes part, what the person's window shows,
// and everything in what the connected agent sent that the protocol does not allow. Bounded: the
// oldest of each kind goes when there is too much of it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/async/fifo_mutex.hpp"
#include "bridge/async/signal.hpp"
#include "bridge/core/clock.hpp"
#include "bridge/core/json.hpp"
#include "sandbox/copilot/signed_url.hpp"

namespace bridge::sandbox::copilot {

/// What stands in the person's window.
struct Entry {
  std::uint64_t n = 0;
  std::string from;  ///< "user", "assistant" or "agent"
  std::string text;
  std::string activity_id;
  std::string reply_to;
  std::string by;  ///< "turn": in the answer of a turn; "push": posted to the signed address
  Time at{};
  std::size_t attachments = 0;
};

struct ProtocolError {
  Time at{};
  std::string code;
  std::string detail;
  std::string by;
};

/// An event or an endOfConversation of the agent's.
struct Sign {
  Time at{};
  std::string name;  ///< of the event; the code of an endOfConversation
  std::string text;
  json::value value;
  std::string by;
  bool ended_delegation = false;
};

/// One delivery of a turn to the connected agent.
struct Attempt {
  int status = 0;  ///< 0: no answer
  std::string outcome;
  std::int64_t duration_ms = 0;
  std::size_t activities = 0;  ///< in the answer
};

struct Turn {
  std::string activity_id;
  std::string type;
  /// Text of a person's utterance, which the assistant may answer itself; nothing for a raw
  /// activity, which always goes to the agent.
  std::optional<std::string> text;
  std::optional<std::string> initial_query;
  json::object members;  ///< of a raw activity
  std::uint64_t first_entry = 0;
  bool to_agent = false;
  bool done = false;
  bool failed = false;
  int copies_under_way = 0;
  std::vector<Attempt> attempts;
  json::value invoke_answer;
};

/// One POST to a signed address.
struct CallbackCall {
  Time at{};
  unsigned status = 0;  ///< 0: not answered
  std::string outcome;
  std::string type;
  bool authorization = false;  ///< the agent sent an Authorization header, which it must not
};

class Conversation {
 public:
  Conversation(const asio::any_io_executor& executor, std::string conversation_id)
      : id(std::move(conversation_id)), order(executor), changed(executor) {}

  const std::string id;
  std::string channel = "pva-studio";
  std::string locale = "en-US";
  std::string delivery_mode = "normal";
  std::string user_id, user_name, user_email, aad_object_id, bridge_session_id;
  Time started{};
  std::uint64_t number = 0;  ///< in the order of their beginnings

  bool delegated = false;
  bool gone = false;  ///< reset or dropped while a turn was under way
  /// The next delegated turn is the first since the assistant handed over.
  bool first_delegated = false;
  std::string first_words;  ///< of the person, since the assistant has the conversation
  std::string turn_in_flight;
  bool turn_expects_replies = false;

  /// The newest signed address, and the number of the oldest that still works.
  UrlStamp newest_url;
  std::int64_t oldest_valid = 1;

  /// Turns go one at a time, in order.
  async::FifoMutex order;
  /// Something is to be seen that was not before.
  async::Signal changed;

  Entry& show(Entry entry);
  void complain(Time at, std::string code, std::string detail, std::string_view by);
  void add(Sign sign, bool end_of_conversation);
  void add(CallbackCall call);
  std::shared_ptr<Turn> add_turn(Turn turn);
  void typed(Time at);

  /// An activity of the person's went out under this id.
  void remember(const std::string& activity_id);
  bool knows(std::string_view activity_id) const;

  json::object summary() const;
  /// Entries after `after`; everything else in full.
  json::object record(std::uint64_t after) const;
  json::array entries_after(std::uint64_t after) const;
  std::uint64_t last_entry() const { return next_entry_ - 1; }

 private:
  static constexpr std::size_t kMaxEntries = 2000;
  static constexpr std::size_t kMaxTextBytes = std::size_t{1} << 20;
  static constexpr std::size_t kMaxListed = 500;
  static constexpr std::size_t kMaxIds = 2000;

  std::deque<Entry> entries_;
  std::size_t text_bytes_ = 0;
  std::uint64_t next_entry_ = 1;
  std::deque<ProtocolError> errors_;
  std::uint64_t error_count_ = 0;
  std::deque<Sign> events_;
  std::deque<Sign> hand_backs_;
  std::deque<CallbackCall> callbacks_;
  std::deque<std::shared_ptr<Turn>> turns_;
  std::deque<std::string> ids_;
  std::uint64_t typing_count_ = 0;
  std::optional<Time> typing_at_;
};

json::object to_json(const Entry& entry);
json::object to_json(const Turn& turn);

/// Length of valid UTF-8 in UTF-16 code units, which is what channels count.
std::size_t utf16_units(std::string_view utf8);

/// What became of one activity of the agent's.
struct Taken {
  unsigned status = 200;  ///< as a signed address answers it
  std::string outcome = "ok";
};

/// Examines an activity that the agent sent, writes down what is wrong with it, and lets it have
/// its effect: shown in the window, an event, the end of the delegation.
Taken take_activity(Conversation& conversation, const json::value& activity, std::string_view by,
                    Time now);

}  // namespace bridge::sandbox::copilot
