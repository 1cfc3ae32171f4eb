// SPDX-License-Identifier: MIT
#include "tools/probe_options.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <charconv>
#include <optional>

namespace bridge::tools {
namespace {

constexpr std::chrono::milliseconds kLongest = std::chrono::minutes(10);

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, failed] = std::from_chars(text.data(), last, number);
  if (failed != std::errc() || number <= 0 || number > kLongest.count()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  std::chrono::milliseconds span{number};
  if (unit.empty() || unit == "s")
    span = std::chrono::seconds(number);
  else if (unit == "m")
    span = std::chrono::minutes(number);
  else if (unit != "ms")
    return std::nullopt;
  if (span > kLongest) return std::nullopt;
  return span;
}

/// RFC 6761, 6.3; RFC 1122, 3.2.1.3; RFC 4291, 2.5.3.
bool is_loopback(const boost::urls::url_view& url) {
  if (url.host_type() == boost::urls::host_type::ipv4) return url.host_ipv4_address().is_loopback();
  if (url.host_type() == boost::urls::host_type::ipv6) return url.host_ipv6_address().is_loopback();
  std::string name(url.host());
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name == "localhost" || name.ends_with(".localhost");
}

/// What is wrong with the address; empty if nothing is.
std::string judge_url(const ProbeOptions& options) {
  const auto parsed = boost::urls::parse_uri(options.url);
  if (!parsed) return "--url wants an address such as https://chat.example.com";
  const boost::urls::url_view url = *parsed;
  const bool plain = url.scheme_id() == boost::urls::scheme::http;
  if (!plain && url.scheme_id() != boost::urls::scheme::https)
    return "--url wants an http:// or https:// address";
  if (url.encoded_host().empty() || url.has_userinfo() || url.has_query() || url.has_fragment())
    return "--url wants an address without user name, query or fragment";
  // Boost.URL 1.81 reads 127.0.0.1.example.com as an address with a path behind it.
  if (!url.encoded_path().empty() && !url.encoded_path().starts_with('/'))
    return "--url wants a host name that does not begin like an IP address";
  if (plain && !options.allow_http && !is_loopback(url))
    return "http:// to another machine would show the session to everybody on the way; use "
           "https://, or --allow-http if that network is your own";
  return {};
}

}  // namespace

ProbeOptions parse_probe_options(const std::vector<std::string>& words) {
  ProbeOptions options;
  for (std::size_t i = 0; i < words.size() && options.complaint.empty(); ++i) {
    std::string word = words[i];
    std::optional<std::string> value;
    if (const auto equals = word.find('='); word.starts_with("--") && equals != word.npos) {
      value = word.substr(equals + 1);
      word.resize(equals);
    }
    const bool takes_value = word == "--url" || word == "--timeout" || word == "--ca-file";
    if (takes_value && !value && i + 1 < words.size()) value = words[++i];
    if (takes_value && (!value || value->empty())) {
      options.complaint = word + " wants a value";
    } else if (!takes_value && value) {
      options.complaint = word + " takes no value";
    } else if (word == "--url") {
      options.url = *value;
    } else if (word == "--ca-file") {
      options.ca_file = *value;
    } else if (word == "--timeout") {
      const auto span = parse_duration(*value);
      if (span) options.timeout = *span;
      if (!span) options.complaint = "--timeout wants a duration up to 10m, such as 30s or 500ms";
    } else if (word == "--expect-agent") {
      options.expect_agent = true;
    } else if (word == "--allow-http") {
      options.allow_http = true;
    } else if (word == "--json") {
      options.json = true;
    } else if (word == "--help" || word == "-h") {
      options.help = true;
      return options;
    } else {
      options.complaint = "unknown argument " + word;
    }
  }
  if (options.complaint.empty() && options.url.empty())
    options.complaint = "--url is needed: the address of the bridge";
  if (options.complaint.empty()) options.complaint = judge_url(options);
  while (options.url.ends_with('/')) options.url.pop_back();
  return options;
}

}  // namespace bridge::tools
