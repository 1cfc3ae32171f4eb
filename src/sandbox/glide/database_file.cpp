// SPDX-License-Identifier: MIT
// The database as a file (--data): opening it with care, and the sandbox's own notes in it.
#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "sandbox/glide/database.hpp"

namespace bridge::sandbox {
namespace {

// In the file's header (SQLite file format, offsets 60 and 68): whose file it is, and which layout.
constexpr std::uint32_t kApplicationId = 0x68736278;  // "hsbx"
constexpr std::uint32_t kLayout = 1;
constexpr std::size_t kLayoutOffset = 60;
constexpr std::size_t kApplicationOffset = 68;
constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr std::string_view kNotes = "sandbox_memory";

Error refused(const std::filesystem::path& file, const std::string& why) {
  return {Errc::invalid_argument, "--data " + file.string() + ": " + why};
}

/// Whether the file is to be made; an error if it is somebody else's. SQLite is not asked, because
/// opening a foreign file may already change it or leave others beside it.
Result<bool> is_new(const std::filesystem::path& file) {
  std::error_code failed;
  if (!std::filesystem::exists(file, failed)) return true;
  if (!std::filesystem::is_regular_file(file, failed)) return refused(file, "not a file");
  if (std::filesystem::file_size(file, failed) == 0) return true;
  std::array<char, 100> header{};
  std::ifstream in(file, std::ios::binary);
  if (!in.read(header.data(), header.size()) ||
      std::string_view(header.data(), kMagic.size()) != kMagic)
    return refused(file, "not a SQLite database, or not readable");
  const auto number_at = [&](std::size_t at) {
    std::uint32_t number = 0;
    for (std::size_t i = at; i < at + 4; ++i)
      number = number << 8 | static_cast<unsigned char>(header.at(i));
    return number;
  };
  if (number_at(kApplicationOffset) != kApplicationId)
    return refused(file, "a SQLite database, but not one of handoff-sandbox");
  if (number_at(kLayoutOffset) != kLayout)
    return refused(file, "written by a handoff-sandbox with another layout of tables");
  return false;
}

}  // namespace

Result<> Database::open_file(const std::filesystem::path& file) {
  const auto fresh = is_new(file);
  if (!fresh) return fresh.error();
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(file.c_str(), &opened,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  std::swap(connection_, opened);
  try {
    if (code != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(connection_));
    // Two sandboxes on one file would each believe in their own numbers and panes.
    execute("PRAGMA locking_mode=EXCLUSIVE");
    // Before WAL, so that the header itself has it: see is_new.
    if (*fresh)
      execute("BEGIN EXCLUSIVE; PRAGMA application_id=" + std::to_string(kApplicationId) +
              "; PRAGMA user_version=" + std::to_string(kLayout) + "; CREATE TABLE " +
              std::string(kNotes) +
              " (kind TEXT, key TEXT, value TEXT, PRIMARY KEY (kind, key)); COMMIT");
    // What is committed survives the process; a power cut may cost the last second.
    execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
    load_layout();
  } catch (const std::exception& error) {
    std::swap(connection_, opened);
    stored_.clear();
    const bool in_use = sqlite3_errcode(opened) == SQLITE_BUSY;
    sqlite3_close(opened);
    return refused(file, in_use ? "in use by another sandbox" : error.what());
  }
  sqlite3_close(opened);
  in_file_ = true;
  return {};
}

void Database::load_layout() {
  const auto list = [this](const std::string& sql, int column) {
    std::vector<std::string> names;
    sqlite3_stmt* rows = nullptr;
    if (sqlite3_prepare_v2(connection_, sql.c_str(), -1, &rows, nullptr) != SQLITE_OK)
      throw std::runtime_error(sqlite3_errmsg(connection_));
    while (sqlite3_step(rows) == SQLITE_ROW)
      names.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(rows, column)));
    if (sqlite3_finalize(rows) != SQLITE_OK) throw std::runtime_error(sqlite3_errmsg(connection_));
    return names;
  };
  for (const std::string& table :
       list("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'", 0)) {
    if (table == kNotes) continue;
    const auto columns = list("PRAGMA table_info(\"" + table + "\")", 1);
    stored_[table] = {columns.begin(), columns.end()};
  }
}

void Database::begin() {
  if (in_file_ && batches_++ == 0) execute("BEGIN");
}

void Database::commit() {
  // A failure leaves the transaction open, and the next `begin` throws.
  if (in_file_ && --batches_ == 0)
    (void)sqlite3_exec(connection_, "COMMIT", nullptr, nullptr, nullptr);
}

void Database::set_note(const std::string& kind, const std::string& key, const std::string& value) {
  if (in_file_)
    run(
        {"INSERT INTO sandbox_memory (kind,key,value) VALUES (?,?,?) "
         "ON CONFLICT (kind,key) DO UPDATE SET value=excluded.value",
         {kind, key, value}});
}

void Database::drop_note(const std::string& kind, const std::string& key) {
  if (in_file_) run({"DELETE FROM sandbox_memory WHERE kind=? AND key=?", {kind, key}});
}

void Database::drop_notes() {
  if (in_file_) run({"DELETE FROM sandbox_memory", {}});
}

}  // namespace bridge::sandbox
