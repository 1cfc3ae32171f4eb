// SPDX-License-Identifier: MIT
#include "stores/session_map.hpp"

#include <algorithm>

namespace bridge::stores {

using handoff::Commit;
using handoff::Index;
using handoff::StoredSession;
using session::BridgeSession;
using session::SessionId;

namespace {

std::string activity_key(const BridgeSession& session) {
  return session.surface ? session::conversation_key(session.surface->address) : std::string();
}

/// The values by which a session is found, as pairs of index and value.
std::vector<std::pair<Index, std::string>> keys_of(const BridgeSession& session) {
  std::vector<std::pair<Index, std::string>> keys;
  keys.reserve(5 + 2 * session.past_chats.size());
  const auto add = [&](Index index, const std::string& value) {
    if (!value.empty()) keys.emplace_back(index, value);
  };
  const auto add_chat = [&](const session::Chat& chat) {
    add(Index::interaction, chat.interaction_sys_id);
    add(Index::conversation, chat.conversation_sys_id);
  };
  add_chat(session.chat);
  for (const session::Chat& past : session.past_chats) add_chat(past);
  add(Index::browser, session.browser_hash);
  add(Index::directline_conversation, session.directline_conversation);
  add(Index::activity_conversation, activity_key(session));
  return keys;
}

bool same_chat(const session::Chat& a, const session::Chat& b) {
  return a.interaction_sys_id == b.interaction_sys_id &&
         a.conversation_sys_id == b.conversation_sys_id;
}

/// Whether both are found by the same values: as a rule, a commit does not touch them.
bool same_keys(const BridgeSession& a, const BridgeSession& b) {
  return same_chat(a.chat, b.chat) && a.browser_hash == b.browser_hash &&
         a.directline_conversation == b.directline_conversation &&
         (a.surface == b.surface || activity_key(a) == activity_key(b)) &&
         std::equal(a.past_chats.begin(), a.past_chats.end(), b.past_chats.begin(),
                    b.past_chats.end(), same_chat);
}

}  // namespace

const StoredSession* SessionMap::find(const SessionId& id) const {
  const auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : &found->second;
}

std::uint64_t SessionMap::version(const SessionId& id) const {
  const StoredSession* stored = find(id);
  return stored ? stored->state->version : 0;
}

void SessionMap::apply(const Commit& commit) {
  const auto found = sessions_.try_emplace(commit.next->id).first;
  StoredSession& session = found->second;
  const auto before = std::exchange(session.state, commit.next);
  for (const auto& event : commit.events) session.log.append(event);
  session.log.drop_before(commit.first_kept_seq);
  if (!before || !same_keys(*before, *session.state)) {
    if (before) forget_keys(*before);
    remember_keys(found->first, *session.state);
  }
  note_age(found->first, before.get(), session.state.get());
}

void SessionMap::reserve(std::size_t sessions) {
  sessions_.reserve(sessions);
  for (auto& index : indexes_) index.reserve(sessions);
}

void SessionMap::put(StoredSession stored) {
  const auto found = sessions_.emplace(stored.state->id, std::move(stored)).first;
  remember_keys(found->first, *found->second.state);
  note_age(found->first, nullptr, found->second.state.get());
}

void SessionMap::erase(const SessionId& id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) return;
  forget_keys(*found->second.state);
  note_age(found->first, found->second.state.get(), nullptr);
  sessions_.erase(found);
}

std::optional<SessionId> SessionMap::find(Index index, const std::string& value) const {
  const auto& map = indexes_[static_cast<std::size_t>(index)];
  const auto found = map.find(value);
  if (found == map.end()) return std::nullopt;
  return SessionId(found->second);
}

std::vector<SessionId> SessionMap::oldest(session::State state, std::size_t limit) const {
  std::vector<SessionId> ids;
  for (const auto& [when, id] : by_age_[static_cast<std::size_t>(state)]) {
    if (ids.size() == limit) break;
    ids.emplace_back(id);
  }
  return ids;
}

std::vector<StoredSession> SessionMap::all() const {
  std::vector<StoredSession> all;
  all.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) all.push_back(session);
  return all;
}

/// `id`: as `sessions_` holds it.
void SessionMap::remember_keys(std::string_view id, const BridgeSession& session) {
  for (auto& [index, value] : keys_of(session))
    indexes_[static_cast<std::size_t>(index)].emplace(std::move(value), id);
}

void SessionMap::forget_keys(const BridgeSession& session) {
  for (const auto& [index, value] : keys_of(session)) {
    auto& map = indexes_[static_cast<std::size_t>(index)];
    const auto [first, last] = map.equal_range(value);
    for (auto it = first; it != last; ++it)
      if (it->second == session.id) {
        map.erase(it);
        break;
      }
  }
}

/// Moves a session from its place by age to another; null: it has none.
void SessionMap::note_age(std::string_view id, const BridgeSession* before,
                          const BridgeSession* after) {
  const auto place = [&](const BridgeSession& session) -> ByAge& {
    return by_age_[static_cast<std::size_t>(session.state)];
  };
  if (before && after && before->state == after->state &&
      before->last_activity == after->last_activity)
    return;
  ByAge::node_type moved;
  if (before) moved = place(*before).extract({before->last_activity, id});
  if (!after) return;
  if (moved) {
    moved.value() = {after->last_activity, id};
    place(*after).insert(std::move(moved));
  } else {
    place(*after).emplace(after->last_activity, id);
  }
}

}  // namespace bridge::stores
