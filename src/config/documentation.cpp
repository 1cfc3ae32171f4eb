// SPDX-License-Identifier: MIT
#include "bridge/config/documentation.hpp"

#include "config/field_table.hpp"

namespace bridge::config {
namespace {

/// `text` broken at blanks into lines of at most `width`, each behind `indent`.
std::string wrapped(std::string_view text, std::string_view indent, std::size_t width) {
  std::string out;
  std::size_t used = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (used == 0 || indent.size() + used + 1 + end > width) {
      if (used > 0) out += "\n";
      out.append(indent);
      used = 0;
    } else {
      out += " ";
      ++used;
    }
    out.append(text.substr(0, end));
    used += end;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + "\n";
}

/// For a table cell: `|` would end it and `<` would begin a tag.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|')
      out += "\\|";
    else if (c == '<')
      out += "&lt;";
    else
      out.push_back(c);
  }
  return out;
}

std::string default_cell(const Field& field) {
  if (field.required && field.applies) return "required with `" + field.only_with + "`";
  if (field.required) return "**required**";
  if (field.default_text.empty()) return "unset";
  return "`" + field.default_text + "`";
}

std::string status(const Field& field) {
  if (field.required && field.applies) return "required with " + field.only_with;
  if (field.required) return "required";
  if (field.default_text.empty()) return "default: unset";
  return "default: " + field.default_text;
}

}  // namespace

std::string help_text() {
  std::string text =
      "Settings are environment variables, or lines of the file that --env-file names. An empty "
      "value\n"
      "counts as unset. A secret may stand in the file that <NAME>_FILE names.\n";
  std::string group;
  for (const Field& field : field_table()) {
    if (field.group != group) text += "\n" + (group = field.group) + "\n";
    text += "  " + field.name + " (" + status(field) + ")\n";
    text += wrapped(field.doc, "      ", 100);
    text += wrapped("Accepted: " + field.accepts + ".", "      ", 100);
  }
  return text;
}

std::string print_config(const Config& config) {
  std::string text;
  for (const Field& field : field_table()) text += field.name + "=" + field.show(config) + "\n";
  return text;
}

std::string configuration_markdown() {
  std::string text =
      "# Configuration\n"
      "\n"
      "<!-- Made from the rows of src/config/fields_*.cpp; a unit test compares. To write it "
      "anew:\n"
      "     BRIDGE_UPDATE_DOCS=1 <build>/bin/unit_config -->\n"
      "\n"
      "Everything is set by environment variables. `--env-file FILE` reads them from a file of\n"
      "`NAME=value` lines as well; a variable of the environment wins over the file. An empty "
      "value\n"
      "counts as unset.\n"
      "\n"
      "- `handoff-bridge check-config` reads all of it, reports every problem at once and exits "
      "with 78\n"
      "  if there is one; `--print-config` shows what holds, secrets only as `set` or `unset`.\n"
      "- Any secret may stand in a file instead: `SN_PASSWORD_FILE=/run/secrets/sn_password`.\n"
      "- Durations are written `500ms`, `15s`, `10m`, `2h`, `1d`; a bare number means seconds. "
      "Sizes are\n"
      "  written `64KiB` or `1MiB`.\n"
      "- There are no default secrets and no default sys_ids. A name that looks like ours but is "
      "not\n"
      "  below is warned about at the start.\n";
  std::string group;
  for (const Field& field : field_table()) {
    if (field.group != group) {
      group = field.group;
      text +=
          "\n## " + group + "\n\n| variable | default | accepted | meaning |\n|---|---|---|---|\n";
    }
    text += "| `" + field.name + "`" + (field.secret ? " (secret)" : "") + " | " +
            default_cell(field) + " | " + cell(field.accepts) + " | " + cell(field.doc) + " |\n";
  }
  text +=
      "\n## Known and ignored\n\n"
      "These may stand in the same file; they have no effect here and are not warned about.\n\n"
      "| variable | belongs to |\n|---|---|\n";
  for (const IgnoredName& name : ignored_names())
    text += "| `" + std::string(name.name) + "` | " + cell(name.why) + " |\n";
  return text;
}

std::string env_sample() {
  std::string text =
      "# Settings of the bridge. Copy to .env, fill in what is required, and check it with\n"
      "#   handoff-bridge check-config --env-file .env\n"
      "# Every setting is explained in docs/configuration.md.\n"
      "#\n"
      "# Made from the rows of src/config/fields_*.cpp; a unit test compares. To write it anew:\n"
      "#   BRIDGE_UPDATE_DOCS=1 <build>/bin/unit_config\n";
  std::string group;
  for (const Field& field : field_table()) {
    if (field.group != group) text += "\n# --- " + (group = field.group) + " ---\n";
    text += "\n" + wrapped(field.doc, "# ", 98);
    text += wrapped("Accepted: " + field.accepts + ".", "# ", 98);
    if (field.example != field.default_text && !field.example.empty())
      text += "# Example: " + field.example + "\n";
    const bool wanted = field.required && (!field.applies || field.applies(Config()));
    if (wanted)
      text += field.name + "=\n";
    else
      text += "#" + field.name + "=" + field.default_text + "\n";
  }
  return text;
}

}  // namespace bridge::config
