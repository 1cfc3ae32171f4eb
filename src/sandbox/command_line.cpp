// SPDX-License-Identifier: MIT
#include "sandbox/command_line.hpp"

#include <charconv>
#include <functional>

#include "sandbox/servicenow/switches.hpp"

namespace bridge::sandbox {
namespace {

std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t low,
                                         std::int64_t high) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size() || number < low || number > high)
    return std::nullopt;
  return number;
}

Error wrong(std::string_view name, std::string_view wanted) {
  return {Errc::invalid_argument, "--" + std::string(name) + " wants " + std::string(wanted)};
}

/// "name=value" of --property and --switch.
std::optional<std::pair<std::string, std::string>> split_pair(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == 0 || equals == std::string::npos) return std::nullopt;
  return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

struct Argument {
  std::string_view name;
  std::string_view form;
  std::string_view about;
  std::function<Result<>(const std::string&, SandboxOptions&)> read;
};

Argument text_argument(std::string_view name, std::string_view form, std::string_view about,
                       std::function<std::string&(SandboxOptions&)> member) {
  return {name, form, about,
          [member = std::move(member)](const std::string& value, SandboxOptions& o) {
            member(o) = value;
            return Result<>();
          }};
}

Result<> read_delay(const std::string& value, SandboxOptions& options) {
  const auto dash = value.find('-');
  const auto low = parse_number(std::string_view(value).substr(0, dash), 0, 600000);
  const auto high = dash == std::string::npos
                        ? low
                        : parse_number(std::string_view(value).substr(dash + 1), 0, 600000);
  if (!low || !high || *low > *high) return wrong("async-delay-ms", "two numbers, as 200-1500");
  options.servicenow.instance.async_delay_min = std::chrono::milliseconds(*low);
  options.servicenow.instance.async_delay_max = std::chrono::milliseconds(*high);
  return {};
}

