// SPDX-License-Identifier: MIT
// Stands in for sqlite/ in a build without SQLite.
#include "bridge/stores/sqlite_store.hpp"

namespace bridge::stores {
namespace {

Error absent() {
  return Error(Errc::not_configured, "this program was built without SQLite")
      .with_hint("Install libsqlite3-dev and build again, or set BRIDGE_STORE=memory:.");
}

}  // namespace

bool has_sqlite() { return false; }

Result<std::unique_ptr<SqliteStore>> open_sqlite_store(const asio::any_io_executor&, SqliteOptions,
                                                       Logger&, Metrics&) {
  return absent();
}

Result<std::size_t> erase_from_sqlite(const std::string&, const Erasure&, Millis, Millis) {
  return absent();
}

}  // namespace bridge::stores
