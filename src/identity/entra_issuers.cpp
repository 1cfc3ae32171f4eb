// SPDX-License-Identifier: MIT
#include "identity/entra_issuers.hpp"

#include <algorithm>

namespace bridge::identity {
namespace {

/// Tokens of version 1.0 are named after the cloud's security token service, which has no other
/// trace in the metadata of version 2.0. The other clouds share the name of the public one.
std::string_view token_service(std::string_view origin) {
  const bool china = origin == "https://login.partner.microsoftonline.cn" ||
                     origin == "https://login.chinacloudapi.cn";
  return china ? "https://sts.chinacloudapi.cn/" : "https://sts.windows.net/";
}

}  // namespace

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::string origin_of(std::string_view url) {
  const bool odd = std::any_of(url.begin(), url.end(), [](char c) {
    return c <= ' ' || c >= 0x7F || c == '\\';  // read as '/' by some
  });
  const auto separator = url.find("://");
  if (odd || separator == std::string_view::npos) return {};
  const std::string scheme = in_lower_case(url.substr(0, separator));
  if (scheme != "https" && scheme != "http") return {};
  const std::string_view rest = url.substr(separator + 3);
  std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  const std::string_view usual = scheme == "https" ? ":443" : ":80";
  if (host.ends_with(usual)) host.remove_suffix(usual.size());
  if (host.empty() || host.find('@') != std::string_view::npos) return {};
  return scheme + "://" + in_lower_case(host);
}

EntraIssuers::EntraIssuers(std::string_view authority, std::string_view tenant_id)
    : tenant(in_lower_case(tenant_id)), origin(origin_of(authority)) {
  while (authority.ends_with('/')) authority.remove_suffix(1);
  v1 = std::string(token_service(origin)) + tenant + "/";
  v2 = std::string(authority) + "/" + tenant + "/v2.0";
  metadata = v2 + "/.well-known/openid-configuration";
}

}  // namespace bridge::identity