const std::vector<Argument>& servicenow_arguments() {
  using O = SandboxOptions;
  static const std::vector<Argument> table = {
      {"port", "N", "port to listen on, 0 for any (5080)",
       [](const std::string& value, O& o) -> Result<> {
         const auto port = parse_number(value, 0, 65535);
         if (!port) return wrong("port", "a number up to 65535");
         o.port = static_cast<std::uint16_t>(*port);
         return {};
       }},
      text_argument("host", "ADDRESS", "address to listen on (127.0.0.1)",
                    [](O& o) -> std::string& { return o.host; }),
      {"scripts", "DIR", "folder of server scripts to install (servicenow)",
       [](const std::string& value, O& o) -> Result<> {
         o.servicenow.scripts = value;
         return {};
       }},
      {"data", "FILE", "keep the instance's tables in this SQLite file (in memory)",
       [](const std::string& value, O& o) -> Result<> {
         if (value.empty()) return wrong("data", "the name of a file");
         o.servicenow.data_file = value;
         return {};
       }},
      {"bridge", "URL", "where the bridge listens (http://127.0.0.1:5000)",
       [](const std::string& value, O& o) -> Result<> {
         if (!value.starts_with("http://") && !value.starts_with("https://"))
           return wrong("bridge", "an http or https URL");
         o.servicenow.bridge_url = value;
         o.servicenow.webhook_url_given = true;
         while (o.servicenow.bridge_url.ends_with('/')) o.servicenow.bridge_url.pop_back();
         return {};
       }},
      text_argument("webhook-path", "PATH",
                    "path of the bridge's webhook (/api/servicenow/webhook)",
                    [](O& o) -> std::string& {
                      o.servicenow.webhook_url_given = true;
                      return o.servicenow.webhook_path;
                    }),
      text_argument("webhook-secret", "TEXT", "secret that the relay rules send",
                    [](O& o) -> std::string& {
                      o.servicenow.webhook_secret_given = true;
                      return o.servicenow.webhook_secret;
                    }),
      text_argument("user", "NAME", "the service account (intranet.bridge)",
                    [](O& o) -> std::string& {
                      o.servicenow.account_given = true;
                      return o.servicenow.user;
                    }),
      text_argument("password", "TEXT", "its password (sandbox-password)",
                    [](O& o) -> std::string& {
                      o.servicenow.account_given = true;
                      return o.servicenow.password;
                    }),
      text_argument("auto-accept", "AGENT", "play this agent: accept, greet, answer",
                    [](O& o) -> std::string& { return o.servicenow.auto_accept; }),
      {"api-base", "PATH", "/api/<namespace>/<api id> (/api/1833944/intranet_bridge)",
       [](const std::string& value, O& o) -> Result<> {
         const auto slash = value.find('/', 5);
         if (!value.starts_with("/api/") || slash == std::string::npos || slash == 5 ||
             slash + 1 == value.size() || value.find('/', slash + 1) != std::string::npos)
           return wrong("api-base", "a path such as /api/1833944/intranet_bridge");
         o.servicenow.api_namespace = value.substr(5, slash - 5);
         o.servicenow.api_id = value.substr(slash + 1);
         return {};
       }},
      {"property", "NAME=VALUE", "set a system property; may be repeated",
       [](const std::string& value, O& o) -> Result<> {
         const auto pair = split_pair(value);
         if (!pair) return wrong("property", "NAME=VALUE");
         o.servicenow.properties[pair->first] = pair->second;
         return {};
       }},
      {"switch", "NAME=VALUE", "settle a guess about the platform (see below); may be repeated",
       [](const std::string& value, O& o) -> Result<> {
         const auto pair = split_pair(value);
         if (!pair) return wrong("switch", "NAME=VALUE");
         return set_switch(pair->first, pair->second, o.servicenow.chat, o.servicenow.instance);
       }},
      {"async-delay-ms", "A-B", "async rules wait a random time between these (0-0)", read_delay},
      text_argument("tls-cert", "FILE", "serve TLS with this PEM chain",
                    [](O& o) -> std::string& { return o.tls_certificate_file; }),
      text_argument("tls-key", "FILE", "its key",
                    [](O& o) -> std::string& { return o.tls_key_file; }),
      text_argument("ca-file", "FILE", "trust these certificates when calling the bridge",
                    [](O& o) -> std::string& { return o.ca_file; }),
  };
  return table;
}

Argument url_argument(std::string_view name, std::string_view about,
                      std::function<std::string&(SandboxOptions&)> member) {
  return {
      name, "URL", about,
      [name, member = std::move(member)](const std::string& value, SandboxOptions& o) -> Result<> {
        if (!value.starts_with("http://") && !value.starts_with("https://"))
          return wrong(name, "an http or https URL");
        member(o) = value;
        return {};
      }};
}

/// The stand-in Copilot Studio's connection to its agent.
std::vector<Argument> copilot_arguments() {
  using O = SandboxOptions;
  std::vector<Argument> table;
  table.push_back(url_argument("connected-agent",
                               "Copilot Studio's connected agent (<bridge>/api/messages)",
                               [](O& o) -> std::string& { return o.copilot.url; }));
  table.push_back(
      {"agent-auth", "none|key|entra", "what its connection presents there (none)",
       [](const std::string& value, O& o) -> Result<> {
         using copilot::Auth;
         if (value != "none" && value != "key" && value != "entra")
           return wrong("agent-auth", "none, key or entra");
         o.copilot.auth = value == "key" ? Auth::key : value == "entra" ? Auth::entra : Auth::none;
         return {};
       }});
  table.push_back(text_argument("agent-key", "TEXT", "key: the value",
                                [](O& o) -> std::string& { return o.copilot.key; }));
  table.push_back(text_argument("agent-key-header", "NAME", "key: the header (X-API-Key)",
                                [](O& o) -> std::string& { return o.copilot.header; }));
  table.push_back(url_argument("agent-token-url", "entra: the token endpoint",
                               [](O& o) -> std::string& { return o.copilot.token_url; }));
  table.push_back(text_argument("agent-client-id", "ID", "entra: the client",
                                [](O& o) -> std::string& { return o.copilot.client_id; }));
  table.push_back(text_argument("agent-client-secret", "TEXT", "entra: its secret",
                                [](O& o) -> std::string& { return o.copilot.client_secret; }));
  table.push_back(text_argument("agent-scope", "TEXT", "entra: the scope asked for",
                                [](O& o) -> std::string& { return o.copilot.scope; }));
  table.push_back(url_argument("callback-base",
                               "how the agent reaches this sandbox (where it listens)",
                               [](O& o) -> std::string& { return o.copilot.callback_base; }));
  return table;
}

