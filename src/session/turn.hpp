// SPDX-License-Identifier: MIT
// One call of `decide` in the making: the session as it will be, and what has come of it so far.
// The rules are member functions, grouped by file: escalation, user messages, agent events, close,
// time. None of them looks at anything but the turn.
#pragma once

#include "bridge/session/decide.hpp"
#include "bridge/session/speech.hpp"

namespace bridge::session {

bool is_told_elsewhere(const BridgeSession& session);
bool is_carried(const Event& event);

/// Rows of one session that may wait, for their predecessor or for the end of a send.
inline constexpr std::size_t kMaxHeld = 64;

class Turn {
 public:
  Turn(const BridgeSession& session, Time now, const Policy& policy) : now_(now), policy_(policy) {
    out_.next = session;
  }

  void on(const Escalate& input);
  void on(const OpenAnswered& input);
  void on(const UserMessage& input);
  void on(const SendAnswered& input);
  void on(const SendSettled& input);
  void on(const UserTyping& input);
  void on(const End& input);
  void on(const EndAnswered& input);
  void on(const AgentSaid& input);
  void on(const InteractionAnswered& input);
  void on(const Reconciled& input);
  void on(const Recheck& input);
  void on(const PlainHanded& input);
  void on(const DirectLineBound& input);
  void on(const ActivityTaken& input);
  void on(const TurnAnswered& input);
  void on(const TurnWaited& input);
  void on(const DeliveryAnswered& input);
  void on(const Tick& input);
  void on(const Restarted& input);

  /// Starts posting the next event if there is one and nothing speaks against it.
  void deliver_next();

  Decision take() && { return std::move(out_); }

 private:
  BridgeSession& s() { return out_.next; }
  const BridgeSession& s() const { return out_.next; }
  void changed() { out_.changed = true; }
  void say(Verdict verdict) { out_.verdict = verdict; }
  void start(Effect effect) { out_.effects.push_back(std::move(effect)); }
  void count(Counted what) { start(Count{what}); }
  template <class What>
  void log(What what);

  // Events
  void tell_status();
  void tell_receipt(const std::string& client_message_id, Delivery status);

  // Escalation
  void begin_chat(const Escalate& input);
  void become_queued();
  void settle_opening(const OpenAnswered& input, bool just_queued);
  void refuse_open();
  void move_on_to_the_next_chat();

  // User messages
  void pump();
  void finish(Send& send, Send::Status status, const std::optional<Error>& error);
  void fail(Send& send, const std::optional<Error>& error);
  void fail_waiting(std::string_view error_id);
  void forget_old_sends();
  void settle(Send& send);
  void settle_later(Send& send);
  bool can_be_tried_again(const Send& send) const;
  void settle_due();
  bool waits_for_settlement();
  const Chat* chat_numbered(int number) const;

  // After a restart
  void resume_open();
  void resume_sends();
  void resume_reconciling();
  void end_reading();

  // Agent events
  void settle_open(const AgentEvent& event);
  void take_row(const AgentEvent& row, const std::string& service_account);
  bool is_echo(const AgentEvent& row, const std::string& service_account);
  bool may_be_echo(const AgentEvent& row, const std::string& service_account);
  void accept_row(const AgentEvent& row);
  void show_row(const AgentEvent& row, bool late);
  void go_live(const std::string& rep_name, const std::string& rep_sys_id);
  void account_for(std::int64_t sequence);
  void release_held();
  bool overtakes_held(const AgentEvent& row) const;
  void settle_parked(const std::string& text, bool& echo_owed);
  void show_late(const AgentEvent& row);
  void show_held(std::vector<HeldRow> held);

  // Reading the chat
  void want_rows();
  void heard_from_webhook(const AgentEvent& event);
  void expect_an_answer();
  void take_read_row(const AgentEvent& row, const std::string& service_account, bool& recovered);
  bool take_read_rows(const Reconciled& input);
  void take_read_rows_of_earlier_chat(const Reconciled& input);
  std::vector<HeldRow> take_those_that_asked();
  void owe_read();
  void start_owed_reads();
  void owed_rows_read(const Reconciled& input);
  void rows_not_read();
  void rows_read(const Reconciled& input);
  void reconcile_when_due(const Presence& presence);
  void note_reading(const Presence& presence);
  void ask_for_what_is_missing();
  void plan_next_read();

  // Close
  /// `complete`: all that the agent said has been taken in.
  void close_chat(CloseReason reason, bool complete = false);
  void begin_close(CloseReason reason, std::optional<std::int64_t> last_sequence,
                   std::chrono::milliseconds wait);
  void close_when_complete();
  void end_in_servicenow(const Chat& chat, CloseReason reason, const Trace& trace);
  void start_ends();

  // The conversation that carries the texts
  template <class Edit>
  void edit_surface(Edit edit);
  void take_address(const ActivityTaken& input);
  bool opens_chat(const ActivityTaken& input);
  void open_for(const ActivityTaken& input);
  void open_turn(std::uint64_t turn);
  void take_words(const ActivityTaken& input);
  void put_off(ActivitySurface& surface, std::optional<std::chrono::milliseconds> asked);
  void notify(Notice notice, std::string detail = {});
  void resume_delivery();
  void check_on_chat();

  Decision out_;
  Time now_;
  const Policy& policy_;
};

/// Whether somebody who is told in another channel waits for an answer, as far as can be known.
bool is_awaited(const BridgeSession& session, const Policy& policy, Time now);

/// When a chat ends that is carried elsewhere, if nobody says anything until then.
Time carried_until(const BridgeSession& session, const Policy& policy);

/// Whether the current chat's rows can be read from ServiceNow at all.
bool can_be_read(const BridgeSession& session);
/// When the rows are read again if nothing happens until then; `Time::max()` if never.
Time reconcile_due(const BridgeSession& session, const Presence& presence, const Policy& policy,
                   Time now);
/// Whether a reader is there, as far as can be known, wherever the texts are told.
bool is_watched(const BridgeSession& session, const Presence& presence, const Policy& policy,
                Time now);

/// When an event may be posted again, or a turn that never ended lets it; `Time::max()` if never.
Time delivery_due(const BridgeSession& session);

/// Whether another conversation carries the texts at this moment, and not the web.
inline bool is_told_elsewhere(const BridgeSession& session) {
  return session.surface && !session.surface->aside;
}

/// Whether the conversation that carries the texts shows it, and the web does not: all but the
/// state of the chat, which both do, and what a page itself has sent meanwhile.
bool is_carried(const Event& event);

/// Rows that came out of order, as they stand in the conversation (P2).
std::vector<HeldRow> in_order(std::vector<HeldRow> held);

template <class What>
void Turn::log(What what) {
  Event event;
  event.seq = ++s().last_seq;
  event.at = now_;
  event.what = std::move(what);
  event.carried = is_told_elsewhere(s()) && is_carried(event);
  // Nothing is due for what needs no words, unless it stands behind something that does.
  if (s().surface && s().surface->told.seq + 1 == event.seq &&
      (s().surface->aside || !is_spoken(event)))
    edit_surface([](ActivitySurface& surface) { ++surface.told.seq; });
  out_.events.push_back(std::move(event));
  changed();
}

template <class Edit>
void Turn::edit_surface(Edit edit) {
  auto next = std::make_shared<ActivitySurface>(*s().surface);
  edit(*next);
  s().surface = std::move(next);
  changed();
}

}  // namespace bridge::session
