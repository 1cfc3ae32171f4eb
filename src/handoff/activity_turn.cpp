// SPDX-License-Identifier: MIT
// The use case behind /api/messages: an inbound activity is taken in, once, in the order of its
// conversation; then its turn waits for what it set going, and carries the answer if it may.
#include <algorithm>
#include <array>

#include "bridge/core/fingerprint.hpp"
#include "bridge/core/random.hpp"
#include "bridge/handoff/handoff.hpp"
#include "handoff/engine.hpp"
#include "handoff/telling.hpp"

namespace bridge::handoff {

using session::ActivityTaken;
using session::BridgeSession;
using session::Send;
using session::State;

namespace {

constexpr std::size_t kMaxWaitingTurns = 32;
constexpr int kAttempts = 3;
/// Between the end of a turn's wait and its answer: two commits.
constexpr std::chrono::milliseconds kToAnswer{1'000};
constexpr std::chrono::milliseconds kLeastTurn{100};

std::string activity_key(const ActivityTurn& turn) {
  if (turn.activity_id.empty()) return {};
  return session::conversation_key(turn.address) + '\n' + turn.activity_id;
}

bool speaks(const ActivityTurn& turn) {
  return turn.says == ActivityTaken::Says::message || turn.says == ActivityTaken::Says::ask;
}

bool still_pending(const BridgeSession& now, std::uint64_t send_id) {
  if (now.state == State::opening && now.open && now.open->in_flight) return true;
  for (const Send& send : now.sends)
    if (send.id == send_id)
      return send.status == Send::Status::waiting || send.status == Send::Status::in_flight;
  return false;
}

bool has_chat(const BridgeSession& now) {
  return now.state == State::opening || now.state == State::queued || now.state == State::live;
}

/// Whether the page of that session had a token made for this user, so that the channel vouches for
/// the name.
bool is_user_of(const BridgeSession& page, const session::SessionId& id) {
  return page.directline_user == id || page.directline_user == "dl_" + id;
}

/// Whether what is due is on its way to the service URL, with nothing to hold it up.
bool is_being_told(const BridgeSession& now, Time time) {
  const session::ActivitySurface& surface = *now.surface;
  return surface.told.seq < now.last_seq && !surface.waits_for_turn && surface.next_try <= time &&
         !surface.address.service_url.empty();
}

const session::AnsweredTurn* find_answer(const BridgeSession& now, const std::string& key) {
  if (!now.surface) return nullptr;
  for (const session::AnsweredTurn& turn : now.surface->turns)
    if (!key.empty() && turn.activity_key == key) return &turn;
  return nullptr;
}

}  // namespace

/// What the turn and the request that waits for it tell each other. The turn goes on by itself:
/// what it holds back for its answer must be let go also when nobody waits any more.
struct TurnOutcome {
  TurnOutcome(const asio::any_io_executor& executor, Deadline until)
      : deadline(until), done(executor) {}

  Deadline deadline;
  std::string key;
  EntryPtr entry;  ///< null: no session, and none was made
  std::shared_ptr<async::FifoMutex> lane;
  std::uint64_t turn = 0;  ///< its number, if it carries its answer
  bool repeat = false;
  std::uint64_t send_id = 0;
  bool given_up = false;  ///< nobody takes the answer any more
  std::optional<Result<std::vector<std::string>>> result;
  async::Signal done;
};

namespace {

/// Tells the turn that its request is gone, however that came about.
class Waiting {
 public:
  explicit Waiting(TurnOutcome& outcome) : outcome_(outcome) {}
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() { outcome_.given_up = true; }

