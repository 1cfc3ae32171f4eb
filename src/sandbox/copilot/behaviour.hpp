// SPDX-License-Identifier: MIT
// How Copilot Studio behaves towards its connected agent, and what has been told to go wrong:
// POST /sandbox/copilot/faults.
#pragma once

#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/error.hpp"
#include "bridge/core/json.hpp"

namespace bridge::sandbox::copilot {

/// What strikes a POST to a signed address.
struct CallbackFault {
  std::string mode;  ///< "refuse", "hang", "status", "slow" or "accept_then_drop"
  /// A status or seconds, by mode.
  std::optional<double> value;
  /// With "status": the header.
  std::optional<std::int64_t> retry_after_s;
  double rate = 1.0;
  std::int64_t count = 0;    ///< how many more times; 0: no limit
  std::string conversation;  ///< only there; empty: everywhere
  std::int64_t hits = 0;
};

/// Whose addresses are to die now.
struct Expire {
  std::string conversation;  ///< empty: of all
};

class Behaviour {
 public:
  std::vector<CallbackFault> callback;
  bool rotate_each_turn = true;
  /// Whether an address still works when a later one has been given out.
  bool old_urls_valid = true;
  std::int64_t url_lifetime_ms = 24 * 3600 * 1000;
  /// What a wrong or dead address answers.
  unsigned refused_status = 401;
  /// A turn that fails is delivered so many times more, with the same activity id.
  std::int64_t redeliver_times = 2;
  std::int64_t redeliver_delay_ms = 500;
  /// "off"; "after" and "at_once": every turn is delivered a second time, and what is answered then
  /// is ignored.
  std::string twice = "off";
  /// The answers of so many turns get lost; they are delivered again.
  std::int64_t forget_answers = 0;
  /// A turn that is not answered by then has failed.
  std::int64_t turn_limit_ms = 100'000;

  /// Reads any of the members that `show` writes; of "callback" one more fault.
  /// Errors: invalid_argument, naming the member; nothing is changed then.
  Result<std::optional<Expire>> change(const json::object& wish);
  /// The fault that strikes this call, if one does.
  std::optional<CallbackFault> take(std::string_view conversation);
  json::object show() const;

 private:
  Result<std::optional<Expire>> change_callback(const json::object& wish);
  Result<> change_redelivery(const json::object& wish);

  std::minstd_rand random_{1};
};

/// Refuses members that nobody reads, since a typing mistake would pass for a fault that was set.
Result<> only_known(const json::object& given, std::initializer_list<std::string_view> known);

}  // namespace bridge::sandbox::copilot
