// SPDX-License-Identifier: MIT
// Reads a folder of scripts as an admin would install them. A .js file says in its head comment
// what it is:
//   * @resource POST /open_chat        or   * @rule sys_cs_message
//   * @role x_bridge_caller                 * @name Relay
//   * @requires_authentication true         * @when async_always
//                                           * @operations insert update
//                                           * @order 200
//                                           * @filter direction=outbound^is_agent=true
//   both:  * @column interaction.u_bridge_session_id string 64 unique     * @property some.name
//   password2
// In a folder without annotations every .js file is a POST resource named after itself, and a .md
// file that names a table in a `Table:` bullet and holds one javascript fence is an async rule.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bridge/core/error.hpp"
#include "sandbox/glide/business_rule.hpp"
#include "sandbox/glide/schema.hpp"
#include "sandbox/glide/script_http.hpp"

namespace bridge::sandbox {

struct ColumnNote {
  std::string table;
  Column column;
};

struct PropertyNote {
  std::string name;
  std::string type;  ///< "string", "password2", ...
};

struct ScriptFolder {
  std::vector<Resource> resources;
  std::vector<BusinessRule> rules;
  std::vector<ColumnNote> columns;
  std::vector<PropertyNote> properties;
  /// Remarks worth showing: files that were skipped, bullets not understood.
  std::vector<std::string> notes;
};

/// Script texts are taken as they are. Errors: not_found (no folder), malformed (a file whose
/// annotations make no sense, or a folder without any resource).
Result<ScriptFolder> read_script_folder(const std::filesystem::path& folder);

/// The same sys_id for the same name every time.
std::string stable_sys_id(std::string_view kind, std::string_view name);

}  // namespace bridge::sandbox
