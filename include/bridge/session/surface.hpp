// SPDX-License-Identifier: MIT
// The conversation that carries a session's texts when Copilot Studio owns the channel
// (DESIGN 3.2): where it is, what has come from it, and how far it has been told. Part of the
// session's state, so that a crash forgets neither a turn that was taken nor an answer that is
// owed.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/core/clock.hpp"
#include "bridge/core/secret.hpp"

namespace bridge::session {

/// How the ids of messages begin that came as activities, and of those that open a chat.
inline constexpr std::string_view kActivityMessage = "act-";
inline constexpr std::string_view kOpeningMessage = "open-";

/// Who and where, as the last inbound activity said (Activity protocol: conversation reference).
struct ActivityAddress {
  std::string channel_id;       ///< "msteams", "pva-studio", ...
  std::string conversation_id;  ///< opaque; unique within the channel
  Secret service_url;           ///< signed, and so a credential; empty: nothing can be posted
  std::string user_id;          ///< `from` of what they send, `recipient` of what we send
  std::string user_name;
  std::string agent_id;  ///< `recipient` of what they send, `from` of what we send
  std::string agent_name;
  std::string locale;       ///< BCP 47; picks the language of the bridge's own lines
  std::string activity_id;  ///< of the last inbound activity: what ours reply to
};

/// By which a session is found again. Both parts, whole: ids are opaque and may share beginnings.
std::string conversation_key(const ActivityAddress& address);

/// What has been said of who is speaking: it is said again only when that changes.
struct Voice {
  std::string speaker;
  bool operator==(const Voice&) const = default;
};

/// A place in the telling: events up to `seq` are told, and of the next one so many parts.
struct Told {
  std::uint64_t seq = 0;
  int parts = 0;
  Voice voice;
  bool operator==(const Told&) const = default;
};

/// What a turn's answer carried, so that its repeat carries the same.
struct AnsweredTurn {
  std::string activity_key;
  Told from;
  std::uint64_t upto = 0;
};

/// Which inbound activities were taken. Whole keys, because ids are unique in a conversation only.
class TakenActivities {
 public:
  bool contains(const std::string& key) const;
  void insert(std::string key);
  /// Oldest first.
  const std::vector<std::string>& all() const { return recent_; }

 private:
  std::vector<std::string> recent_;
};

struct ActivitySurface {
  ActivityAddress address;
  std::uint64_t generation = 0;  ///< counts inbound activities: each brings a fresh service URL
  TakenActivities taken;
  std::vector<AnsweredTurn> turns;
  Told told;

  bool posting = false;         ///< an event is on its way
  Time posting_until{};         ///< and then it is taken for lost
  std::uint64_t posts = 0;      ///< counts them: an answer of an earlier one says nothing
  bool waits_for_turn = false;  ///< the service URL is used up; the next turn tells
  /// Turns whose answer will carry what is due: nothing is posted, but for no longer than this.
  std::vector<std::uint64_t> open_turns;
  Time open_until{};
  int attempts = 0;  ///< of the event that is next
  int refusals = 0;  ///< likewise
  Time next_try{};

  /// The page has asked for a person by itself: its chat is shown there, and only what was due here
  /// before is still told here, until the person speaks here again.
  bool aside = false;

  std::size_t query_hash = 0;  ///< of the last question that the assistant passed on; 0: none
  bool told_waiting = false;   ///< that opening takes long was said once
  Time last_turn{};            ///< when something last came
  Time last_asked{};           ///< when ServiceNow was last asked whether the chat is still on
};

/// Shared between a session and its copies, and replaced as a whole: most sessions have none.
using SurfacePtr = std::shared_ptr<const ActivitySurface>;

}  // namespace bridge::session
