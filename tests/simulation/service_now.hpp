// SPDX-License-Identifier: MIT
// ServiceNow as the bridge sees it, as a value: chats with rows and their order, what our scripts
// promise (`api` 2: an open once per key, a message once per id) and what the old ones do not, and
// the two rules that tell of rows and of the interaction. Whoever uses it decides when what happens
// and what of it arrives.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bridge/session/decide.hpp"

namespace bridge::simulation {

inline const std::string kUser(32, '1');
inline const std::string kService(32, '3');
inline const std::string kConsumer(32, '4');

struct Row {
  enum class By { user, agent, system, note };  // a note is the agents' own: never relayed

  std::string sys_id;
  std::int64_t sequence = 0;
  By by = By::agent;
  std::string text;
  std::string sender;
  std::string mark;     ///< sys_cs_message.u_bridge_message_id
  std::string said_as;  ///< the id that it was sent with, whether it is marked or not
};

struct Conversation {
  std::string key;
  std::string conversation_sys_id;
  std::string interaction_sys_id;
  std::string number;
  bool over = false;
  session::CloseReason reason = session::CloseReason::agent_ended;
  std::string agent;  ///< sys_id; empty: it waits
  std::string agent_name;
  std::vector<Row> rows;
  std::int64_t last_sequence = 0;
  std::set<std::string> sending;    ///< ids whose call is at work
  std::set<std::string> withdrawn;  ///< ids that will never be sent
};

class ServiceNow {
 public:
  /// A rule that is going to run, for a row or (without one) for the interaction.
  struct Rule {
    std::string conversation_sys_id;
    std::string message_sys_id;
  };

  ServiceNow(int api, std::function<void(const Rule&)> fires)
      : api_(api), fires_(std::move(fires)) {}

  // ---- What the bridge calls ------------------------------------------------------------------

  /// With api 2 once per key; the old script opens another chat each time.
  Result<session::OpenAnswered> open(const session::OpenChat& order, bool opening_fails);
  /// The chat with that key that is not over.
  std::optional<session::OpenAnswered> find(const session::Chat& chat) const;
  /// A message is written when its call begins and marked, and so answered, when it ends. An answer
  /// at once: a refusal, or the rows that were made before.
  std::optional<Result<session::SendAnswered>> begin_send(const session::SendMessage& order);
  session::SendAnswered finish_send(const session::SendMessage& order);
  /// Whether it was said; if not, that id never will be.
  Result<session::SendSettled> withdraw(const session::SettleSend& order);
  /// The rows after a place, at most `most`, each as its rule would tell it.
  session::Reconciled read(const session::Reconcile& order, std::size_t most) const;
  Result<> end(const session::Chat& chat, session::CloseReason reason);
  bool is_over(const session::Chat& chat) const;
  session::InteractionAnswered ask(const session::Chat& chat) const;

  // ---- What people and the platform do there ----------------------------------------------------

  void accept(Conversation& chat, const std::string& agent, const std::string& name);
  void say(Conversation& chat, Row::By by, const std::string& text);
  void end_by_agent(Conversation& chat);

  /// What the rule tells, by what is there when it runs; nothing: it has nothing to tell.
  std::optional<session::AgentEvent> run(const Rule& rule) const;

  std::deque<Conversation>& conversations() { return conversations_; }
  const std::deque<Conversation>& conversations() const { return conversations_; }
  int api() const { return api_; }
  bool is_relayed(const Row& row) const;

 private:
  Conversation* by_key(const std::string& key);
  Conversation* by_conversation(const std::string& sys_id);
  const Conversation* by_conversation(const std::string& sys_id) const;
  session::OpenAnswered answer(const session::Chat& asked, const Conversation& chat) const;
  session::AgentEvent about(const Conversation& chat) const;
  session::AgentEvent tell_row(const Conversation& chat, const Row& row) const;
  session::SendAnswered rows_of(const Conversation& chat, const session::SendMessage& order) const;
  Row& write(Conversation& chat, Row row);
  std::string next_id(char kind);

  int api_;
  std::function<void(const Rule&)> fires_;
  std::deque<Conversation> conversations_;
  int ids_ = 0;
};

}  // namespace bridge::simulation
