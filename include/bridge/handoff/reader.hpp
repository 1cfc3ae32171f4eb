// SPDX-License-Identifier: MIT
// Somebody who watches a session as it happens. The desk hands events over in order and without
// waiting; how they reach the person is the subscriber's business.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bridge/session/event_log.hpp"

namespace bridge::handoff {

class Subscriber {
 public:
  virtual ~Subscriber() = default;
  virtual void on_event(const session::LoggedEventPtr& event) = 0;
  /// A frame without a place in the order: typing, resync.
  virtual void on_transient(const std::shared_ptr<const std::string>& frame) = 0;
  /// A newer reader without a cursor has taken this one's place (DESIGN 4.3).
  virtual void on_replaced() = 0;
  /// The session is forgotten.
  virtual void on_forgotten() = 0;
  /// Of a reader without a cursor: the first event that it was handed and that is not known to have
  /// arrived; 0 if there is none.
  virtual std::uint64_t first_unconfirmed() const { return 0; }
};

struct Entry;

/// A subscription; ends when it is destroyed or `detach`ed.
class Subscription {
 public:
  Subscription() = default;
  Subscription(std::shared_ptr<Entry> entry, Subscriber* subscriber, bool plain);
  Subscription(Subscription&& other) noexcept;
  Subscription& operator=(Subscription&& other) noexcept;
  ~Subscription();

  /// Ends it. `unconfirmed`: for a reader without a cursor, the events that were handed over but
  /// of which it is not known that they arrived; they are handed out again.
  void detach(std::vector<std::uint64_t> unconfirmed = {});

 private:
  std::shared_ptr<Entry> entry_;
  Subscriber* subscriber_ = nullptr;
  bool plain_ = false;
};

}  // namespace bridge::handoff
