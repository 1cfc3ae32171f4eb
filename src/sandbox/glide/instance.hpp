// SPDX-License-Identifier: MIT
// The stand-in ServiceNow instance below its REST layer: tables, business rules, scripts and the
// workers that run async rules. The shell (REST, chat, AWA, control interface) is built on this.
// What surprises: writes from C++ go through exactly the same door as GlideRecord writes, so
// business rules fire on them; and everything happens under one lock that is let go while a
// script calls out.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bridge/core/error.hpp"
#include "bridge/core/json.hpp"
#include "bridge/core/logger.hpp"
#include "sandbox/glide/business_rule.hpp"
#include "sandbox/glide/clock.hpp"
#include "sandbox/glide/encoded_query.hpp"
#include "sandbox/glide/instance_lock.hpp"
#include "sandbox/glide/record.hpp"
#include "sandbox/glide/schema.hpp"
#include "sandbox/glide/script_context.hpp"
#include "sandbox/glide/script_http.hpp"
#include "sandbox/glide/script_loader.hpp"
#include "sandbox/glide/session.hpp"
#include "sandbox/glide/system_log.hpp"

namespace bridge::sandbox {

/// Every guess about the platform is a switch here.
struct InstanceOptions {
  /// interaction.u_bridge_session_id exists. Off: a write to it is silently dropped.
  bool bridge_session_column = true;
  /// The admin ticked "Unique" where a script's head asks for it (`@column ... unique`).
  bool unique_columns = true;
  /// Scripts take turns at every row and at every call of sn_cs, as on an instance, instead of each
  /// having the instance to itself until it ends.
  bool interleave = false;
  /// What gs.getProperty gives for a password2 property: the clear text, or the ciphertext.
  bool password2_clear = true;
  /// Refuse ES2015 syntax, as the global scope's ES5 mode does.
  bool es5_only = true;
  /// RESTMessageV2.execute on a socket timeout: throw, or status 0 and error code 1.
  bool outbound_timeout_throws = false;
  /// RESTMessageV2.execute when nobody listens: throw, or status 0.
  bool outbound_refused_throws = true;
  /// Each async job waits a random time between these two.
  std::chrono::milliseconds async_delay_min{0};
  std::chrono::milliseconds async_delay_max{0};
  /// Jobs may overtake one another. Off: they start in the order in which they were enqueued.
  bool async_reorder = false;
  /// Async workers.
  std::size_t workers = 2;
  /// CPU-side limit of one script; time spent calling out is not counted.
  std::chrono::milliseconds script_time_limit{10000};
  std::size_t script_memory_limit = std::size_t{64} << 20;
  unsigned random_seed = 1;
};

struct WriteOptions {
  bool workflow = true;         ///< setWorkflow(false) skips business rules
  bool auto_sys_fields = true;  ///< autoSysFields(false) leaves sys_* alone
};

/// A hook sees every change of a table after the row is written and the synchronous rules have
/// run, on the writing thread, under the lock. It may write rows itself. It must not throw.
using ChangeHook = std::function<void(const Change&)>;

class Instance {
 public:
  explicit Instance(InstanceOptions options, Logger& logger);
  /// Stops the workers; jobs that have not started are dropped.
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  /// Hold this over several calls that belong together. All members take it themselves.
  InstanceLock& lock() { return lock_; }
  Clock& clock() { return clock_; }
  SystemLog& system_log() { return log_; }
  const Schema& schema() const { return schema_; }
  /// Requires: the lock, when changed while scripts may run.
  InstanceOptions& options() { return options_; }

  // --- Rows in a file --------------------------------------------------------------------------

  /// Before anything else: rows are those of this file, which is made if need be.
  /// Errors: those of Database::open_file.
  Result<> open_data(const std::filesystem::path& file);
  /// What the platform knows besides rows and must know again after a kill; does nothing while
  /// rows are in memory. `remembered` gives key and value in the order of first writing.
  void remember(const std::string& kind, const std::string& key, const std::string& value);
  void forget(const std::string& kind, const std::string& key);
  std::vector<std::pair<std::string, std::string>> remembered(const std::string& kind);

  // --- Set-up ----------------------------------------------------------------------------------

  void set_outbound(OutboundHttp outbound);
  /// Replaces a native of the same name. Names such as "sn_cs.AgentChatScriptObject.send".
  void register_native(std::string name, Native native);
  /// JavaScript run at the start of every execution, after the natives are there: for script
  /// classes with instances (sn_awa.Queue.get(id).route(...)). It may call
  /// `$native('dotted.name', [arguments])`; natives whose name starts with '$' have no global
  /// function of their own. Errors: malformed (a syntax error).
  Result<> add_prelude(std::string name, std::string source);
  void on_change(std::string table, ChangeHook hook);
  bool add_column(std::string_view table, Column column);
  void add_table(Table table);
  /// Errors: malformed (syntax error in script or condition), not_found (no such table).
  Result<> add_rule(BusinessRule rule);
  /// Also checks the syntax, as saving the record would. Errors: malformed.
  Result<> add_resource(Resource resource);
  /// Installs a folder: resources, rules, columns, properties (created empty unless they exist).
  Result<ScriptFolder> load_scripts(const std::filesystem::path& folder);
  /// Drops all rows, jobs and log entries, and the clock's offset; keeps schema, rules, resources,
  /// natives and hooks. Waits for running jobs.
  void clear_data();

  // --- Accounts and properties -----------------------------------------------------------------

