// SPDX-License-Identifier: MIT
#include "simulation/process.hpp"

#include <algorithm>

#include "simulation/checks.hpp"
#include "simulation/names.hpp"

namespace bridge::simulation {

using session::BridgeSession;
using session::Decision;
using session::LoggedEvent;
using session::LoggedEventPtr;
using session::Send;

namespace {
constexpr int kMaxConflicts = 8;
constexpr Millis kLongestPause{5'000};

bool is_pending(const Send* send) {
  return send && (send->status == Send::Status::waiting || send->status == Send::Status::in_flight);
}
const Send* find_send(const BridgeSession& session, std::uint64_t id) {
  for (const Send& send : session.sends)
    if (send.id == id) return &send;
  return nullptr;
}
}  // namespace

Process::Process(World& world, const Trouble& trouble, Store& store, ServiceNow& service_now,
                 int number)
    : world_(world), trouble_(trouble), store_(store), service_now_(service_now), number_(number) {}

std::function<void()> Process::guarded(std::function<void()> what) {
  return [this, life = life_, what = std::move(what)] {
    if (life == life_) what();
  };
}

void Process::start() {
  store_.load([this, life = life_](SessionPtr state, session::EventLog log) {
    if (life != life_) return;
    state_ = std::move(state);
    log_ = std::move(log);
    seen_ = {0, world_.now(), true};
    // What the webhooks of the meantime may have told nobody.
    session::Recheck first;
    first.once_more = false;
    if (!session::may_be_interrupted(*state_)) {
      first.reader_gone = session::is_being_read(*state_);
      return serve(first);
    }
    give(session::Restarted{}, [this, first, restarted = life_](const Result<Applied>& resumed) {
      if (restarted != life_) return;
      if (!resumed) return crash();  // a process that cannot begin ends, and is begun anew
      serve(first);
    });
  });
}

void Process::serve(const session::Recheck& first) {
  ready_ = true;
  schedule_tick();
  // People are served first.
  world_.later(Millis(100), guarded([this, first] { recheck(first); }));
}

void Process::recheck(session::Recheck how) {
  if (session::wants_recheck(*state_) || how.reader_gone)
    insist(how, [](const Result<Applied>&) {});
}

void Process::crash() {
  world_.tell([&] { return "process " + std::to_string(number_) + " dies"; });
  world_.count("crashes");
  ++life_;
  ready_ = busy_ = false;
  insisting_ = 0;
  state_.reset();
  log_ = session::EventLog();
  for (Reader* reader : readers_) reader->attached_to = -1;
  readers_.clear();
  // Whoever waits for an answer sees the connection go.
  std::deque<Job> jobs;
  std::list<Waiter> waiters;
  std::deque<Job> in_turn;
  jobs.swap(jobs_);
  in_turn.swap(in_turn_);
  waiters.swap(waiters_);
  for (const Job& job : jobs) job.done(Error(Errc::connection_lost).with_outcome(Outcome::unknown));
  // The first of them is among the jobs, or waits to be tried again.
  for (const Job& job : in_turn) job.done(Error(Errc::connection_lost));
  for (const Waiter& waiter : waiters) waiter.done(nullptr);
  world_.later(world_.dice.between(Millis(50), Millis(8000)), guarded([this] {
                 world_.tell([&] { return "process " + std::to_string(number_) + " starts"; });
                 start();
               }));
}

void Process::give(session::Input input, Done<Applied> done) {
  jobs_.push_back({std::move(input), std::move(done)});
  pump();
}

void Process::pump() {
  if (busy_ || jobs_.empty()) return;
  busy_ = true;
  attempt(0);
}

void Process::attempt(int conflicts) {
  if (conflicts == kMaxConflicts) return finish(Error(Errc::overloaded, "too many writers"));
  const session::Input& input = jobs_.front().input;
  Decision decision = session::decide(*state_, input, world_.now(), policy_);
  world_.tell([&] {
    return "process " + std::to_string(number_) + " " + name_of(input) + " -> " +
           describe(decision);
  });
  check_decision(*state_, decision, world_.now(), policy_);
  if (const auto* tick = std::get_if<session::Tick>(&input))
    require(
        session::next_due(decision.next, tick->presence, policy_, world_.now()) > world_.now() ||
            decision.expired,
        "after a tick nothing is due");
  if (std::holds_alternative<session::Restarted>(input))
    require(session::may_be_interrupted(*state_) || session::is_being_read(*state_) ||
                (!decision.changed && decision.effects.empty()),
            "a restart does nothing where nothing can have been interrupted");
  if (!decision.changed) {
    const bool out_of_date = state_->version != store_.state()->version;
    const Applied applied{decision.verdict, decision.send_id, out_of_date};
    for (const session::Effect& effect : decision.effects) act(effect);
    return finish(applied);
  }
  decision.next.version = state_->version + 1;
  auto next = std::make_shared<const BridgeSession>(std::move(decision.next));
  std::vector<LoggedEventPtr> events;
  for (session::Event& event : decision.events)
    events.push_back(std::make_shared<const LoggedEvent>(std::move(event)));
  auto alive = [this, life = life_] { return life == life_; };
  store_.commit(next, events, alive,
                [this, alive, decision = std::move(decision), next, events,
                 conflicts](const Result<>& result) {
                  if (alive()) committed(decision, next, events, conflicts, result);
                });
}

void Process::committed(const Decision& decision, SessionPtr next,
                        const std::vector<LoggedEventPtr>& events, int conflicts,
                        const Result<>& result) {
  if (!result && result.error().is(Errc::conflict)) {
    world_.count("conflicts");
    world_.tell([&] { return "process " + std::to_string(number_) + " was too late"; });
    return store_.load(
        [this, life = life_, conflicts](SessionPtr state, const session::EventLog& log) {
          if (life != life_) return;
          // The other's events are published here too, so that our readers miss nothing.
          const auto theirs = log.read({state->epoch, log_.last_seq()}, state->epoch).events;
          if (state->version > state_->version) publish(state, theirs);
          attempt(conflicts + 1);
        });
  }
  if (!result) {
    world_.count("commits failed");
    world_.tell([&] { return "process " + std::to_string(number_) + " could not commit"; });
    return finish(result.error());
  }
  publish(std::move(next), events);
  const Applied applied{decision.verdict, decision.send_id, false};
  for (const session::Effect& effect : decision.effects) act(effect);
  finish(applied);
}

void Process::finish(Result<Applied> result) {
  const Job job = std::move(jobs_.front());
  jobs_.pop_front();
  busy_ = false;
  const int life = life_;
  job.done(std::move(result));
  if (life == life_) pump();
}

void Process::publish(SessionPtr next, const std::vector<LoggedEventPtr>& events) {
  require(store_.state()->version >= next->version, "what is published has been committed");
  state_ = std::move(next);
  for (const LoggedEventPtr& event : events) {
    log_.append(event);
    for (Reader* reader : readers_) draw(*reader, event->event, store_.log());
  }
  wake_waiters();
  schedule_tick();
}

void Process::when_settled(std::uint64_t send_id, std::function<void(const Send*)> done) {
  waiters_.push_back({send_id, std::move(done)});
  wake_waiters();
}

void Process::wake_waiters() {
  std::list<Waiter> ready;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    const auto next = std::next(it);
    if (!is_pending(find_send(*state_, it->send_id))) ready.splice(ready.end(), waiters_, it);
    it = next;
  }
  for (const Waiter& waiter : ready) waiter.done(find_send(*state_, waiter.send_id));
}

void Process::read(Reader& reader, bool attach) {
  const session::Cursor after = reader.epoch.empty()
                                    ? session::Cursor{"0", 0}
                                    : session::Cursor{reader.epoch, reader.drawn.size()};
  const session::EventLog::Page page = log_.read(after, state_->epoch);
  // A copy that is behind says so, and what it has is drawn anew.
  if (!page.recovered) reader.drawn.clear();
  reader.epoch = state_->epoch;
  for (const LoggedEventPtr& event : page.events) draw(reader, event->event, store_.log());
  if (attach) {
    readers_.push_back(&reader);
    reader.attached_to = number_;
  } else {
    seen_.see(world_.now());
  }
  schedule_tick();
}

void Process::detach(Reader& reader) {
  std::erase(readers_, &reader);
  reader.attached_to = -1;
}

session::Presence Process::presence() const {
  session::Presence presence = seen_;
  presence.attached = world_.present ? 1 : 0;
  return presence;
}

void Process::presence_changed() {
  seen_.see(world_.now());
  if (ready_) schedule_tick();
}

void Process::schedule_tick() {
  const Time due = session::next_due(*state_, presence(), policy_, world_.now());
  const std::uint64_t mine = ++ticks_;
  if (due == Time::max()) return;
  world_.later(std::max(due - world_.now(), Millis(0)), guarded([this, mine] {
                 if (mine == ticks_) tick();
               }));
}

void Process::tick() {
  session::Tick input;
  input.presence = presence();
  give(input, [this, life = life_](const Result<Applied>& applied) {
    if (life != life_) return;
    if (applied) return schedule_tick();
    // What could not be done now is tried again at the next look.
    const std::uint64_t mine = ++ticks_;
    world_.later(Millis(250), guarded([this, mine] {
                   if (mine == ticks_) schedule_tick();
                 }));
  });
}

void Process::insist(session::Input input, Done<Applied> done) {
  ++insisting_;
  try_again(std::move(input), std::move(done), Millis(100));
}

void Process::try_again(session::Input input, Done<Applied> done, Millis pause) {
  give(input, [this, input, done, pause, life = life_](const Result<Applied>& applied) {
    if (life != life_) return;
    if (applied) {
      --insisting_;
      return done(applied);
    }
    world_.later(pause, guarded([this, input, done, pause] {
                   try_again(input, done, std::min(pause * 2, kLongestPause));
                 }));
  });
}

void Process::take_in_turn(session::Input input, Done<Applied> done) {
  in_turn_.push_back({std::move(input), std::move(done)});
  if (in_turn_.size() == 1) next_in_turn();
}

void Process::next_in_turn() {
  insist(in_turn_.front().input, [this, life = life_](const Result<Applied>& applied) {
    const Job job = std::move(in_turn_.front());
    in_turn_.pop_front();
    job.done(applied);
    if (life == life_ && !in_turn_.empty()) next_in_turn();
  });
}

/// Until it is committed the session waits for this outcome.
void Process::report(session::Input input) {
  insist(std::move(input), [](const Result<Applied>&) {});
}

}  // namespace bridge::simulation
