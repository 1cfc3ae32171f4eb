// SPDX-License-Identifier: MIT
// `handoff-bridge forget`: which sessions are meant, and who erases them.
#include <thread>

#include "bridge/stores/sqlite_store.hpp"
#include "stores/session_codec.hpp"
#include "stores/sqlite/database.hpp"

namespace bridge::stores {
namespace {

using session::BridgeSession;
using session::SessionId;

constexpr Millis kPause{50};
constexpr Millis kBusy{5000};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

bool is_of(const BridgeSession& session, const std::string& user) {
  if (user.empty()) return false;
  if (lower(session.user_email) == lower(user) || session.directline_user == user) return true;
  return session.surface && session.surface->address.user_id == user;
}

class Eraser {
 public:
  Eraser(const std::string& path, Database file) : path_(path), file_(std::move(file)) {}

  Result<std::vector<SessionId>> meant(const Erasure& which) {
    std::vector<SessionId> ids;
    SessionDecoder decoder(nullptr);
    Statement rows = file_.prepare("SELECT id, value FROM sessions WHERE ?1 = '' OR id = ?1");
    rows.bind(1, which.session);
    int code = SQLITE_OK;
    while ((code = rows.step()) == SQLITE_ROW) {
      bool matches = !which.session.empty();
      if (!matches) {
        session::BridgeSession session;
        matches = decoder.session(rows.text(1), session) && is_of(session, which.user);
      }
      if (matches) ids.emplace_back(rows.text(0));
    }
    if (code != SQLITE_DONE) return failed(code);
    return ids;
  }

  Result<> leave_errands(const std::vector<SessionId>& ids) {
    int code = file_.run("BEGIN IMMEDIATE");
    Statement add = file_.prepare("INSERT INTO errands (session) VALUES (?1)");
    for (const SessionId& id : ids)
      if (code == SQLITE_OK) code = add.bind(1, id).run();
    return finish(code);
  }

  /// Whether nothing is left of what `condition` says about errands.
  bool none(const char* condition) {
    const std::string sql = std::string("SELECT count(*) FROM errands WHERE ") + condition;
    return file_.number(sql.c_str(), 1) == 0;
  }

  /// Nobody serves from the file: the errands are ours.
  Result<> erase() {
    int code = file_.run("BEGIN IMMEDIATE");
    for (const char* sql :
         {"DELETE FROM events WHERE session IN (SELECT session FROM errands)",
          "DELETE FROM sessions WHERE id IN (SELECT session FROM errands)", "DELETE FROM errands"})
      if (code == SQLITE_OK) code = file_.run(sql);
    if (auto done = finish(code); !done) return done;
    if (!file_.empty_log()) return failed(SQLITE_BUSY);
    return {};
  }

 private:
  Result<> finish(int code) {
    if (code == SQLITE_OK) code = file_.run("COMMIT");
    file_.roll_back();
    if (code != SQLITE_OK) return failed(code);
    return {};
  }
  Error failed(int code) const {
    return storage_error(path_, "cannot be changed: " + std::string(reason_of(code)),
                         mend_of(code, path_));
  }

  const std::string path_;
  Database file_;
};

}  // namespace

Result<std::size_t> erase_from_sqlite(const std::string& path, const Erasure& which,
                                      Millis patience, Millis limit) {
  auto file = open_session_file(path, false, kBusy);
  if (!file) return file.error();
  Eraser eraser(path, std::move(*file));
  auto ids = eraser.meant(which);
  if (!ids) return ids.error();
  if (ids->empty()) return std::size_t{0};
  if (auto left = eraser.leave_errands(*ids); !left) return left.error();

  const auto wait_for = [&](const char* condition, Millis span) {
    const Deadline deadline = in(span);
    while (!eraser.none(condition)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(kPause);
    }
    return true;
  };
  if (!wait_for("taken = 0", patience)) {
    if (auto erased = eraser.erase(); !erased) return erased.error();
    return ids->size();
  }
  if (!wait_for("1", limit))
    return Error(Errc::timed_out, "the bridge has not erased all of them yet")
        .with_hint("It goes on with it; ask again in a minute.");
  return ids->size();
}

}  // namespace bridge::stores
