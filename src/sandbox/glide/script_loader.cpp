// SPDX-License-Identifier: MIT
#include "sandbox/glide/script_loader.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>

#include "bridge/core/json.hpp"

namespace bridge::sandbox {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> words(std::string_view text) {
  std::istringstream stream{std::string(text)};
  std::vector<std::string> list;
  for (std::string word; stream >> word;) {
    while (!word.empty() && word.back() == ',') word.pop_back();
    if (!word.empty()) list.push_back(word);
  }
  return list;
}

std::optional<int> integer(std::string_view text) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

using Tags = std::vector<std::pair<std::string, std::string>>;

/// "@name value" lines of the comments before the first line of code.
Tags head_tags(const std::string& source) {
  Tags tags;
  std::istringstream lines(source);
  bool in_block = false;
  for (std::string line; std::getline(lines, line);) {
    std::string_view text = trim(line);
    if (text.empty()) continue;
    const bool is_line_comment = text.starts_with("//");
    if (!in_block && !is_line_comment && !text.starts_with("/*")) break;
    if (!is_line_comment && text.starts_with("/*")) in_block = true;
    const std::size_t end = text.find("*/");
    if (in_block && end != std::string_view::npos) {
      in_block = false;
      text = text.substr(0, end);
    }
    while (!text.empty() && (text.front() == '/' || text.front() == '*' || text.front() == ' '))
      text.remove_prefix(1);
    if (!text.starts_with('@')) continue;
    const std::size_t space = std::min(text.find(' '), text.size());
    tags.emplace_back(text.substr(1, space - 1), trim(text.substr(space)));
  }
  return tags;
}

std::optional<std::string> tag(const Tags& tags, std::string_view name) {
  for (const auto& [known, value] : tags)
    if (known == name) return value;
  return std::nullopt;
}

Error complaint(const fs::path& file, const std::string& what) {
  return {Errc::malformed, file.filename().string() + ": " + what};
}

Result<BusinessRule> read_rule(const fs::path& file, const Tags& tags, std::string source) {
  BusinessRule rule;
  rule.table = tag(tags, "rule").value_or("");
  rule.name = tag(tags, "name").value_or(file.stem().string());
  rule.sys_id = stable_sys_id("sys_script", rule.name);
  rule.script = std::move(source);
  rule.filter = tag(tags, "filter").value_or("");
  rule.condition = tag(tags, "condition").value_or("");
  const std::string when = tag(tags, "when").value_or("async_always");
  if (when == "before") {
    rule.when = BusinessRule::When::before;
  } else if (when == "after") {
    rule.when = BusinessRule::When::after;
  } else if (when != "async" && when != "async_always") {
    return complaint(file, "@when " + when + " is not known");
  }
  for (const std::string& operation : words(tag(tags, "operations").value_or("insert"))) {
    if (operation == "insert") {
      rule.on_insert = true;
    } else if (operation == "update") {
      rule.on_update = true;
    } else if (operation == "delete") {
      rule.on_delete = true;
    } else {
      return complaint(file, "@operations " + operation + " is not known");
    }
  }
  const auto order = integer(tag(tags, "order").value_or("100"));
  if (!order) return complaint(file, "@order is not a number");
  rule.order = *order;
  return rule;
}

Result<Resource> read_resource(const fs::path& file, const Tags& tags, std::string source) {
  const auto parts = words(tag(tags, "resource").value_or(""));
  if (parts.size() != 2 || !parts[1].starts_with('/'))
    return complaint(file, "@resource wants a method and a path such as /open_chat");
  Resource resource;
  resource.method = parts[0];
  resource.relative_path = parts[1];
  resource.name = tag(tags, "name").value_or(parts[1].substr(1));
  resource.sys_id = stable_sys_id("sys_ws_operation", parts[0] + " " + parts[1]);
  resource.script = std::move(source);
  resource.source_file = file.filename().string();
  resource.requires_authentication =
      tag(tags, "requires_authentication").value_or("true") != "false";
  for (const auto& [name, value] : tags)
    if (name == "role")
      for (std::string& role : words(value)) resource.roles.push_back(std::move(role));
  return resource;
}

/// "interaction.u_bridge_session_id string 64 unique", or "table.column reference target".
Result<ColumnNote> read_column(const fs::path& file, const std::string& text) {
  const auto parts = words(text);
  const std::size_t dot = parts.empty() ? std::string::npos : parts[0].find('.');
  if (dot == std::string::npos || parts.size() < 2)
    return complaint(file, "@column wants table.column, a type and a length");
  ColumnNote note;
  note.table = parts[0].substr(0, dot);
  note.column.name = parts[0].substr(dot + 1);
  note.column.type = column_type_from(parts[1]);
  if (note.column.type == ColumnType::reference) {
    if (parts.size() < 3) return complaint(file, "@column: a reference needs its table");
    note.column.target = parts[2];
    note.column.max_length = 32;
  } else if (parts.size() > 2) {
    const auto length = integer(parts[2]);
    if (!length || *length <= 0) return complaint(file, "@column: the length is not a number");
    note.column.max_length = static_cast<std::size_t>(*length);
  }
  if (parts.size() > 3 && parts[3] != "unique")
    return complaint(file, "@column: " + parts[3] + " is not known");
  note.column.unique = parts.size() > 3;
  if (note.column.type == ColumnType::boolean) note.column.default_value = "0";
  return note;
}

Resource plain_resource(const fs::path& file, std::string source) {
  Resource resource;
  resource.name = file.stem().string();
  resource.method = "POST";
  resource.relative_path = "/" + resource.name;
  resource.sys_id = stable_sys_id("sys_ws_operation", "POST " + resource.relative_path);
  resource.script = std::move(source);
  resource.source_file = file.filename().string();
  return resource;
}

// --- Rules described in prose (.md)
// ---------------------------------------------------------------

std::string without(std::string text, std::string_view unwanted) {
  std::erase_if(text, [&](char c) { return unwanted.find(c) != std::string_view::npos; });
  return text;
}

/// "`direction is outbound` AND `is_agent is true` AND `type is one of: a, b`" as an encoded query.
std::optional<std::string> filter_from_prose(std::string_view prose) {
  std::string query;
  std::string rest = without(std::string(prose), "`|*") + " AND ";
  for (std::size_t from = 0, end; (end = rest.find(" AND ", from)) != std::string::npos;
       from = end + 5) {
    const std::string_view piece = trim(std::string_view(rest).substr(from, end - from));
    const std::size_t is = piece.find(" is ");
    if (is == std::string_view::npos || piece.substr(0, is).find(' ') != std::string_view::npos)
      return std::nullopt;
    std::string_view value = trim(piece.substr(is + 4));
    query += (query.empty() ? "" : "^") + std::string(piece.substr(0, is));
    if (value.starts_with("one of")) {
      value.remove_prefix(value.starts_with("one of:") ? 7 : 6);
      std::string list;
      for (const std::string& item : words(value)) list += (list.empty() ? "" : ",") + item;
      query += "IN" + list;
    } else if (value.find(' ') == std::string_view::npos && !value.empty()) {
      query += "=" + std::string(value);
    } else {
      return std::nullopt;
    }
  }
  if (query.empty()) return std::nullopt;
  return query;
}

/// The text between the first two backticks.
std::string in_backticks(std::string_view line) {
  const std::size_t open = line.find('`');
  const std::size_t close = open == std::string_view::npos ? open : line.find('`', open + 1);
  return close == std::string_view::npos ? std::string()
                                         : std::string(line.substr(open + 1, close - open - 1));
}

/// The cells of a Markdown table row, or the halves of a "- **Name:** value" bullet.
std::optional<std::pair<std::string, std::string>> labelled(std::string_view line) {
  line = trim(line);
  if (line.starts_with('|')) {
    const std::size_t bar = line.find('|', 1);
    if (bar == std::string_view::npos) return std::nullopt;
    std::string_view value = line.substr(bar + 1);
    if (value.ends_with('|')) value.remove_suffix(1);
    return std::pair(without(std::string(trim(line.substr(1, bar - 1))), "*:"),
                     std::string(trim(value)));
  }
  if (!line.starts_with('-') && !line.starts_with('*')) return std::nullopt;
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string label = without(std::string(trim(line.substr(1, colon - 1))), "*");
  const std::string value = without(std::string(line.substr(colon + 1)), "*");
  return std::pair(std::string(trim(label)), std::string(trim(value)));
}

/// Nothing if the page describes no rule.
std::optional<BusinessRule> rule_from_page(const fs::path& file, std::vector<std::string>& notes) {
  BusinessRule rule;
  rule.name = file.stem().string();
  bool told_operations = false, in_fence = false;
  int fences = 0;
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      in_fence = !in_fence && line.starts_with("```javascript") && ++fences == 1;
      continue;
    }
    if (in_fence) {
      rule.script += line + "\n";
      continue;
    }
    const auto pair = labelled(line);
    if (!pair) continue;
    const auto& [label, value] = *pair;
    if (label == "Table" && rule.table.empty()) {
      rule.table = in_backticks(value);
    } else if (label == "Name") {
      if (const std::string name = in_backticks(value); !name.empty()) rule.name = name;
    } else if (label == "Order") {
      if (const auto parts = words(value); !parts.empty())
        rule.order = integer(parts[0]).value_or(rule.order);
    } else if (label == "Insert" || label == "Update" || label == "Delete") {
      const bool on = value.starts_with("true");
      told_operations = true;
      (label == "Insert"   ? rule.on_insert
       : label == "Update" ? rule.on_update
                           : rule.on_delete) = on;
    } else if (label == "Filter conditions") {
      if (const auto filter = filter_from_prose(value)) {
        rule.filter = *filter;
      } else {
        notes.push_back(file.filename().string() +
                        ": filter not understood, the script must filter itself");
      }
    }
  }
  if (!told_operations) rule.on_insert = true;
  if (rule.table.empty() || fences != 1) return std::nullopt;
  rule.sys_id = stable_sys_id("sys_script", rule.name);
  return rule;
}

}  // namespace

