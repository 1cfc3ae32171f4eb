// SPDX-License-Identifier: MIT
// Any order of inputs on one session, with a stand-in for ServiceNow that answers late, wrongly,
// twice or never. Holds DESIGN 4.4: legal states, consecutive events, at most one chat open, one
// outcome for every message, everything bounded, nothing shown twice.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "bridge/session/decide.hpp"
#include "fuzz/bytes.hpp"
#include "support/decision_rules.hpp"

namespace {

using namespace bridge;
using namespace bridge::session;
using fuzz::require;

const std::string kSid(32, 'a');
const std::string kUser(32, '1');
const std::string kAgent(32, '2');
const std::string kService(32, '3');
const std::string kConsumer(32, '4');

bool is_pending(const Send& send) {
  return send.status == Send::Status::waiting || send.status == Send::Status::in_flight;
}

class House {
 public:
  House() {
    session_.id = kSid;
    session_.epoch = "e1";
    session_.version = 1;
    session_.created = session_.last_activity = now_;
  }

  void step(fuzz::Bytes& in);
  /// Answers what is under way and lets time pass until nothing is left to do.
  void come_to_rest();

 private:
  bool is_at_rest() const;
  void give(const Input& input);
  void check_states(const BridgeSession& before, const Decision& decision);
  void check_events(const BridgeSession& before, const Decision& decision);
  void check_messages() const;
  void check_chats() const;
  void take(const Effect& effect);

  void answer_open(fuzz::Bytes& in);
  void answer_send(fuzz::Bytes& in);
  void settle_send(fuzz::Bytes& in);
  void answer_end(fuzz::Bytes& in);
  void agent_says(fuzz::Bytes& in);
  void tick(std::size_t attached);
  OpenAnswered opened(const Chat& chat) const;
  void restart();
  void activity(fuzz::Bytes& in);
  void turn_answered(fuzz::Bytes& in);
  void answer_delivery(fuzz::Bytes& in);
  void check_surface(const BridgeSession& before) const;
  void over_there(const std::string& key) {
    open_there_.erase(key);
    was_there_.insert(key);
  }

