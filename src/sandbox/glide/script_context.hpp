// SPDX-License-Identifier: MIT
// How C++ offers functions to scripts. A native is registered under a dotted name, appears in
// every script as a function of that name, takes the arguments as JSON and answers with JSON.
// GlideElement and Java-like arguments arrive as plain strings.
#pragma once

#include <functional>
#include <stdexcept>
#include <string>

#include "bridge/core/json.hpp"
#include "sandbox/glide/session.hpp"

namespace bridge::sandbox {

class Instance;

/// Thrown by a native; becomes a JavaScript Error. `String(e)` is "<name>: <text>" in the script.
class ScriptError : public std::runtime_error {
 public:
  explicit ScriptError(const std::string& text, std::string name = "Error")
      : std::runtime_error(text), name_(std::move(name)) {}
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

/// Lifetime: valid during the native call only.
struct ScriptContext {
  Instance& instance;
  /// Whoever the script acts as at this moment.
  Session& session;
  /// "sys_ws_operation.<sys_id>" or "sys_script.<sys_id>".
  const std::string& source;
};

/// Runs on the script's thread with the instance lock held. Any other exception than ScriptError
/// becomes an Error as well.
using Native = std::function<json::value(ScriptContext&, const json::array& arguments)>;

/// Argument `index` as text; "" if absent or null, numbers and booleans in JavaScript's form.
std::string text_argument(const json::array& arguments, std::size_t index);
bool flag_argument(const json::array& arguments, std::size_t index);

}  // namespace bridge::sandbox
