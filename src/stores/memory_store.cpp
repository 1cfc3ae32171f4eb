// SPDX-License-Identifier: MIT
#include "bridge/stores/memory_store.hpp"

#include <utility>

#include "stores/session_map.hpp"

namespace bridge::stores {
namespace {

using handoff::Commit;
using handoff::Index;
using handoff::StoredSession;
using session::SessionId;

class MemoryStore final : public handoff::SessionStore {
 public:
  Task<Result<StoredSession>> load(SessionId id) override {
    const StoredSession* stored = sessions_.find(id);
    if (!stored) co_return Error(Errc::not_found, "session");
    co_return *stored;
  }
  Task<Result<>> commit(Commit commit) override {
    if (sessions_.version(commit.next->id) + 1 != commit.next->version)
      co_return Error(Errc::conflict, "session version");
    sessions_.apply(commit);
    co_return Result<>();
  }
  Task<Result<std::optional<SessionId>>> find(Index index, std::string value) override {
    co_return sessions_.find(index, value);
  }
  Task<Result<>> erase(SessionId id) override {
    sessions_.erase(id);
    co_return Result<>();
  }
  Task<Result<std::vector<SessionId>>> oldest(session::State state, std::size_t limit) override {
    co_return sessions_.oldest(state, limit);
  }
  Task<Result<std::vector<StoredSession>>> all() override { co_return sessions_.all(); }
  Task<Result<std::size_t>> count() override { co_return sessions_.size(); }

 private:
  SessionMap sessions_;
};

}  // namespace

std::unique_ptr<handoff::SessionStore> make_memory_store() {
  return std::make_unique<MemoryStore>();
}

}  // namespace bridge::stores
