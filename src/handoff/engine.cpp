// SPDX-License-Identifier: MIT
#include "handoff/engine.hpp"

#include <algorithm>

namespace bridge::handoff {

using session::BridgeSession;
using session::Decision;
using session::LoggedEvent;
using session::LoggedEventPtr;

namespace {
constexpr int kMaxConflicts = 8;
constexpr Millis kLongestPause{5'000};
/// Ticks that are being committed at a time.
constexpr std::size_t kMaxTicks = 256;
/// Chats that are being rechecked at a time: as many as are read at a time.
constexpr std::size_t kMaxChecks = 2 * LiveChat::kMaxPositions;

/// The request on whose behalf an input came: its own, or the one whose outcome it tells.
struct RefOf {
  const BridgeSession& session;

  std::string operator()(const session::Escalate& input) const { return input.trace.request_id; }
  std::string operator()(const session::UserMessage& input) const { return input.trace.request_id; }
  std::string operator()(const session::End& input) const { return input.trace.request_id; }
  std::string operator()(const session::ActivityTaken& input) const {
    return input.opening.trace.request_id;
  }
  std::string operator()(const session::AgentSaid& input) const { return input.trace.request_id; }
  std::string operator()(const session::OpenAnswered&) const {
    return session.open ? session.open->trace.request_id : std::string();
  }
  std::string operator()(const session::SendAnswered& input) const {
    for (const session::Send& send : session.sends)
      if (send.id == input.send_id) return send.trace.request_id;
    return {};
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};  // time has passed, or nobody waits for it
  }
};

// Wall time may be held by a test or stepped by an operator; the timer looks again at least this
// often.
constexpr std::chrono::milliseconds kLook{250};
constexpr std::chrono::milliseconds kShortLook{20};
}  // namespace

Engine::Engine(async::TaskGroup& tasks, const Options& options, const Ports& ports,
               std::function<void(const EntryPtr&, const session::Effect&)> act)
    : tasks_(tasks),
      options_(options),
      ports_(ports),
      act_(std::move(act)),
      vitals_(ports.metrics),
      due_changed_(tasks.executor()) {}

EntryPtr Engine::keep(StoredSession stored) {
  auto entry = std::make_shared<Entry>(tasks_.executor(), std::move(stored.state));
  entry->log = std::move(stored.log);
  entry->plain.resume(entry->state->plain_handed, entry->log);
  entry->handed = entry->log.last_seq();
  entry->vitals = &vitals_;
  // Who was reading before this process had the session is known only if somebody wrote down that
  // nobody was; else nobody is declared gone until they have had the usual time to come back.
  entry->presence.last_seen = ports_.time.now();
  entry->presence.assumed = true;
  entry->on_detached = [this, weak = std::weak_ptr<Entry>(entry)] {
    if (const EntryPtr held = weak.lock()) {
      held->presence.see(ports_.time.now());
      schedule(held);
    }
  };
  entries_[entry->id] = entry;
  vitals_.track(*entry);
  schedule(entry);
  return entry;
}

std::vector<EntryPtr> Engine::take_in(std::vector<StoredSession> all) {
  std::vector<EntryPtr> interrupted;
  entries_.reserve(all.size());
  for (StoredSession& stored : all) {
    EntryPtr entry = keep(std::move(stored));
    if (session::may_be_interrupted(*entry->state)) {
      interrupted.push_back(std::move(entry));
    } else if (session::is_being_read(*entry->state)) {
      // Nobody reads it any more. Until it is checked, who wants that waits for the one who did.
      session::Recheck check;
      check.once_more = false;
      check.reader_gone = true;
      checks_.push_back({std::move(entry), check});
    }
  }
  return interrupted;
}

Task<Result<>> Engine::commit(Commit commit) {
  const auto began = std::chrono::steady_clock::now();
  auto committed = co_await ports_.store.commit(std::move(commit));
  vitals_.commit_seconds.observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  co_return committed;
}

Task<Result<EntryPtr>> Engine::entry(session::SessionId id) {
  const auto cached = entries_.find(id);
  if (cached != entries_.end()) {
    if (cached->second->forgotten) co_return Error(Errc::not_found, "session");
    co_return cached->second;
  }
  auto stored = co_await ports_.store.load(id);
  if (!stored) co_return stored.error();
  const auto raced = entries_.find(id);  // somebody else loaded it meanwhile
  if (raced != entries_.end()) co_return raced->second;
  co_return keep(std::move(*stored));
}

Task<Result<EntryPtr>> Engine::create(BridgeSession session) {
  session.version = 1;
  StoredSession stored;
  stored.state = std::make_shared<const BridgeSession>(std::move(session));
  Commit first;
  first.next = stored.state;
  auto committed = co_await commit(std::move(first));
  if (!committed) co_return committed.error();
  co_return keep(std::move(stored));
}

Task<Result<Applied>> Engine::apply(EntryPtr entry, session::Input input) {
  // A store may take its time to answer; what this process does to one session goes in turn.
  const auto turn = co_await entry->changes.lock();
  for (int attempt = 0; attempt < kMaxConflicts; ++attempt) {
    if (entry->forgotten) co_return Error(Errc::not_found, "session");
    Decision decision = session::decide(*entry->state, input, ports_.time.now(), options_.policy);
    Applied applied;
    applied.verdict = decision.verdict;
    applied.send_id = decision.send_id;
    if (decision.expired) {
      auto gone = co_await forget(entry);
      if (!gone) co_return gone.error();
      co_return applied;
    }
    if (decision.changed) {
      decision.next.version = entry->state->version + 1;
      auto next = std::make_shared<const BridgeSession>(std::move(decision.next));
      std::vector<LoggedEventPtr> events;
      events.reserve(decision.events.size());
      for (session::Event& event : decision.events)
        events.push_back(std::make_shared<const LoggedEvent>(std::move(event)));
      Commit step;
      step.next = next;
      step.events = events;
      if (entry->log.at_hand()) step.first_kept_seq = entry->log.first_seq();
      auto committed = co_await commit(std::move(step));
      if (!committed && committed.error().is(Errc::conflict)) {
        vitals_.commit_conflicts.add();
        auto stored = co_await ports_.store.load(entry->id);
        if (!stored) co_return stored.error();
        // Another replica's events are published here too, so that our readers miss nothing.
        std::vector<LoggedEventPtr> theirs =
            stored->log.read({stored->state->epoch, entry->log.last_seq()}, stored->state->epoch)
                .events;
        if (stored->state->version > entry->state->version)
          publish(entry, stored->state, theirs, nullptr);
        continue;
      }
      if (!committed) co_return committed.error();
      publish(entry, next, events, &input);
    }
    for (const session::Effect& effect : decision.effects) act_(entry, effect);
    co_return applied;
  }
  co_return Error(Errc::overloaded, "too many writers of one session");
}

Task<Result<Applied>> Engine::insist(EntryPtr entry, session::Input input) {
  Millis pause{100};
  for (int attempt = 1;; ++attempt) {
    auto applied = co_await apply(entry, input);
    if (applied) co_return applied;
    const Error error = applied.error();
    if (error.is(Errc::not_found) || error.is(Errc::superseded)) co_return error;
    ports_.logger.error(
        "commit_failed",
        {{"session", entry->id}, {"attempt", attempt}, {"reason", error.to_string()}});
    co_await async::sleep_for(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

void Engine::publish(const EntryPtr& entry, std::shared_ptr<const BridgeSession> next,
                     const std::vector<LoggedEventPtr>& events, const session::Input* input) {
  log_change(*entry->state, *next, input);
  entry->state = std::move(next);
  vitals_.track(*entry);
  for (const LoggedEventPtr& event : events) entry->log.append(event);
  entry->log.trim(options_.log, ports_.time.now());
  for (const LoggedEventPtr& event : events) {
    // A subscriber may detach another while it is told; walk a copy.
    const std::vector<Subscriber*> readers = entry->subscribers;
    for (Subscriber* reader : readers) reader->on_event(event);
    entry->plain.offer(event, entry->log);
    if (!entry->subscribers.empty() || entry->plain.newest()) entry->handed = event->event.seq;
  }
  if (entry->plain.newest()) note_plain_place(entry);
  entry->changed.notify();
  schedule(entry);
}

void Engine::show(Entry& entry, std::shared_ptr<const std::string> frame) {
  const std::vector<Subscriber*> readers = entry.subscribers;
  for (Subscriber* reader : readers) reader->on_transient(frame);
  if (entry.plain.newest()) entry.plain.newest()->on_transient(frame);
  entry.transient = std::move(frame);
  ++entry.transients;
  entry.changed.notify();
}

Task<Result<>> Engine::forget(EntryPtr entry) {
  if (entry->forgotten) co_return Result<>();
  // It stays known here as forgotten until it is gone, so that nobody loads it once more.
  entry->forgotten = true;
  auto erased = co_await ports_.store.erase(entry->id);
  if (!erased) {
    entry->forgotten = false;
    ports_.logger.error("session_erase_failed",
                        {{"session", entry->id}, {"reason", erased.error().to_string()}});
    co_return erased;
  }
  vitals_.track(*entry);
  due_.erase({entry->due, entry->id});
  entries_.erase(entry->id);
  const std::vector<Subscriber*> readers = entry->subscribers;
  for (Subscriber* reader : readers) reader->on_forgotten();
  if (entry->plain.newest()) entry->plain.newest()->on_forgotten();
  entry->changed.notify();
  ports_.logger.info("session_forgotten",
                     {{"session", entry->id}, {"state", session::shown(entry->state->state)}});
  co_return Result<>();
}

void Engine::schedule(const EntryPtr& entry) {
  if (entry->forgotten) return;
  const Time now = ports_.time.now();
  const Time due = session::next_due(*entry->state, entry->presence, options_.policy, now);
  if (due == entry->due) return;
  if (entry->due != Time::max()) due_.erase({entry->due, entry->id});
  entry->due = due;
  if (due == Time::max()) return;
  const auto at = due_.emplace(due, entry->id).first;
  if (at == due_.begin() && due < now + kLook) due_changed_.notify();
}

Task<> Engine::run_timer() {
  for (;;) {
    const Time now = ports_.time.now();
    while (!due_.empty() && due_.begin()->first <= now && ticks_ < kMaxTicks) {
      const session::SessionId id(due_.begin()->second);
      due_.erase(due_.begin());
      const auto found = entries_.find(id);
      if (found == entries_.end()) continue;
      found->second->due = Time::max();
      ++ticks_;
      tasks_.spawn("tick", tick(found->second));
    }
    Millis pause = kLook;
    if (!due_.empty()) pause = std::clamp(due_.begin()->first - now, kShortLook, kLook);
    (void)co_await due_changed_.wait(due_changed_.generation(), in(pause));
  }
}

/// What is still due afterwards could not be done now; a later look tries it again.
Task<> Engine::tick(EntryPtr entry) {
  session::Tick tick;
  tick.presence = entry->presence;
  const auto applied = co_await apply(entry, tick);
  --ticks_;
  if (entry->forgotten) co_return;
  if (!applied)
    ports_.logger.error("tick_failed",
                        {{"session", entry->id}, {"reason", applied.error().to_string()}});
  const Time now = ports_.time.now();
  const bool still = session::next_due(*entry->state, entry->presence, options_.policy, now) <= now;
  if (!applied || still) co_await async::sleep_for(applied ? kShortLook : kLook);
  schedule(entry);
}

void Engine::recheck_all(session::Recheck how, Millis pause) {
  for (const auto& [id, entry] : entries_)
    if (session::wants_recheck(*entry->state)) checks_.push_back({entry, how});
  const std::size_t wanted = std::min(kMaxChecks, checkers_ + checks_.size());
  for (std::size_t more = wanted - checkers_; more > 0; --more) {
    ++checkers_;
    tasks_.spawn("recheck", recheck_some(pause));
  }
}

Task<> Engine::recheck_some(Millis pause) {
  if (pause > Millis(0)) co_await async::sleep_for(pause);
  while (!checks_.empty()) {
    const EntryPtr entry = checks_.front().entry;
    const session::Recheck how = checks_.front().how;
    checks_.pop_front();
    const auto applied = co_await insist(entry, how);
    if (!applied) continue;  // it is gone, or another process has it now
    // ServiceNow sets the pace.
    const Deadline deadline = in(options_.read_deadline);
    bool in_time = true;
    while (in_time && entry->state->reconciling.in_flight && !entry->forgotten)
      in_time = co_await entry->changed.wait(entry->changed.generation(), deadline);
  }
  --checkers_;
}

void Engine::note_plain_place(const EntryPtr& entry) {
  if (entry->placing || entry->state->plain_handed >= entry->log.last_seq()) return;
  entry->placing = true;
  tasks_.spawn("plain_place", keep_plain_place(entry));
}

Task<> Engine::keep_plain_place(EntryPtr entry) {
  Millis pause = kShortLook;
  while (!entry->forgotten) {
    session::PlainHanded handed;
    handed.upto = entry->plain.handed_upto(entry->log);
    if (handed.upto > entry->state->plain_handed) {
      const auto applied = co_await apply(entry, handed);
      // Not stored, it is handed out once more after a crash: better than never.
      if (!applied) break;
      continue;
    }
    // A socket's pong may confirm the rest; a poll's answer is as far as we see.
    if (handed.upto == entry->log.last_seq() || !entry->plain.newest()) break;
    co_await async::sleep_for(pause);
    pause = std::min(pause * 2, kLook * 4);
  }
  entry->placing = false;
}

void Engine::log_change(const BridgeSession& before, const BridgeSession& after,
                        const session::Input* input) {
  if (before.state == after.state || !ports_.logger.enabled(Level::info)) return;
  const bool closed = after.state == session::State::closed;
  const std::string ref = input ? std::visit(RefOf{before}, *input) : std::string();
  ports_.logger.info("session_state",
                     {{"session", after.id},
                      {"from", session::to_string(before.state)},
                      {"to", session::to_string(after.state)},
                      {"reason", closed ? session::to_string(after.close_reason) : ""},
                      {"interaction", after.chat.interaction_number},
                      {"ref", ref}});
}

}  // namespace bridge::handoff
