// SPDX-License-Identifier: MIT
// Rules for what comes from the conversation that carries a session's texts. DESIGN 3.2. How events
// find their way back there is in telling.cpp.
#include "bridge/session/surface.hpp"

#include <algorithm>
#include <utility>

#include "session/turn.hpp"

namespace bridge::session {
namespace {

constexpr std::size_t kMaxTaken = 48;

/// What the new activity does not say stays as it was.
void keep(std::string& value, const std::string& before) {
  if (value.empty()) value = before;
}

bool has_words(ActivityTaken::Says says) {
  return says == ActivityTaken::Says::message || says == ActivityTaken::Says::edit ||
         says == ActivityTaken::Says::ask;
}

}  // namespace

bool is_carried(const Event& event) {
  const auto by_activity = [](const std::string& id) {
    return id.starts_with(kActivityMessage) || id.starts_with(kOpeningMessage);
  };
  if (std::holds_alternative<StatusEvent>(event.what)) return false;
  if (const auto* said = std::get_if<UserMessageEvent>(&event.what))
    return by_activity(said->client_message_id);
  if (const auto* receipt = std::get_if<ReceiptEvent>(&event.what))
    return by_activity(receipt->client_message_id);
  return true;
}

std::string conversation_key(const ActivityAddress& address) {
  // A channel's name has no line end, so no two pairs read alike.
  return address.channel_id + '\n' + address.conversation_id;
}

bool TakenActivities::contains(const std::string& key) const {
  return std::find(recent_.begin(), recent_.end(), key) != recent_.end();
}

void TakenActivities::insert(std::string key) {
  if (contains(key)) return;
  if (recent_.size() >= kMaxTaken) recent_.erase(recent_.begin());
  recent_.push_back(std::move(key));
}

void Turn::notify(Notice notice, std::string detail) {
  log(NoticeEvent{notice, std::move(detail)});
}

void Turn::on(const ActivityTaken& input) {
  const bool first = !s().surface;
  const bool repeat = !first && s().surface->taken.contains(input.activity_key);
  // What a channel says by itself takes no chat away from a page.
  const bool joins = first || (s().surface->aside && has_words(input.says) && !repeat);
  // Whoever asked looked at a state that is gone by now: it has to be prepared anew.
  if (!repeat && opens_chat(input) && input.opening.user_sys_id.empty() && input.refused.empty())
    return say(Verdict::not_prepared);
  // The address of an old activity that comes again may be used up; what came last is good.
  if (!repeat || s().surface->waits_for_turn || s().surface->address.service_url.empty() ||
      s().surface->address.activity_id == input.address.activity_id)
    take_address(input);
  if (input.turn != 0) open_turn(input.turn);
  if (repeat) {
    count(Counted::activity_repeat);
    return say(Verdict::repeat);
  }
  // Only what has an effect: typing would soon have pushed the rest out.
  if ((has_words(input.says) || input.says == ActivityTaken::Says::leave) &&
      !input.activity_key.empty())
    edit_surface([&](ActivitySurface& surface) { surface.taken.insert(input.activity_key); });
  if (s().surface->aside) {
    if (!joins) return;
    edit_surface([](ActivitySurface& surface) { surface.aside = false; });
  }
  // What was said before is on the page that opened the chat; here only where it stands is news.
  if (joins && s().state == State::queued)
    notify(Notice::joined_queue, s().chat.interaction_number);
  if (joins && s().state == State::live) notify(Notice::joined_live, s().chat.rep_name);
  if (input.remark) notify(input.remark->notice, input.remark->detail);
  if (has_words(input.says)) take_words(input);
  if (input.says == ActivityTaken::Says::typing) on(UserTyping{input.opening.trace});
  if (input.says == ActivityTaken::Says::leave)
    on(End{CloseReason::user_ended, input.opening.trace});
}

bool Turn::opens_chat(const ActivityTaken& input) {
  if (!has_words(input.says) || input.says == ActivityTaken::Says::edit) return false;
  if (s().state != State::bot && s().state != State::closed) return false;
  if (input.asks_to_leave) return false;
  const bool again = s().state == State::closed && s().chat.number > 0;
  const std::size_t asked = s().surface ? s().surface->query_hash : 0;
  return !again || input.says == ActivityTaken::Says::ask || input.asks_for_person ||
         (input.query_hash != 0 && input.query_hash != asked);
}

void Turn::take_address(const ActivityTaken& input) {
  const bool first = !s().surface;
  if (first) s().surface = std::make_shared<const ActivitySurface>();
  edit_surface([&](ActivitySurface& surface) {
    const ActivityAddress before = std::move(surface.address);
    surface.address = input.address;
    if (first) {
      surface.told.seq = s().last_seq;
    } else if (conversation_key(before) != conversation_key(input.address)) {
      // It goes on where the other one was, but has heard nothing of who is speaking.
      surface.told.parts = 0;
      surface.told.voice = {};
      surface.posting = false;
    } else {
      if (surface.address.service_url.empty()) surface.address.service_url = before.service_url;
      keep(surface.address.user_id, before.user_id);
      keep(surface.address.user_name, before.user_name);
      keep(surface.address.agent_id, before.agent_id);
      keep(surface.address.agent_name, before.agent_name);
      keep(surface.address.locale, before.locale);
    }
    ++surface.generation;
    surface.last_turn = now_;
    surface.waits_for_turn = false;
    surface.next_try = {};
    surface.attempts = 0;
  });
}

void Turn::take_words(const ActivityTaken& input) {
  if (s().state == State::bot || s().state == State::closed) {
    if (opens_chat(input)) return open_for(input);
    // An edit of what was said before the chat is nothing to answer.
    if (s().state == State::bot || input.says == ActivityTaken::Says::edit)
      return say(Verdict::already);
    notify(Notice::chat_over, s().chat.interaction_number);
    return say(Verdict::session_closed);
  }
  if (input.query_hash != 0)
    edit_surface([&](ActivitySurface& surface) { surface.query_hash = input.query_hash; });
  if (input.asks_to_leave) return on(End{CloseReason::user_ended, input.opening.trace});
  if (input.says != ActivityTaken::Says::ask && !input.text.empty()) {
    on(UserMessage{input.text, input.client_message_id, input.opening.trace});
    if (out_.verdict == Verdict::too_many) notify(Notice::too_many);
  }
  // Whoever writes again wants to know whether there is a chat.
  if (s().state == State::opening && !s().open->in_flight) on(input.opening);
}

void Turn::open_for(const ActivityTaken& input) {
  if (!input.refused.empty()) return notify(Notice::not_connected);
  if (s().state == State::closed && s().chat.number > 0)
    notify(Notice::another_chat, s().chat.interaction_number);
  edit_surface([&](ActivitySurface& surface) {
    surface.told_waiting = false;
    surface.query_hash = input.query_hash;
  });
  begin_chat(input.opening);
}

bool is_awaited(const BridgeSession& session, const Policy& policy, Time now) {
  if (!is_told_elsewhere(session)) return false;
  return session.state == State::queued ||
         now < session.surface->last_turn + policy.carried_patience;
}

Time carried_until(const BridgeSession& session, const Policy& policy) {
  return std::max(session.surface->last_turn, session.last_activity) + policy.carried_limit;
}

/// ServiceNow's idle rule ends a chat in which somebody elsewhere has fallen silent; that its
/// webhook was lost is found out by reading it now and then, though nobody seems to wait.
void Turn::check_on_chat() {
  if (!is_told_elsewhere(s()) || s().state != State::live || s().chat.api < 2) return;
  if (now_ < s().surface->last_asked + policy_.ask_interval) return;
  const bool due = s().surface->last_asked != Time{};
  edit_surface([&](ActivitySurface& surface) { surface.last_asked = now_; });
  if (due) want_rows();
}

}  // namespace bridge::session
