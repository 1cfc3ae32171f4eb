// SPDX-License-Identifier: MIT
// The port to where a conversation's activities are posted: the service URL that came, signed, with
// its last inbound activity. The URL is a credential (who knows it can speak in the conversation):
// it is in no log, error, metric or answer, and is used exactly as it was given.
//
// One attempt per call; when to try again is decided by whoever keeps the activities.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bridge/async/task.hpp"
#include "bridge/core/secret.hpp"
#include "bridge/core/trace.hpp"

namespace bridge::handoff {

enum class Posted {
  delivered,  ///< any 2xx
  expired,    ///< the URL is used up (401, 403, 404, 410): wait for the next one
  retry,      ///< may work later, and may have been delivered: 408, 412, 429, 5xx, no whole answer
  refused,    ///< will not work: any other status, or a URL that may not be posted to
};

class DeliveryAnswer {
 public:
  DeliveryAnswer() = default;
  DeliveryAnswer(Posted w, std::string id) : what(w), error_id(std::move(id)) {}

  Posted what = Posted::refused;
  /// How long the other side asked us to wait, if it did.
  std::optional<std::chrono::milliseconds> retry_after;
  std::string error_id;  ///< stable id for the log; empty if delivered
  std::string hint;      ///< what to do about it; may be empty
};

class Delivery {
 public:
  virtual ~Delivery() = default;

  /// Whether activities may be posted there. To be asked for authenticated calls only: where the
  /// operator lets the bridge learn, it lets a host in.
  /// Errors: invalid_argument or forbidden, with a hint that names the setting; the context names
  /// at most the host.
  virtual Result<> admit(std::string_view service_url) = 0;
  /// Posts one activity (a JSON object as text) to the signed URL exactly as given.
  virtual Task<DeliveryAnswer> post(Secret service_url, std::string activity, Trace trace,
                                    Deadline deadline) = 0;
};

}  // namespace bridge::handoff
