// SPDX-License-Identifier: MIT
// The user's words on their way to the agent: one at a time, in order, each with an outcome that
// is committed before anybody is told. DESIGN 4.4.
#include <algorithm>

#include "bridge/core/fingerprint.hpp"
#include "session/turn.hpp"

namespace bridge::session {
namespace {

bool is_finished(const Send& send) {
  return send.status != Send::Status::waiting && send.status != Send::Status::in_flight;
}

}  // namespace

void Turn::on(const UserMessage& input) {
  const std::uint64_t text_hash = fingerprint(input.text);
  const auto earlier = std::find_if(s().sends.begin(), s().sends.end(), [&](const Send& send) {
    return send.client_message_id == input.client_message_id;
  });
  const bool repeat = earlier != s().sends.end();
  if (repeat) {
    out_.send_id = earlier->id;
    count(Counted::user_message_repeat);
    if (earlier->text_hash != text_hash) return say(Verdict::other_text);
    if (earlier->status != Send::Status::failed && earlier->status != Send::Status::unknown)
      return say(Verdict::already);
  }
  if (s().state == State::bot) return say(Verdict::no_live_chat);
  if (s().state == State::closed) return say(Verdict::session_closed);
  if (repeat && earlier->status == Send::Status::unknown && !can_be_tried_again(*earlier))
    return say(Verdict::unknown_outcome);

  std::size_t waiting = 0;
  std::size_t bytes = input.text.size();
  for (const Send& send : s().sends)
    if (send.status == Send::Status::waiting) {
      ++waiting;
      bytes += send.text.size();
    }
  if (waiting >= policy_.max_waiting_messages || bytes > policy_.max_waiting_bytes)
    return say(Verdict::too_many);

  Send send;
  if (repeat) {
    send.take = earlier->take;
    send.in_doubt = earlier->in_doubt;
    s().sends.erase(earlier);
  }
  send.id = s().next_send_id++;
  send.chat_number = s().chat.number;
  send.client_message_id = input.client_message_id;
  send.text = input.text;
  send.text_hash = text_hash;
  send.accepted = now_;
  send.deadline = now_ + policy_.send_deadline;
  send.trace = input.trace;
  out_.send_id = send.id;
  s().sends.push_back(std::move(send));
  s().last_activity = now_;
  expect_an_answer();
  changed();
  // A repeat is in the log already; its new receipt is what changes.
  if (!repeat) log(UserMessageEvent{input.text, input.client_message_id});
  forget_old_sends();
  pump();
}

void Turn::pump() {
  if (s().state != State::queued && s().state != State::live) return;
  if (s().open) return;  // the opening message goes first
  Send* head = nullptr;
  for (Send& send : s().sends) {
    if (send.status == Send::Status::in_flight) return;
    if (send.status == Send::Status::waiting && !head) head = &send;
  }
  if (!head || waits_for_settlement()) return;
  head->status = Send::Status::in_flight;
  changed();
  start(
      SendMessage{head->id, s().chat, head->text, message_key(*head), head->deadline, head->trace});
}

void Turn::on(const SendAnswered& input) {
  const auto found = std::find_if(s().sends.begin(), s().sends.end(),
                                  [&](const Send& send) { return send.id == input.send_id; });
  if (found == s().sends.end() || found->status != Send::Status::in_flight) return;
  for (const std::string& id : input.message_sys_ids) s().own_messages.insert(id);
  if (!input.error) {
    found->echo_owed = input.message_sys_ids.empty();
    found->in_doubt = false;
    // Another process may be asking after it: what that finds out is known by now.
    found->settling = false;
    found->settle_at = {};
    finish(*found, Send::Status::delivered, {});
  } else if (input.error->outcome() == Outcome::unknown) {
    found->echo_owed = true;
    found->in_doubt = true;
    finish(*found, Send::Status::unknown, input.error);
    settle(*found);
  } else {
    // That id was withdrawn: said once more, it needs another, and nothing ever came of this one.
    if (input.error->is(Errc::conflict)) {
      ++found->take;
      found->in_doubt = false;
    }
    fail(*found, input.error);
  }
  if (!found->settling) {
    settle_parked(found->text, found->echo_owed);
    if (!found->echo_owed) found->text.clear();
  }
  // The answer may be about a chat that is over, while the next one is on already.
  const bool current = found->chat_number == s().chat.number;
  if (current) account_for(input.sequence);
  if (current && input.error && input.error->is(Errc::chat_ended))
    close_chat(CloseReason::agent_ended);
  pump();
  start_ends();
}

void Turn::finish(Send& send, Send::Status status, const std::optional<Error>& error) {
  send.status = status;
  send.trace = Trace();
  send.error_id.clear();
  send.hint.clear();
  if (error) {
    send.error_id = id_of(error->errc());
    send.hint = error->hint();
  }
  changed();
  tell_receipt(send.client_message_id, status == Send::Status::delivered ? Delivery::delivered
                                       : status == Send::Status::failed  ? Delivery::failed
                                                                         : Delivery::unknown);
}

/// It was not sent now. Whether an earlier call of it came through is another question.
void Turn::fail(Send& send, const std::optional<Error>& error) {
  if (!send.in_doubt) {
    finish(send, Send::Status::failed, error);
    return send.text.clear();
  }
  send.echo_owed = true;
  finish(send, Send::Status::unknown, error);
  settle(send);
}

void Turn::fail_waiting(std::string_view error_id) {
  for (Send& send : s().sends) {
    if (send.status != Send::Status::waiting) continue;
    fail(send, {});
    send.error_id = error_id;
  }
}

void Turn::forget_old_sends() {
  // Finished sends are kept so that a repeat finds its answer; a page repeats within seconds.
  std::size_t finished = 0;
  for (const Send& send : s().sends) finished += is_finished(send) ? 1 : 0;
  // The oldest go, also those that nobody could find out about in all that time.
  for (auto it = s().sends.begin(); finished > 128 && it != s().sends.end();) {
    if (is_finished(*it)) {
      Send gone = std::move(*it);
      it = s().sends.erase(it);
      --finished;
      if (gone.settling) settle_parked(gone.text, gone.echo_owed);
    } else {
      ++it;
    }
  }
}

}  // namespace bridge::session
