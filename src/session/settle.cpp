// SPDX-License-Identifier: MIT
// Messages of which nobody knows whether ServiceNow has them: the call hung, broke, or the process
// died. Our scripts can be asked, and an id that is asked about and not there is withdrawn, so that
// a call that arrives late sends nothing (send_message.js). Sooner or later each ends as delivered
// or failed. DESIGN P7.
#include <algorithm>

#include "session/turn.hpp"

namespace bridge::session {
namespace {

/// `settle_at` while somebody is asking.
constexpr Time kAsking = Time::max();

/// An answer that will be the same tomorrow.
bool is_hopeless(const Error& error) {
  return error.is(Errc::not_found) || error.is(Errc::upstream_path) ||
         error.is(Errc::invalid_argument) || error.is(Errc::not_configured);
}

}  // namespace

const Chat* Turn::chat_numbered(int number) const {
  if (number == s().chat.number) return &s().chat;
  const auto past = std::find_if(s().past_chats.begin(), s().past_chats.end(),
                                 [&](const Chat& chat) { return chat.number == number; });
  return past == s().past_chats.end() ? nullptr : &*past;
}

/// Whether a message of unknown outcome may be sent once more under its id.
bool Turn::can_be_tried_again(const Send& send) const {
  // With the old scripts nobody could tell; and whoever is asking right now may be withdrawing it.
  return s().chat.api >= 2 && send.chat_number == s().chat.number && send.settle_at != kAsking;
}

void Turn::settle_later(Send& send) {
  const int doublings = std::min(send.settle_attempts, 16);
  send.settling = true;
  send.settle_at = now_ + std::min(policy_.settle_pause * (1 << doublings),
                                   std::max(policy_.longest_settle_pause, policy_.settle_pause));
  changed();
}

void Turn::settle(Send& send) {
  const Chat* chat = chat_numbered(send.chat_number);
  if (!chat || chat->api < 2) {
    send.settling = false;
    return changed();
  }
  send.settling = true;
  send.settle_at = kAsking;
  ++send.settle_attempts;
  changed();
  start(SettleSend{send.id, *chat, send.text, message_key(send)});
}

/// Whether a message before this one may still appear in the chat: then it would stand behind it.
bool Turn::waits_for_settlement() {
  bool waits = false;
  for (Send& send : s().sends) {
    if (!send.settling || send.chat_number != s().chat.number) continue;
    waits = true;
    // Somebody waits behind it now: ask soon.
    if (send.settle_at == kAsking || send.settle_at <= now_ + policy_.settle_pause) continue;
    send.settle_at = now_ + policy_.settle_pause;
    changed();
  }
  return waits;
}

void Turn::settle_due() {
  for (Send& send : s().sends)
    if (send.settling && send.settle_at <= now_) settle(send);
}

void Turn::on(const SendSettled& input) {
  const auto found = std::find_if(s().sends.begin(), s().sends.end(), [&](const Send& send) {
    return send.id == input.send_id && send.settling;
  });
  if (found == s().sends.end()) return;
  found->settling = false;
  found->settle_at = {};
  changed();
  if (!input.error) found->in_doubt = false;
  if (input.error) {
    // One that was in flight when the process died has not been told to anybody yet.
    if (found->status == Send::Status::in_flight) {
      found->echo_owed = true;
      finish(*found, Send::Status::unknown, input.error);
    }
    if (!is_hopeless(*input.error) && found->settle_attempts < policy_.settle_attempts) {
      settle_later(*found);
    } else {
      settle_parked(found->text, found->echo_owed);
    }
  } else {
    count(Counted::message_settled);
    for (const std::string& id : input.message_sys_ids) s().own_messages.insert(id);
    if (!input.sent) ++found->take;
    found->echo_owed = input.sent && input.message_sys_ids.empty();
    finish(*found, input.sent ? Send::Status::delivered : Send::Status::failed,
           input.sent ? std::nullopt : std::optional<Error>(Error(Errc::timed_out)));
    settle_parked(found->text, found->echo_owed);
    if (!found->echo_owed) found->text.clear();
    if (found->chat_number == s().chat.number) account_for(input.sequence);
  }
  pump();
  start_ends();
}

}  // namespace bridge::session