const std::vector<Argument>& arguments() {
  static const std::vector<Argument> table = [] {
    std::vector<Argument> all = servicenow_arguments();
    std::vector<Argument> mine = copilot_arguments();
    for (Argument& each : mine) all.push_back(std::move(each));
    return all;
  }();
  return table;
}

}  // namespace

std::string usage() {
  std::string text =
      "Usage: handoff-sandbox [options]\n"
      "A stand-in for a ServiceNow instance that runs the server scripts of a folder, and for\n"
      "Copilot Studio with a connected agent.\n\n";
  const auto line = [&](const std::string& left, std::string_view about) {
    text += "  " + left + std::string(left.size() < 28 ? 28 - left.size() : 1, ' ');
    text.append(about).append("\n");
  };
  for (const Argument& each : arguments())
    line("--" + std::string(each.name) + " " + std::string(each.form), each.about);
  line("--print-env", "print the settings that a bridge needs for this sandbox, and exit");
  line("--help", "print this, and exit");
  text += "\nSwitches (the first value is not always the default):\n";
  for (const SwitchState& each : list_switches(ChatOptions(), InstanceOptions()))
    line(each.name + "=" + (each.value.empty() ? "''" : each.value),
         each.about + " (" + each.values + ")");
  return text;
}

Result<CommandLine> parse_command_line(const std::vector<std::string>& given) {
  CommandLine line;
  line.options.port = 5080;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const std::string& word = given[i];
    if (word == "--help" || word == "-h") {
      line.action = CommandLine::Action::help;
      return line;
    }
    if (word == "--print-env") {
      line.action = CommandLine::Action::print_env;
      continue;
    }
    if (!word.starts_with("--"))
      return Error(Errc::invalid_argument, "unexpected argument " + word);
    const auto equals = word.find('=');
    const std::string name = word.substr(2, equals == std::string::npos ? equals : equals - 2);
    const Argument* known = nullptr;
    for (const Argument& each : arguments())
      if (each.name == name) known = &each;
    if (!known) return Error(Errc::invalid_argument, "unknown option --" + name);
    std::string value;
    if (equals != std::string::npos) {
      value = word.substr(equals + 1);
    } else if (i + 1 < given.size()) {
      value = given[++i];
    } else {
      return wrong(name, known->form);
    }
    if (auto read = known->read(value, line.options); !read) return read.error();
  }
  if (line.options.tls_certificate_file.empty() != line.options.tls_key_file.empty())
    return Error(Errc::invalid_argument, "--tls-cert and --tls-key belong together");
  copilot::Connection& agent = line.options.copilot;
  while (agent.callback_base.ends_with('/')) agent.callback_base.pop_back();
  if (agent.auth == copilot::Auth::key && agent.key.empty())
    return Error(Errc::invalid_argument, "--agent-auth key needs --agent-key");
  if (agent.auth == copilot::Auth::entra && (agent.token_url.empty() || agent.client_id.empty()))
    return Error(Errc::invalid_argument,
                 "--agent-auth entra needs --agent-token-url and --agent-client-id");
  return line;
}

}  // namespace bridge::sandbox
