// SPDX-License-Identifier: MIT
// Stand-ins for the ports of `handoff`: they record what they are asked, answer as told, and can
// hold an answer back until the test lets it go.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bridge/async/signal.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/handoff/delivery.hpp"
#include "bridge/handoff/desks.hpp"
#include "bridge/handoff/live_chat.hpp"

namespace bridge::test {

class ManualTime final : public TimeSource {
 public:
  Time now() const override { return now_; }
  void pass(Millis span) { now_ += span; }

 private:
  Time now_{Millis(1'700'000'000'000)};
};

/// Keeps every series under "<name>" or "<name>.<label value>.<label value>".
class RecordingMetrics final : public Metrics {
 public:
  Counter& counter(std::string_view name, const Labels& labels) override {
    return counters[key(name, labels)];
  }
  Gauge& gauge(std::string_view name, const Labels& labels) override {
    return gauges[key(name, labels)];
  }
  Histogram& histogram(std::string_view name, const Labels& labels) override {
    return histograms[key(name, labels)];
  }

  std::map<std::string, Counter> counters;
  std::map<std::string, Gauge> gauges;
  std::map<std::string, Histogram> histograms;

 private:
  static std::string key(std::string_view name, const Labels& labels) {
    std::string text(name);
    for (const auto& [label, value] : labels) text += "." + value;
    return text;
  }
};

/// A gate that calls wait at while it is shut.
class Gate {
 public:
  explicit Gate(const asio::any_io_executor& executor) : changed_(executor) {}
  void shut() { open_ = false; }
  void open() {
    open_ = true;
    changed_.notify();
  }
  Task<> pass() {
    while (!open_)
      (void)co_await changed_.wait(changed_.generation(), in(std::chrono::seconds(20)));
  }

 private:
  bool open_ = true;
  async::Signal changed_;
};

class FakeLiveChat final : public handoff::LiveChat {
 public:
  explicit FakeLiveChat(const asio::any_io_executor& executor)
      : opening(executor), sending(executor), reading(executor) {}

  Task<Result<handoff::OpenedChat>> open(handoff::OpenRequest request, Deadline) override {
    opens.push_back(request);
    co_await opening.pass();
    if (open_error) co_return *open_error;
    const auto held = by_key.find(request.key);
    if (held != by_key.end() && held->second.api >= 2) co_return held->second;
    handoff::OpenedChat chat;
    chat.api = api;
    const std::string n = std::to_string(++opened_);
    chat.conversation_sys_id = "conv" + n;
    chat.interaction_sys_id = "ix" + n;
    chat.interaction_number = "IMS000" + n;
    chat.opening_not_sent = opening_not_sent && !request.opening_message.empty();
    by_key[request.key] = chat;
    co_return chat;
  }
  Task<Result<std::optional<handoff::OpenedChat>>> find(std::string key, Trace trace,
                                                        Deadline) override {
    traces.push_back(std::move(trace));
    finds.push_back(key);
    if (find_error) co_return *find_error;
    const auto found = by_key.find(key);
    if (found == by_key.end()) co_return std::optional<handoff::OpenedChat>();
    co_return std::optional<handoff::OpenedChat>(found->second);
  }
  Task<Result<handoff::SentMessage>> send(handoff::SendRequest request, Deadline) override {
    sends.push_back(request.text);
    traces.push_back(request.trace);
    co_await sending.pass();
    if (send_error) co_return *send_error;
    handoff::SentMessage sent;
    sent.message_sys_ids = {"own-" + request.client_message_id};
    co_return sent;
  }
  Task<Result<std::optional<handoff::SentMessage>>> withdraw(handoff::SendRequest request,
                                                             Deadline) override {
    withdrawals.push_back(request.client_message_id);
    if (withdraw_error) co_return *withdraw_error;
    const auto found = sent_after_all.find(request.client_message_id);
    if (found == sent_after_all.end()) co_return std::optional<handoff::SentMessage>();
    co_return std::optional<handoff::SentMessage>(found->second);
  }
  Task<Result<std::vector<handoff::ChatMessages>>> messages(
      std::vector<handoff::ChatPosition> positions, Deadline) override {
    reads.push_back(positions);
    co_await reading.pass();
    if (messages_error) co_return *messages_error;
    std::vector<handoff::ChatMessages> answer;
    for (const handoff::ChatPosition& position : positions) {
      handoff::ChatMessages chat;
      chat.conversation_sys_id = position.conversation_sys_id;
      chat.newest = position.after;
      chat.found = true;
      chat.status = status;
      for (const session::AgentEvent& row : rows[position.conversation_sys_id]) {
        if (row.sequence.value_or(0) <= position.after) continue;
        chat.rows.push_back(row);
        chat.newest = *row.sequence;
      }
      answer.push_back(std::move(chat));
    }
    co_return answer;
  }
  void when_well_again(std::function<void()> callback) override { well_again = callback; }
  Task<Result<>> end(handoff::ChatRef chat, handoff::EndReason, Deadline) override {
    ends.push_back(chat.interaction_sys_id);
    traces.push_back(chat.trace);
    if (end_error) co_return *end_error;
    co_return Result<>();
  }
  Task<Result<>> touch(handoff::ChatRef chat, bool typing, Deadline) override {
    touches.push_back(typing);
    traces.push_back(chat.trace);
    if (touch_error) co_return *touch_error;
    co_return Result<>();
  }
  Task<Result<handoff::InteractionStatus>> ask(std::string, Deadline) override {
    ++asks;
    if (ask_error) co_return *ask_error;
    co_return status;
  }
  Task<Result<std::string>> name_of(std::string user, Deadline) override {
    names_asked.push_back(user);
    const auto found = names.find(user);
    if (found == names.end()) co_return std::string();
    co_return found->second;
  }
  Task<Result<std::string>> service_account(Deadline) override { co_return account; }

