// SPDX-License-Identifier: MIT
// What people do, and what becomes of it on the way: requests, webhooks, pages.
#include "simulation/life.hpp"
#include "simulation/names.hpp"

namespace bridge::simulation {

using session::Send;
using session::State;
using session::Verdict;

namespace {
const std::string kTexts[] = {"yes", "no", "yes", "hello", "thank you"};
const std::string kAgents[] = {std::string(32, '2'), std::string(32, '5')};
const std::string kNames[] = {"Alex Rep", "Sam Rep"};
}  // namespace

Process* Life::any_process() {
  std::vector<Process*> ready;
  for (const auto& process : processes_)
    if (process->ready()) ready.push_back(process.get());
  return ready.empty() ? nullptr : world_.dice.one_of(ready);
}

void Life::again(Millis least, Millis most, std::function<void()> what) {
  world_.later(world_.dice.between(least, most), [this, what = std::move(what)] {
    if (world_.stormy) what();
  });
}

// ---- The user ---------------------------------------------------------------------------------

void Life::user_acts() {
  again(Millis(100), Millis(world_.dice.chance(20) ? 20'000 : 4'000), [this] { user_acts(); });
  if (!world_.present) return;
  const State state = store_.state()->state;
  const std::size_t what = world_.dice.below(100);
  if (state == State::bot || state == State::closed) {
    if (what < 60) escalate();
    if (what < 20) escalate();  // twice at once
    if (what >= 60 && what < 70) say({"m" + std::to_string(++messages_), "too early"});
  } else if (what < 70) {
    say({"m" + std::to_string(++messages_), world_.dice.one_of(kTexts)});
    if (what < 15) say({"m" + std::to_string(++messages_), world_.dice.one_of(kTexts)});
    if (what >= 65) say(said_.back());  // a page that sends everything twice
  } else if (what < 80) {
    if (!said_.empty()) say(world_.dice.one_of(said_));
  } else if (what < 85) {
    escalate();
  } else if (what < 91) {
    end();
  } else if (what < 92) {
    leave_for_a_while();
  } else if (Process* process = any_process()) {
    process->give(session::UserTyping{}, [](const Result<Applied>&) {});
  }
}

void Life::escalate() {
  Process* process = any_process();
  if (!process) return;
  session::Escalate input;
  input.user_sys_id = kUser;
  if (world_.dice.coin()) input.opening_message = world_.dice.one_of(kTexts);
  process->give(input, [](const Result<Applied>&) {});
}

void Life::say(Said said) {
  said_.push_back(said);
  Process* process = any_process();
  const auto try_again = [this, said] {
    if (world_.dice.chance(50)) again(Millis(200), Millis(30'000), [this, said] { say(said); });
  };
  if (!process) return try_again();
  session::UserMessage input;
  input.text = said.text;
  input.client_message_id = said.client_message_id;
  process->give(input, [this, said, process, try_again](const Result<Applied>& applied) {
    if (!applied || applied->out_of_date) return try_again();
    if (applied->verdict != Verdict::accepted && applied->verdict != Verdict::already) return;
    process->when_settled(applied->send_id, [this, said, try_again](const Send* send) {
      if (!send) return try_again();
      ledger_.told(said.client_message_id, send->status, store_.log());
      world_.tell([&] {
        return "the user is told of " + said.client_message_id + ": " +
               std::to_string(static_cast<int>(send->status));
      });
      if (send->status != Send::Status::delivered) try_again();
    });
  });
}

void Life::end() {
  if (Process* process = any_process())
    process->give(session::End{}, [](const Result<Applied>&) {});
}

void Life::leave_for_a_while() {
  const auto turn = [this](bool present) {
    world_.tell([&] { return present ? "the user is back" : "the user leaves"; });
    world_.present = present;
    for (const auto& process : processes_) process->presence_changed();
  };
  turn(false);
  world_.later(world_.dice.between(Millis(10'000), Millis(900'000)), [turn] { turn(true); });
}

void Life::reader_looks(Reader& reader) {
  again(Millis(100), Millis(6'000), [this, &reader] { reader_looks(reader); });
  if (reader.attached_to >= 0) {
    if (world_.dice.chance(70)) return;  // it has a socket, and no reason to ask
    processes_[static_cast<std::size_t>(reader.attached_to)]->detach(reader);
  }
  if (Process* process = any_process()) process->read(reader, world_.dice.coin());
}

// ---- The agents, and how the bridge hears of them -----------------------------------------------

void Life::agents_act() {
  again(Millis(100), Millis(world_.dice.chance(20) ? 20'000 : 4'000), [this] { agents_act(); });
  for (Conversation& chat : service_now_.conversations())
    if (!chat.over && world_.dice.chance(70)) agent_acts(chat);
}

void Life::agent_acts(Conversation& chat) {
  const std::size_t who = world_.dice.below(2);
  if (chat.agent.empty()) {
    if (world_.dice.coin()) service_now_.accept(chat, kAgents[who], kNames[who]);
    return;
  }
  const std::size_t what = world_.dice.below(100);
  const auto say = [&](Row::By by, const std::string& text) {
    world_.tell([&] { return "ServiceNow: " + chat.key + " '" + text + "'"; });
    service_now_.say(chat, by, text);
  };
  if (what < 70) {
    world_.count("rows of agents");
    // Equal words among them, also equal to the user's.
    say(Row::By::agent,
        world_.dice.coin() ? world_.dice.one_of(kTexts) : "word " + std::to_string(++words_));
    if (what < 15) say(Row::By::agent, world_.dice.one_of(kTexts));
  } else if (what < 80) {
    say(Row::By::note, "between us");
  } else if (what < 85) {
    say(Row::By::system, "Are you still there?");
  } else if (what < 92) {
    service_now_.accept(chat, kAgents[who], kNames[who]);
  } else if (what < 96) {
    if (what < 94) say(Row::By::agent, "goodbye");
    world_.tell([&] { return "ServiceNow: the agent ends " + chat.key; });
    service_now_.end_by_agent(chat);
  }
}

void Life::rule_fires(const ServiceNow::Rule& rule) {
  // Asynchronous: it sees the record as it is when its turn comes.
  world_.later(world_.dice.between(Millis(0), Millis(world_.dice.chance(15) ? 2000 : 150)),
               [this, rule] { webhook_leaves(rule); });
}

void Life::webhook_leaves(const ServiceNow::Rule& rule) {
  const auto event = service_now_.run(rule);
  if (!event) return;
  if (world_.strikes(trouble_.webhook_dropped)) {
    world_.tell([&] { return "a webhook is lost: " + describe(*event); });
    return world_.count("webhooks dropped");
  }
  const int copies = world_.strikes(trouble_.webhook_doubled) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    const bool late = world_.strikes(trouble_.webhook_late);
    if (late) world_.count("webhooks late");
    world_.later(world_.dice.between(Millis(0), Millis(late ? 8'000 : 100)),
                 [this, event = *event] { webhook_arrives(event); });
  }
}

void Life::webhook_arrives(session::AgentEvent event) {
  Process* process = any_process();
  if (!process) {
    world_.tell([&] { return "nobody takes a webhook: " + describe(event); });
    return world_.count("webhooks to the dead");
  }
  // As Handoff::complete_names: our own words need no name, and a look-up may fail.
  const bool nameless = event.rep_name.empty() && !event.system && event.sender_sys_id != kUser &&
                        !event.sender_sys_id.empty();
  if (nameless && world_.dice.chance(70))
    event.rep_name = event.sender_sys_id == kAgents[0] ? kNames[0] : kNames[1];
  session::AgentSaid input;
  input.event = event;
  input.service_account = kService;
  process->take_in_turn(input, [this, event](const Result<Applied>& applied) {
    if (!applied) return world_.count("webhooks refused");
    if (applied->out_of_date) return world_.count("webhooks taken out of date");
    ledger_.acknowledged(event, *store_.state());
  });
}

}  // namespace bridge::simulation
