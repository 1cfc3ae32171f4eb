// SPDX-License-Identifier: MIT
// Sessions and escalations.
#include "bridge/handoff/handoff.hpp"

#include "bridge/core/random.hpp"
#include "handoff/effects.hpp"
#include "handoff/engine.hpp"

namespace bridge::handoff {

using session::BridgeSession;
using session::SessionId;
using session::State;

namespace {

/// At most 160 characters (incident.short_description), cut between characters.
std::string shortened(const std::string& text) {
  constexpr std::size_t kLimit = 160;
  std::size_t characters = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xC0) != 0x80;
    if (starts && ++characters > kLimit) return text.substr(0, at);
  }
  return text;
}

}  // namespace

Handoff::Handoff(asio::any_io_executor executor, Options options, Ports ports)
    : options_(std::move(options)), ports_(ports), tasks_(executor, ports.logger) {
  effects_ = std::make_unique<Effects>(tasks_, options_, ports_);
  engine_ = std::make_unique<Engine>(tasks_, options_, ports_,
                                     [this](const EntryPtr& entry, const session::Effect& effect) {
                                       effects_->start(entry, effect);
                                     });
  effects_->use(*engine_, [this] { return own_account(); });
}

Handoff::~Handoff() = default;

Task<> Handoff::stop(Deadline deadline) {
  tasks_.cancel();
  (void)co_await tasks_.wait(deadline);
}

/// Chats are never sacrificed; sessions that only ever talked to the assistant are, then those
/// whose chat is over, as long as nothing remains to be done for them.
Task<Result<>> Handoff::evict_one() {
  constexpr std::size_t kCandidates = 16;
  for (const State state : {State::bot, State::closed}) {
    auto idle = co_await ports_.store.oldest(state, kCandidates);
    if (!idle) co_return idle.error();
    for (const SessionId& id : *idle) {
      auto entry = co_await engine_->entry(id);
      if (!entry) continue;
      const BridgeSession& session = *(*entry)->state;
      const bool busy = session::has_unfinished_work(session) || (*entry)->presence.attached > 0;
      if (session.state == State::closed && busy) continue;
      const session::SurfacePtr& told = session.surface;
      if (told && (told->told.seq < session.last_seq || !told->open_turns.empty())) continue;
      auto forgotten = co_await engine_->forget(*entry);
      if (!forgotten) co_return forgotten;
      engine_->vitals().sessions_evicted.add();
      co_return Result<>();
    }
  }
  co_return Error(Errc::overloaded, "all sessions are in use");
}

Task<Result<SessionId>> Handoff::open_session(NewSession request) {
  auto count = co_await ports_.store.count();
  if (!count) co_return count.error();
  if (*count >= options_.max_sessions) {
    // Chats are never sacrificed; sessions that only ever talked to the assistant are.
    auto evicted = co_await evict_one();
    if (!evicted) co_return evicted.error();
  }
  BridgeSession session;
  session.id = random_hex(16);
  session.epoch = random_hex(4);
  session.created = session.last_activity = ports_.time.now();
  session.user_email = std::move(request.user_email);
  session.user_display_name = std::move(request.user_display_name);
  session.token_hash = std::move(request.token_hash);
  session.browser_hash = std::move(request.browser_hash);
  auto entry = co_await engine_->create(std::move(session));
  if (!entry) co_return entry.error();
  engine_->vitals().sessions_opened.add();
  co_return (*entry)->id;
}

Task<Result<std::shared_ptr<const BridgeSession>>> Handoff::view(SessionId id) {
  auto entry = co_await engine_->entry(std::move(id));
  if (!entry) co_return entry.error();
  co_return (*entry)->state;
}

Task<Result<bool>> Handoff::knows_browser(std::string browser_hash) {
  auto found = co_await ports_.store.find(Index::browser, std::move(browser_hash));
  if (!found) co_return found.error();
  co_return found->has_value();
}

Task<Result<SessionId>> Handoff::resolve(std::string id) {
  // Direct Line wants user ids of its own form; some senders put its prefix before ours.
  const std::string plain = id.starts_with("dl_") ? id.substr(3) : id;
  if (is_hex(plain, 32)) {
    auto entry = co_await engine_->entry(plain);
    if (entry) co_return plain;
    if (!entry.error().is(Errc::not_found)) co_return entry.error();
  }
  auto found = co_await ports_.store.find(Index::directline_conversation, id);
  if (!found) co_return found.error();
  if (!*found) co_return Error(Errc::not_found, "session");
  co_return **found;
}

Task<Result<std::string>> Handoff::user_for(const BridgeSession& session, Trace trace,
                                            Deadline deadline) {
  if (!options_.trust_email || session.user_email.empty()) co_return options_.default_user_sys_id;
  auto resolved = co_await ports_.users.resolve(session.user_email, std::move(trace), deadline);
  if (resolved && *resolved) co_return **resolved;
  if (!resolved && !resolved.error().is(Errc::invalid_argument)) co_return resolved.error();
  engine_->vitals().users_unresolved.add();
  ports_.logger.warning("user_unresolved",
                        {{"session", session.id}, {"refused", options_.refuse_unresolved}});
  if (options_.refuse_unresolved)
    co_return Error(Errc::forbidden, "the user is not known to ServiceNow")
        .with_hint("Exactly one active sys_user must have this e-mail or user name.");
  co_return options_.default_user_sys_id;
}

