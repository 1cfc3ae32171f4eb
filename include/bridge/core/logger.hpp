// SPDX-License-Identifier: MIT
// The one way to log: an event name and fields, not prose. Never a body, a header, a secret or a
// message text. Levels say who must act: error = we failed a user, warning = the other side
// misbehaved, info = one line per state change and request, debug = the rest.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace bridge {

enum class Level { debug, info, warning, error, off };

/// One named value of a log line. Views: the caller's strings must live for the call, no longer.
struct Field {
  Field(std::string_view n, std::string_view v) : name(n), value(v) {}
  Field(std::string_view n, const char* v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, const std::string& v) : name(n), value(std::string_view(v)) {}
  Field(std::string_view n, bool v) : name(n), value(v) {}
  template <std::integral I>
  Field(std::string_view n, I v) : name(n), value(static_cast<std::int64_t>(v)) {}
  Field(std::string_view n, double v) : name(n), value(v) {}

  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

class Logger {
 public:
  virtual ~Logger() = default;
  virtual bool enabled(Level level) const = 0;
  virtual void write(Level level, std::string_view event, std::span<const Field> fields) = 0;

  void log(Level level, std::string_view event, std::initializer_list<Field> fields = {}) {
    if (enabled(level)) write(level, event, {fields.begin(), fields.size()});
  }
  void debug(std::string_view event, std::initializer_list<Field> f = {}) {
    log(Level::debug, event, f);
  }
  void info(std::string_view event, std::initializer_list<Field> f = {}) {
    log(Level::info, event, f);
  }
  void warning(std::string_view event, std::initializer_list<Field> f = {}) {
    log(Level::warning, event, f);
  }
  void error(std::string_view event, std::initializer_list<Field> f = {}) {
    log(Level::error, event, f);
  }
};

/// Says nothing; for tests and tools.
class NullLogger final : public Logger {
 public:
  bool enabled(Level) const override { return false; }
  void write(Level, std::string_view, std::span<const Field>) override {}
};

}  // namespace bridge
