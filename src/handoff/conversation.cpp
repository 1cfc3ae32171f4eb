// SPDX-License-Identifier: MIT
// What the two people say, and how the chat ends.
#include "bridge/core/random.hpp"
#include "bridge/handoff/handoff.hpp"
#include "handoff/effects.hpp"
#include "handoff/engine.hpp"

namespace bridge::handoff {

using session::AgentEvent;
using session::BridgeSession;
using session::Send;
using session::SessionId;
using session::Verdict;

namespace {

const Send* find_send(const BridgeSession& session, std::uint64_t id) {
  for (const Send& send : session.sends)
    if (send.id == id) return &send;
  return nullptr;
}

bool is_pending(const Send* send) {
  return send && (send->status == Send::Status::waiting || send->status == Send::Status::in_flight);
}

}  // namespace

Task<Result<Sent>> Handoff::user_message(SessionId id, std::string text,
                                         std::string client_message_id, Trace trace) {
  auto found = co_await engine_->entry(std::move(id));
  if (!found) co_return found.error();
  const EntryPtr entry = *found;
  session::UserMessage input;
  input.text = std::move(text);
  input.client_message_id =
      client_message_id.empty() ? "b-" + random_hex(12) : std::move(client_message_id);
  input.trace = std::move(trace);
  // A repeat of a message that is being asked about waits for that: then it is known whether there
  // is anything to repeat.
  const Deadline settled_by = in(options_.policy.send_deadline);
  auto applied = co_await engine_->apply(entry, input);
  const auto being_settled = [&] {
    if (!applied || applied->verdict != Verdict::unknown_outcome) return false;
    const Send* const send = find_send(*entry->state, applied->send_id);
    return send && session::is_being_settled(*send);
  };
  while (being_settled()) {
    const std::uint64_t seen = entry->changed.generation();
    if (!co_await entry->changed.wait(seen, settled_by)) break;
    if (!being_settled()) applied = co_await engine_->apply(entry, input);
  }
  if (!applied) co_return applied.error();

  Sent sent;
  switch (applied->verdict) {
    case Verdict::no_live_chat:
      co_return Error(Errc::wrong_state, "no live chat");
    case Verdict::session_closed:
      co_return Error(Errc::chat_ended, "session closed");
    case Verdict::other_text:
      co_return Error(Errc::conflict, "client_message_id was used for another text");
    case Verdict::too_many:
      co_return Error(Errc::rate_limited, "too many unsent messages")
          .with_retry_after(std::chrono::seconds(5));
    case Verdict::unknown_outcome:
      sent.status = Send::Status::unknown;
      co_return sent;
    default:
      break;
  }
  // The state tells the outcome; a little more than the deadline, so that its own Tick comes first.
  const Deadline deadline = in(options_.policy.send_deadline + std::chrono::seconds(1));
  while (is_pending(find_send(*entry->state, applied->send_id))) {
    const std::uint64_t seen = entry->changed.generation();
    if (!co_await entry->changed.wait(seen, deadline)) break;
  }
  const Send* send = find_send(*entry->state, applied->send_id);
  if (!send || is_pending(send)) {
    sent.status = Send::Status::unknown;
    sent.error_id = "timed_out";
    co_return sent;
  }
  sent.status = send->status;
  sent.error_id = send->error_id;
  sent.hint = send->hint;
  sent.chat_ended = send->error_id == id_of(Errc::chat_ended);
  co_return sent;
}

Task<Result<>> Handoff::user_typing(SessionId id, Trace trace) {
  auto entry = co_await engine_->entry(std::move(id));
  if (!entry) co_return entry.error();
  session::UserTyping input;
  input.trace = std::move(trace);
  auto applied = co_await engine_->apply(*entry, std::move(input));
  if (!applied) co_return applied.error();
  co_return Result<>();
}

Task<Result<>> Handoff::end(SessionId id, session::CloseReason reason, Trace trace) {
  auto found = co_await engine_->entry(std::move(id));
  if (!found) co_return found.error();
  const EntryPtr entry = *found;
  session::End input;
  input.reason = reason;
  input.trace = std::move(trace);
  auto applied = co_await engine_->apply(entry, std::move(input));
  if (!applied) co_return applied.error();
  // The end is committed and will be carried out whatever happens here; waiting for the first try
  // lets "ok" mean, as a rule, that ServiceNow has ended it.
  const Deadline deadline = in(std::chrono::seconds(10));
  const auto trying = [&] {
    for (const session::PendingEnd& end : entry->state->ends)
      if (end.in_flight || end.attempts == 0) return true;
    return false;
  };
  while (trying()) {
    const std::uint64_t seen = entry->changed.generation();
    if (!co_await entry->changed.wait(seen, deadline)) break;
  }
  co_return Result<>();
}

// ---- Webhooks --------------------------------------------------------------------------------

struct WebhookOutcome {
  explicit WebhookOutcome(const asio::any_io_executor& executor) : done(executor) {}
  std::optional<Result<Verdict>> result;
  async::Signal done;
};

Task<Result<Verdict>> Handoff::agent_event(AgentEvent event, Trace trace) {
  SessionId id;
  if (!event.interaction_sys_id.empty()) {
    auto found = co_await ports_.store.find(Index::interaction, event.interaction_sys_id);
    if (!found) co_return found.error();
    id = found->value_or("");
  }
  if (id.empty() && !event.conversation_sys_id.empty()) {
    auto found = co_await ports_.store.find(Index::conversation, event.conversation_sys_id);
    if (!found) co_return found.error();
    id = found->value_or("");
  }
  if (id.empty()) id = session::session_of_key(event.key);
  if (id.empty()) co_return Error(Errc::not_found, "session");
  auto found = co_await engine_->entry(id);
  if (!found) co_return found.error();
  const EntryPtr entry = *found;
  if (entry->webhooks.load() >= options_.max_waiting_webhooks) {
    engine_->vitals().webhooks_refused.add();
    entry->missed = true;
    co_return Error(Errc::overloaded, "too many webhooks are waiting");
  }
  // The rule never calls again: once taken, the event goes on even if its caller is told 503.
  auto outcome = std::make_shared<WebhookOutcome>(tasks_.executor());
  engine_->vitals().webhooks_waiting.add(1);
  tasks_.spawn("agent_event", take_agent_event(entry, std::move(event), std::move(trace), outcome));
  const Deadline deadline = in(options_.webhook_deadline);
  if (!outcome->result) (void)co_await outcome->done.wait(outcome->done.generation(), deadline);
  if (!outcome->result) {
    entry->missed = true;
    co_return Error(Errc::overloaded, "not committed in time");
  }
  co_return *outcome->result;
}

/// One webhook less waits, however its task ends.
class TakenUp {
 public:
  explicit TakenUp(Gauge& waiting) : waiting_(waiting) {}
  TakenUp(const TakenUp&) = delete;
  TakenUp& operator=(const TakenUp&) = delete;
  ~TakenUp() { waiting_.add(-1); }

