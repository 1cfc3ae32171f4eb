// SPDX-License-Identifier: MIT
#include "bridge/config/env_file.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bridge/core/json.hpp"
#include "config/values.hpp"

namespace bridge::config {
namespace {

constexpr std::size_t kMaxFile = 1024 * 1024;

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (const char c : name) {
    const bool allowed =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!allowed) return false;
  }
  return true;
}

/// What follows a value on its line may only be blank or a comment.
bool is_rest(std::string_view text) {
  text = trim(text);
  return text.empty() || text.front() == '#';
}

Error bad_line(std::string what) { return Error(Errc::malformed, std::move(what)); }

Result<std::string> read_quoted(std::string_view text) {
  const char quote = text.front();
  std::string value;
  for (std::size_t i = 1; i < text.size(); ++i) {
    char c = text[i];
    if (c == quote) {
      if (!is_rest(text.substr(i + 1))) return bad_line("has text after the closing quote");
      return value;
    }
    // In single quotes a backslash is a backslash, as in a shell.
    if (c == '\\' && quote == '"' && i + 1 < text.size()) {
      c = text[++i];
      if (c == 'n')
        c = '\n';
      else if (c == 't')
        c = '\t';
      else if (c != '"' && c != '\\' && c != '$')
        value.push_back('\\');
    }
    value.push_back(c);
  }
  return bad_line("has no closing quote");
}

Result<std::string> read_value(std::string_view text) {
  text = trim(text);
  if (text.empty()) return std::string();
  if (text.front() == '"' || text.front() == '\'') return read_quoted(text);
  // `#` begins a comment at the start or after a blank only: a password may hold one.
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '#' && (i == 0 || text[i - 1] == ' ' || text[i - 1] == '\t'))
      return std::string(trim(text.substr(0, i)));
  return std::string(text);
}

Result<> read_line(std::string_view line, EnvMap& into) {
  line = trim(line);
  if (line.empty() || line.front() == '#') return {};
  for (const char c : line)
    if (c != '\t' && has_control_characters({&c, 1})) return bad_line("holds control characters");
  if (line.starts_with("export ") || line.starts_with("export\t")) line = trim(line.substr(7));
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return bad_line("has no '='");
  const std::string_view name = trim(line.substr(0, equals));
  if (!is_variable_name(name)) return bad_line("does not begin with a variable name");
  auto value = read_value(line.substr(equals + 1));
  if (!value) return value.error();
  into.insert_or_assign(std::string(name), std::move(*value));
  return {};
}

}  // namespace

std::variant<EnvMap, std::vector<ConfigProblem>> parse_env_file(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  EnvMap values;
  std::vector<ConfigProblem> problems;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (const auto read = read_line(text.substr(0, end), values); !read)
      problems.push_back({"line " + std::to_string(number), read.error().context(),
                          "NAME=value, NAME=\"value\", a comment after #, or nothing", ""});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!problems.empty()) return problems;
  return values;
}

std::variant<EnvMap, std::vector<ConfigProblem>> read_env_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  std::error_code ignored;  // a folder opens like a file, and reads as an empty one
  if (!file || std::filesystem::is_directory(path, ignored) || text.str().size() > kMaxFile)
    return std::vector<ConfigProblem>{
        {"--env-file", "names a file that cannot be read", "a readable file of at most 1 MiB", ""}};
  return parse_env_file(text.str());
}

}  // namespace bridge::config
