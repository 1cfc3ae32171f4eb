// SPDX-License-Identifier: MIT
#include "handoff/effects.hpp"

namespace bridge::handoff {
namespace {

ChatRef ref_of(const session::Chat& chat, const Trace& trace) {
  ChatRef ref;
  ref.conversation_sys_id = chat.conversation_sys_id;
  ref.interaction_sys_id = chat.interaction_sys_id;
  ref.user_sys_id = chat.user_sys_id;
  ref.api = chat.api;
  ref.trace = trace;
  return ref;
}

session::OpenAnswered answer_of(const session::Chat& asked, const OpenedChat& opened) {
  session::OpenAnswered answer;
  answer.chat_number = asked.number;
  answer.chat = asked;
  answer.chat.api = opened.api;
  answer.chat.conversation_sys_id = opened.conversation_sys_id;
  answer.chat.interaction_sys_id = opened.interaction_sys_id;
  answer.chat.interaction_number = opened.interaction_number;
  answer.chat.consumer_sys_id = opened.consumer_sys_id;
  answer.first_message_sys_id = opened.first_message_sys_id;
  answer.first_message_sequence = opened.first_message_sequence;
  answer.opening_not_sent = opened.opening_not_sent;
  return answer;
}

}  // namespace

void Effects::start(const EntryPtr& entry, const session::Effect& effect) {
  std::visit([&](const auto& what) { run(entry, what); }, effect);
}

void Effects::run(const EntryPtr& entry, const session::OpenChat& effect) {
  tasks_.spawn("open_chat", open(entry, effect));
}
void Effects::run(const EntryPtr& entry, const session::SendMessage& effect) {
  tasks_.spawn("send_message", send(entry, effect));
}
void Effects::run(const EntryPtr& entry, const session::SettleSend& effect) {
  tasks_.spawn("settle_message", settle(entry, effect));
}
void Effects::run(const EntryPtr& entry, const session::Reconcile& effect) {
  reconciler_.want(entry, effect);
}
void Effects::run(const EntryPtr& entry, const session::EndChat& effect) {
  tasks_.spawn("end_chat", end(entry, effect));
}
void Effects::run(const EntryPtr& entry, const session::TouchChat& effect) {
  tasks_.spawn("touch_chat", touch(entry, effect));
}
void Effects::run(const EntryPtr& entry, const session::AskInteraction& effect) {
  tasks_.spawn("ask_interaction", ask(entry, effect));
}
void Effects::run(const EntryPtr& entry, const session::Deliver& effect) {
  tasks_.spawn("deliver", deliver(entry, effect));
}
void Effects::run(const EntryPtr& entry, const session::ShowTyping& effect) {
  tell_typing(entry);
  engine_->show(*entry,
                std::make_shared<const std::string>(session::render_typing(effect.rep_name)));
}
void Effects::run(const EntryPtr&, const session::Count& effect) {
  engine_->vitals().count(effect.what);
}

Task<> Effects::report(EntryPtr entry, session::Input input) {
  // Until it is committed the session waits for this outcome, so giving up early would be for ever.
  (void)co_await engine_->insist(std::move(entry), std::move(input));
}

Task<> Effects::open(EntryPtr entry, session::OpenChat effect) {
  const Deadline deadline = in(options_.open_deadline);
  session::OpenAnswered answer;
  answer.chat_number = effect.chat.number;
  if (effect.ask_first) {
    auto found = co_await ports_.chat.find(effect.chat.key, effect.open.trace, deadline);
    if (!found) {
      // Not knowing is no reason to open a second chat.
      answer.error = found.error().with_outcome(Outcome::unknown);
      co_return co_await report(entry, std::move(answer));
    }
    // Our script may have been cut off before it had routed the chat; asked again with the same
    // key it completes what is missing. The old one would open another chat.
    if (*found && (*found)->api < 2) {
      answer = answer_of(effect.chat, **found);
      answer.opening_unknown = true;
      co_return co_await report(entry, std::move(answer));
    }
  }
  OpenRequest request;
  request.key = effect.chat.key;
  request.user_sys_id = effect.chat.user_sys_id;
  request.opening_message = effect.open.opening_message;
  request.short_description = effect.open.short_description;
  request.context = effect.open.context;
  request.trace = effect.open.trace;
  auto opened = co_await ports_.chat.open(std::move(request), deadline);
  if (opened) {
    answer = answer_of(effect.chat, *opened);
  } else {
    answer.error = opened.error();
    ports_.logger.warning("open_chat_failed",
                          {{"session", entry->id},
                           {"reason", opened.error().to_string()},
                           {"unknown", opened.error().outcome() == Outcome::unknown},
                           {"ref", effect.open.trace.request_id}});
  }
  co_await report(entry, std::move(answer));
}

Task<> Effects::send(EntryPtr entry, session::SendMessage effect) {
  SendRequest request;
  request.chat = ref_of(effect.chat, effect.trace);
  request.trace = effect.trace;
  request.text = std::move(effect.text);
  request.client_message_id = effect.client_message_id;
  const auto left = std::max(effect.deadline - ports_.time.now(), Millis(0));
  auto sent = co_await ports_.chat.send(std::move(request), in(left));
  session::SendAnswered answer;
  answer.send_id = effect.send_id;
  if (sent) {
    answer.message_sys_ids = sent->message_sys_ids;
    answer.sequence = sent->sequence;
  } else {
    answer.error = sent.error();
    ports_.logger.warning("send_message_failed",
                          {{"session", entry->id},
                           {"reason", sent.error().to_string()},
                           {"unknown", sent.error().outcome() == Outcome::unknown},
                           {"ref", effect.trace.request_id}});
  }
  co_await report(entry, std::move(answer));
}

Task<> Effects::settle(EntryPtr entry, session::SettleSend effect) {
  SendRequest request;
  request.chat = ref_of(effect.chat, untraced());
  request.text = std::move(effect.text);
  request.client_message_id = std::move(effect.client_message_id);
  auto found = co_await ports_.chat.withdraw(std::move(request), in(options_.open_deadline));
  session::SendSettled answer;
  answer.send_id = effect.send_id;
  if (!found) {
    answer.error = found.error();
    ports_.logger.warning("settle_message_failed",
                          {{"session", entry->id}, {"reason", found.error().to_string()}});
  } else if (*found) {
    answer.sent = true;
    answer.message_sys_ids = (*found)->message_sys_ids;
    answer.sequence = (*found)->sequence;
  }
  co_await report(entry, std::move(answer));
}

Task<> Effects::end(EntryPtr entry, session::EndChat effect) {
  const EndReason reason = effect.reason == session::CloseReason::abandoned ? EndReason::abandoned
                                                                            : EndReason::user_ended;
  const Deadline deadline = in(options_.open_deadline);
  session::EndAnswered answer;
  answer.key = effect.chat.key;
  ChatRef chat = ref_of(effect.chat, effect.trace);
  auto known = co_await look_up(chat, effect.chat.key, deadline);
  auto ended = known;
  if (known) ended = co_await ports_.chat.end(std::move(chat), reason, deadline);
  if (!ended) {
    answer.error = ended.error();
    ports_.logger.warning("end_chat_failed", {{"session", entry->id},
                                              {"reason", ended.error().to_string()},
                                              {"ref", effect.trace.request_id}});
  }
  co_await report(entry, std::move(answer));
}

/// Completes the ids of a chat of which only the key is known. Errors: not_found, which is no
/// proof: an open that nobody heard of again may still be at work.
Task<Result<>> Effects::look_up(ChatRef& chat, std::string key, Deadline deadline) {
  if (!chat.interaction_sys_id.empty()) co_return Result<>();
  auto found = co_await ports_.chat.find(std::move(key), chat.trace, deadline);
  if (!found) co_return found.error();
  if (!*found) co_return Error(Errc::not_found, "chat");
  chat.conversation_sys_id = (*found)->conversation_sys_id;
  chat.interaction_sys_id = (*found)->interaction_sys_id;
  chat.api = (*found)->api;
  co_return Result<>();
}

Task<> Effects::touch(EntryPtr entry, session::TouchChat effect) {
  ChatRef chat = ref_of(effect.chat, effect.trace);
  const auto touched =
      co_await ports_.chat.touch(std::move(chat), effect.typing, in(options_.touch_deadline));
  if (!touched && touched.error().is(Errc::chat_ended)) {
    session::InteractionAnswered answer;
    answer.chat_number = effect.chat.number;
    answer.over = true;
    co_return co_await report(entry, std::move(answer));
  }
  // Nobody waits for it and the next one comes within a minute.
  if (!touched)
    ports_.logger.debug("touch_failed", {{"session", entry->id},
                                         {"reason", touched.error().to_string()},
                                         {"ref", effect.trace.request_id}});
}

Task<> Effects::ask(EntryPtr entry, session::AskInteraction effect) {
  auto status =
      co_await ports_.chat.ask(effect.chat.interaction_sys_id, in(options_.touch_deadline));
  session::InteractionAnswered answer;
  answer.chat_number = effect.chat.number;
  if (status) {
    answer.with_agent = status->with_agent;
    answer.over = status->over;
    answer.agent_name = status->agent_name;
    if (status->with_agent) answer.agent_sys_id = status->assigned_to;
  } else {
    answer.failed = true;
  }
  co_await report(entry, std::move(answer));
}

}  // namespace bridge::handoff
