// SPDX-License-Identifier: MIT
// Effects become calls and their outcomes inputs, as in handoff::Effects, over a network that
// refuses, loses answers and hangs.
#include "simulation/process.hpp"

namespace bridge::simulation {
namespace {
constexpr Millis kOpenDeadline{25'000};
constexpr Millis kTouchDeadline{5'000};
constexpr Millis kReadDeadline{10'000};
constexpr Millis kRequestTimeout{10'000};
constexpr int kAttempts = 3;

Error nobody_knows(Errc code) { return Error(code, "ServiceNow").with_outcome(Outcome::unknown); }
}  // namespace

void Process::act(const session::Effect& effect) {
  std::visit([&](const auto& what) { run(what); }, effect);
}

template <class T>
void Process::arrive(const char* name, Millis pause, int life, std::function<void(Done<T>)> work,
                     Done<T> done) {
  world_.later(pause, [this, name, life, work = std::move(work), done = std::move(done)] {
    // Of what a dead process had sent, half was on the wire.
    if (life != life_ && world_.dice.coin()) return;
    if (life != life_) world_.count("calls of the dead");
    world_.tell([&] { return std::string("ServiceNow is asked to ") + name; });
    work([this, life, done](Result<T> answer) {
      if (life == life_ && done) done(std::move(answer));
    });
  });
}

template <class T>
void Process::call(CallKind kind, Time deadline, std::function<void(Done<T>)> work, Done<T> done,
                   int attempt, bool written) {
  const auto answer = [&](Millis pause, Error error) {
    world_.tell([&] { return std::string(kind.name) + " is going to fail: " + error.to_string(); });
    world_.later(pause, guarded([done, error = std::move(error)] { done(error); }));
  };
  const auto unknown = [&](Errc code) {
    return kind.creates ? nobody_knows(code) : Error(code, "ServiceNow");
  };
  const Millis left = deadline - world_.now();
  // Certain is only what no earlier attempt of this call makes doubtful.
  const auto not_sent = [&](Errc code) {
    return written ? unknown(code) : Error(code, "ServiceNow");
  };
  if (left <= Millis(0)) return answer(Millis(0), not_sent(Errc::timed_out));
  const Millis patience = std::min(left, kRequestTimeout);
  const Millis there = world_.dice.between(Millis(0), Millis(world_.dice.chance(20) ? 2000 : 100));
  const Millis back = world_.dice.between(Millis(0), Millis(world_.dice.chance(20) ? 2000 : 100));

  if (world_.now() < world_.service_now_down_until || world_.strikes(trouble_.call_refused)) {
    const Millis pause = world_.dice.between(Millis(50), Millis(1000 * attempt));
    if (written || kind.retried_above || attempt >= kAttempts || pause + Millis(250) > left)
      return answer(pause, not_sent(Errc::unreachable));
    return world_.later(pause,
                        guarded([=, this] { call<T>(kind, deadline, work, done, attempt + 1); }));
  }
  if (world_.strikes(trouble_.call_hanging)) {
    world_.count("calls that hung");
    if (!world_.dice.chance(30))
      arrive<T>(kind.name, world_.dice.between(Millis(0), Millis(90'000)), life_, work, nullptr);
    return answer(patience, unknown(Errc::timed_out));
  }
  if (world_.strikes(trouble_.call_lost)) {
    world_.count("answers lost");
    arrive<T>(kind.name, there, life_, work, nullptr);
    // A connection that broke may be taken for a stale one, and the call sent once more.
    if (kind.repeatable && world_.dice.coin())
      return world_.later(
          back, guarded([=, this] { call<T>(kind, deadline, work, done, attempt + 1, true); }));
    return answer(std::min(there + back, patience), unknown(Errc::connection_lost));
  }
  arrive<T>(kind.name, there, life_, work, [this, back, done](Result<T> answered) {
    world_.later(back, guarded([done, answered = std::move(answered)] { done(answered); }));
  });
}

void Process::run(const session::OpenChat& effect) {
  const Time deadline = world_.now() + kOpenDeadline;
  if (!effect.ask_first) return open(effect, deadline);
  using Found = std::optional<session::OpenAnswered>;
  call<Found>(
      {"find the chat", false, true, false}, deadline,
      [this, effect](const Done<Found>& done) { done(service_now_.find(effect.chat)); },
      [this, effect, deadline](Result<Found> found) {
        if (found && (!*found || (*found)->chat.api >= 2)) return open(effect, deadline);
        session::OpenAnswered answer;
        answer.chat_number = effect.chat.number;
        if (found) {
          answer = **found;
          answer.opening_unknown = true;
        } else {
          answer.error = found.error().with_outcome(Outcome::unknown);
        }
        report(answer);
      });
}

void Process::open(const session::OpenChat& effect, Time deadline) {
  using Opened = session::OpenAnswered;
  call<Opened>(
      {"open the chat", true, service_now_.api() >= 2, false}, deadline,
      [this, effect](const Done<Opened>& done) {
        done(service_now_.open(effect, world_.dice.chance(10)));
      },
      [this, effect](Result<Opened> opened) {
        if (opened) return report(*opened);
        Opened answer;
        answer.chat_number = effect.chat.number;
        answer.error = opened.error();
        report(answer);
      });
}

void Process::run(const session::SendMessage& effect) {
  using Sent = session::SendAnswered;
  call<Sent>(
      {"send a message", true, effect.chat.api >= 2, false}, effect.deadline,
      [this, effect](const Done<Sent>& done) {
        if (const auto at_once = service_now_.begin_send(effect)) return done(*at_once);
        world_.later(world_.dice.between(Millis(0), Millis(300)),
                     [this, effect, done] { done(service_now_.finish_send(effect)); });
      },
      [this, effect](Result<Sent> sent) {
        Sent answer;
        if (sent) answer = *sent;
        answer.send_id = effect.send_id;
        if (!sent) answer.error = sent.error();
        report(answer);
      });
}

void Process::run(const session::SettleSend& effect) {
  using Settled = session::SendSettled;
  call<Settled>(
      {"settle a message", false, true, false}, world_.now() + kOpenDeadline,
      [this, effect](const Done<Settled>& done) { done(service_now_.withdraw(effect)); },
      [this, effect](Result<Settled> settled) {
        Settled answer;
        if (settled) answer = *settled;
        answer.send_id = effect.send_id;
        if (!settled) answer.error = settled.error();
        report(answer);
      });
}

void Process::run(const session::Reconcile& effect) {
  using Read = session::Reconciled;
  const std::size_t most = world_.dice.chance(20) ? 2 : 100;
  call<Read>(
      {"read the chat", false, true, false}, world_.now() + kReadDeadline,
      [this, effect, most](const Done<Read>& done) { done(service_now_.read(effect, most)); },
      [this, effect](Result<Read> read) {
        Read answer;
        answer.chat_number = effect.chat.number;
        answer.failed = true;
        if (read) answer = *read;
        answer.owed = effect.owed;
        take_in_turn(answer, [](const Result<Applied>&) {});
      });
}

void Process::run(const session::EndChat& effect) {
  const Time deadline = world_.now() + kOpenDeadline;
  if (!effect.chat.interaction_sys_id.empty()) return end(effect, deadline);
  using Found = std::optional<session::OpenAnswered>;
  call<Found>(
      {"find the chat", false, true, false}, deadline,
      [this, effect](const Done<Found>& done) { done(service_now_.find(effect.chat)); },
      [this, effect, deadline](Result<Found> found) {
        session::EndChat known = effect;
        if (found && *found) {
          known.chat = (*found)->chat;
          return end(known, deadline);
        }
        session::EndAnswered answer;
        answer.key = effect.chat.key;
        answer.error = found ? Error(Errc::not_found, "chat") : found.error();
        report(answer);
      });
}

void Process::end(const session::EndChat& effect, Time deadline) {
  call<bool>(
      {"end the chat", true, true, true}, deadline,
      [this, effect](const Done<bool>& done) {
        const Result<> ended = service_now_.end(effect.chat, effect.reason);
        done(ended ? Result<bool>(true) : Result<bool>(ended.error()));
      },
      [this, effect](Result<bool> ended) {
        session::EndAnswered answer;
        answer.key = effect.chat.key;
        if (!ended) answer.error = ended.error();
        report(answer);
      });
}

void Process::run(const session::TouchChat& effect) {
  call<bool>(
      {"touch the chat", false, true, true}, world_.now() + kTouchDeadline,
      [this, effect](const Done<bool>& done) { done(service_now_.is_over(effect.chat)); },
      [this, effect](Result<bool> over) {
        if (!over || !*over) return;
        session::InteractionAnswered answer;
        answer.chat_number = effect.chat.number;
        answer.over = true;
        report(answer);
      });
}

void Process::run(const session::AskInteraction& effect) {
  using Asked = session::InteractionAnswered;
  call<Asked>(
      {"ask for the interaction", false, true, false}, world_.now() + kTouchDeadline,
      [this, effect](const Done<Asked>& done) { done(service_now_.ask(effect.chat)); },
      [this, effect](Result<Asked> asked) {
        Asked answer;
        if (asked) answer = *asked;
        answer.chat_number = effect.chat.number;
        answer.failed = !asked || asked->failed;
        report(answer);
      });
}

}  // namespace bridge::simulation
