// SPDX-License-Identifier: MIT
// The life of one session: a user with several pages, agents who accept, talk and leave, processes
// that die, a network and a store that fail; then calm, and what must hold when all is quiet.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simulation/checks.hpp"
#include "simulation/process.hpp"

namespace bridge::simulation {

class Life {
 public:
  Life(std::uint64_t seed, std::size_t steps, std::vector<std::string>* story);

  /// Throws Broken.
  void run();
  const World& world() const { return world_; }
  std::string trouble() const;

 private:
  struct Said {
    std::string client_message_id;
    std::string text;
  };

  // Each comes round again and again, until the storm is over.
  void user_acts();
  void agents_act();
  void reader_looks(Reader& reader);
  void something_breaks();

  void recheck();
  void escalate();
  void say(Said said);
  void end();
  void leave_for_a_while();
  void agent_acts(Conversation& chat);
  void rule_fires(const ServiceNow::Rule& rule);
  void webhook_leaves(const ServiceNow::Rule& rule);
  void webhook_arrives(session::AgentEvent event);

  void calm_down();
  void let_pass(Millis span);
  void check_pages();

  /// One that answers, or null.
  Process* any_process();
  void again(Millis least, Millis most, std::function<void()> what);

  std::size_t steps_;
  World world_;
  Trouble trouble_;
  ServiceNow service_now_;
  Ledger ledger_;
  Store store_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<Reader> readers_;
  std::vector<Said> said_;
  int messages_ = 0;
  int words_ = 0;
};

}  // namespace bridge::simulation
