// SPDX-License-Identifier: MIT
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr std::string_view kSqlite = "sqlite:";

/// A kind of session, and how long it is kept.
struct Kept {
  std::string_view name;
  Millis most;
  Millis& (*at)(Config&);
};

constexpr Kept kKept[] = {
    {"bot", days(7), [](Config& c) -> Millis& { return c.timers.bot_expiry; }},
    {"closed", days(30), [](Config& c) -> Millis& { return c.timers.closed_expiry; }},
    {"carried", days(30), [](Config& c) -> Millis& { return c.timers.carried_expiry; }},
};

Wrong read_retention(Config& config, std::string_view text) {
  for (const std::string& part : split_list(text)) {
    const std::size_t colon = std::min(part.find(':'), part.size());
    const std::string name = to_lower(trim(std::string_view(part).substr(0, colon)));
    const auto kept = std::find_if(std::begin(kKept), std::end(kKept),
                                   [&](const Kept& known) { return known.name == name; });
    if (kept == std::end(kKept)) return "has a part that is none of bot, closed and carried";
    const auto span =
        parse_duration(std::string_view(part).substr(std::min(colon + 1, part.size())));
    if (!span) return "has a part without a duration";
    if (*span < seconds(1) || *span > kept->most) return "has a duration that is out of range";
    kept->at(config) = *span;
  }
  return std::nullopt;
}

std::string show_retention(const Config& config) {
  Config copy = config;
  std::string shown;
  for (const Kept& kept : kKept) {
    if (!shown.empty()) shown += ",";
    shown.append(kept.name).append(":").append(format_duration(kept.at(copy)));
  }
  return shown;
}

Field retention() {
  Field field = base({"RETENTION", "bot:2h,closed:24h,carried:7d",
                      "How long sessions are kept, with everything that was said in them: bot "
                      "without a chat, since "
                      "the last activity; closed since the chat's end; carried likewise, if a "
                      "conversation of Copilot "
                      "Studio or Teams carries it. What is not named keeps its default. Then they "
                      "are erased, in the "
                      "store as well. Texts leave earlier by LOG_MAX_AGE.",
                      "bot:1h,closed:8h"},
                     "bot:, closed: and carried: with a duration each, from 1s to 7d, 30d and 30d, "
                     "separated by commas");
  // The single settings below go before it.
  field.early = true;
  field.assign = [](Config& config, std::string_view text) -> Wrong {
    static const std::string usual = "bot:2h,closed:24h,carried:7d";
    if (Wrong wrong = read_retention(config, usual)) return wrong;
    return read_retention(config, text);
  };
  field.show = show_retention;
  return field;
}

Wrong read_store(Config& config, std::string_view text) {
  const std::string_view name = trim(text);
  if (name == "memory:" || name == "memory") {
    config.store = "memory:";
    config.sqlite_path.clear();
    return std::nullopt;
  }
  if (!name.starts_with(kSqlite)) return "names a store that this version does not have";
#ifndef BRIDGE_HAS_SQLITE
  return "names SQLite, which this program was built without";
#else
  std::string path(name.substr(kSqlite.size()));
  // As in a URL: sqlite:///var/lib/... is /var/lib/...
  if (path.starts_with("//")) path.erase(0, 2);
  if (path.empty() || path.ends_with('/')) return "names no file";
  if (has_control_characters(path)) return "holds control characters";
  config.store = std::string(kSqlite) + path;
  config.sqlite_path = std::move(path);
  return std::nullopt;
#endif
}

}  // namespace

std::vector<Field> store_fields() {
  return in_group(
      "Where sessions are kept",
      {
          text(
              {"BRIDGE_STORE", "memory:",
               "With memory: sessions end with the process. With sqlite:<path> they are in that "
               "file, on "
               "a disk of this machine, and outlive it; one process at a time has it. Not for "
               "network "
               "shares, Azure Files among them.",
               "sqlite:/var/lib/handoff-bridge/sessions.db"},
              "memory: or sqlite:<path of a file>", read_store,
              [](auto& c) -> auto& { return c.store; }),
          caller_secret(
              {"STORE_KEY", "",
               "Seals the signed addresses of Copilot Studio's conversations before they are "
               "stored. "
               "Without it they are not stored, and after a restart such a conversation waits for "
               "the "
               "person's next message.",
               "the output of: openssl rand -hex 32"},
              [](auto& c) -> auto& { return c.store_keys; }),
          retention(),
          duration(
              {"BOT_EXPIRY", "", "The part bot of RETENTION, and goes before it.", "2h"},
              seconds(1), days(7), [](auto& c) -> auto& { return c.timers.bot_expiry; }),
          duration(
              {"CLOSED_EXPIRY", "", "The part closed of RETENTION, and goes before it.", "24h"},
              seconds(1), days(30), [](auto& c) -> auto& { return c.timers.closed_expiry; }),
      });
}

}  // namespace bridge::config
