// SPDX-License-Identifier: MIT
// Agent Chat as scripts and agents see it: sn_cs.VASystemObject and sn_cs.AgentChatScriptObject
// (reference/servicenow.md 4.2, 4.3, 4.7, 9.29-9.31, 9.35) and the agent's pane.
// What surprises: a row in sys_cs_message alone is not a message. Only what goes through `speak`
// is published to the pane, and `speak` fails exactly where a chat that was put together by hand
// lacks a piece.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "sandbox/glide/instance.hpp"
#include "sandbox/servicenow/options.hpp"

namespace bridge::sandbox {

struct PaneEntry {
  std::string sys_id;
  std::int64_t sequence = 0;
  std::string from;  ///< "user", "agent" or "system"
  std::string sender_name;
  std::string text;
  bool internal = false;
};

/// One thing said in a conversation.
struct Utterance {
  std::string conversation;
  std::string text;
  std::string type = "consumerTextMessage";  ///< q_data_message_type
  bool internal = false;                     ///< a whisper
  std::string sender;                        ///< sys_user; empty: whoever the session acts as
};

enum class EndedBy { agent, user, idle, max_wait, wrap_up };

/// Not thread-safe by itself: every member takes the instance's lock.
class Chat {
 public:
  Chat(Instance& instance, const ChatOptions& options);

  /// Registers the sn_cs natives and watches `interaction`: whoever closes one, also a script that
  /// writes the state itself, ends the conversation and its work items with it.
  void install();
  /// Reads the panes from the instance's data file. Requires: before anything is said.
  void restore();
  /// Forgets the panes; the tables are the instance's.
  void clear();

  /// Makes conversation, consumer and interaction for `user_sys_id`. Returns the conversation.
  Result<std::string> create_conversation(Session& session, const std::string& user_sys_id);

  /// Writes the row and publishes it. Errors: wrong_state, whose context is the text of the Java
  /// exception; chat_ended; not_found.
  Result<Record> speak(const Utterance& utterance, Session& session);
  /// What the platform itself says (reminders, queue messages). Needs no session or binding.
  Result<Record> announce(const std::string& conversation, const std::string& text,
                          const std::string& sender);

  /// Errors: not_found. Ending an ended chat changes nothing.
  Result<> end(const std::string& conversation, EndedBy by, Session& session);
  bool is_over(const std::string& conversation);
  /// Whether a person (not the Virtual Agent) has the interaction.
  bool is_engaged(const Record& interaction);

  std::optional<Record> interaction_of(const std::string& conversation);
  std::vector<PaneEntry> pane(const std::string& conversation);
  /// Adds the user to the conversation's members, as a person who may speak there.
  void join(const std::string& conversation, const std::string& user_sys_id);
  void leave(const std::string& conversation, const std::string& user_sys_id);
  /// When the user was last shown as typing; empty if never.
  std::string typing_since(const std::string& conversation);

 private:
  static constexpr std::size_t kMaxPaneEntries = 2000;

  std::string consumer_of(const std::string& user_sys_id, Session& session);
  std::string profile_of(const std::string& user_sys_id);
  Result<Record> live_session_of(const Record& conversation);
  Result<Record> write_row(const Utterance& utterance, const Record& conversation,
                           const std::string& session_sys_id, Session& session);
  void publish(const Record& message, const Utterance& utterance);
  void on_interaction(const Change& change);
  void finish_work_items(const Record& interaction);
  json::value fetch_messages(const json::array& arguments);

  Instance& instance_;
  const ChatOptions& options_;
  std::map<std::string, std::deque<PaneEntry>, std::less<>> panes_;
  std::map<std::string, std::string, std::less<>> typing_;
};

/// wrap_up, closed_complete, closed_abandoned, faulted: over for the customer (4.4).
bool is_over_state(std::string_view interaction_state);

}  // namespace bridge::sandbox
