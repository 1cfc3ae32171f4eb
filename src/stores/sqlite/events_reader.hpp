// SPDX-License-Identifier: MIT
// Reads the events of all sessions on threads of its own, so that a process serves before it has
// read what most of its sessions are never asked for.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bridge/handoff/session_store.hpp"
#include "stores/sqlite/database.hpp"

namespace bridge::stores {

/// Told of a session with an event that turned out not to be readable when somebody wanted it.
using Unreadable = std::function<void(const session::SessionId&)>;

class StoredEvents;

class EventsReader {
 public:
  struct Outcome {
    std::size_t events = 0;
    int code = SQLITE_OK;
  };

  /// `files`: connections with one and the same view of the file, one for each thread. Gives each
  /// of `sessions`, which are in the order of their ids, the log that it will have.
  EventsReader(std::vector<Database> files, std::vector<handoff::StoredSession>& sessions,
               std::shared_ptr<const Unreadable> unreadable);
  EventsReader(const EventsReader&) = delete;
  EventsReader& operator=(const EventsReader&) = delete;
  /// What has not been read by then never is.
  ~EventsReader();

  /// `done` is called once, by one of the threads, when all have come to an end.
  void when_done(std::function<void(Outcome)> done) { done_ = std::move(done); }
  /// Starts the threads, once. Who looks into one of the logs before begins by that.
  void begin();

 private:
  struct Stretch;
  void read(Stretch& stretch);
  int read_rows(Stretch& stretch) const;

  std::vector<std::unique_ptr<Stretch>> stretches_;
  std::function<void(Outcome)> done_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::size_t> left_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace bridge::stores