std::string Handoff::short_description(std::string_view from, const BridgeSession& claims) const {
  const std::string& who =
      claims.user_display_name.empty() ? claims.user_email : claims.user_display_name;
  std::string text(from);
  text += who.empty() ? "guest" : who;
  if (!claims.user_display_name.empty() && !claims.user_email.empty())
    text += " <" + claims.user_email + ">";
  if (!who.empty() && !options_.trust_email) text += " (name as given, not verified)";
  return text;
}

Task<Result<Escalated>> Handoff::escalate(SessionId id, EscalateRequest request) {
  auto found = co_await engine_->entry(std::move(id));
  if (!found) co_return found.error();
  const EntryPtr entry = *found;

  Escalated result;
  const bool in_chat = entry->state->state == State::queued || entry->state->state == State::live;
  if (!in_chat) {
    BridgeSession claims = *entry->state;
    if (!request.user_email.empty()) claims.user_email = request.user_email;
    if (!request.user_display_name.empty()) claims.user_display_name = request.user_display_name;
    auto user = co_await user_for(claims, request.trace, in(options_.open_deadline));
    if (!user) co_return user.error();
    session::Escalate input;
    input.user_sys_id = *user;
    input.opening_message = std::move(request.opening_message);
    input.context = std::move(request.context);
    input.trace = std::move(request.trace);
    input.short_description = short_description("Web chat handoff from ", claims);
    auto applied = co_await engine_->apply(entry, std::move(input));
    if (!applied) co_return applied.error();
    result.already = applied->verdict == session::Verdict::already;
  } else {
    result.already = true;
  }

  // Whoever asks while the chat is being opened shares its outcome.
  const Deadline deadline = in(options_.open_deadline + std::chrono::seconds(1));
  const auto pending = [&] {
    return entry->state->state == State::opening && entry->state->open &&
           entry->state->open->in_flight;
  };
  while (pending()) {
    const std::uint64_t seen = entry->changed.generation();
    if (!co_await entry->changed.wait(seen, deadline)) break;
  }
  const BridgeSession& now = *entry->state;
  result.state = now.state;
  result.interaction_number = now.chat.interaction_number;
  result.interaction_sys_id = now.chat.interaction_sys_id;
  if (now.state == State::queued || now.state == State::live) co_return result;
  if (now.state == State::closed && !now.chat.interaction_sys_id.empty()) co_return result;
  const bool unknown = now.state == State::opening || now.open_trouble.unknown;
  co_return Error(Errc::upstream_failed, now.open_trouble.error_id)
      .with_hint(now.open_trouble.hint)
      .with_outcome(unknown ? Outcome::unknown : Outcome::failed);
}

Task<Result<>> Handoff::forget(SessionId id) {
  auto found = co_await engine_->entry(id);
  // What could not be loaded is erased all the same.
  if (!found) co_return co_await ports_.store.erase(std::move(id));
  const EntryPtr entry = *found;
  auto ended = co_await end(entry->id, session::CloseReason::user_ended);
  if (!ended) co_return ended;
  // Whoever is erased leaves no agent talking to nobody, as long as ServiceNow can be told.
  const Deadline deadline = in(std::chrono::seconds(10));
  while (session::has_unfinished_work(*entry->state) && !entry->forgotten) {
    const std::uint64_t seen = entry->changed.generation();
    if (!co_await entry->changed.wait(seen, deadline)) break;
  }
  co_return co_await engine_->forget(entry);
}

Task<Result<DirectLineToken>> Handoff::mint_token(std::string user_id, SessionId session) {
  auto token = co_await ports_.tokens.mint(user_id, in(options_.open_deadline));
  if (!token || session.empty() || token->conversation_id.empty()) co_return token;
  auto entry = co_await engine_->entry(std::move(session));
  if (entry) {
    session::DirectLineBound bound;
    bound.user = std::move(user_id);
    bound.conversation = token->conversation_id;
    const auto applied = co_await engine_->apply(*entry, std::move(bound));
    if (!applied) co_return applied.error();
  }
  co_return token;
}

Task<Result<Ticket>> Handoff::create_ticket(TicketOrder order) {
  const Deadline deadline = in(options_.open_deadline);
  TicketRequest request;
  request.short_description = shortened(order.short_description);
  request.description = std::move(order.description);
  // ServiceNow cuts silently; what does not fit stands in full above the description.
  if (request.short_description != order.short_description)
    request.description = order.short_description + "\n\n" + request.description;
  request.request_id = std::move(order.request_id);
  request.trace = std::move(order.trace);
  if (!order.caller.empty()) {
    auto caller = co_await ports_.users.resolve(order.caller, request.trace, deadline);
    if (!caller) co_return caller.error();
    if (*caller) {
      request.caller_sys_id = **caller;
    } else {
      request.caller_claim = std::move(order.caller);
      engine_->vitals().users_unresolved.add();
    }
  }
  co_return co_await ports_.tickets.create(std::move(request), deadline);
}

std::vector<std::string> Handoff::degraded() const {
  std::vector<std::string> reasons = ports_.chat.degraded();
  for (std::string& reason : ports_.store.degraded()) reasons.push_back(std::move(reason));
  return reasons;
}

void Handoff::measure() { engine_->vitals().measure(ports_.time.now()); }

}  // namespace bridge::handoff
