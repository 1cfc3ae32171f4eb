// SPDX-License-Identifier: MIT
#include "simulation/life.hpp"

namespace bridge::simulation {

using session::BridgeSession;
using session::State;

namespace {

SessionPtr newborn(Time now) {
  auto session = std::make_shared<BridgeSession>();
  session->id = std::string(32, 'a');
  session->epoch = "e1";
  session->version = 1;
  session->created = session->last_activity = now;
  return session;
}

Trouble draw_trouble(Dice& dice) {
  static constexpr int kNone[] = {0, 0, 5, 15, 30};
  static constexpr int kLess[] = {0, 0, 2, 5, 15};
  static constexpr int kDropped[] = {0, 0, 10, 30, 60, 100};
  Trouble trouble;
  trouble.api = dice.chance(20) ? 1 : 2;
  trouble.processes = dice.chance(30) ? 2 : 1;
  trouble.webhook_dropped = dice.one_of(kDropped);
  trouble.webhook_doubled = dice.one_of(kNone);
  trouble.webhook_late = dice.one_of(kNone);
  trouble.call_refused = dice.one_of(kLess);
  trouble.call_lost = dice.one_of(kNone);
  trouble.call_hanging = dice.one_of(kLess);
  trouble.commit_failed = dice.one_of(kLess);
  trouble.crash = dice.one_of(kNone);
  trouble.outage = dice.one_of(kLess);
  return trouble;
}

}  // namespace

Life::Life(std::uint64_t seed, std::size_t steps, std::vector<std::string>* story)
    : steps_(steps),
      world_(seed, story),
      trouble_(draw_trouble(world_.dice)),
      service_now_(trouble_.api, [this](const ServiceNow::Rule& rule) { rule_fires(rule); }),
      ledger_(trouble_, service_now_),
      store_(world_, trouble_, newborn(world_.now()),
             [this](const BridgeSession& before, const BridgeSession& after, const auto& events) {
               ledger_.on_commit(before, after, events);
             }) {
  for (int number = 0; number < trouble_.processes; ++number)
    processes_.push_back(std::make_unique<Process>(world_, trouble_, store_, service_now_, number));
  readers_.resize(3);
  for (std::size_t number = 0; number < readers_.size(); ++number)
    readers_[number].name = "page " + std::to_string(number);
}

std::string Life::trouble() const {
  const auto percent = [](const char* what, int rate) {
    return rate == 0 ? std::string() : std::string(", ") + what + " " + std::to_string(rate) + " %";
  };
  return "api " + std::to_string(trouble_.api) + ", " + std::to_string(trouble_.processes) +
         " process(es)" + percent("webhooks dropped", trouble_.webhook_dropped) +
         percent("doubled", trouble_.webhook_doubled) + percent("late", trouble_.webhook_late) +
         percent("calls refused", trouble_.call_refused) +
         percent("answers lost", trouble_.call_lost) +
         percent("calls hanging", trouble_.call_hanging) +
         percent("commits failed", trouble_.commit_failed) + percent("crashes", trouble_.crash) +
         percent("outages", trouble_.outage);
}

void Life::run() {
  world_.tell([&] { return trouble(); });
  for (const auto& process : processes_) process->start();
  user_acts();
  agents_act();
  for (Reader& reader : readers_) reader_looks(reader);
  something_breaks();
  while (world_.steps() < steps_) world_.step(Time::max());
  calm_down();
  ledger_.at_rest(*store_.state(), store_.log());
  check_pages();

  world_.tell([] { return "the user ends what is still on"; });
  end();
  let_pass(std::chrono::minutes(20));
  ledger_.at_rest(*store_.state(), store_.log());
  ledger_.at_end(*store_.state());
  check_pages();
}

void Life::something_breaks() {
  again(Millis(500), Millis(8'000), [this] { something_breaks(); });
  if (world_.strikes(trouble_.crash)) {
    Process& process = *world_.dice.one_of(processes_);
    if (process.ready()) process.crash();
  }
  if (!world_.strikes(trouble_.outage)) return;
  const Time until = world_.now() + world_.dice.between(Millis(500), Millis(60'000));
  const bool store = world_.dice.coin();
  (store ? world_.store_down_until : world_.service_now_down_until) = until;
  world_.count(store ? "outages of the store" : "outages of ServiceNow");
  // Once ServiceNow answers again, every chat is looked at.
  if (!store) world_.later(until - world_.now() + Millis(1'000), [this] { recheck(); });
  world_.tell([&] {
    return std::string(store ? "the store" : "ServiceNow") + " fails for " +
           std::to_string((until - world_.now()).count()) + " ms";
  });
}

void Life::recheck() {
  if (world_.now() < world_.service_now_down_until) return;
  for (const auto& process : processes_)
    if (process->ready()) process->recheck(session::Recheck());
}

/// Nothing fails any more, nobody says anything, and what is under way comes to its end.
void Life::calm_down() {
  world_.tell([] { return "calm"; });
  world_.stormy = false;
  world_.store_down_until = world_.service_now_down_until = world_.now();
  world_.present = true;
  for (const auto& process : processes_)
    if (process->ready()) process->presence_changed();
  let_pass(std::chrono::minutes(20));
}

void Life::let_pass(Millis span) {
  world_.pass(span);
  // Whoever has another process's changes to catch up with does so when it writes.
  for (const auto& process : processes_) {
    require(process->ready(), "a process is back in the end");
    process->give(session::DirectLineBound{"user", "conversation"}, [](const Result<Applied>&) {});
    world_.pass(Millis(1'000));
    require(process->under_way() == 0, "nothing is under way when all is quiet");
  }
}

void Life::check_pages() {
  Process* process = any_process();
  for (Reader& reader : readers_) {
    if (reader.attached_to >= 0)
      processes_[static_cast<std::size_t>(reader.attached_to)]->detach(reader);
    process->read(reader, false);
    require(reader.drawn.size() == store_.log().last_seq(), "a page has drawn everything",
            reader.name);
  }
}

}  // namespace bridge::simulation