  Session system_session() const { return Session{}; }
  /// A session that acts as this user; nothing if there is no such user name.
  std::optional<Session> session_for(std::string_view user_name);
  std::optional<Session> session_for_id(std::string_view user_sys_id);
  /// Makes the role if it is not there.
  void grant_role(std::string_view user_sys_id, std::string_view role);
  void revoke_role(std::string_view user_sys_id, std::string_view role);
  /// True for admin whatever the role (gs.hasRole).
  bool has_role(std::string_view user_sys_id, std::string_view role);
  /// Held by the user in so many words.
  std::vector<std::string> roles_of(std::string_view user_sys_id);
  /// GlideImpersonate.canImpersonate for the session's login account.
  bool can_impersonate(const Session& session, std::string_view user_sys_id);
  /// Changes nothing and returns false if it is not permitted (the platform does not throw).
  bool impersonate(Session& session, std::string_view user_sys_id);

  /// Decrypted whatever the mode; nothing if there is no such row.
  std::optional<std::string> property(std::string_view name);
  /// Makes the row if needed; keeps the type of an existing row unless one is given, and encrypts
  /// password2 values.
  void set_property(std::string_view name, std::string_view value, std::string_view type = {});
  /// What a password2 column holds. `decrypt_password2` gives nothing for text that is no
  /// ciphertext.
  static std::string encrypt_password2(std::string_view clear);
  static std::optional<std::string> decrypt_password2(std::string_view stored);

  // --- Rows ------------------------------------------------------------------------------------
  // The same semantics as GlideRecord: defaults, system columns, truncation, rules.

  /// Keeps the record's own sys_id if it has one. Returns the row as written.
  /// Errors: not_found (no such table), conflict (unique value taken), forbidden (a before rule
  /// aborted; the context is the platform's text).
  Result<Record> insert(const Record& record, Session& session, WriteOptions options = {});
  /// Writes those of the record's values that differ from the row `sys_id`; if none does, nothing
  /// is written and no rule fires. Errors: as insert; not_found also when the row is gone.
  Result<Record> update(const Record& record, Session& session, WriteOptions options = {});
  /// Errors: not_found, forbidden.
  Result<> remove(const std::string& table, const std::string& sys_id, Session& session,
                  WriteOptions options = {});

  /// A new row with defaults, sys_id and number, not written yet (GlideRecord.newRecord).
  Record blank_row(const std::string& table);
  std::optional<Record> get(const std::string& table, std::string_view sys_id);
  /// The first row whose column has this value.
  std::optional<Record> find_one(const std::string& table, const std::string& column,
                                 const std::string& value);
  std::vector<Record> find(const std::string& table, const Query& query);
  std::vector<Record> find(const std::string& table, std::string_view encoded_query,
                           std::size_t limit = 0);
  /// Ignores limit and offset.
  std::size_t count(const std::string& table, const Query& query);
  /// What a column shows: the display value of a referenced row, "true" and "false", else the
  /// value.
  std::string display_value(const Record& row, const std::string& column);

  // --- Scripts ---------------------------------------------------------------------------------

  std::vector<Resource> resources();
  std::vector<BusinessRule> rules();
  /// Runs a resource's script to its end on this thread. Call it from a worker, never from the
  /// I/O thread: it may call out, to our own listener too. `session` shows afterwards whether the
  /// script left an impersonation behind.
  ScriptReply run_resource(const Resource& resource, const ScriptRequest& request,
                           Session& session);
  /// A background script; its completion value. Errors: upstream_failed with the exception's text.
  Result<json::value> run_script(std::string_view source, Session& session);

  /// Where a script may be overtaken: with `interleave`, and outside of any write, lets whoever
  /// waits for the lock go first, now and then.
  void yield_point();
  /// While the object lives, the first call of sn_cs that a script of this thread makes waits
  /// until `over` says so, with the lock let go.
  class Stall {
   public:
    explicit Stall(std::function<bool()> over);
    ~Stall();
    Stall(const Stall&) = delete;
    Stall& operator=(const Stall&) = delete;
  };
  void stall_point();

  // --- Async rules -----------------------------------------------------------------------------

  std::size_t pending_jobs();
  /// Whether every job, and every job those made, was done before the limit. Not for workers.
  bool wait_for_jobs(std::chrono::milliseconds limit);

 private:
  friend class ScriptRun;
  friend class GlideNatives;
  friend class WholeChange;
  struct State;
  struct Write;

  bool strict_queries();
  void declare_property(const PropertyNote& note);
  std::string next_number(const std::string& table);
  /// The record's values fitted to the table: unknown columns gone, texts cut, booleans "1"/"0".
  Record fitted(const Record& record);
  /// Unique columns; the platform's text if one is taken.
  std::optional<std::string> broken_uniqueness(const Record& row, const Record& before);
  std::vector<std::shared_ptr<const BusinessRule>> rules_for(const Write& write,
                                                             BusinessRule::When when);
  /// Before rules change `write.after`. False if one aborted, with the reason in `write`.
  bool run_before_rules(Write& write);
  /// Everything that follows the write itself: async jobs, after rules, hooks.
  void run_consequences(Write& write);
  bool filter_holds(const BusinessRule& rule, const Write& write);
  void enqueue(std::shared_ptr<const BusinessRule> rule, const Write& write);
  void run_async(const BusinessRule& rule, const std::string& table, const std::string& sys_id,
                 Operation operation, Session session);
  void log_failure(const BusinessRule& rule, const std::string& what);

  InstanceOptions options_;
  Logger& logger_;
  InstanceLock lock_;
  Clock clock_;
  SystemLog log_;
  Schema schema_;
  std::unique_ptr<State> state_;
};

/// Writes made while one of these lives are in the file together, or, after a kill, not at all.
class WholeChange {
 public:
  explicit WholeChange(Instance& instance);
  ~WholeChange();
  WholeChange(const WholeChange&) = delete;
  WholeChange& operator=(const WholeChange&) = delete;

 private:
  Instance& instance_;
};

}  // namespace bridge::sandbox
