// SPDX-License-Identifier: MIT
// One bridge process: its copy of the session, and the way through the house as handoff::Engine and
// handoff::Effects go it (load, decide, commit, publish, act, report). A crash takes everything
// here but what has left: commits on their way to the store, and calls on their way to ServiceNow.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <string>

#include "bridge/session/decide.hpp"
#include "simulation/service_now.hpp"
#include "simulation/store.hpp"

namespace bridge::simulation {

struct Applied {
  session::Verdict verdict = session::Verdict::accepted;
  std::uint64_t send_id = 0;
  /// Nothing was committed, and so nothing told the process that another one had been at work.
  bool out_of_date = false;
};
template <class T>
using Done = std::function<void(Result<T>)>;

/// Reads what a process shows. Holds what its page has drawn, from the first event on.
struct Reader {
  std::string name;
  std::string epoch;
  std::vector<session::Event> drawn;
  int attached_to = -1;  ///< the process that it has a socket with
};

class Process {
 public:
  Process(World& world, const Trouble& trouble, Store& store, ServiceNow& service_now, int number);

  bool ready() const { return ready_; }
  int number() const { return number_; }
  void start();
  void crash();

  /// Decides and commits, in turn. `done` hears of it, or that the process died (connection_lost).
  void give(session::Input input, Done<Applied> done);
  /// The same for what will not come again: it is tried until it can be stored.
  void insist(session::Input input, Done<Applied> done);
  /// Insists, one after the other: webhooks, and rows that were read.
  void take_in_turn(session::Input input, Done<Applied> done);
  /// Something may have been missed: if a chat is on, it is read.
  void recheck(session::Recheck how);
  /// Calls back once nobody waits for that message any more.
  void when_settled(std::uint64_t send_id, std::function<void(const session::Send*)> done);
  /// Gives the reader what follows its place, and from then on what is published, if it attaches.
  void read(Reader& reader, bool attach);
  void detach(Reader& reader);
  /// Somebody opened the page, or the last one closed it (World::present).
  void presence_changed();

  const SessionPtr& state() const { return state_; }
  std::size_t under_way() const { return jobs_.size() + in_turn_.size() + insisting_; }

 private:
  struct Job {
    session::Input input;
    Done<Applied> done;
  };
  struct Waiter {
    std::uint64_t send_id = 0;
    std::function<void(const session::Send*)> done;
  };

  std::function<void()> guarded(std::function<void()> what);
  void serve(const session::Recheck& first);
  void pump();
  void attempt(int conflicts);
  void committed(const session::Decision& decision, SessionPtr next,
                 const std::vector<session::LoggedEventPtr>& events, int conflicts,
                 const Result<>& result);
  void finish(Result<Applied> result);
  void publish(SessionPtr next, const std::vector<session::LoggedEventPtr>& events);
  void wake_waiters();
  session::Presence presence() const;
  void schedule_tick();
  void tick();
  void try_again(session::Input input, Done<Applied> done, Millis pause);
  void next_in_turn();
  void report(session::Input input);

  void act(const session::Effect& effect);
  void run(const session::OpenChat& effect);
  void run(const session::SendMessage& effect);
  void run(const session::SettleSend& effect);
  void run(const session::Reconcile& effect);
  void run(const session::EndChat& effect);
  void run(const session::TouchChat& effect);
  void run(const session::AskInteraction& effect);
  template <class Other>
  void run(const Other&) {}
  void open(const session::OpenChat& effect, Time deadline);
  void end(const session::EndChat& effect, Time deadline);

  struct CallKind {
    const char* name = "";
    bool creates = false;        ///< a failure of it may leave something behind
    bool repeatable = false;     ///< the transport may send it twice
    bool retried_above = false;  ///< a refusal is not tried again here
  };
  template <class T>
  void call(CallKind kind, Time deadline, std::function<void(Done<T>)> work, Done<T> done,
            int attempt = 1, bool written = false);
  /// The call has reached ServiceNow, whatever has become of whoever made it.
  template <class T>
  void arrive(const char* name, Millis pause, int life, std::function<void(Done<T>)> work,
              Done<T> done);

  World& world_;
  const Trouble& trouble_;
  Store& store_;
  ServiceNow& service_now_;
  const int number_;
  const session::Policy policy_;

  int life_ = 0;
  bool ready_ = false;
  bool busy_ = false;
  SessionPtr state_;
  session::EventLog log_;
  session::Presence seen_;  ///< without those who are attached
  std::deque<Job> jobs_;
  std::deque<Job> in_turn_;
  std::size_t insisting_ = 0;
  std::list<Waiter> waiters_;
  std::vector<Reader*> readers_;
  std::uint64_t ticks_ = 0;
};

}  // namespace bridge::simulation
