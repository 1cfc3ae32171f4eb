// SPDX-License-Identifier: MIT
// The use cases of the bridge: open a session, escalate, relay the user's words, take the agent's,
// end, read. Channels call these after they have authenticated and validated; nothing here knows
// HTTP. Each use case is: load, decide, commit, acknowledge, act (DESIGN 3.1).
//
// One thread. Every call may be cancelled; what has been committed goes on all the same.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bridge/async/fifo_mutex.hpp"
#include "bridge/async/task_group.hpp"
#include "bridge/core/metrics.hpp"
#include "bridge/handoff/delivery.hpp"
#include "bridge/handoff/desks.hpp"
#include "bridge/handoff/live_chat.hpp"
#include "bridge/handoff/reader.hpp"
#include "bridge/handoff/session_store.hpp"
#include "bridge/session/decide.hpp"

namespace bridge::handoff {

struct Options {
  session::Policy policy;
  session::LogLimits log;
  std::chrono::milliseconds open_deadline{25'000};
  std::chrono::milliseconds lookup_deadline{1'000};   ///< rep names, our own account
  std::chrono::milliseconds webhook_deadline{5'000};  ///< then 503, while the event goes on
  std::chrono::milliseconds touch_deadline{5'000};
  std::chrono::milliseconds read_deadline{10'000};  ///< of one call that reads many chats
  /// An activity's turn waits so long for what it set going; the rest is told afterwards.
  std::chrono::milliseconds turn_deadline{8'000};
  std::chrono::milliseconds post_deadline{15'000};  ///< one activity to a service URL
  std::size_t max_sessions = 20'000;
  std::size_t max_waiting_webhooks = 256;  ///< per session
  std::string default_user_sys_id;
  bool trust_email = false;        ///< SN_TRUST_EMAIL
  bool refuse_unresolved = false;  ///< SN_UNRESOLVED_USER=refuse
};

/// What the handoff needs from outside. All must outlive it.
struct Ports {
  SessionStore& store;
  LiveChat& chat;
  TicketDesk& tickets;
  UserDirectory& users;
  TokenBroker& tokens;
  Delivery& delivery;
  TimeSource& time;
  Logger& logger;
  Metrics& metrics;
};

class NewSession {
 public:
  NewSession() = default;
  std::string user_email;
  std::string user_display_name;
  std::string token_hash;
  std::string browser_hash;
};

class EscalateRequest {
 public:
  EscalateRequest() = default;
  std::string opening_message;
  std::string user_email;  ///< replaces the session's claim if given
  std::string user_display_name;
  std::string context;
  Trace trace;
};

struct Escalated {
  session::State state = session::State::bot;
  std::string interaction_number;
  std::string interaction_sys_id;
  bool already = false;
};

/// How a user's message ended. `too_many` and the like come as errors.
struct Sent {
  session::Send::Status status = session::Send::Status::waiting;
  std::string error_id;
  std::string hint;
  bool chat_ended = false;
};

/// An inbound activity, read and authenticated.
class ActivityTurn {
 public:
  ActivityTurn() = default;
  session::ActivityAddress address;
  std::string activity_id;
  session::ActivityTaken::Says says = session::ActivityTaken::Says::nothing;
  std::string text;        ///< of a message
  std::string context;     ///< for the agent's eyes
  std::string user_email;  ///< a claim, as everywhere
  std::string user_name;
  /// The session of a page that this conversation belongs to, as a topic that knows says; or empty.
  std::string web_session;
  /// The same as the channel names its user: believed if that is whom we got a token for.
  std::string web_user;
  Deadline deadline = Deadline::max();  ///< if the answer is wanted sooner than `turn_deadline`
  bool asks_to_leave = false;           ///< a message that ends the chat, if there is one
  bool asks_for_person = false;         ///< expressly
  std::string query;  ///< what the assistant was asked, as it passed it on; opens a chat if given
  std::optional<session::NoticeEvent> remark;  ///< what to say about the activity itself
  bool carries_answer = false;                 ///< deliveryMode expectReplies or stream
  Trace trace;
};

class TicketOrder {
 public:
  TicketOrder() = default;
  std::string short_description;
  std::string description;
  std::string caller;  ///< e-mail or user name
  std::string request_id;
  Trace trace;
};

/// For work that nobody's request set going. A function, because a default argument that is made in
/// place beside a co_await is destroyed twice by g++ 12.
inline Trace untraced() { return {}; }

struct PollPage {
  session::State state = session::State::bot;
  std::string rep_name;
  std::string interaction_number;
  std::vector<std::shared_ptr<const std::string>> frames;
  std::string cursor;
  bool recovered = true;
  /// Of a reader without a cursor: to be told whether the page arrived. If not, what is in it is
  /// handed out again. Null if there is nothing in it.
  std::function<void(bool arrived)> receipt;
};

class Engine;
class Effects;

class Handoff {
 public:
  Handoff(asio::any_io_executor executor, Options options, Ports ports);
  ~Handoff();

  /// Loads what the store has kept and resumes what was under way.
  Task<Result<>> start();
  /// The program is ending: polls that wait are answered with what there is, and none waits again.
  void end_waits();
  /// Cancels timers and effects and waits for them.
  Task<> stop(Deadline deadline);

  /// Errors: overloaded when the map is full of sessions that are in use.
  Task<Result<session::SessionId>> open_session(NewSession request);
  /// A copy-free look at a session. Errors: not_found.
  Task<Result<std::shared_ptr<const session::BridgeSession>>> view(session::SessionId id);
  /// Whether any session is bound to that browser.
  Task<Result<bool>> knows_browser(std::string browser_hash);
  /// The session that a Copilot Studio tool means: its id, its Direct Line user id or conversation.
  /// Errors: not_found.
  Task<Result<session::SessionId>> resolve(std::string id_or_conversation);

  /// Returns when the chat is open or refused, or its outcome is unknown.
  /// Errors: not_found, forbidden (unresolved user is refused), or what ServiceNow said, with
  /// outcome.
  Task<Result<Escalated>> escalate(session::SessionId id, EscalateRequest request);
  /// Returns when ServiceNow took the message, refused it, or the deadline passed.
  /// Errors: not_found, wrong_state (no live chat), chat_ended (session closed), conflict (other
  /// text under that id), rate_limited (too many waiting).
  Task<Result<Sent>> user_message(session::SessionId id, std::string text,
                                  std::string client_message_id, Trace trace = untraced());
  /// Errors: not_found.
  Task<Result<>> user_typing(session::SessionId id, Trace trace = untraced());
  /// Returns once the end is committed and ServiceNow has been told, or was tried once.
  Task<Result<>> end(session::SessionId id, session::CloseReason reason, Trace trace = untraced());

  /// Ends its chat, if there is one, and erases the session with everything that was said.
  /// Succeeds when there is no such session. Errors: the store's; nothing is erased then.
  Task<Result<>> forget(session::SessionId id);

  /// Errors: not_found (no such session), overloaded (not committed in time; it goes on).
  Task<Result<session::Verdict>> agent_event(session::AgentEvent event, Trace trace = untraced());

  /// Takes an activity in, once however often it comes, and returns when what it set going has
  /// ended, or after `turn_deadline`. What is due is the result if the turn carries its answer
  /// (JSON activities; the same ones for a repeat), else it is posted to the service URL.
  /// Errors: overloaded (it was not committed in time, or too many wait); invalid_argument or
  /// forbidden for a service URL that may not be posted to, unless the turn carries its answer.
  Task<Result<std::vector<std::string>>> activity_turn(ActivityTurn turn);

  Task<Result<Ticket>> create_ticket(TicketOrder order);
  /// `session` may be empty; if not, the token's conversation is remembered for it.
  Task<Result<DirectLineToken>> mint_token(std::string user_id, session::SessionId session);

  /// With `after`: what follows it, any number of times. Without: what no such reader has had.
  /// Waits up to `wait` for something to say. Errors: not_found.
  Task<Result<PollPage>> poll(session::SessionId id, std::optional<session::Cursor> after,
                              std::chrono::milliseconds wait);
  /// Subscribes and hands over the backlog before returning; nothing falls between.
  /// Lifetime: `subscriber` must outlive the subscription. Errors: not_found.
  Task<Result<Subscription>> subscribe(session::SessionId id, std::optional<session::Cursor> after,
                                       Subscriber& subscriber);

  /// For /readyz: reasons why service is reduced; empty if it is not.
  std::vector<std::string> degraded() const;

  /// Brings the gauges up to date that are not kept on the way; before they are written out.
  void measure();

 private:
  Task<Result<>> evict_one();
  Task<Result<std::string>> user_for(const session::BridgeSession& session, Trace trace,
                                     Deadline deadline);
  std::string short_description(std::string_view from, const session::BridgeSession& who) const;
  Task<> take_turn(ActivityTurn turn, std::shared_ptr<struct TurnOutcome> outcome);
  Task<Result<>> take_activity(ActivityTurn turn, struct TurnOutcome& outcome);
  Task<> prepare_opening(const Entry& entry, const ActivityTurn& turn, Deadline deadline,
                         session::ActivityTaken& input);
  Task<Result<std::shared_ptr<Entry>>> session_of(const ActivityTurn& turn);
  Task<> wait_for_turn(struct TurnOutcome& outcome, bool carries);
  Task<> answer_turn(struct TurnOutcome& outcome);
  Task<> take_agent_event(std::shared_ptr<Entry> entry, session::AgentEvent event, Trace trace,
                          std::shared_ptr<struct WebhookOutcome> outcome);
  Task<> complete_names(const session::BridgeSession& session, session::AgentEvent& event,
                        const std::string& service_account);
  Task<std::string> own_account();

  Options options_;
  Ports ports_;
  async::TaskGroup tasks_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Effects> effects_;
  bool ending_ = false;
  /// Activities of one conversation go one after another; kept while somebody holds it.
  std::unordered_map<std::string, std::weak_ptr<async::FifoMutex>> lanes_;
  std::uint64_t last_turn_ = 0;
  std::string service_account_;
  Time ask_account_again_{};
};

}  // namespace bridge::handoff
