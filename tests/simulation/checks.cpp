// SPDX-License-Identifier: MIT
#include "simulation/checks.hpp"

#include <algorithm>

#include "simulation/names.hpp"
#include "support/decision_rules.hpp"

namespace bridge::simulation {

using session::BridgeSession;
using session::Decision;
using session::Delivery;
using session::Event;
using session::LoggedEventPtr;
using session::Send;
using session::State;

namespace {
constexpr auto kRequire = [](bool holds, const char* invariant) { require(holds, invariant); };

bool still_pending(const Send& send) {
  return send.status == Send::Status::waiting || send.status == Send::Status::in_flight;
}
}  // namespace

void check_decision(const BridgeSession& before, const Decision& decision, Time now,
                    const session::Policy& policy) {
  test::check_states(before, decision, kRequire);
  test::check_events(before, decision, now, kRequire);
  test::check_bounds(decision.next, policy, kRequire);
}

void draw(Reader& reader, const Event& event, const session::EventLog& stored) {
  require(event.seq == reader.drawn.size() + 1, "a page draws one event after the other",
          reader.name + " " + describe(event));
  const LoggedEventPtr kept = stored.find(event.seq);
  require(kept && kept->event == event, "what a page draws is in the store", describe(event));
  reader.drawn.push_back(event);
}

void Ledger::on_commit(const BridgeSession& before, const BridgeSession& after,
                       const std::vector<LoggedEventPtr>& events) {
  require(after.version == before.version + 1, "versions go up by one");
  require(after.epoch == before.epoch && after.id == before.id, "a session stays itself");
  if (after.state == State::queued || after.state == State::live)
    chats_.insert(after.chat.interaction_sys_id);
  // A new send is a new attempt, and so is a new open for its opening message, which is said once
  // however often the user has to ask.
  if (before.state != State::opening && after.state == State::opening)
    ++attempts_[after.open->client_message_id];
  for (const Send& send : after.sends)
    if (send.id >= before.next_send_id && !send.client_message_id.starts_with("open-"))
      ++attempts_[send.client_message_id];
  std::uint64_t seq = before.last_seq;
  for (const LoggedEventPtr& logged : events) {
    const Event& event = logged->event;
    require(event.seq == ++seq, "events in the store are consecutive");
    if (const auto* said = std::get_if<session::UserMessageEvent>(&event.what)) {
      messages_[said->client_message_id].seq = event.seq;
    } else if (const auto* receipt = std::get_if<session::ReceiptEvent>(&event.what)) {
      Message& message = messages_[receipt->client_message_id];
      const auto had = [&](Delivery status) {
        return !message.receipts.empty() && message.receipts.back() == status;
      };
      require(!had(Delivery::delivered), "nothing follows `delivered`", describe(event));
      message.receipts.push_back(receipt->status);
      const auto finals = std::count_if(message.receipts.begin(), message.receipts.end(),
                                        [](Delivery one) { return one != Delivery::unknown; });
      require(finals <= attempts_[receipt->client_message_id],
              "one outcome for each attempt of a message", describe(event));
    } else if (const auto* row = std::get_if<session::RepMessageEvent>(&event.what)) {
      require(row->message_sys_id.empty() || shown_.insert(row->message_sys_id).second,
              "a row is shown once", describe(event));
    }
  }
  require(after.last_seq == seq, "last_seq is the last event's");
}

void Ledger::told(const std::string& id, Send::Status status, const session::EventLog& stored) {
  if (status != Send::Status::delivered && status != Send::Status::failed) return;
  const Delivery wanted =
      status == Send::Status::delivered ? Delivery::delivered : Delivery::failed;
  for (std::uint64_t seq = stored.first_seq(); seq <= stored.last_seq(); ++seq) {
    const auto* receipt = std::get_if<session::ReceiptEvent>(&stored.find(seq)->event.what);
    if (receipt && receipt->client_message_id == id && receipt->status == wanted) return;
  }
  throw Broken("what a caller is told of a message is in the store: " + id);
}

void Ledger::acknowledged(const session::AgentEvent& event, const BridgeSession& stored) {
  // Our own words coming back need not be remembered.
  if (event.message_sys_id.empty() || event.sender_sys_id == kUser) return;
  require(stored.seen_messages.contains(event.message_sys_id) ||
              stored.own_messages.contains(event.message_sys_id),
          "a webhook that is answered is in the store", describe(event));
  acknowledged_.insert(event.message_sys_id);
}

bool Ledger::is_expected(const Conversation& chat, const Row& row) const {
  if (row.by != Row::By::agent && row.by != Row::By::system) return false;
  if (acknowledged_.contains(row.sys_id)) return true;
  // A chat that the user left before it was known may have had words that nobody waits for.
  return trouble_.api >= 2 && chats_.contains(chat.interaction_sys_id);
}

/// Each public row of an agent is shown once, and in its place unless something before it was given
/// up, which its `late` then says.
void Ledger::check_agents_rows(const session::EventLog& log) const {
  struct Shown {
    std::int64_t sequence;
    bool late;
  };
  for (const Conversation& chat : service_now_.conversations()) {
    std::map<std::string, const Row*> rows;
    for (const Row& row : chat.rows) rows.emplace(row.sys_id, &row);
    std::vector<Shown> shown;
    for (std::uint64_t seq = log.first_seq(); seq <= log.last_seq(); ++seq) {
      const auto* event = std::get_if<session::RepMessageEvent>(&log.find(seq)->event.what);
      const auto found = event ? rows.find(event->message_sys_id) : rows.end();
      if (found == rows.end()) continue;
      const Row& row = *found->second;
      require(row.by != Row::By::user, "the user's own words do not come back",
              describe(log.find(seq)->event));
      require(row.by != Row::By::note, "agents' notes stay among themselves");
      require(event->text == row.text, "words are shown as they were said");
      if (trouble_.api >= 2)
        for (const Shown& earlier : shown)
          require(earlier.sequence < row.sequence || event->late ||
                      std::any_of(shown.begin(), shown.end(),
                                  [&](const Shown& one) {
                                    return one.late && one.sequence > row.sequence;
                                  }),
                  "rows are shown in order", describe(log.find(seq)->event));
      shown.push_back({row.sequence, event->late});
    }
    for (const Row& row : chat.rows)
      if (is_expected(chat, row))
        require(shown_.contains(row.sys_id), "every row of an agent is shown",
                chat.key + " row " + row.sys_id + " '" + row.text + "'");
  }
}

/// Said anew after it was withdrawn, a message has another id there; an opening in other words has
/// one of its own from the beginning.
std::string Ledger::message_of(const Row& row) const {
  if (messages_.contains(row.said_as)) return row.said_as;
  return row.said_as.substr(0, row.said_as.find('~'));
}

void Ledger::check_users_rows(const BridgeSession& session) const {
  // An open of which nobody knows waits for the user to ask again (DESIGN 4.4), and its message.
  const std::string pending_opening = session.open ? session.open->client_message_id : "";
  std::map<std::string, int> in_pane;
  for (const Conversation& chat : service_now_.conversations()) {
    std::set<std::string> here;
    for (const Row& row : chat.rows) {
      if (row.by != Row::By::user) continue;
      ++in_pane[message_of(row)];
      require(here.insert(message_of(row)).second || trouble_.api < 2,
              "no message is in one chat twice", message_of(row));
    }
  }
  for (const auto& [id, message] : messages_) {
    const auto found = in_pane.find(id);
    const int times = found == in_pane.end() ? 0 : found->second;
    const bool opening = id.starts_with("open-");
    const std::string what = id + " is there " + std::to_string(times) + " times";
    if (id == pending_opening && message.receipts.empty()) continue;
    require(!message.receipts.empty(), "every message has an outcome", what);
    const Delivery last = message.receipts.back();
    require(last != Delivery::unknown || trouble_.api < 2 || opening,
            "our scripts tell what became of a message", what);
    // An opening is said again where the chat that it opened was over before anybody knew of it.
    if (trouble_.api >= 2 && !opening) require(times <= 1, "no message is there twice", what);
    if (last == Delivery::delivered) {
      // With the old scripts nobody can say whether an attempt that ended unknown came through as
      // well, and one that opened a chat may open another one late.
      const bool sure = !opening && (trouble_.api >= 2 || attempts_.at(id) == 1);
      require(sure ? times == 1 : times >= 1, "a delivered message is there", what);
    }
    if (last == Delivery::failed) {
      const bool doubtful = trouble_.api < 2 && message.receipts.size() > 1;
      require(times == 0 || doubtful, "a failed message is not there", what);
    }
  }
}

/// Those whose outcome was certain at the first attempt stand as they were said.
void Ledger::check_order_of_users_rows() const {
  for (const Conversation& chat : service_now_.conversations()) {
    std::uint64_t last = 0;
    for (const Row& row : chat.rows) {
      const auto message = messages_.find(message_of(row));
      if (row.by != Row::By::user || message == messages_.end()) continue;
      if (message->second.receipts != std::vector{Delivery::delivered}) continue;
      require(message->second.seq > last, "the user's words are in order", row.said_as);
      last = message->second.seq;
    }
  }
}

void Ledger::check_agreement(const BridgeSession& session) const {
  for (const Conversation& chat : service_now_.conversations()) {
    if (chat.over || trouble_.api < 2) continue;
    // Whether there is a chat is asked when the user asks for one again (DESIGN 4.4).
    if (session.state == State::opening && chat.key == session.chat.key) continue;
    require((session.state == State::queued || session.state == State::live) &&
                chat.interaction_sys_id == session.chat.interaction_sys_id,
            "a chat that is open there is the session's", chat.key);
  }
  if (session.state != State::queued && session.state != State::live) return;
  for (const Conversation& chat : service_now_.conversations())
    if (chat.interaction_sys_id == session.chat.interaction_sys_id && trouble_.api >= 2)
      require(!chat.over && (chat.agent.empty() || session.state == State::live),
              "the chat stands here as it stands there", chat.key);
}

void Ledger::at_rest(const BridgeSession& session, const session::EventLog& log) const {
  require(std::none_of(session.sends.begin(), session.sends.end(), still_pending),
          "no message is on its way for ever");
  require(std::none_of(session.sends.begin(), session.sends.end(),
                       [](const Send& send) { return send.settling; }),
          "no message is asked about for ever");
  require(!session.reconciling.in_flight && session.owed_reads.empty(),
          "a chat is read to its end");
  require(session.ends.empty(), "every end is carried out");
  require(session.held.empty() && !session.close && session.parked.empty(),
          "nothing is held back for ever");
  require(!session.asking_interaction, "no question stays open");
  require(session.state != State::opening || !session.open->in_flight, "an open ends");
  check_users_rows(session);
  check_order_of_users_rows();
  check_agents_rows(log);
  check_agreement(session);
}

void Ledger::at_end(const BridgeSession& session) const {
  require(session.state == State::closed || session.state == State::bot, "a chat ends");
  require(session.ends.empty(), "every end is carried out");
  require(!session.open, "no open is left");
  for (const Conversation& chat : service_now_.conversations())
    require(chat.over || trouble_.api < 2, "no chat is left open in ServiceNow", chat.key);
}

}  // namespace bridge::simulation