  int api = 2;
  bool opening_not_sent = false;  ///< the chat opens, its first message is not in it
  Gate opening;
  Gate sending;
  Gate reading;
  std::optional<Error> open_error, find_error, send_error, end_error, ask_error, touch_error,
      withdraw_error, messages_error;
  std::map<std::string, handoff::SentMessage> sent_after_all;    ///< by client_message_id
  std::map<std::string, std::vector<session::AgentEvent>> rows;  ///< by conversation
  std::function<void()> well_again;
  handoff::InteractionStatus status;
  std::map<std::string, std::string> names;
  std::string account = "service-account";
  std::map<std::string, handoff::OpenedChat> by_key;

  std::vector<handoff::OpenRequest> opens;
  std::vector<std::string> finds, sends, ends, names_asked, withdrawals;
  std::vector<std::vector<handoff::ChatPosition>> reads;
  std::vector<bool> touches;
  std::vector<Trace> traces;  ///< of finds, sends, ends and touches, in order
  int asks = 0;

 private:
  int opened_ = 0;
};

class FakeDesks final : public handoff::TicketDesk,
                        public handoff::UserDirectory,
                        public handoff::TokenBroker {
 public:
  Task<Result<handoff::Ticket>> create(handoff::TicketRequest request, Deadline) override {
    tickets.push_back(request);
    if (ticket_error) co_return *ticket_error;
    handoff::Ticket ticket;
    ticket.number = "INC0001";
    ticket.sys_id = "inc1";
    co_return ticket;
  }
  Task<Result<std::optional<std::string>>> resolve(std::string who, Trace trace,
                                                   Deadline) override {
    traces.push_back(std::move(trace));
    resolved.push_back(who);
    if (resolve_error) co_return *resolve_error;
    const auto found = users.find(who);
    if (found == users.end()) co_return std::optional<std::string>();
    co_return std::optional<std::string>(found->second);
  }
  Task<Result<handoff::DirectLineToken>> mint(std::string user, Deadline) override {
    minted.push_back(user);
    if (token_error) co_return *token_error;
    handoff::DirectLineToken token;
    token.body = R"({"token":"t0k","conversationId":"dlc1","expires_in":3600})";
    token.conversation_id = "dlc1";
    token.user_id = user;
    co_return token;
  }

  std::optional<Error> ticket_error, resolve_error, token_error;
  std::map<std::string, std::string> users;
  std::vector<handoff::TicketRequest> tickets;
  std::vector<std::string> resolved, minted;
  std::vector<Trace> traces;  ///< of look-ups
};

/// A service URL that takes everything, unless told otherwise.
class FakeDelivery final : public handoff::Delivery {
 public:
  explicit FakeDelivery(const asio::any_io_executor& executor) : posting(executor) {}

  Result<> admit(std::string_view service_url) override {
    admitted.emplace_back(service_url);
    if (admit_error) return *admit_error;
    return {};
  }
  Task<handoff::DeliveryAnswer> post(Secret service_url, std::string activity, Trace,
                                     Deadline) override {
    urls.emplace_back(service_url.reveal());
    co_await posting.pass();
    handoff::DeliveryAnswer answer;
    answer.what = handoff::Posted::delivered;
    if (!answers.empty()) {
      answer = answers.front();
      answers.pop_front();
    }
    if (answer.what == handoff::Posted::delivered) posted.push_back(std::move(activity));
    co_return answer;
  }

  std::optional<Error> admit_error;
  std::deque<handoff::DeliveryAnswer> answers;  ///< for the next posts
  Gate posting;
  std::vector<std::string> admitted, urls;
  std::vector<std::string> posted;  ///< activities that were taken
};

}  // namespace bridge::test
