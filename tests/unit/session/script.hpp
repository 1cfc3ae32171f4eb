// SPDX-License-Identifier: MIT
// Lets a test of `decide` read as a script: a session that inputs are given to, with a clock that
// the test holds, and what came of the last input.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "bridge/session/decide.hpp"
#include "bridge/session/event_log.hpp"

namespace bridge::session {

inline const std::string kSid(32, 'a');
inline const std::string kUser(32, '1');
inline const std::string kAgent(32, '2');
inline const std::string kService(32, '3');

class Script {
 public:
  Script() {
    session.id = kSid;
    session.epoch = "e1";
    session.version = 1;
    session.created = session.last_activity = now;
  }

  Decision& given(const Input& input) {
    last = decide(session, input, now, policy);
    session = last.next;
    for (const Event& event : last.events) history.push_back(render(event));
    for (const Effect& effect : last.effects)
      if (const auto* count = std::get_if<Count>(&effect))
        counts.emplace_back(to_string(count->what));
    return last;
  }
  void pass(Millis span) { now += span; }
  Decision& tick(std::size_t attached = 1) {
    Tick tick;
    tick.presence.attached = attached;
    tick.presence.last_seen = attached > 0 ? now : last_seen;
    return given(tick);
  }

  void escalate(std::string opening = {}) {
    Escalate input;
    input.user_sys_id = kUser;
    input.opening_message = std::move(opening);
    given(input);
  }
  OpenAnswered opened(int api = 2) const {
    OpenAnswered answer;
    answer.chat_number = session.chat.number;
    answer.chat = session.chat;
    answer.chat.api = api;
    answer.chat.interaction_sys_id = "ix" + std::to_string(session.chat.number);
    answer.chat.conversation_sys_id = "conv" + std::to_string(session.chat.number);
    answer.chat.interaction_number = "IMS000" + std::to_string(session.chat.number);
    return answer;
  }
  void queued(int api = 2) {
    escalate();
    given(opened(api));
  }
  AgentEvent row(std::string text, std::string id = {}) const {
    AgentEvent event;
    event.api = session.chat.api;
    event.key = session.chat.key;
    event.interaction_sys_id = session.chat.interaction_sys_id;
    event.conversation_sys_id = session.chat.conversation_sys_id;
    event.message_sys_id = std::move(id);
    event.sender_sys_id = kAgent;
    event.rep_name = "Alex Rep";
    event.text = std::move(text);
    return event;
  }
  AgentEvent sequenced(std::string text, std::string id, std::int64_t sequence,
                       std::int64_t before) const {
    AgentEvent event = row(std::move(text), std::move(id));
    event.sequence = sequence;
    event.prev_sequence = before;
    return event;
  }
  Decision& said(AgentEvent event) { return given(AgentSaid{std::move(event), kService}); }
  void live(int api = 2) {
    queued(api);
    AgentEvent claimed = row("");
    claimed.kind = AgentEvent::Kind::claimed;
    claimed.rep_sys_id = kAgent;
    said(claimed);
  }
  Decision& user_says(std::string text, std::string id) {
    return given(UserMessage{std::move(text), std::move(id)});
  }
  Decision& sent(std::uint64_t send, std::vector<std::string> ids = {"own"},
                 std::int64_t sequence = 0) {
    SendAnswered answer;
    answer.send_id = send;
    answer.message_sys_ids = std::move(ids);
    answer.sequence = sequence;
    return given(answer);
  }
  Decision& not_sent(std::uint64_t send, Errc code, Outcome outcome) {
    SendAnswered answer;
    answer.send_id = send;
    answer.error = Error(code).with_outcome(outcome);
    return given(answer);
  }

  /// The chat has been read: these rows stand in it after the place that was asked for.
  Reconciled read(std::vector<AgentEvent> rows) const {
    Reconciled input;
    input.chat_number = session.chat.number;
    input.owed = session.state == State::closed;
    input.newest = session.reconciling.newest;
    for (const AgentEvent& row : rows)
      input.newest = std::max(input.newest, row.sequence.value_or(0));
    input.rows = std::move(rows);
    input.service_account = kService;
    return input;
  }
  Reconciled unread() const {
    Reconciled input;
    input.chat_number = session.chat.number;
    input.owed = session.state == State::closed;
    input.failed = true;
    return input;
  }
  Decision& settled(std::uint64_t send, bool sent) {
    SendSettled input;
    input.send_id = send;
    input.sent = sent;
    if (sent) input.message_sys_ids = {"own-" + std::to_string(send)};
    return given(input);
  }
  Decision& not_settled(std::uint64_t send, Errc code) {
    SendSettled input;
    input.send_id = send;
    input.error = Error(code);
    return given(input);
  }

  template <class What>
  std::vector<What> effects() const {
    std::vector<What> found;
    for (const Effect& effect : last.effects)
      if (const auto* what = std::get_if<What>(&effect)) found.push_back(*what);
    return found;
  }
  /// The texts of the agent's messages, in the order of the log.
  std::vector<std::string> shown() const {
    std::vector<std::string> texts;
    for (const std::string& frame : history)
      if (frame.find("\"from\":\"rep\"") != std::string::npos)
        texts.push_back(field(frame, "text"));
    return texts;
  }
  std::vector<std::string> receipts() const {
    std::vector<std::string> found;
    for (const std::string& frame : history)
      if (frame.find("\"receipt\"") != std::string::npos)
        found.push_back(field(frame, "client_message_id") + " " + field(frame, "status"));
    return found;
  }
  bool counted(const std::string& what) const {
    return std::find(counts.begin(), counts.end(), what) != counts.end();
  }

  static std::string field(const std::string& frame, const std::string& name) {
    const std::string mark = "\"" + name + "\":\"";
    const auto at = frame.find(mark);
    if (at == std::string::npos) return {};
    const auto from = at + mark.size();
    return frame.substr(from, frame.find('"', from) - from);
  }

  BridgeSession session;
  Policy policy;
  Time now{std::chrono::milliseconds(1'700'000'000'000)};
  Time last_seen = now;
  Decision last;
  std::vector<std::string> history;
  std::vector<std::string> counts;
};

using Texts = std::vector<std::string>;

}  // namespace bridge::session
