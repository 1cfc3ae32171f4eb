// SPDX-License-Identifier: MIT
// Sessions and events as bytes (JSON), for stores that keep them outside the process. Members that
// have their default are left out; unknown ones are ignored and absent ones get their default, so
// versions before and after read each other's rows.
#pragma once

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/sealer.hpp"
#include "bridge/session/bridge_session.hpp"
#include "bridge/session/event.hpp"

namespace bridge::stores {

/// Secrets are sealed; without a sealer (null) they are left out.
std::string encode(const session::BridgeSession& session, const Sealer* sealer);
/// Without `seq` and `at`, which a store keeps beside it.
std::string encode(const session::Event& event);

/// Reads many rows one after the other; its memory is used anew for each. One thread.
class SessionDecoder {
 public:
  /// Lifetime: the sealer, if there is one, must outlive the decoder.
  explicit SessionDecoder(const Sealer* sealer);

  /// Requires: `into` is as constructed. A secret that cannot be opened counts as absent.
  /// Errors: malformed; then `into` holds some of it.
  Result<> session(std::string_view bytes, session::BridgeSession& into);
  Result<session::Event> event(std::uint64_t seq, Time at, std::string_view bytes);
  /// How many secrets could not be opened.
  std::size_t unopened() const { return unopened_; }

 private:
  const boost::json::object* parse(std::string_view bytes);

  const Sealer* sealer_;
  std::size_t unopened_ = 0;
  std::vector<unsigned char> memory_;
  boost::json::monotonic_resource resource_;
  boost::json::parser parser_;
  std::optional<boost::json::value> value_;  // in that memory
};

}  // namespace bridge::stores
