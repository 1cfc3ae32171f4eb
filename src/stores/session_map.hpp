// SPDX-License-Identifier: MIT
// Sessions in memory with all ways to find them: the memory store, and what durable stores read
// from. Plain functions; who calls them says when a commit counts.
#pragma once

#include <array>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "bridge/handoff/session_store.hpp"

namespace bridge::stores {

class SessionMap {
 public:
  /// Null if there is none. Lifetime: until the session is changed.
  const handoff::StoredSession* find(const session::SessionId& id) const;
  /// 0 if there is none.
  std::uint64_t version(const session::SessionId& id) const;
  /// Takes a commit in, whatever version it is.
  void apply(const handoff::Commit& commit);
  /// A session as it was stored. Requires: there is none of that id.
  void put(handoff::StoredSession stored);
  void erase(const session::SessionId& id);
  /// Room for so many.
  void reserve(std::size_t sessions);

  std::optional<session::SessionId> find(handoff::Index index, const std::string& value) const;
  std::vector<session::SessionId> oldest(session::State state, std::size_t limit) const;
  std::vector<handoff::StoredSession> all() const;
  std::size_t size() const { return sessions_.size(); }

 private:
  void remember_keys(std::string_view id, const session::BridgeSession& session);
  void forget_keys(const session::BridgeSession& session);
  void note_age(std::string_view id, const session::BridgeSession* before,
                const session::BridgeSession* after);

  static constexpr std::size_t kIndexes =
      static_cast<std::size_t>(handoff::Index::activity_conversation) + 1;
  using ByAge = std::set<std::pair<Time, std::string_view>>;  // ids as sessions_ holds them

  std::unordered_map<session::SessionId, handoff::StoredSession> sessions_;
  // Likewise.
  std::array<std::unordered_multimap<std::string, std::string_view>, kIndexes> indexes_;
  std::array<ByAge, 5> by_age_;
};

}  // namespace bridge::stores