 private:
  TurnOutcome& outcome_;
};

std::shared_ptr<TurnOutcome> new_outcome(const asio::any_io_executor& executor, Deadline deadline) {
  return std::make_shared<TurnOutcome>(executor, deadline);
}

}  // namespace

Task<Result<std::vector<std::string>>> Handoff::activity_turn(ActivityTurn turn) {
  const std::string conversation = session::conversation_key(turn.address);
  Secret& url = turn.address.service_url;
  if (url.empty() && !turn.carries_answer)
    co_return Error(Errc::invalid_argument, "serviceUrl must be a string");
  if (!url.empty()) {
    const auto admitted = ports_.delivery.admit(url.reveal());
    if (!admitted && !turn.carries_answer) co_return admitted.error();
    // What is said later waits for the answers of turns then.
    if (!admitted) url = Secret();
  }
  // However late it is, what has come is taken in.
  const Deadline until = std::clamp(turn.deadline, in(kLeastTurn), in(options_.turn_deadline));
  auto outcome = new_outcome(tasks_.executor(), until);
  outcome->key = activity_key(turn);
  if (turn.carries_answer) outcome->turn = ++last_turn_;
  std::erase_if(lanes_, [](const auto& lane) { return lane.second.expired(); });
  outcome->lane = lanes_[conversation].lock();
  if (!outcome->lane) {
    outcome->lane = std::make_shared<async::FifoMutex>(tasks_.executor());
    lanes_[conversation] = outcome->lane;
  }
  if (outcome->lane->load() >= kMaxWaitingTurns)
    co_return Error(Errc::overloaded, "too many activities of one conversation wait")
        .with_retry_after(std::chrono::seconds(5));
  const Waiting waiting(*outcome);
  tasks_.spawn("activity_turn", take_turn(std::move(turn), outcome));
  const Deadline deadline = outcome->deadline + kToAnswer;
  if (!outcome->result) (void)co_await outcome->done.wait(outcome->done.generation(), deadline);
  if (outcome->result) co_return std::move(*outcome->result);
  // Taken in or not: it comes again, and is known then.
  co_return Error(Errc::overloaded, "the activity was not taken in time")
      .with_retry_after(std::chrono::seconds(5));
}

Task<> Handoff::take_turn(ActivityTurn turn, std::shared_ptr<TurnOutcome> outcome) {
  const bool carries = turn.carries_answer;
  auto taken = co_await take_activity(std::move(turn), *outcome);
  if (!taken) {
    outcome->result = taken.error();
  } else if (!outcome->entry) {
    outcome->result = std::vector<std::string>();
  } else {
    co_await wait_for_turn(*outcome, carries);
    if (carries) {
      co_await answer_turn(*outcome);
    } else {
      outcome->result = std::vector<std::string>();
    }
  }
  outcome->done.notify();
}

/// The session of that conversation: the one it had before, the page's whose user this is, or a new
/// one. Null if there is none and nothing was said that needs one.
Task<Result<EntryPtr>> Handoff::session_of(const ActivityTurn& turn) {
  auto known = co_await ports_.store.find(Index::activity_conversation,
                                          session::conversation_key(turn.address));
  if (!known) co_return known.error();
  if (*known) co_return co_await engine_->entry(**known);
  const std::array<const std::string*, 2> pages{&turn.web_session, &turn.web_user};
  for (const std::string* id : pages) {
    // Only words join: what a channel says by itself must not take a chat over.
    if (id->empty() || !speaks(turn)) continue;
    auto joined = co_await engine_->entry(*id);
    if (!joined && !joined.error().is(Errc::not_found)) co_return joined.error();
    if (!joined) continue;
    const BridgeSession& page = *(*joined)->state;
    if (id == &turn.web_user && !is_user_of(page, *id)) continue;
    // What another conversation carries at this moment stays there.
    if (page.surface && !page.surface->aside && has_chat(page)) {
      ports_.logger.warning("activity_join_refused",
                            {{"session", page.id}, {"ref", turn.trace.request_id}});
      continue;
    }
    co_return *joined;
  }
  if (!speaks(turn)) co_return EntryPtr();
  NewSession request;
  request.user_email = turn.user_email;
  request.user_display_name = turn.user_name;
  auto made = co_await open_session(std::move(request));
  if (!made) co_return made.error();
  co_return co_await engine_->entry(*made);
}

/// Whom a chat would be opened for and with which words, if one is opened.
Task<> Handoff::prepare_opening(const Entry& entry, const ActivityTurn& turn, Deadline deadline,
                                session::ActivityTaken& input) {
  BridgeSession claims = *entry.state;
  if (claims.user_email.empty()) claims.user_email = turn.user_email;
  if (claims.user_display_name.empty()) claims.user_display_name = turn.user_name;
  auto user = co_await user_for(claims, turn.trace, deadline);
  if (user) {
    input.opening.user_sys_id = *user;
  } else {
    input.refused = id_of(user.error().errc());
    ports_.logger.warning("activity_user_refused", {{"session", entry.id},
                                                    {"reason", user.error().to_string()},
                                                    {"ref", turn.trace.request_id}});
  }
  input.opening.opening_message = turn.query.empty() ? turn.text : turn.query;
  input.opening.context = turn.context;
  if (!turn.query.empty() && turn.text != turn.query && !turn.text.empty())
    input.opening.context +=
        (input.opening.context.empty() ? "Said then: " : "\nSaid then: ") + turn.text;
  input.opening.short_description = short_description("Copilot Studio handoff from ", claims);
}

Task<Result<>> Handoff::take_activity(ActivityTurn turn, TurnOutcome& outcome) {
  const auto place = co_await outcome.lane->lock();
  ActivityTaken input;
  input.activity_key = outcome.key;
  input.says = turn.says;
  input.client_message_id = std::string(session::kActivityMessage) + random_hex(12);
  input.asks_for_person = turn.asks_for_person;
  input.asks_to_leave = turn.asks_to_leave;
  if (!turn.query.empty()) input.query_hash = fingerprint(turn.query);
  input.remark = turn.remark;
  input.turn = outcome.turn;
  input.opening.trace = turn.trace;
  input.text = turn.text;
  input.address = turn.address;
  for (int attempt = 1;; ++attempt) {
    auto found = co_await session_of(turn);
    if (!found) co_return found.error();
    if (!*found) co_return Result<>();
    const EntryPtr entry = *found;
    const State state = entry->state->state;
    if (speaks(turn) && (state == State::bot || state == State::closed))
      co_await prepare_opening(*entry, turn, outcome.deadline, input);
    auto applied = co_await engine_->apply(entry, input);
    const bool last = attempt == kAttempts;
    if (!applied && applied.error().is(Errc::not_found) && !last) continue;  // just forgotten
    if (!applied) co_return applied.error();
    if (applied->verdict == session::Verdict::not_prepared && !last) continue;
    if (applied->verdict == session::Verdict::not_prepared)
      co_return Error(Errc::overloaded, "the session changes too fast");
    outcome.entry = entry;
    outcome.send_id = applied->send_id;
    outcome.repeat = applied->verdict == session::Verdict::repeat;
    co_return Result<>();
  }
}

Task<> Handoff::wait_for_turn(TurnOutcome& outcome, bool carries) {
  const EntryPtr entry = outcome.entry;
  const auto waits = [&] {
    const BridgeSession& now = *entry->state;
    if (entry->forgotten || outcome.given_up || !now.surface) return false;
    // The first call of a repeated activity may still be at work.
    if (outcome.repeat && carries)
      return !find_answer(now, outcome.key) && now.surface->open_turns.size() > 1;
    if (still_pending(now, outcome.send_id)) return true;
    return carries ? now.surface->posting : is_being_told(now, ports_.time.now());
  };
  bool in_time = true;
  while (in_time && waits()) {
    const std::uint64_t seen = entry->changed.generation();
    in_time = co_await entry->changed.wait(seen, outcome.deadline);
  }
  if (in_time || !still_pending(*entry->state, outcome.send_id)) co_return;
  session::TurnWaited waited;
  (void)co_await engine_->apply(entry, waited);
}

Task<> Handoff::answer_turn(TurnOutcome& outcome) {
  const EntryPtr entry = outcome.entry;
  const auto place = co_await outcome.lane->lock();
  if (!entry->state->surface || entry->forgotten) {  // the page goes on alone
    outcome.result = std::vector<std::string>();
    co_return;
  }
  if (const session::AnsweredTurn* before = find_answer(*entry->state, outcome.key)) {
    const session::AnsweredTurn answer = *before;
    session::TurnAnswered again;
    again.turn = outcome.turn;
    (void)co_await engine_->apply(entry, std::move(again));
    if (!entry->state->surface) {
      outcome.result = std::vector<std::string>();
      co_return;
    }
    outcome.result = whole_telling(*entry, answer.from, answer.upto).activities;
    co_return;
  }
  Telling telling = whole_telling(*entry, entry->state->surface->told, entry->log.last_seq());
  session::TurnAnswered answered;
  answered.turn = outcome.turn;
  answered.tells = !outcome.given_up;
  answered.activity_key = outcome.key;
  answered.from = telling.from;
  answered.upto = telling.upto;
  auto applied = co_await engine_->apply(entry, std::move(answered));
  if (!applied) {
    outcome.result = applied.error();
    co_return;
  }
  if (applied->verdict != session::Verdict::accepted) telling.activities.clear();
  outcome.result = std::move(telling.activities);
}

}  // namespace bridge::handoff
