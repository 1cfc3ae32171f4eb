// SPDX-License-Identifier: MIT
// Where replies to Copilot Studio's connected agent may be posted.
#include <algorithm>

#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {
namespace {

/// Microsoft does not say which hosts sign the URLs. These are what its runtimes and connectors are
/// known by. They are Microsoft's, but its customers have addresses below them as well (flows that
/// are started by HTTP, for one): the list narrows, the credential of the call decides.
constexpr const char* kMicrosoftHosts =
    ".api.powerplatform.com,.gateway.prod.island.powerapps.com,.azure-apihub.net,.azure-apim.net,"
    "botframework.com,.botframework.com";

std::string_view without_dot(std::string_view entry) {
  return entry.starts_with('.') ? entry.substr(1) : entry;
}

bool is_host_name(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), fits) &&
         !name.starts_with('.') && !name.ends_with('.') &&
         name.find("..") == std::string_view::npos;
}

/// As a host of a URL is read: whatever ends in a number is an address.
bool is_address(std::string_view name) {
  const std::string_view last = name.substr(name.rfind('.') + 1);
  return last.find_first_not_of("0123456789") == std::string_view::npos || last.starts_with("0x");
}

Wrong read_entry(std::string_view entry, bool insecure) {
  const std::string_view name = without_dot(entry);
  if (!is_host_name(name))
    return "has an entry that is no host name (without https://, port, path and *)";
  const bool suffix = entry.starts_with('.');
  if (suffix && name.find('.') == std::string_view::npos)
    return "has an entry that would let in every host of a top-level domain";
  const bool address = is_address(name);
  const bool local = name == "localhost" || name.ends_with(".localhost");
  if (address && suffix) return "has a suffix that is an IP address";
  if ((address || local) && !insecure)
    return "names this machine or an IP address, which needs ALLOW_INSECURE_UPSTREAM=1";
  return std::nullopt;
}

Wrong read_hosts(Config& config, std::string_view text) {
  ConnectorConfig read;
  for (std::string& entry : split_list(to_lower(text))) {
    if (entry == "learn") {
      read.learn_service_host = true;
      continue;
    }
    if (Wrong wrong = read_entry(entry, config.allow_insecure_upstream)) return wrong;
    read.service_hosts.push_back(std::move(entry));
  }
  if (read.service_hosts.empty()) {
    if (!read.learn_service_host) return "holds no host";
    read.service_hosts = split_list(kMicrosoftHosts);
  }
  config.connector = std::move(read);
  return std::nullopt;
}

std::string show_hosts(const Config& config) {
  std::string shown;
  for (const std::string& entry : config.connector.service_hosts)
    shown += (shown.empty() ? "" : ",") + entry;
  return config.connector.learn_service_host ? shown + ",learn" : shown;
}

}  // namespace

std::vector<Field> connector_fields() {
  Field hosts = base(
      {"CS_SERVICE_HOSTS", kMicrosoftHosts,
       "Hosts of the signed URLs that replies to a connected agent are posted to. The default is "
       "inferred from the names of Microsoft's runtimes, because the host is published nowhere; a "
       "host that is refused is logged with the line to set. `learn` besides, or alone for the "
       "default and it, lets in the first other host of an authenticated call until the bridge "
       "restarts. Only public addresses are posted to, except for hosts named here with "
       "ALLOW_INSECURE_UPSTREAM=1; behind HTTPS_PROXY the proxy looks names up, and this list "
       "alone decides.",
       ".api.powerplatform.com,learn"},
      "host names, or suffixes with a dot in front, separated by commas; the word learn");
  hosts.assign = read_hosts;
  hosts.show = show_hosts;
  return in_group("Copilot Studio's connected agent", {std::move(hosts)});
}

}  // namespace bridge::config
