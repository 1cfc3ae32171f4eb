// SPDX-License-Identifier: MIT
// What holds of every decision, whatever led to it (DESIGN 4.4): legal states, consecutive events,
// bounded lists. Used by the fuzzer of `decide` and by the simulation; each says in its own way
// that something is broken.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "bridge/session/decide.hpp"

namespace bridge::test {

inline bool is_legal(session::State from, session::State to) {
  using session::State;
  switch (from) {
    case State::bot:
      return to == State::opening || to == State::queued;  // queued: a webhook proved the chat
    case State::opening:
      return to == State::queued || to == State::bot || to == State::closed;
    case State::queued:
      return to == State::live || to == State::closed;
    case State::live:
      return to == State::live || to == State::closed;
    case State::closed:
      return to == State::opening;
  }
  return false;
}

/// `require(bool, const char*)` must not return when it is given false.
template <class Require>
void check_states(const session::BridgeSession& before, const session::Decision& decision,
                  const Require& require) {
  using session::State;
  State at = before.state;
  for (const session::Event& event : decision.events) {
    const auto* status = std::get_if<session::StatusEvent>(&event.what);
    if (!status) continue;
    require(is_legal(at, status->state), "a status follows legally from the one before");
    at = status->state;
  }
  require(at == decision.next.state || is_legal(at, decision.next.state), "states follow legally");
  const bool quiet = decision.next.state == State::opening || decision.next.state == State::bot;
  require(at == decision.next.state || quiet, "a state that clients see is told");
  // It outlives the state when a webhook proves the chat first, or the user leaves.
  const auto& open = decision.next.open;
  require(open.has_value() || decision.next.state != State::opening, "opening has an open");
  require(!open || decision.next.state == State::opening || open->in_flight,
          "an open outlives its state only to hear its answer");
  require(!open || decision.next.state != State::bot, "a refused open is over");
}

template <class Require>
void check_events(const session::BridgeSession& before, const session::Decision& decision, Time now,
                  const Require& require) {
  require(decision.next.version == before.version, "versions belong to the store");
  require(decision.next.id == before.id && decision.next.epoch == before.epoch, "ids stay");
  require(decision.changed || decision.events.empty(), "what is told is committed");
  std::uint64_t seq = before.last_seq;
  for (const session::Event& event : decision.events) {
    require(event.seq == ++seq, "seq goes up by one");
    require(event.at == now, "an event happens now");
    if (const auto* row = std::get_if<session::RepMessageEvent>(&event.what))
      require(!row->text.empty(), "what is shown has a text");
  }
  require(decision.next.last_seq == seq, "last_seq is the last event's");
}

template <class Require>
void check_bounds(const session::BridgeSession& session, const session::Policy& policy,
                  const Require& require) {
  using session::Send;
  require(session.held.size() <= 64, "held rows are bounded");
  require(session.parked.size() <= 64, "parked rows are bounded");
  require(session.past_chats.size() <= 16, "past chats are bounded");
  std::size_t waiting = 0;
  std::size_t in_flight = 0;
  for (const Send& send : session.sends) {
    waiting += send.status == Send::Status::waiting ? 1 : 0;
    in_flight += send.status == Send::Status::in_flight ? 1 : 0;
  }
  // An opening message that was not sent with the open goes in front of a full queue.
  require(waiting <= policy.max_waiting_messages + 1, "waiting messages are bounded");
  require(in_flight <= 1, "one message at a time");
  require(session.sends.size() <= 128 + policy.max_waiting_messages + 3, "sends are bounded");
}

}  // namespace bridge::test
