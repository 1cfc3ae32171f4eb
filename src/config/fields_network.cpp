// SPDX-License-Identifier: MIT
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {
namespace {

Wrong read_proxy(Config& config, std::string_view text) {
  std::string url(trim(text));
  if (url.find("://") == std::string::npos) url = "http://" + url;
  const auto parsed = boost::urls::parse_uri(url);
  if (!parsed) return "is not a URL";
  if (to_lower(std::string(parsed->scheme())) != "http")
    return "does not begin with http://; the way to the proxy itself is not encrypted, what goes "
           "through it is";
  if (parsed->encoded_host().empty()) return "has no host";
  const bool has_path = !parsed->encoded_path().empty() && parsed->encoded_path() != "/";
  if (has_path || parsed->has_query()) return "holds more than a host and a port";
  config.network.https_proxy = Secret(std::move(url));
  return std::nullopt;
}

/// Without user name and password.
std::string show_proxy(const Config& config) {
  const std::string url(config.network.https_proxy.reveal());
  const std::size_t at = url.find('@');
  return at == std::string::npos ? url : "http://***@" + url.substr(at + 1);
}

Field https_proxy() {
  Field field = base(
      {"HTTPS_PROXY", "",
       "The HTTP proxy through which https upstreams are reached (CONNECT); `https_proxy` is read "
       "as well. User name and password are percent-encoded. Plain http upstreams go without.",
       "http://user:password@proxy.example.com:3128"},
      "http://, a user name and password if the proxy asks for them, host and port");
  field.aliases = {"https_proxy"};
  field.assign = read_proxy;
  field.show = show_proxy;
  return field;
}

Field no_proxy() {
  Field field = base(
      {"NO_PROXY", "",
       "Hosts that are reached without the proxy; `no_proxy` is read as well. This machine always "
       "is.",
       "localhost,.corp.example.com,10.0.0.7,service-now.com:443"},
      "host names (with those below them), addresses, each with :port if only that one is meant, "
      "or *; separated by commas");
  field.aliases = {"no_proxy"};
  field.assign = [](Config& config, std::string_view text) -> Wrong {
    if (has_control_characters(text)) return "holds control characters";
    config.network.no_proxy = trim(text);
    return std::nullopt;
  };
  field.show = [](const Config& config) { return config.network.no_proxy; };
  return field;
}

}  // namespace

std::vector<Field> network_fields() { return in_group("Network", {https_proxy(), no_proxy()}); }

}  // namespace bridge::config
