// SPDX-License-Identifier: MIT
// Advanced Work Assignment (reference/servicenow.md 4.5, 9.33, 9.34): from a work item in a queue
// to an agent who has accepted it.
// What surprises, as on an instance: only an *update* of awa_work_item.state to "queued" (or
// Queue.route) starts routing. An item inserted in that state waits for ever, and so does one
// whose interaction is still assigned to somebody, without any error anywhere.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sandbox/glide/instance.hpp"
#include "sandbox/servicenow/chat.hpp"
#include "sandbox/servicenow/options.hpp"

namespace bridge::sandbox {

/// An empty change of that row.
Record change_of(const Record& row);

/// Every member takes the instance's lock.
class Awa {
 public:
  Awa(Instance& instance, Chat& chat, const AwaOptions& options, const ChatOptions& chat_options);

  /// Watches awa_work_item and offers sn_awa.Queue to scripts.
  Result<> install();
  /// Reads from the instance's data file what waits for agents and who declined what.
  void restore();
  void clear();

  /// Offers what can be offered, takes back offers nobody answered, ends chats that waited longer
  /// than their queue allows. Cheap when nothing is due.
  void tick();

  /// Errors: not_found (no such agent), invalid_argument (not a presence state).
  Result<> set_presence(const std::string& agent_name, const std::string& state);
  /// Errors: not_found, conflict (offered to somebody else, or not yet offered; says why),
  /// wrong_state.
  Result<Record> accept(const std::string& interaction, const std::string& agent_name);
  Result<Record> reject(const std::string& interaction, const std::string& agent_name);
  /// To an agent (who is offered the chat) or, with an empty name, back to a queue. A new work item
  /// takes the place of the old one. Errors: as accept.
  Result<Record> transfer(const std::string& interaction, const std::string& from_agent,
                          const std::string& to_agent, const std::string& to_queue);

  /// The newest work item of an interaction.
  std::optional<Record> item_of(const std::string& interaction);
  /// Why a queued item is not with anybody, for people who look for the reason.
  std::string why_waiting(const Record& item);
  /// Work items now offered to this agent.
  std::vector<Record> offered_to(const std::string& agent_sys_id);
  int available_agents(const std::string& queue);

 private:
  struct Agent {
    std::string sys_id;
    std::string name;
    std::size_t load = 0;
  };

  void on_work_item(const Change& change);
  void make_routable(const std::string& item);
  void note_declined(const std::string& item);
  void offer_waiting();
  void take_back_offers();
  void end_overdue();
  bool offer(const Record& item, const Agent& agent);
  std::optional<Agent> choose(const Record& item);
  std::vector<Agent> eligible(const std::string& queue);
  bool is_open(const Record& queue);
  bool is_available(const std::string& agent_sys_id);
  bool has_capacity(const Agent& agent);
  /// Empty if nothing stands in the way of offering it to the right agent.
  std::string obstacle(const Record& item);
  void put_back(const Record& item, const std::string& agent, const char* flag);
  Result<std::string> agent_id(const std::string& agent_name);
  Result<Record> offered_item(const std::string& interaction, const std::string& agent_name);
  bool route(const std::string& queue, const std::string& table, const std::string& document);

  Instance& instance_;
  Chat& chat_;
  const AwaOptions& options_;
  const ChatOptions& chat_options_;
  std::set<std::string> routable_;
  /// Who declined or let pass which item; they are not asked again.
  std::map<std::string, std::set<std::string>> declined_;
  bool dirty_ = true;
  Time last_look_{};
};

}  // namespace bridge::sandbox