 private:
  Gauge& waiting_;
};

Task<> Handoff::take_agent_event(EntryPtr entry, AgentEvent event, Trace trace,
                                 std::shared_ptr<WebhookOutcome> outcome) {
  const TakenUp taken(engine_->vitals().webhooks_waiting);
  const std::string ref = trace.request_id;
  const auto turn = co_await entry->webhooks.lock();
  std::string account;
  if (!event.sender_sys_id.empty()) account = co_await own_account();
  co_await complete_names(*entry->state, event, account);
  session::AgentSaid input;
  input.event = std::move(event);
  input.service_account = account;
  input.trace = std::move(trace);
  auto applied = co_await engine_->insist(entry, std::move(input));
  if (applied) {
    outcome->result = applied->verdict;
    if (std::exchange(entry->missed, false))
      (void)co_await engine_->insist(entry, session::Recheck{});  // ends only with the session
  } else {
    outcome->result = applied.error();
    ports_.logger.error(
        "webhook_not_committed",
        {{"session", entry->id}, {"reason", applied.error().to_string()}, {"ref", ref}});
  }
  outcome->done.notify();
}

Task<> Handoff::complete_names(const BridgeSession& session, AgentEvent& event,
                               const std::string& account) {
  const std::string sender = event.rep_sys_id.empty() ? event.sender_sys_id : event.rep_sys_id;
  if (!event.rep_name.empty() || event.system || sender.empty()) co_return;
  if (sender == account || sender == session.chat.user_sys_id) co_return;  // an echo needs no name
  if (sender == session.chat.rep_sys_id && !session.chat.rep_name.empty()) {
    event.rep_name = session.chat.rep_name;
    co_return;
  }
  auto name = co_await ports_.chat.name_of(sender, in(options_.lookup_deadline));
  if (name) event.rep_name = *name;
}

Task<std::string> Handoff::own_account() {
  if (!service_account_.empty() || ports_.time.now() < ask_account_again_)
    co_return service_account_;
  auto account = co_await ports_.chat.service_account(in(options_.lookup_deadline));
  if (account) {
    service_account_ = *account;
  } else {
    // Without it our own words are recognised by their ids; ask again, but not for every webhook.
    ask_account_again_ = ports_.time.now() + std::chrono::seconds(60);
    ports_.logger.warning("service_account_unknown", {{"reason", account.error().to_string()}});
  }
  co_return service_account_;
}

}  // namespace bridge::handoff
