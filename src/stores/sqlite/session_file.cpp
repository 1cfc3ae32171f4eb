// SPDX-License-Identifier: MIT
// The file itself: whose it is, what is in it, and how it came to be so.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <vector>

#include "stores/sqlite/database.hpp"

namespace bridge::stores {
namespace {

/// "HOff": by this a file is known as ours (PRAGMA application_id).
constexpr std::int64_t kApplication = 0x484F6666;

/// Each step takes the tables from one schema version to the next and never changes once it is
/// released. user_version counts those that were taken.
constexpr std::array<const char*, 1> kSteps = {
    R"sql(
CREATE TABLE sessions (
  id TEXT PRIMARY KEY NOT NULL,
  version INTEGER NOT NULL,
  state TEXT NOT NULL,
  last_activity INTEGER NOT NULL,
  value TEXT NOT NULL
);
CREATE TABLE events (
  session TEXT NOT NULL,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (session, seq)
) WITHOUT ROWID;
CREATE TABLE owner (
  row INTEGER PRIMARY KEY CHECK (row = 1),
  id TEXT NOT NULL,
  host TEXT NOT NULL,
  pid INTEGER NOT NULL,
  since INTEGER NOT NULL,
  tried INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE errands (
  number INTEGER PRIMARY KEY,
  session TEXT NOT NULL,
  taken INTEGER NOT NULL DEFAULT 0
);
)sql",
};

Error sqlite_error(const std::string& path, std::string_view what, int code) {
  std::string text(what);
  text.append(": ").append(reason_of(code)).append(" (").append(sqlite3_errstr(code)).append(")");
  return storage_error(path, text, mend_of(code, path));
}

Error file_error(const std::string& path, std::string_view what, int number) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  std::string mend = "The user of the bridge must be able to write " + path + " and its folder.";
  if (number == ENOENT || number == ENOTDIR)
    mend = "Make the folder first: mkdir -p " + (folder.empty() ? "." : folder);
  if (number == ENOSPC || number == EDQUOT) mend = mend_of(SQLITE_FULL, path);
  if (number == EROFS) mend = "Its file system is mounted read-only: use a volume for it.";
  return storage_error(path, std::string(what) + ": " + std::strerror(number), std::move(mend));
}

/// There is a file that may be read and written. A new one is empty.
Result<> have_file(const std::string& path, bool create) {
  struct stat found {};
  if (::stat(path.c_str(), &found) == 0) {
    if (!S_ISREG(found.st_mode))
      return storage_error(path, "is not a file",
                           "Name a file in that folder, for example " + path + "/sessions.db.");
    if (::access(path.c_str(), R_OK | W_OK) != 0)
      return file_error(path, "cannot be written", errno);
    return {};
  }
  if (errno != ENOENT && errno != ENOTDIR) return file_error(path, "cannot be opened", errno);
  if (!create) return Error(Errc::not_found, "there is no file " + path);
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return file_error(path, "cannot be made", errno);
  ::close(file);
  return {};
}

Error foreign(const std::string& path) {
  return storage_error(path, "is the database of another program",
                       "Name a file of its own for the bridge; this one is left as it is.");
}

/// The file's beginning, as it stands there: https://sqlite.org/fileformat.html, 1.3 and 1.6.
struct Beginning {
  static constexpr std::size_t kBytes = 108;
  std::array<unsigned char, kBytes> bytes{};
  std::int64_t file_size = 0;

