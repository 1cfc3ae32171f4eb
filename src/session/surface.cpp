// SPDX-License-Identifier: MIT
// Rules for a session whose texts another conversation carries: what an inbound activity does, and
// how events find their way back there, one at a time and each once. DESIGN 3.2.
#include "bridge/session/surface.hpp"

#include <algorithm>
#include <utility>

#include "session/turn.hpp"

namespace bridge::session {
namespace {

constexpr std::size_t kMaxTaken = 48;
constexpr std::size_t kMaxAnswered = 8;

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

bool TakenActivities::insert(std::string key) {
  if (contains(key)) return false;
  if (recent_.size() >= kMaxTaken) recent_.erase(recent_.begin());
  recent_.push_back(std::move(key));
  return true;
}

void Turn::notify(Notice notice, std::string detail) {
  log(NoticeEvent{notice, std::move(detail)});
}

void Turn::on(const ActivityTaken& input) {
  const bool joins = !s().surface;
  take_address(input);
  bool repeat = false;
  if (!input.activity_key.empty())
    edit_surface(
        [&](ActivitySurface& surface) { repeat = !surface.taken.insert(input.activity_key); });
  if (repeat) {
    count(Counted::activity_repeat);
    return say(Verdict::repeat);
  }
  // What was said before is on the page that opened the chat; here only where it stands is news.
  if (joins && s().state == State::queued)
    notify(Notice::joined_queue, s().chat.interaction_number);
  if (joins && s().state == State::live) notify(Notice::joined_live, s().chat.rep_name);
  if (input.remark) notify(input.remark->notice, input.remark->detail);
  switch (input.says) {
    case ActivityTaken::Says::nothing:
      return;
    case ActivityTaken::Says::typing:
      return on(UserTyping{input.opening.trace});
    case ActivityTaken::Says::leave:
      return on(End{CloseReason::user_ended, input.opening.trace});
    case ActivityTaken::Says::message:
    case ActivityTaken::Says::ask:
      return take_words(input);
  }
}

void Turn::take_address(const ActivityTaken& input) {
  const bool first = !s().surface;
  if (first) s().surface = std::make_shared<const ActivitySurface>();
  edit_surface([&](ActivitySurface& surface) {
    // A conversation that takes over a session goes on where the one before it was.
    if (first) surface.told.seq = s().last_seq;
    const bool moved =
        !first && conversation_key(surface.address) != conversation_key(input.address);
    if (moved) surface.told.voice = {};
    Secret url = surface.address.service_url;
    surface.address = input.address;
    if (input.address.service_url.empty() && !moved) surface.address.service_url = std::move(url);
    ++surface.generation;
    surface.last_turn = now_;
    surface.waits_for_turn = false;
    surface.next_try = {};
    surface.attempts = 0;
    if (!input.carries_answer) return;
    ++surface.open_turns;
    surface.open_until = now_ + policy_.turn_limit;
  });
}

void Turn::take_words(const ActivityTaken& input) {
  const bool again = s().state == State::closed && s().chat.number > 0;
  const bool asks = input.says == ActivityTaken::Says::ask || input.asks_for_person ||
                    (input.query_hash != 0 && input.query_hash != s().surface->query_hash);
  if (input.asks_to_leave && s().state == State::bot) return say(Verdict::already);
  if (again && !asks) {
    notify(Notice::chat_over, s().chat.interaction_number);
    return say(Verdict::session_closed);
  }
  if (s().state == State::bot || s().state == State::closed) {
    if (!input.refused.empty()) return notify(Notice::not_connected);
    if (again) notify(Notice::another_chat, s().chat.interaction_number);
    edit_surface([&](ActivitySurface& surface) {
      surface.told_waiting = false;
      surface.query_hash = input.query_hash;
    });
    return begin_chat(input.opening);
  }
  if (input.asks_to_leave) return on(End{CloseReason::user_ended, input.opening.trace});
  if (input.says == ActivityTaken::Says::message && !input.text.empty()) {
    on(UserMessage{input.text, input.client_message_id, input.opening.trace});
    if (out_.verdict == Verdict::too_many) notify(Notice::too_many);
  }
  // Whoever writes again wants to know whether there is a chat.
  if (s().state == State::opening && !s().open->in_flight) on(input.opening);
}

void Turn::on(const TurnAnswered& input) {
  if (!s().surface) return say(Verdict::already);
  const ActivitySurface& now = *s().surface;
  const bool in_order = input.tells && input.from == now.told && !now.posting;
  edit_surface([&](ActivitySurface& surface) {
    if (surface.open_turns > 0) --surface.open_turns;
    if (!in_order) return;
    AnsweredTurn turn;
    turn.activity_key = input.activity_key;
    turn.from = input.from;
    turn.upto = input.upto.seq;
    if (surface.turns.size() >= kMaxAnswered) surface.turns.erase(surface.turns.begin());
    surface.turns.push_back(std::move(turn));
    surface.told = input.upto;
    surface.attempts = 0;
    surface.refusals = 0;
  });
  // Something else told it meanwhile; the caller answers without it.
  if (!in_order) say(Verdict::already);
}

void Turn::on(const TurnWaited&) {
  if (!s().surface || s().surface->told_waiting || s().state != State::opening) return;
  edit_surface([](ActivitySurface& surface) { surface.told_waiting = true; });
  notify(Notice::still_connecting);
}

void Turn::on(const DeliveryAnswered& input) {
  if (!s().surface || !s().surface->posting) return;
  bool skip = false;
  edit_surface([&](ActivitySurface& surface) {
    surface.posting = false;
    if (input.told.parts > surface.told.parts) surface.attempts = 0;  // it gets on
    surface.told = input.told;
    switch (input.outcome) {
      case Delivered::yes:
        surface.attempts = 0;
        surface.refusals = 0;
        return;
      case Delivered::expired:
        // Of a URL that has been replaced since, this says nothing.
        surface.waits_for_turn = input.generation == surface.generation;
        return count(Counted::delivery_expired);
      case Delivered::retry: {
        count(Counted::delivery_retried);
        if (++surface.attempts >= policy_.delivery_attempts) {
          surface.waits_for_turn = true;
          return;
        }
        const auto pause =
            std::min(policy_.delivery_retry * (1 << std::min(surface.attempts - 1, 10)),
                     policy_.max_delivery_pause);
        surface.next_try =
            now_ + std::max(pause, input.retry_after.value_or(std::chrono::milliseconds(0)));
        return;
      }
      case Delivered::refused:
        // Another URL may take it; what a second one refuses as well stands in the way of the rest.
        if (++surface.refusals < 2) {
          surface.waits_for_turn = input.generation == surface.generation;
          return;
        }
        surface.refusals = 0;
        surface.told.parts = 0;
        ++surface.told.seq;
        skip = true;
    }
  });
  if (!skip) return;
  count(Counted::delivery_skipped);
  if (!input.of_notice) notify(Notice::not_shown);
}

void Turn::deliver_next() {
  if (!s().surface) return;
  const ActivitySurface& now = *s().surface;
  const bool carried = now.open_turns > 0 && now_ < now.open_until;
  if (now.told.seq >= s().last_seq || now.posting || now.waits_for_turn || carried ||
      now.next_try > now_ || now.address.service_url.empty())
    return;
  const Deliver next{now.told, now.generation};
  edit_surface([](ActivitySurface& surface) {
    surface.posting = true;
    surface.open_turns = 0;
  });
  start(next);
}

void Turn::resume_delivery() {
  if (!s().surface || (!s().surface->posting && s().surface->open_turns == 0)) return;
  // Whether a post that was under way arrived nobody can tell: it is made again.
  edit_surface([](ActivitySurface& surface) {
    surface.posting = false;
    surface.open_turns = 0;
  });
}

bool is_awaited(const BridgeSession& session, const Policy& policy, Time now) {
  if (!session.surface) return false;
  return session.state == State::queued ||
         now < session.surface->last_turn + policy.carried_patience;
}

/// ServiceNow's idle rule ends a chat in which somebody elsewhere has fallen silent; that its
/// webhook was lost is found out by asking now and then.
void Turn::check_on_chat() {
  if (!s().surface || s().state != State::live || s().chat.api < 2) return;
  if (now_ < s().surface->last_asked + policy_.ask_interval) return;
  const bool due = s().surface->last_asked != Time{};
  edit_surface([&](ActivitySurface& surface) { surface.last_asked = now_; });
  if (due) start(AskInteraction{s().chat});
}

Time delivery_due(const BridgeSession& session) {
  const ActivitySurface& now = *session.surface;
  if (now.told.seq >= session.last_seq || now.posting || now.waits_for_turn ||
      now.address.service_url.empty())
    return Time::max();
  if (now.open_turns > 0) return std::max(now.open_until, now.next_try);
  return now.next_try;
}

}  // namespace bridge::session
