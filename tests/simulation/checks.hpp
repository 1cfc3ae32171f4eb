// SPDX-License-Identifier: MIT
// What must hold: after each decision, at each commit, whenever a page draws something, and when
// everything has come to rest (DESIGN 2).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "simulation/process.hpp"

namespace bridge::simulation {

void check_decision(const session::BridgeSession& before, const session::Decision& decision,
                    Time now, const session::Policy& policy);

/// The page draws it: it is the next one, and it is in the store.
void draw(Reader& reader, const session::Event& event, const session::EventLog& stored);

/// What the two sides were told, and so may rely on.
class Ledger {
 public:
  Ledger(const Trouble& trouble, const ServiceNow& service_now)
      : trouble_(trouble), service_now_(service_now) {}

  /// A commit: what it makes of what was there.
  void on_commit(const session::BridgeSession& before, const session::BridgeSession& after,
                 const std::vector<session::LoggedEventPtr>& events);
  /// Its caller was told what became of it.
  void told(const std::string& client_message_id, session::Send::Status status,
            const session::EventLog& stored);
  /// A webhook was answered with 200.
  void acknowledged(const session::AgentEvent& event, const session::BridgeSession& stored);

  /// All quiet, chat or no chat.
  void at_rest(const session::BridgeSession& session, const session::EventLog& log) const;
  /// At the end of all: no chat is on, on either side.
  void at_end(const session::BridgeSession& session) const;

 private:
  struct Message {
    std::vector<session::Delivery> receipts;
    std::uint64_t seq = 0;  ///< of what the user said
  };

  void check_agents_rows(const session::EventLog& log) const;
  void check_users_rows(const session::BridgeSession& session) const;
  void check_order_of_users_rows() const;
  void check_agreement(const session::BridgeSession& session) const;
  std::string message_of(const Row& row) const;
  bool is_expected(const Conversation& chat, const Row& row) const;

  const Trouble& trouble_;
  const ServiceNow& service_now_;
  std::map<std::string, Message> messages_;  // by client_message_id
  std::map<std::string, int> attempts_;
  std::set<std::string> shown_;         // message_sys_id
  std::set<std::string> acknowledged_;  // message_sys_id
  std::set<std::string> chats_;         // interaction_sys_id of those that were on
};

}  // namespace bridge::simulation
