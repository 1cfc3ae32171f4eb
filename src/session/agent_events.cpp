// SPDX-License-Identifier: MIT
// What a webhook means: DESIGN 5.2. In this order: which chat, seen before, an echo of our own
// words, in its place in the conversation, and only then does it change anything.
#include <algorithm>
#include <utility>

#include "bridge/core/json.hpp"
#include "session/turn.hpp"

namespace bridge::session {
namespace {

bool names(const Chat& chat, const AgentEvent& event) {
  if (chat.number == 0) return false;
  if (!event.interaction_sys_id.empty() && !chat.interaction_sys_id.empty())
    return event.interaction_sys_id == chat.interaction_sys_id;
  if (!event.conversation_sys_id.empty() && !chat.conversation_sys_id.empty())
    return event.conversation_sys_id == chat.conversation_sys_id;
  return event.key == chat.key;
}

bool same_text(const std::string& a, const std::string& b) { return trim(a) == trim(b); }

}  // namespace

bool is_current_chat(const BridgeSession& session, const AgentEvent& event) {
  for (const Chat& past : session.past_chats)
    if (!past.interaction_sys_id.empty() && names(past, event)) return false;
  return names(session.chat, event);
}

void Turn::on(const AgentSaid& input) {
  const AgentEvent& event = input.event;
  if (!is_current_chat(s(), event)) {
    count(Counted::webhook_other_chat);
    say(Verdict::other_chat);
    // The words of an earlier chat's agent still reach the user; they change no state.
    const bool speaks = event.kind == AgentEvent::Kind::reply && !event.text.empty();
    if (speaks && s().chat.number > 0 && !is_echo(event, input.service_account) &&
        (event.message_sys_id.empty() || s().seen_messages.insert(event.message_sys_id)))
      show_late(event);
    return;
  }
  if (s().chat.interaction_sys_id.empty() && !event.interaction_sys_id.empty()) settle_open(event);
  if (event.kind != AgentEvent::Kind::typing) heard_from_webhook(event);

  switch (event.kind) {
    case AgentEvent::Kind::typing:
      if (s().state == State::live) start(ShowTyping{s().chat.rep_name});
      return;
    case AgentEvent::Kind::claimed:
      go_live(
          event.rep_name.empty() && s().chat.rep_name.empty() ? "Support Agent" : event.rep_name,
          event.rep_sys_id);
      return;
    case AgentEvent::Kind::closed:
      // An old rule cannot say which row was the last; what is still on its way gets a moment.
      return begin_close(event.reason, event.last_sequence,
                         event.last_sequence ? policy_.close_wait : policy_.legacy_close_wait);
    case AgentEvent::Kind::reply:
      return take_row(event, input.service_account);
    case AgentEvent::Kind::other:
      return count(Counted::webhook_unknown_event);
  }
}

void Turn::settle_open(const AgentEvent& event) {
  // The open's own answer has not come, or said otherwise; a webhook with our key proves the chat.
  if (s().state != State::opening && s().state != State::bot) return;
  s().chat.conversation_sys_id = event.conversation_sys_id;
  s().chat.interaction_sys_id = event.interaction_sys_id;
  s().chat.interaction_number = event.interaction_number;
  if (s().chat.api == 0) s().chat.api = event.api;
  count(Counted::open_settled_by_webhook);
  // What became of the opening message only the open's own answer can tell, if that still comes.
  if (s().open && !s().open->in_flight) {
    if (!s().open->opening_message.empty())
      tell_receipt(s().open->client_message_id, Delivery::unknown);
    s().open.reset();
  }
  become_queued();
  tell_status();
  pump();
}

void Turn::take_row(const AgentEvent& row, const std::string& service_account) {
  if (row.text.empty()) return count(Counted::webhook_without_text);
  if (!row.message_sys_id.empty() && !s().seen_messages.insert(row.message_sys_id)) {
    count(Counted::webhook_repeat);
    say(Verdict::repeat);
    // The other relay rule may also know the place in the conversation that the first one did not.
    const auto waits = [&](const AgentEvent& other) {
      return other.message_sys_id == row.message_sys_id;
    };
    const bool shown = std::none_of(s().parked.begin(), s().parked.end(), waits) &&
                       std::none_of(s().held.begin(), s().held.end(),
                                    [&](const HeldRow& held) { return waits(held.row); });
    if (row.sequence && shown) account_for(*row.sequence);
    // The other relay rule may know the name that the first one did not.
    const bool own = s().own_messages.contains(row.message_sys_id) ||
                     row.sender_sys_id == s().chat.user_sys_id ||
                     row.sender_sys_id == s().chat.consumer_sys_id ||
                     row.sender_sys_id == service_account;
    if (s().state == State::live && s().chat.rep_name.empty() && !row.rep_name.empty() &&
        !row.system && !own)
      go_live(row.rep_name, row.sender_sys_id);
    return;
  }
  changed();
  if (is_echo(row, service_account)) {
    count(Counted::webhook_echo);
    say(Verdict::echo);
    if (row.sequence) account_for(*row.sequence);
    return;
  }
  if (may_be_echo(row, service_account)) {
    count(Counted::webhook_parked);
    if (s().parked.size() < kMaxHeld) {
      s().parked.push_back(row);
      return;
    }
  }
  accept_row(row);
}

bool Turn::is_echo(const AgentEvent& row, const std::string& service_account) {
  if (s().own_messages.contains(row.message_sys_id)) return true;
  // What we send is always a consumerTextMessage.
  if (row.system) return false;
  if (!row.sender_sys_id.empty()) {
    if (row.sender_sys_id == s().chat.rep_sys_id) return false;
    if (row.sender_sys_id == s().chat.user_sys_id ||
        row.sender_sys_id == s().chat.consumer_sys_id || row.sender_sys_id == service_account)
      return true;
    if (!service_account.empty()) return false;
  }
  // Of one that is still being found out its ids will tell, not a text that an agent may say too.
  const auto owed = std::find_if(s().sends.begin(), s().sends.end(), [&](const Send& send) {
    return send.echo_owed && !send.settling && send.chat_number == s().chat.number &&
           same_text(send.text, row.text);
  });
  if (owed == s().sends.end()) return false;
  owed->echo_owed = false;
  owed->text.clear();
  return true;
}

bool Turn::may_be_echo(const AgentEvent& row, const std::string& service_account) {
  if (row.system) return false;
  // With a sender it can only be ours if we do not know who we are.
  if (!row.sender_sys_id.empty() &&
      (!service_account.empty() || row.sender_sys_id == s().chat.rep_sys_id))
    return false;
  if (s().open && s().open->in_flight && same_text(s().open->opening_message, row.text))
    return true;
  return std::any_of(s().sends.begin(), s().sends.end(), [&](const Send& send) {
    const bool open = send.status == Send::Status::in_flight || send.settling ||
                      (send.status == Send::Status::waiting && send.in_doubt);
    return open && same_text(send.text, row.text);
  });
}

/// What became of a send (or the opening message) of that text is known, or never will be: rows
/// that waited for it are told apart.
void Turn::settle_parked(const std::string& text, bool& echo_owed) {
  const std::vector<AgentEvent> parked = std::exchange(s().parked, {});
  if (!parked.empty()) changed();
  for (const AgentEvent& row : parked) {
    const bool current = is_current_chat(s(), row);
    const bool ours = s().own_messages.contains(row.message_sys_id);
    if (ours || (echo_owed && same_text(text, row.text))) {
      if (!ours) echo_owed = false;
      count(Counted::webhook_echo);
      if (current && row.sequence) account_for(*row.sequence);
    } else if (may_be_echo(row, {})) {
      s().parked.push_back(row);  // of another one that is still on its way
    } else if (current) {
      accept_row(row);
    } else {
      show_late(row);
    }
  }
}

void Turn::accept_row(const AgentEvent& row) {
  const std::int64_t before = row.prev_sequence.value_or(0);
  const bool next = before == 0 || s().sequences.contains(before);
  if (next && !overtakes_held(row)) return show_row(row, false);
  count(Counted::webhook_held);
  s().held.push_back({row, now_ + policy_.reorder_wait});
  changed();
  if (s().held.size() > kMaxHeld) show_held(std::exchange(s().held, {}));
}

/// Rows that stand before it wait for theirs. The one before this may be known all the same: an own
/// row, which the relay rule did not yet know for ours.
bool Turn::overtakes_held(const AgentEvent& row) const {
  return row.sequence && std::any_of(s().held.begin(), s().held.end(), [&](const HeldRow& held) {
           return held.row.sequence && *held.row.sequence < *row.sequence;
         });
}

std::vector<HeldRow> in_order(std::vector<HeldRow> held) {
  std::stable_sort(held.begin(), held.end(), [](const HeldRow& a, const HeldRow& b) {
    return a.row.sequence.value_or(0) < b.row.sequence.value_or(0);
  });
  return held;
}

/// Gives up waiting for what stands before these rows.
void Turn::show_held(std::vector<HeldRow> held) {
  for (const HeldRow& one : in_order(std::move(held))) {
    const bool gap = !s().sequences.contains(one.row.prev_sequence.value_or(0));
    if (gap) {
      count(Counted::webhook_gap);
      s().reconciling.gap = true;
    }
    show_row(one.row, gap);
  }
}

/// Words of an earlier chat, after the next one has begun: they are read, and change no state.
void Turn::show_late(const AgentEvent& row) {
  log(RepMessageEvent{row.text, row.rep_name, row.message_sys_id, row.sent_at, row.system, true});
}

void Turn::show_row(const AgentEvent& row, bool late) {
  late = late || (row.sequence && *row.sequence < s().reconciling.shown);
  std::string name = row.rep_name;
  if (!row.system) {
    if (name.empty() && (row.sender_sys_id.empty() || row.sender_sys_id == s().chat.rep_sys_id))
      name = s().chat.rep_name;
    go_live(name, row.sender_sys_id);
  }
  s().last_activity = now_;
  s().reconciling.shown = std::max(s().reconciling.shown, row.sequence.value_or(0));
  log(RepMessageEvent{row.text, name, row.message_sys_id, row.sent_at, row.system, late});
  if (row.system && s().state == State::queued && !s().asking_interaction) {
    s().asking_interaction = true;
    start(AskInteraction{s().chat});
  }
  if (row.sequence) account_for(*row.sequence);
}

void Turn::go_live(const std::string& rep_name, const std::string& rep_sys_id) {
  if (s().state != State::queued && s().state != State::live) return;
  const bool joins = s().state == State::queued;
  const bool another = !rep_name.empty() && rep_name != s().chat.rep_name;
  if (!rep_sys_id.empty() && rep_sys_id != s().chat.rep_sys_id) {
    s().chat.rep_sys_id = rep_sys_id;
    changed();
  }
  if (!rep_name.empty()) s().chat.rep_name = rep_name;
  if (!joins && !another) return;
  s().state = State::live;
  s().last_activity = now_;
  tell_status();
}

void Turn::on(const InteractionAnswered& input) {
  if (input.chat_number != s().chat.number) return;
  const bool asked = std::exchange(s().asking_interaction, false);
  if (asked) changed();
  // If it cannot be asked, a greeting means that somebody is there, as in the old bridge.
  if (asked && s().state == State::queued && (input.with_agent || input.failed))
    go_live(input.agent_name, input.agent_sys_id);
  // The webhook that should have said so may be lost, or on its way with the agent's last words.
  if (input.over) begin_close(CloseReason::agent_ended, std::nullopt, policy_.legacy_close_wait);
}

void Turn::account_for(std::int64_t sequence) {
  if (sequence <= 0) return;
  s().sequences.insert(sequence);
  changed();
  release_held();
  close_when_complete();
}

void Turn::release_held() {
  const auto ready = std::find_if(s().held.begin(), s().held.end(), [&](const HeldRow& held) {
    return s().sequences.contains(held.row.prev_sequence.value_or(0)) && !overtakes_held(held.row);
  });
  if (ready == s().held.end()) return;
  const AgentEvent row = ready->row;
  s().held.erase(ready);
  show_row(row, false);
  release_held();  // a row without a sequence of its own releases nobody; look again
}

}  // namespace bridge::session