  bool is_sqlite() const { return std::memcmp(bytes.data(), "SQLite format 3", 16) == 0; }
  std::int64_t application() const {
    return std::int64_t{bytes[68]} << 24 | bytes[69] << 16 | bytes[70] << 8 | bytes[71];
  }
  /// The root of the list of tables is a leaf without cells.
  bool has_no_tables() const { return bytes[100] == 0x0d && bytes[103] == 0 && bytes[104] == 0; }
};

/// Reads it past everything that SQLite does when it opens a file, but with SQLite's own hands: a
/// close of ours would end the locks of whoever else in this process has the file open.
/// SQLITE_OK or a failure.
int read_beginning(const std::string& path, Beginning& into) {
  sqlite3_vfs* const vfs = sqlite3_vfs_find(nullptr);
  if (!vfs) return SQLITE_ERROR;
  const std::string full = std::filesystem::absolute(path).string() + std::string(2, '\0');
  std::vector<std::max_align_t> memory(
      static_cast<std::size_t>(vfs->szOsFile) / sizeof(std::max_align_t) + 1);
  auto* const file = reinterpret_cast<sqlite3_file*>(memory.data());
  int code =
      vfs->xOpen(vfs, full.c_str(), file, SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_DB, nullptr);
  if (code == SQLITE_OK) {
    sqlite3_int64 size = 0;
    code = file->pMethods->xFileSize(file, &size);
    into.file_size = size;
    if (code == SQLITE_OK && size > 0)
      code = file->pMethods->xRead(file, into.bytes.data(), Beginning::kBytes, 0);
    if (code == SQLITE_IOERR_SHORT_READ) code = SQLITE_OK;  // the rest is zero, and no database
  }
  if (file->pMethods) (void)file->pMethods->xClose(file);
  return code;
}

/// Before anything of the file is changed, even by opening it: is it ours, or empty? Its beginning
/// tells; the rest need not fit together before the log is read (a process may have died while it
/// put the log into the file).
Result<> is_ours_or_empty(const std::string& path) {
  Beginning beginning;
  if (const int code = read_beginning(path, beginning); code != SQLITE_OK)
    return sqlite_error(path, "cannot be read", code);
  if (beginning.file_size == 0) return {};
  if (!beginning.is_sqlite()) return sqlite_error(path, "cannot be read", SQLITE_NOTADB);
  if (beginning.application() == kApplication) return {};
  if (beginning.application() == 0 && beginning.has_no_tables()) return {};
  return foreign(path);
}

/// Texts are in it: nobody else reads it. SQLite gives its side files the mode of the file.
void close_to_others(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) {
    const std::string file = path + suffix;
    struct stat found {};
    if (::stat(file.c_str(), &found) == 0 && (found.st_mode & 077) != 0)
      (void)::chmod(file.c_str(), found.st_mode & 0700);  // if it is ours
  }
}

/// Unless it has been taken: another process may be opening the file as well.
int take_step(Database& file, std::size_t step) {
  int code = file.run("BEGIN IMMEDIATE");
  if (code != SQLITE_OK) return code;
  const std::int64_t version = file.number("PRAGMA user_version", 0, &code);
  if (code == SQLITE_OK && version == static_cast<std::int64_t>(step)) {
    const std::string sql =
        std::string(kSteps[step]) + ("PRAGMA user_version = " + std::to_string(step + 1));
    code = file.run(sql.c_str());
  }
  if (code == SQLITE_OK) code = file.run("COMMIT");
  file.roll_back();
  return code;
}

Result<> prepare(Database& file, const std::string& path) {
  int code = SQLITE_OK;
  if (file.number("PRAGMA application_id", 0, &code) != kApplication && code == SQLITE_OK) {
    // What the other program wrote last may stand in its log only.
    if (file.number("SELECT count(*) FROM sqlite_schema", 1) != 0) return foreign(path);
    const std::string mark = "PRAGMA application_id = " + std::to_string(kApplication);
    code = file.run(mark.c_str());
    if (code != SQLITE_OK) return sqlite_error(path, "cannot be written", code);
  }
  // Before WAL is asked for: what a later version made of the file is not ours to change.
  const std::int64_t version = file.number("PRAGMA user_version", 0, &code);
  if (code != SQLITE_OK) return sqlite_error(path, "cannot be read", code);
  if (version > static_cast<std::int64_t>(kSteps.size()))
    return storage_error(path,
                         "was written by a later version of the bridge (schema " +
                             std::to_string(version) + ", this one knows " +
                             std::to_string(kSteps.size()) + ")",
                         "Start that version again, or restore the backup from before it.");
  Statement mode = file.prepare("PRAGMA journal_mode = WAL");
  code = mode.step();
  if (code != SQLITE_ROW) return sqlite_error(path, "cannot be written", code);
  if (mode.text(0) != "wal")
    return storage_error(path, "cannot have a write-ahead log on its file system",
                         "Keep it on a disk of this machine: not NFS, SMB or Azure Files.");
  mode.reset();
  // FULL: a commit is on the disk before it is answered. secure_delete: what is erased is
  // overwritten.
  code = file.run(
      "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;"
      "PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -16384;");
  for (std::size_t step = 0; code == SQLITE_OK && step < kSteps.size(); ++step)
    code = take_step(file, step);
  if (code != SQLITE_OK) return sqlite_error(path, "cannot be written", code);
  return {};
}

}  // namespace

Result<Database> open_session_file(const std::string& path, bool create, Millis busy) {
  if (auto there = have_file(path, create); !there) return there.error();
  if (auto may = is_ours_or_empty(path); !may) return may.error();
  close_to_others(path);
  Database file;
  const int code = file.open(path, SQLITE_OPEN_READWRITE, busy);
  if (code != SQLITE_OK) return sqlite_error(path, "cannot be opened", code);
  if (auto ready = prepare(file, path); !ready) return ready.error();
  return file;
}

}  // namespace bridge::stores
