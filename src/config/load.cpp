// SPDX-License-Identifier: MIT
#include "bridge/config/load.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <numeric>

#include "bridge/core/json.hpp"
#include "config/field_table.hpp"

namespace bridge::config {
namespace {

constexpr std::array<std::string_view, 10> kPrefixes = {
    "SN_", "BRIDGE_", "AGENT_",   "DIRECTLINE_", "A2A_",
    "CS_", "LOG_",    "SESSION_", "MAX_QUEUED_", "STORE_"};
constexpr std::size_t kMaxSecretFile = 64 * 1024;

ConfigProblem problem_of(const Field& field, std::string what) {
  return ConfigProblem{field.name, std::move(what), field.accepts, field.example};
}

std::optional<std::string> non_empty(const EnvLookup& lookup, std::string_view name) {
  std::optional<std::string> value = lookup(name);
  if (value && trim(*value).empty()) return std::nullopt;
  return value;
}

/// The text of a secret's file without the line end that editors add; nothing if it cannot be read.
std::optional<std::string> read_secret_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text(kMaxSecretFile + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  // Reading a directory opens, but fails here.
  if (file.bad() || text.size() > kMaxSecretFile) return std::nullopt;
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

class Loader {
 public:
  Loader(const EnvLookup& lookup, Purpose purpose) : lookup_(lookup), purpose_(purpose) {}

  void read(const Field& field) {
    const std::optional<std::string> text = given_text(field);
    if (failed_) {
      failed_ = false;
      return;
    }
    if (!text) {
      const bool needed = field.required && (!field.applies || field.applies(config_));
      if (needed && purpose_ == Purpose::serve)
        problems_.push_back(problem_of(field, "is not set"));
      if (!field.default_text.empty()) (void)field.assign(config_, field.default_text);
      return;
    }
    if (auto wrong = field.assign(config_, *text)) {
      if (!given_as_.empty()) *wrong += " (it is given as " + given_as_ + ")";
      problems_.push_back(problem_of(field, std::move(*wrong)));
    }
  }

  void check_together() {
    check_connections();
    check_copilot();
    check_store();
    // A message that fits the length limit must fit an empty queue (UTF-8: at most 4 bytes each).
    if (config_.limits.max_queued_bytes < config_.limits.max_text_characters * 4 &&
        problems_.empty())
      problems_.push_back({"MAX_QUEUED_BYTES",
                           "is too small for one message of MAX_TEXT_CHARACTERS",
                           "at least four bytes for each of MAX_TEXT_CHARACTERS", "64KiB"});
  }

  /// Limits that make no sense beside each other.
  void check_connections() {
    if (!problems_.empty()) return;
    const ConnectionConfig& limits = config_.connections;
    if (limits.max_header_line > limits.max_header_bytes)
      problems_.push_back({"MAX_HEADER_LINE", "is more than the whole header may have",
                           "at most MAX_HEADER_BYTES", "8KiB"});
    if (limits.request_timeout <=
        std::max(config_.timers.open_deadline, config_.timers.send_deadline))
      problems_.push_back({"REQUEST_TIMEOUT",
                           "would answer before OPEN_DEADLINE or SEND_DEADLINE does",
                           "more than both", "90s"});
    if (limits.shutdown_delay >= limits.shutdown_grace)
      problems_.push_back(
          {"SHUTDOWN_DELAY", "leaves no time to end in", "less than SHUTDOWN_GRACE", "5s"});
  }

  /// What CS_AUTH needs, and what stands there without effect.
  void check_copilot() {
    const CopilotConfig& copilot = config_.copilot;
    const auto lacks = [&](std::string_view name, bool unset, std::string_view with) {
      if (!unset || purpose_ != Purpose::serve || reported(name)) return;
      const Field& field = field_named(name);
      problems_.push_back(problem_of(field, "is not set, which " + std::string(with) + " needs"));
    };
    const bool some = !copilot.tenant_id.empty() || !copilot.app_id.empty();
    switch (copilot.auth) {
      case CopilotAuthMode::key:
        return lacks("CS_API_KEY", copilot.api_keys.empty(), "CS_AUTH=key");
      case CopilotAuthMode::entra:
        lacks("CS_TENANT_ID", copilot.tenant_id.empty(), "CS_AUTH=entra");
        return lacks("CS_APP_ID", copilot.app_id.empty(), "CS_AUTH=entra");
      case CopilotAuthMode::none:
        if (config_.connector.learn_service_host)
          problems_.push_back(problem_of(field_named("CS_SERVICE_HOSTS"),
                                         "cannot learn with CS_AUTH=none: anybody could teach it"));
        return warnings_.push_back(
            {"CS_AUTH", "is none: whoever reaches /api/messages may open chats"});
      case CopilotAuthMode::automatic:
        if (some && !copilot.takes_tokens())
          warnings_.push_back(
              {copilot.tenant_id.empty() ? "CS_APP_ID" : "CS_TENANT_ID",
               "has no effect without " +
                   std::string(copilot.tenant_id.empty() ? "CS_TENANT_ID" : "CS_APP_ID")});
    }
  }

  /// What a store that outlives the process needs for conversations of Copilot Studio.
  void check_store() {
    const bool copilot = config_.copilot.takes_keys() || config_.copilot.takes_tokens() ||
                         config_.copilot.auth == CopilotAuthMode::none;
    if (!config_.sqlite_path.empty() && copilot && config_.store_keys.empty())
      warnings_.push_back(
          {"STORE_KEY",
           "is not set: after a restart conversations of Copilot Studio wait for the person's next "
           "message; make one with: openssl rand -hex 32"});
  }

  Config& config() { return config_; }
  std::vector<ConfigWarning>& warnings() { return warnings_; }
  std::vector<ConfigProblem>& problems() { return problems_; }

 private:
  std::optional<std::string> given_text(const Field& field) {
    std::optional<std::string> text = non_empty(lookup_, field.name);
    given_as_.clear();
    for (const std::string& alias : field.aliases) {
      const std::optional<std::string> other = non_empty(lookup_, alias);
      if (other && text && trim(*other) != trim(*text))
        warnings_.push_back({alias, "differs from " + (given_as_.empty() ? field.name : given_as_) +
                                        ", which holds"});
      if (!other || text) continue;
      text = other;
      given_as_ = alias;
    }
    if (!field.secret) return text;
    const std::string file_name = field.name + "_FILE";
    const std::optional<std::string> path = non_empty(lookup_, file_name);
    if (!path) return text;
    const std::string accepts = "the path of a readable file that holds the secret alone";
    const std::string example = "/run/secrets/" + field.name;
    std::string what;
    if (text) {
      what = "is set as well as " + field.name + "; set one of them";
    } else if (text = read_secret_file(*path); !text) {
      what = "names a file that cannot be read";
    } else if (trim(*text).empty()) {
      what = "names an empty file";
    }
    if (!what.empty()) {
      problems_.push_back({file_name, what, accepts, example});
      failed_ = true;
      return std::nullopt;
    }
    return text;
  }

  bool reported(std::string_view name) const {
    return std::any_of(problems_.begin(), problems_.end(), [&](const ConfigProblem& problem) {
      return problem.variable == name || problem.variable == std::string(name) + "_FILE";
    });
  }
  static const Field& field_named(std::string_view name) {
    const auto& table = field_table();
    return *std::find_if(table.begin(), table.end(),
                         [&](const Field& field) { return field.name == name; });
  }

  const EnvLookup& lookup_;
  Purpose purpose_;
  Config config_;
  std::vector<ConfigProblem> problems_;
  std::vector<ConfigWarning> warnings_;
  std::string given_as_;  ///< the alias that the field's text came from, if it did
  bool failed_ = false;   ///< the field's text could not be had; already reported
};

bool is_ignored(std::string_view name) {
  const auto& ignored = ignored_names();
  return std::any_of(ignored.begin(), ignored.end(), [&](const IgnoredName& entry) {
    std::string_view pattern = entry.name;
    if (!pattern.ends_with('*')) return name == pattern;
    pattern.remove_suffix(1);
    return name.starts_with(pattern);
  });
}

bool is_known(std::string_view name) {
  const auto& table = field_table();
  return std::any_of(table.begin(), table.end(), [&](const Field& field) {
    return name == field.name || (field.secret && name == field.name + "_FILE") ||
           std::find(field.aliases.begin(), field.aliases.end(), name) != field.aliases.end();
  });
}

/// Levenshtein distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

/// Our name that `name` may be a slip of; empty if none is near. Short names are near to anything.
std::string near_name(std::string_view name) {
  if (name.size() < 8 || name.size() > 64) return {};
  for (const Field& field : field_table())
    if (field.name.size() >= 8 && distance(name, field.name) <= 2) return field.name;
  return {};
}

std::vector<ConfigWarning> warn_of_unknown(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<ConfigWarning> warnings;
  for (const std::string& name : names) {
    if (is_known(name) || is_ignored(name)) continue;
    const std::string near = near_name(name);
    const bool prefixed =
        std::any_of(kPrefixes.begin(), kPrefixes.end(),
                    [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (!near.empty()) {
      warnings.push_back({name, "is not a setting; did you mean " + near + "?"});
    } else if (prefixed) {
      warnings.push_back({name, "is not a setting of this version and has no effect"});
    }
  }
  return warnings;
}

}  // namespace

std::variant<Config, std::vector<ConfigProblem>> load_config(
    const EnvLookup& lookup, const std::vector<std::string>& all_names, Purpose purpose) {
  Loader loader(lookup, purpose);
  for (const bool early : {true, false})
    for (const Field& field : field_table())
      if (field.early == early) loader.read(field);
  loader.check_together();
  if (!loader.problems().empty()) return std::move(loader.problems());
  std::vector<ConfigWarning>& warnings = loader.warnings();
  for (ConfigWarning& unknown : warn_of_unknown(all_names)) warnings.push_back(std::move(unknown));
  loader.config().warnings = std::move(warnings);
  return std::move(loader.config());
}

std::string describe(const std::vector<ConfigProblem>& problems) {
  std::string text;
  for (const ConfigProblem& problem : problems) {
    text += problem.variable + " " + problem.what + "\n";
    if (!problem.accepts.empty()) text += "    accepted: " + problem.accepts + "\n";
    if (!problem.example.empty())
      text += "    example:  " + problem.variable + "=" + problem.example + "\n";
  }
  return text;
}

}  // namespace bridge::config
