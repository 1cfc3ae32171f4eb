// SPDX-License-Identifier: MIT
// What this process holds of one session beside its stored state: its readers, who waits for it,
// and the lane in which its webhooks are taken one after another.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "bridge/async/fifo_mutex.hpp"
#include "bridge/handoff/reader.hpp"
#include "bridge/session/decide.hpp"
#include "bridge/session/event_log.hpp"

namespace bridge::handoff {

/// All readers without a cursor, taken together as one (DESIGN 4.3): each event goes to it once.
/// The newest socket delivers; what no socket took, or a socket lost, waits for the next poll.
class PlainReader {
 public:
  void offer(const session::LoggedEventPtr& event, const session::EventLog& log);
  void attach(Subscriber& subscriber, const session::EventLog& log);
  void detach(Subscriber& subscriber, const std::vector<std::uint64_t>& unconfirmed,
              const session::EventLog& log);
  /// What waits for a poll; it is waiting no longer afterwards.
  std::vector<session::LoggedEventPtr> drain(const session::EventLog& log);
  /// What a poll was handed in vain.
  void take_back(const std::vector<std::uint64_t>& seqs, const session::EventLog& log);
  Subscriber* newest() const { return newest_; }
  /// Up to here everything has been handed out and has arrived, as far as can be known.
  std::uint64_t handed_upto(const session::EventLog& log) const;
  /// After a restart: what comes after `handed` waits for a poll or a socket. The log is not looked
  /// into before one comes.
  void resume(std::uint64_t handed, const session::EventLog& log);

 private:
  void hand_over(const session::EventLog& log);
  void look_up_resumed(const session::EventLog& log);

  Subscriber* newest_ = nullptr;
  /// Replaced, and not gone yet: what they turn out not to have delivered goes before what is new.
  std::vector<Subscriber*> leaving_;
  // Seqs, in any order. Those that the log has dropped go when they are many.
  std::vector<std::uint64_t> waiting_;
  /// What `resume` found unhanded: waiting too, as far as such readers are shown it.
  std::uint64_t resumed_from_ = 1, resumed_upto_ = 0;
};

class Vitals;

struct Entry {
  Entry(const asio::any_io_executor& executor, std::shared_ptr<const session::BridgeSession> s)
      : id(s->id), state(std::move(s)), changed(executor), webhooks(executor), changes(executor) {}

  session::SessionId id;
  std::shared_ptr<const session::BridgeSession> state;
  session::EventLog log;
  session::Presence presence;
  async::Signal changed;                 ///< a commit, a transient frame, or the end of the session
  async::FifoMutex webhooks;             ///< one at a time, in order of arrival
  async::FifoMutex changes;              ///< one decision at a time, until it is published
  std::vector<Subscriber*> subscribers;  ///< with a cursor
  PlainReader plain;
  std::shared_ptr<const std::string> transient;  ///< the last one, for waiting polls
  std::uint64_t transients = 0;
  Time typing_told{};  ///< when typing was last posted to the conversation that carries the texts
  Time due = Time::max();  ///< as registered with the timer
  bool forgotten = false;
  bool placing = false;  ///< the place of plain readers is being stored
  bool missed = false;   ///< a webhook was refused: the chat is to be read
  /// Up to here some reader has been handed what happened, as far as this process knows.
  std::uint64_t handed = 0;
  std::optional<session::State> counted_as;  ///< where Vitals counts it
  Vitals* vitals = nullptr;
  /// Set by the engine: presence has changed, so the next due time may have.
  std::function<void()> on_detached;
};

}  // namespace bridge::handoff
