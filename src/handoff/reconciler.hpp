// SPDX-License-Identifier: MIT
// Reads chats from ServiceNow for the sessions that ask for it, many of them in one call, and hands
// each session its rows as one input. Few calls at a time, so that reading never stands in the way
// of those who write.
#pragma once

#include <deque>
#include <functional>

#include "handoff/engine.hpp"

namespace bridge::handoff {

class Reconciler {
 public:
  Reconciler(async::TaskGroup& tasks, const Options& options, const Ports& ports)
      : tasks_(tasks), options_(options), ports_(ports) {}
  /// The engine and its effects know each other; this closes the circle.
  /// `account`: our own sys_user, as for webhooks.
  void use(Engine& engine, std::function<Task<std::string>()> account) {
    engine_ = &engine;
    account_ = std::move(account);
  }

  /// Its answer comes as session::Reconciled, whatever happens.
  void want(const EntryPtr& entry, const session::Reconcile& effect);

 private:
  struct Wish {
    EntryPtr entry;
    int chat_number = 0;
    bool owed = false;
    ChatPosition position;
  };

  Task<> run();
  std::vector<Wish> take_some();
  Task<> read(std::vector<Wish> wishes);
  Task<> hand_over(EntryPtr entry, session::Reconciled input);

  async::TaskGroup& tasks_;
  const Options& options_;
  const Ports& ports_;
  Engine* engine_ = nullptr;
  std::function<Task<std::string>()> account_;
  std::deque<Wish> wishes_;
  int readers_ = 0;  ///< calls at a time
};

}  // namespace bridge::handoff