  BridgeSession session_;
  Policy policy_;
  Time now_{Millis(1'700'000'000'000)};
  Time last_seen_{};
  std::vector<OpenChat> opens_;
  std::vector<SendMessage> sends_;
  std::vector<SettleSend> settles_;
  std::vector<EndChat> ends_;
  std::vector<AskInteraction> asks_;
  std::optional<Deliver> delivery_;
  int activities_ = 0;
  std::set<std::string> open_there_;       // keys of chats that ServiceNow holds open
  std::set<std::string> was_there_;        // and of those that it has ended
  std::map<std::string, int> unanswered_;  // client_message_id -> receipts owed
  std::set<std::string> in_doubt_;         // those whose last outcome was "unknown"
  std::set<std::string> shown_;            // message_sys_id of what was shown
};

void House::give(const Input& input) {
  const BridgeSession before = session_;
  Decision decision = decide(session_, input, now_, policy_);
  if (std::holds_alternative<Restarted>(input))
    require(may_be_interrupted(before) || is_being_read(before) ||
                (!decision.changed && decision.effects.empty()),
            "a restart does nothing where nothing can have been interrupted");
  check_states(before, decision);
  check_events(before, decision);
  if (decision.changed) {
    session_ = std::move(decision.next);
    ++session_.version;
  }
  for (const Effect& effect : decision.effects) take(effect);
  check_surface(before);
  test::check_bounds(session_, policy_, require);
  check_messages();
  check_chats();
}

void House::check_states(const BridgeSession& before, const Decision& decision) {
  test::check_states(before, decision, require);
  // Ended by the other side: nothing has to be ended there any more.
  if (decision.next.state == State::closed && before.state != State::closed) {
    const bool by_us =
        std::any_of(decision.next.ends.begin(), decision.next.ends.end(),
                    [&](const PendingEnd& end) { return end.chat.key == decision.next.chat.key; });
    if (!by_us && !decision.next.open) over_there(decision.next.chat.key);
  }
}

void House::check_events(const BridgeSession& before, const Decision& decision) {
  test::check_events(before, decision, now_, require);
  // A chat that is asked for again has the opening message in the log already, which owes another
  // receipt, as a new attempt of any message does.
  if (before.state != State::opening && decision.next.state == State::opening &&
      !decision.next.open->opening_message.empty()) {
    const auto said_before = unanswered_.find(decision.next.open->client_message_id);
    if (said_before != unanswered_.end()) said_before->second = 1;
  }
  for (const Event& event : decision.events) {
    if (const auto* said = std::get_if<UserMessageEvent>(&event.what)) {
      int& owed = unanswered_[said->client_message_id];
      require(owed == 0, "a message is logged once until it has an outcome");
      owed = 1;
    } else if (const auto* receipt = std::get_if<ReceiptEvent>(&event.what)) {
      int& owed = unanswered_[receipt->client_message_id];
      // What was unknown may be found out later, once.
      const bool found_out =
          in_doubt_.erase(receipt->client_message_id) == 1 && receipt->status != Delivery::unknown;
      require(owed == 1 || found_out, "a message has one outcome");
      owed = 0;
      if (receipt->status == Delivery::unknown) in_doubt_.insert(receipt->client_message_id);
    } else if (const auto* row = std::get_if<RepMessageEvent>(&event.what)) {
      require(row->message_sys_id.empty() || shown_.insert(row->message_sys_id).second,
              "a row is shown once");
    }
  }
}

void House::check_messages() const {
  for (const Send& send : session_.sends) {
    const auto owed = unanswered_.find(send.client_message_id);
    if (is_pending(send))
      require(owed != unanswered_.end() && owed->second == 1, "a pending message owes an outcome");
  }
}

void House::check_chats() const {
  const auto opening = std::count_if(opens_.begin(), opens_.end(), [&](const OpenChat& open) {
    return open.chat.number == session_.chat.number;
  });
  require(opening <= 1, "one open of a chat at a time");
  for (const std::string& key : open_there_) {
    if (key == session_.chat.key && session_.state != State::closed) continue;
    const bool ending = std::any_of(session_.ends.begin(), session_.ends.end(),
                                    [&](const PendingEnd& end) { return end.chat.key == key; });
    require(ending, "a chat that is not the current one is being ended");
  }
}

void House::take(const Effect& effect) {
  if (const auto* open = std::get_if<OpenChat>(&effect)) opens_.push_back(*open);
  if (const auto* send = std::get_if<SendMessage>(&effect)) {
    require(!send->text.empty(), "a message that is sent has a text");
    sends_.push_back(*send);
  }
  if (const auto* settle = std::get_if<SettleSend>(&effect)) {
    require(!settle->text.empty(), "a message that is asked about has a text");
    settles_.push_back(*settle);
  }
  if (const auto* end = std::get_if<EndChat>(&effect)) ends_.push_back(*end);
  if (const auto* ask = std::get_if<AskInteraction>(&effect)) asks_.push_back(*ask);
  if (const auto* deliver = std::get_if<Deliver>(&effect)) {
    require(deliver->after.seq < session_.last_seq, "there is something to post");
    delivery_ = *deliver;
  }
  require(sends_.size() <= 1, "ServiceNow is told one message at a time");
}

OpenAnswered House::opened(const Chat& chat) const {
  OpenAnswered answer;
  answer.chat_number = chat.number;
  answer.chat = chat;
  answer.chat.interaction_sys_id = "ix" + std::to_string(chat.number);
  answer.chat.conversation_sys_id = "conv" + std::to_string(chat.number);
  answer.chat.interaction_number = "IMS000" + std::to_string(chat.number);
  answer.chat.consumer_sys_id = kConsumer;
  answer.chat.api = 1 + chat.number % 2;  // the old scripts cannot be asked about a message
  return answer;
}

template <class List>
auto take_one(List& list, fuzz::Bytes& in) {
  const auto at = list.begin() + static_cast<std::ptrdiff_t>(in.below(list.size()));
  auto taken = *at;
  list.erase(at);
  return taken;
}

void House::answer_open(fuzz::Bytes& in) {
  if (opens_.empty()) return;
  const OpenChat open = take_one(opens_, in);
  OpenAnswered answer = opened(open.chat);
  switch (in.below(5)) {
    case 0:
    case 1:
      answer.chat.api = 1 + static_cast<int>(in.below(2));
      answer.opening_not_sent = in.coin() && !open.open.opening_message.empty();
      if (!answer.opening_not_sent) answer.first_message_sys_id = "open-" + open.chat.key;
      answer.first_message_sequence = static_cast<std::int64_t>(in.below(4));
      // Unless a webhook was faster, and the chat that it told of is over by now.
      if (!was_there_.contains(open.chat.key)) open_there_.insert(open.chat.key);
      break;
    case 2:
      answer.error = Error(Errc::upstream_rejected);
      break;
    case 3:
      answer.error = Error(Errc::connection_lost).with_outcome(Outcome::unknown);
      break;
    default:
      answer.error = Error(Errc::chat_ended);  // the key named a chat that is over
  }
  give(answer);
}

void House::answer_send(fuzz::Bytes& in) {
  if (sends_.empty()) return;
  const SendMessage send = take_one(sends_, in);
  SendAnswered answer;
  answer.send_id = send.send_id;
  switch (in.below(5)) {
    case 0:
      answer.message_sys_ids = {"own-" + std::to_string(send.send_id)};
      answer.sequence = static_cast<std::int64_t>(in.below(12));
      break;
    case 1:
      break;  // an old installation: no ids
    case 2:
      answer.error = Error(Errc::upstream_rejected);
      break;
    case 3:
      answer.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
      break;
    default:
      answer.error = Error(Errc::chat_ended);
  }
  give(answer);
}

void House::answer_end(fuzz::Bytes& in) {
  if (ends_.empty()) return;
  const EndChat end = take_one(ends_, in);
  EndAnswered answer;
  answer.key = end.chat.key;
  const std::size_t how = in.below(3);
  if (how == 0) answer.error = Error(Errc::unreachable);
  if (how == 1) answer.error = Error(Errc::chat_ended);
  const auto pending =
      std::find_if(session_.ends.begin(), session_.ends.end(),
                   [&](const PendingEnd& one) { return one.chat.key == end.chat.key; });
  const bool gives_up = pending != session_.ends.end() && pending->attempts >= policy_.end_attempts;
  if (how != 0 || gives_up) over_there(end.chat.key);
  give(answer);
}

void House::agent_says(fuzz::Bytes& in) {
  static const std::string kTexts[] = {"yes", "no", " yes ", "", "hello"};
  static const std::string kSenders[] = {kAgent, kUser, kService, kConsumer, ""};
  static constexpr AgentEvent::Kind kKinds[] = {AgentEvent::Kind::reply,   AgentEvent::Kind::reply,
                                                AgentEvent::Kind::claimed, AgentEvent::Kind::closed,
                                                AgentEvent::Kind::typing,  AgentEvent::Kind::other};
  AgentSaid input;
  AgentEvent& event = input.event;
  event.kind = in.one_of(kKinds);
  event.text = in.one_of(kTexts);
  event.sender_sys_id = in.one_of(kSenders);
  event.system = in.below(4) == 0;
  const std::size_t back = in.below(4) == 3 ? 1 : 0;
  const int number = std::max(0, session_.chat.number - static_cast<int>(back));
  if (in.coin()) event.interaction_sys_id = "ix" + std::to_string(number);
  if (in.coin()) event.conversation_sys_id = "conv" + std::to_string(number);
  if (in.coin()) event.key = chat_key(kSid, number);
  const std::size_t id = in.below(48);
  if (id > 0) event.message_sys_id = "row" + std::to_string(id);
  if (id == 47) event.message_sys_id = "own-" + std::to_string(in.below(16));
  if (in.coin()) event.rep_name = in.coin() ? "Alex Rep" : "Sam Rep";
  if (in.coin()) event.sequence = static_cast<std::int64_t>(in.below(16));
  if (in.coin()) event.prev_sequence = static_cast<std::int64_t>(in.below(16));
  if (in.coin()) event.last_sequence = static_cast<std::int64_t>(in.below(16));
  if (in.coin()) input.service_account = kService;
  // A webhook that names the chat proves it; ServiceNow holds it open from then on, as far as the
  // session can know.
  give(input);
}

void House::tick(std::size_t attached) {
  if (attached > 0) last_seen_ = now_;
  Tick input;
  input.presence.attached = attached;
  input.presence.last_seen = last_seen_;
  give(input);
  if (next_due(session_, input.presence, policy_, now_) > now_) return;
  require(decide(session_, input, now_, policy_).expired, "after a tick nothing is due");
}

void House::settle_send(fuzz::Bytes& in) {
  if (settles_.empty()) return;
  const SettleSend settle = take_one(settles_, in);
  SendSettled answer;
  answer.send_id = settle.send_id;
  switch (in.below(4)) {
    case 0:
      answer.sent = true;
      answer.message_sys_ids = {"own-" + std::to_string(settle.send_id)};
      answer.sequence = static_cast<std::int64_t>(in.below(12));
      break;
    case 1:
      break;  // it never will be
    case 2:
      answer.error = Error(Errc::unreachable);
      break;
    default:
      answer.error = Error(Errc::upstream_path);
  }
  give(answer);
}

void House::restart() {
  opens_.clear();
  sends_.clear();
  settles_.clear();
  ends_.clear();
  asks_.clear();
  delivery_.reset();
  Recheck first;
  first.once_more = false;
  if (may_be_interrupted(session_)) {
    give(Restarted{});
  } else {
    first.reader_gone = is_being_read(session_);
  }
  give(first);
}

void House::step(fuzz::Bytes& in) {
  static const std::string kTexts[] = {"yes", "no", "hello"};
  switch (in.below(14)) {
    case 0: {
      Escalate input;
      input.user_sys_id = kUser;
      if (in.coin()) input.opening_message = "help";
      return give(input);
    }
    case 1:
      return answer_open(in);
    case 2:
    case 3: {
      UserMessage input;
      input.text = in.one_of(kTexts);
      input.client_message_id = "c" + std::to_string(in.below(40));
      const auto before = std::find_if(
          session_.sends.begin(), session_.sends.end(),
          [&](const Send& send) { return send.client_message_id == input.client_message_id; });
      const bool again = before != session_.sends.end() && !is_pending(*before);
      // A new attempt of a message that is in the log already owes another receipt.
      if (again && decide(session_, input, now_, policy_).changed)
        unanswered_[input.client_message_id] = 1;
      return give(input);
    }
    case 4:
      return answer_send(in);
    case 5:
      return give(UserTyping());
    case 6: {
      End input;
      input.reason = in.coin() ? CloseReason::user_ended : CloseReason::abandoned;
      return give(input);
    }
    case 7:
      return answer_end(in);
    case 8:
    case 9:
      return agent_says(in);
    case 10: {
      if (asks_.empty()) return;
      const AskInteraction ask = take_one(asks_, in);
      InteractionAnswered input;
      input.chat_number = ask.chat.number;
      input.with_agent = in.coin();
      input.failed = in.below(4) == 0;
      input.over = in.below(4) == 0;
      if (in.coin()) input.agent_name = "Alex Rep";
      return give(input);
    }
    case 11:
      return tick(in.below(3));
    case 12: {
      static constexpr int kSeconds[] = {1, 3, 6, 30, 61, 700, 7200, 90000};
      now_ += std::chrono::seconds(in.one_of(kSeconds));
      return tick(in.below(2));
    }
    default:
      switch (in.below(9)) {
        case 0:
        case 1:
          return restart();
        case 2:
          return give(DirectLineBound{"dl_" + kSid, "dlc"});
        case 3:
          return give(TurnWaited());
        case 4:
          return turn_answered(in);
        case 5:
          return answer_delivery(in);
        case 6:
          return settle_send(in);
        default:
          return activity(in);
      }
  }
}

void House::activity(fuzz::Bytes& in) {
  static const std::string kTexts[] = {"yes", "no", "agent"};
  ActivityTaken input;
  input.address.channel_id = "msteams";
  input.address.conversation_id = in.below(8) == 0 ? "other" : "conversation";
  if (in.coin()) input.address.service_url = Secret("https://example.com/?s=1");
  const std::size_t id = in.below(12);
  if (id > 0) input.activity_key = "activity" + std::to_string(id);
  static constexpr ActivityTaken::Says kSays[] = {
      ActivityTaken::Says::nothing, ActivityTaken::Says::message, ActivityTaken::Says::message,
      ActivityTaken::Says::ask,     ActivityTaken::Says::typing,  ActivityTaken::Says::leave};
  input.says = in.one_of(kSays);
  input.text = in.one_of(kTexts);
  input.client_message_id = "act-" + std::to_string(++activities_);
  input.asks_for_person = input.text == "agent";
  if (in.coin()) input.turn = 1 + in.below(4);
  input.query_hash = in.below(3);
  if (in.below(4) == 0) input.remark = NoticeEvent{Notice::no_files, {}};
  if (in.below(8) == 0) input.refused = "forbidden";
  if (in.below(8) != 0) input.opening.user_sys_id = kUser;
  if (in.coin()) input.opening.opening_message = input.text;
  give(input);
}

void House::turn_answered(fuzz::Bytes& in) {
  if (!session_.surface) return;
  TurnAnswered input;
  input.turn = 1 + in.below(4);
  input.tells = in.coin();
  input.from = session_.surface->told;
  if (in.below(4) == 0 && input.from.seq > 0) --input.from.seq;
  input.upto = input.from;
  input.upto.seq += in.below(session_.last_seq - std::min(session_.last_seq, input.from.seq) + 1);
  give(input);
}

void House::answer_delivery(fuzz::Bytes& in) {
  if (!delivery_) return;
  const Deliver delivery = *delivery_;
  delivery_.reset();
  DeliveryAnswered answer;
  answer.outcome = static_cast<Delivered>(in.below(4));
  answer.post = delivery.post;
  answer.generation = delivery.generation + in.below(2);
  answer.told = delivery.after;
  answer.of_notice = in.coin();
  if (answer.outcome == Delivered::yes) {
    answer.told.seq += 1 + in.below(session_.last_seq - delivery.after.seq);
  } else {
    answer.told.parts += static_cast<int>(in.below(3));
  }
  if (in.coin()) answer.retry_after = std::chrono::seconds(in.below(120));
  give(answer);
}

/// What is due is on its way, unless something that ends speaks against it.
void House::check_surface(const BridgeSession& before) const {
  if (!session_.surface) return;
  const ActivitySurface& now = *session_.surface;
  require(now.told.seq <= session_.last_seq, "only what happened is told");
  require(!before.surface || before.surface->told.seq <= now.told.seq, "nothing is told twice");
  require(!now.posting || delivery_.has_value(), "an event that is on its way is being posted");
  require(now.turns.size() <= 8, "answered turns are bounded");
  const bool due = now.told.seq < session_.last_seq && !now.address.service_url.empty();
  const bool held = now.waits_for_turn || now.next_try > now_ ||
                    (!now.open_turns.empty() && now_ < now.open_until);
  require(!due || held || now.posting, "what is due is told");
}

bool House::is_at_rest() const {
  const bool idle = session_.state == State::bot || session_.state == State::closed;
  return idle && session_.ends.empty() && session_.held.empty() && !session_.close &&
         opens_.empty() && settles_.empty() &&
         std::none_of(session_.sends.begin(), session_.sends.end(), is_pending);
}

void House::come_to_rest() {
  // Who is told elsewhere may stay for ever; here they leave.
  if (session_.surface) give(End{CloseReason::user_ended, {}});
  for (int round = 0; round < 40 && !is_at_rest(); ++round) {
    while (!opens_.empty()) {
      const OpenChat open = opens_.back();
      opens_.pop_back();
      OpenAnswered answer = opened(open.chat);
      answer.error = Error(Errc::upstream_rejected);
      give(answer);
    }
    while (!sends_.empty()) {
      SendAnswered answer;
      answer.send_id = sends_.back().send_id;
      sends_.pop_back();
      answer.error = Error(Errc::timed_out).with_outcome(Outcome::unknown);
      give(answer);
    }
    while (!settles_.empty()) {
      SendSettled answer;
      answer.send_id = settles_.back().send_id;
      settles_.pop_back();
      give(answer);
    }
    while (!ends_.empty()) {
      EndAnswered answer;
      answer.key = ends_.back().chat.key;
      ends_.pop_back();
      over_there(answer.key);
      give(answer);
    }
    now_ += std::chrono::seconds(1000);
    tick(0);
  }
  for (const auto& [id, owed] : unanswered_) require(owed == 0, "every message has an outcome");
  require(session_.ends.empty(), "every end is carried out");
  require(session_.held.empty() && !session_.close, "nothing is held back");
  require(session_.state == State::bot || session_.state == State::closed,
          "a session that is left alone comes to rest");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Bytes in(data, size);
  House house;
  for (int steps = 0; steps < 100 && !in.empty(); ++steps) house.step(in);
  house.come_to_rest();
  return 0;
}
