// SPDX-License-Identifier: MIT
// Effects become calls through the ports, and their outcomes become inputs.
#pragma once

#include "handoff/engine.hpp"
#include "handoff/reconciler.hpp"

namespace bridge::handoff {

class Effects {
 public:
  Effects(async::TaskGroup& tasks, const Options& options, const Ports& ports)
      : tasks_(tasks), options_(options), ports_(ports), reconciler_(tasks, options, ports) {}
  /// The engine and the effects know each other; this closes the circle.
  /// `account`: our own sys_user.
  void use(Engine& engine, std::function<Task<std::string>()> account) {
    engine_ = &engine;
    reconciler_.use(engine, std::move(account));
  }

  /// Starts one effect in the background.
  void start(const EntryPtr& entry, const session::Effect& effect);

 private:
  void run(const EntryPtr& entry, const session::OpenChat& effect);
  void run(const EntryPtr& entry, const session::SendMessage& effect);
  void run(const EntryPtr& entry, const session::SettleSend& effect);
  void run(const EntryPtr& entry, const session::EndChat& effect);
  void run(const EntryPtr& entry, const session::TouchChat& effect);
  void run(const EntryPtr& entry, const session::AskInteraction& effect);
  void run(const EntryPtr& entry, const session::Reconcile& effect);
  void run(const EntryPtr& entry, const session::Deliver& effect);
  void run(const EntryPtr& entry, const session::ShowTyping& effect);
  void run(const EntryPtr& entry, const session::Count& effect);

  Task<> open(EntryPtr entry, session::OpenChat effect);
  Task<> send(EntryPtr entry, session::SendMessage effect);
  Task<> settle(EntryPtr entry, session::SettleSend effect);
  Task<> end(EntryPtr entry, session::EndChat effect);
  Task<> touch(EntryPtr entry, session::TouchChat effect);
  Task<> ask(EntryPtr entry, session::AskInteraction effect);
  Task<> deliver(EntryPtr entry, session::Deliver effect);
  void tell_typing(const EntryPtr& entry);
  Task<> post_typing(EntryPtr entry);
  Task<Result<>> look_up(ChatRef& chat, std::string key, Deadline deadline);
  Task<> report(EntryPtr entry, session::Input input);

  async::TaskGroup& tasks_;
  const Options& options_;
  const Ports& ports_;
  Reconciler reconciler_;
  Engine* engine_ = nullptr;
};

}  // namespace bridge::handoff