std::string stable_sys_id(std::string_view kind, std::string_view name) {
  const std::string text = std::string(kind) + "\n" + std::string(name);
  std::string id;
  for (const std::uint64_t start : {0xcbf29ce484222325ULL, 0x84222325cbf29ce4ULL}) {
    std::uint64_t hash = start;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    for (int shift = 60; shift >= 0; shift -= 4) id += "0123456789abcdef"[(hash >> shift) & 0xF];
  }
  return id;
}

Result<ScriptFolder> read_script_folder(const fs::path& folder) {
  std::error_code problem;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder, problem))
    if (entry.is_regular_file()) files.push_back(entry.path());
  if (problem) return Error(Errc::not_found, "no folder " + folder.string());
  std::sort(files.begin(), files.end());

  ScriptFolder result;
  std::vector<std::pair<fs::path, std::string>> plain;
  bool annotated = false;
  for (const fs::path& file : files) {
    if (file.extension() == ".md") {
      if (auto rule = rule_from_page(file, result.notes)) result.rules.push_back(std::move(*rule));
      continue;
    }
    if (file.extension() != ".js") continue;
    std::string source = read_file(file);
    const Tags tags = head_tags(source);
    for (const auto& [name, value] : tags) {
      if (name == "column") {
        auto column = read_column(file, value);
        if (!column) return column.error();
        result.columns.push_back(std::move(*column));
      } else if (name == "property") {
        const auto parts = words(value);
        if (parts.empty()) return complaint(file, "@property wants a name and a type");
        result.properties.push_back({parts[0], parts.size() > 1 ? parts[1] : "string"});
      }
    }
    if (tag(tags, "resource")) {
      auto resource = read_resource(file, tags, std::move(source));
      if (!resource) return resource.error();
      result.resources.push_back(std::move(*resource));
      annotated = true;
    } else if (tag(tags, "rule")) {
      auto rule = read_rule(file, tags, std::move(source));
      if (!rule) return rule.error();
      result.rules.push_back(std::move(*rule));
      annotated = true;
    } else {
      plain.emplace_back(file, std::move(source));
    }
  }
  for (auto& [file, source] : plain) {
    if (annotated) {
      result.notes.push_back(file.filename().string() + ": neither @resource nor @rule, skipped");
    } else {
      result.resources.push_back(plain_resource(file, std::move(source)));
    }
  }
  if (result.resources.empty())
    return Error(Errc::malformed, "no scripted REST resource in " + folder.string());
  return result;
}

}  // namespace bridge::sandbox
