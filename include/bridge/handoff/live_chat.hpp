// SPDX-License-Identifier: MIT
// The port to a live chat in ServiceNow. One implementation talks to our Scripted REST resources
// and falls back to what the old ones offer; tests have a fake.
//
// Every call takes a deadline and answers with an Error whose `outcome()` says whether the thing
// asked for may have happened all the same.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bridge/async/task.hpp"
#include "bridge/core/trace.hpp"
#include "bridge/session/bridge_session.hpp"

namespace bridge::handoff {

/// What names a chat on the other side.
struct ChatRef {
  std::string conversation_sys_id;
  std::string interaction_sys_id;
  std::string user_sys_id;  ///< whom the chat was opened for
  int api = 2;              ///< 2: our scripts; 1: the old ones (see DESIGN 5.1)
  Trace trace;              ///< of the call, not of the chat
};

class OpenRequest {
 public:
  OpenRequest() = default;
  std::string key;  ///< interaction.u_bridge_session_id; makes a repeat harmless with api 2
  std::string user_sys_id;
  std::string opening_message;
  std::string short_description;
  std::string context;  ///< for the agent's eyes; may be empty
  Trace trace;
};

struct OpenedChat {
  int api = 1;
  std::string conversation_sys_id;
  std::string interaction_sys_id;
  std::string interaction_number;
  std::string consumer_sys_id;       ///< sys_cs_consumer
  std::string first_message_sys_id;  ///< empty if unknown or none
  std::int64_t first_message_sequence = 0;
  /// The chat is open, but the opening message is not in it and has to be sent.
  bool opening_not_sent = false;
};

class SendRequest {
 public:
  SendRequest() = default;
  ChatRef chat;
  std::string text;
  std::string client_message_id;
  Trace trace;
};

struct SentMessage {
  std::vector<std::string> message_sys_ids;  ///< empty if the answer did not say
  std::int64_t sequence = 0;                 ///< 0 if the answer did not say
};

enum class EndReason { user_ended, abandoned };

/// From where one chat's rows are wanted.
struct ChatPosition {
  std::string conversation_sys_id;
  std::int64_t after = 0;  ///< sys_cs_message.sequence
};

struct InteractionStatus {
  std::string state;        ///< interaction.state
  std::string assigned_to;  ///< sys_id; empty if nobody
  std::string agent_name;   ///< empty if nobody or the Virtual Agent
  bool with_agent = false;  ///< assigned to somebody who is not the Virtual Agent
  bool over = false;        ///< wrap_up, closed_* or faulted
};

/// What ServiceNow shows of one chat: the agent's public rows after the position, in order.
struct ChatMessages {
  std::string conversation_sys_id;
  bool found = false;  ///< false: no chat of the bridge has that conversation, or it failed there
  InteractionStatus status;
  std::vector<session::AgentEvent> rows;  ///< each as its webhook would have told it
  std::int64_t newest = 0;                ///< sequence of the last of them, or the position itself
  bool more = false;  ///< there are more than one answer holds: ask again after `newest`
};

class LiveChat {
 public:
  virtual ~LiveChat() = default;

  virtual Task<Result<OpenedChat>> open(OpenRequest request, Deadline deadline) = 0;
  /// The open chat with that key, or nothing. `interaction` table.
  virtual Task<Result<std::optional<OpenedChat>>> find(std::string key, Trace trace,
                                                       Deadline deadline) = 0;
  /// Errors: Errc::chat_ended when ServiceNow says that the chat is over.
  virtual Task<Result<SentMessage>> send(SendRequest request, Deadline deadline) = 0;
  /// Finds out what became of a message whose outcome is unknown: the rows that carry it, or
  /// nothing, and then it will never be sent, however late an earlier call arrives. Our scripts
  /// only (api 2). Errors: anything that leaves the question open.
  virtual Task<Result<std::optional<SentMessage>>> withdraw(SendRequest request,
                                                            Deadline deadline) = 0;
  /// What was said in these chats, whoever has told us already; one answer for each position, in
  /// that order. At most `kMaxPositions` of them. Our scripts only (api 2).
  static constexpr std::size_t kMaxPositions = 50;
  virtual Task<Result<std::vector<ChatMessages>>> messages(std::vector<ChatPosition> chats,
                                                           Deadline deadline) = 0;
  /// Calls back each time the instance answers again after it had been given up for a while.
  virtual void when_well_again(std::function<void()> callback) = 0;
  /// Ends the interaction. On an old installation sends the old text line instead.
  virtual Task<Result<>> end(ChatRef chat, EndReason reason, Deadline deadline) = 0;
  /// Shows the user typing (if `typing`), and in any case holds off the idle timer.
  /// On an old installation does nothing and succeeds.
  virtual Task<Result<>> touch(ChatRef chat, bool typing, Deadline deadline) = 0;
  virtual Task<Result<InteractionStatus>> ask(std::string interaction_sys_id,
                                              Deadline deadline) = 0;
  /// sys_user.name, kept for some minutes; empty if there is no such user.
  virtual Task<Result<std::string>> name_of(std::string user_sys_id, Deadline deadline) = 0;
  /// sys_user.sys_id of our own account, asked once.
  virtual Task<Result<std::string>> service_account(Deadline deadline) = 0;
  /// Ids of what keeps chats from working at the moment, for /readyz; empty if nothing does.
  virtual std::vector<std::string> degraded() const { return {}; }
};

}  // namespace bridge::handoff
