// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/scripted_rest.hpp"

#include <algorithm>
#include <cctype>

#include "sandbox/servicenow/platform.hpp"

namespace bridge::sandbox {
namespace {

constexpr std::size_t kMaxBody = 10485760;

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const auto slash = path.find('/');
    if (slash != 0) segments.emplace_back(path.substr(0, slash));
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return segments;
}

/// Whether `pattern` ("/chats/{id}") fits; fills the parameters.
bool fits(const std::string& pattern, const std::vector<std::string>& path,
          std::map<std::string, std::string>& parameters) {
  const auto wanted = segments_of(pattern);
  if (wanted.size() != path.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string& segment = wanted[i];
    if (segment.size() > 2 && segment.front() == '{' && segment.back() == '}') {
      parameters[segment.substr(1, segment.size() - 2)] = path[i];
    } else if (segment != path[i]) {
      return false;
    }
  }
  return true;
}

bool is_version(std::string_view segment) {
  return segment.size() > 1 && segment.front() == 'v' &&
         std::all_of(segment.begin() + 1, segment.end(),
                     [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::map<std::string, std::vector<std::string>> query_parameters(const net::Request& request) {
  std::map<std::string, std::vector<std::string>> parameters;
  const auto mark = request.target.find('?');
  std::string_view rest = mark == std::string::npos
                              ? std::string_view()
                              : std::string_view(request.target).substr(mark + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const auto equals = pair.find('=');
    const auto name = net::percent_decode(pair.substr(0, equals), true);
    const auto value = equals == std::string_view::npos
                           ? std::string()
                           : net::percent_decode(pair.substr(equals + 1), true).value_or("");
    if (name && !name->empty()) parameters[*name].push_back(value);
  }
  return parameters;
}

}  // namespace

std::string effective_method(const net::Request& request) {
  const std::string_view override = request.headers.get("X-HTTP-Method-Override");
  if (override.empty()) return std::string(net::to_string(request.method));
  std::string method(override);
  std::transform(method.begin(), method.end(), method.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return method;
}

std::optional<net::Response> refuse_large_body(const net::Request& request) {
  if (request.body.size() <= kMaxBody) return std::nullopt;
  return platform_error(400, "Exception while reading request",
                        "Large REST payload rejected: content-length " +
                            std::to_string(request.body.size()) + ", maximum " +
                            std::to_string(kMaxBody));
}

ScriptedRest::ScriptedRest(Instance& instance, Accounts& accounts, const ServiceNowOptions& options)
    : instance_(instance), accounts_(accounts), options_(options) {}

std::optional<std::string> ScriptedRest::relative_path(const std::string& path) const {
  auto segments = segments_of(path);
  if (segments.size() < 3 || segments[0] != "api" || segments[1] != options_.api_namespace)
    return std::nullopt;
  std::size_t at = 2;
  // The version comes before the api id (1.1). There is one version here, v1, and it is default.
  if (is_version(segments[at])) {
    if (segments[at] != "v1") return std::nullopt;
    ++at;
  }
  if (at >= segments.size() || segments[at] != options_.api_id) return std::nullopt;
  std::string relative;
  for (++at; at < segments.size(); ++at) relative += "/" + segments[at];
  return relative;
}

std::optional<std::string> ScriptedRest::resource_name(const std::string& path) const {
  const auto relative = relative_path(path);
  if (!relative) return std::nullopt;
  const auto segments = segments_of(*relative);
  for (const Resource& resource : instance_.resources()) {
    std::map<std::string, std::string> ignored;
    if (fits(resource.relative_path, segments, ignored)) return resource.name;
  }
  return segments.empty() ? std::string() : segments.front();
}

ScriptedRest::Found ScriptedRest::find(const std::string& relative,
                                       const std::string& method) const {
  Found found;
  const auto segments = segments_of(relative);
  for (Resource& resource : instance_.resources()) {
    std::map<std::string, std::string> parameters;
    if (!fits(resource.relative_path, segments, parameters)) continue;
    found.path_known = true;
    if (resource.method != method) continue;
    found.resource = std::move(resource);
    found.parameters = std::move(parameters);
    break;
  }
  return found;
}

net::Response ScriptedRest::handle(const net::Request& request, std::string& user,
                                   std::string& detail) {
  const auto relative = relative_path(request.path);
  const std::string method = effective_method(request);
  const Found found = relative ? find(*relative, method) : Found();
  if (!found.path_known) return unknown_path(request.path);
  if (!found.resource) {
    return platform_error(405, "Method not supported",
                          "The method " + method + " is not supported by this resource");
  }
  Caller caller;
  if (auto known = accounts_.authenticate(request)) {
    caller = std::move(*known);
    user = caller.user_name;
  } else if (found.resource->requires_authentication) {
    return not_authenticated();
  } else {
    const auto guest = instance_.session_for("guest");
    caller.http = std::make_shared<HttpSession>();
    if (guest) caller.http->session = *guest;
  }
  net::Response response = run(*found.resource, found, request, caller, detail);
  add_platform_headers(response, !caller.user_name.empty());
  Accounts::add_cookies(caller, response);
  return response;
}

net::Response ScriptedRest::run(const Resource& resource, const Found& found,
                                const net::Request& request, Caller& caller, std::string& detail) {
  const std::string& login = caller.http->session.login_id;
  if (caller.scoped_token)
    return platform_error(403, "User Not Authorized", "Access to unscoped api is not allowed");
  if (resource.requires_authentication && !instance_.has_role(login, "snc_internal"))
    return acl_denied();
  if (!resource.roles.empty() &&
      std::none_of(resource.roles.begin(), resource.roles.end(),
                   [&](const std::string& role) { return instance_.has_role(login, role); }))
    return acl_denied();
  if (!accepts_json(request.headers.get("Accept")))
    return platform_error(406, "Not Acceptable", "The Accept header names no produced format");
  const std::string type = media_type(request.headers.get("Content-Type"));
  if (!request.body.empty() && !type.empty() && type != "application/json")
    return platform_error(415, "Unsupported Media Type", "The Content-Type is not consumed here");
  if (auto refusal = refuse_large_body(request)) return std::move(*refusal);

  ScriptRequest script;
  script.method = resource.method;
  script.uri = request.path;
  script.url = "https://" + std::string(request.headers.get("Host")) + request.path;
  const auto mark = request.target.find('?');
  if (mark != std::string::npos) script.query_string = request.target.substr(mark + 1);
  script.path_params = found.parameters;
  script.query_params = query_parameters(request);
  script.headers = request.headers.entries();
  script.content_type = type.empty() ? "application/json" : type;
  script.body = request.body;

  // Requests of one session wait for one another (1.6).
  const std::lock_guard busy(caller.http->busy);
  const ScriptReply reply = instance_.run_resource(resource, script, caller.http->session);
  detail = reply.exception;
  if (reply.status < 200 || reply.status > 599)
    return platform_error(500, "Invalid response status",
                          "The script set the status " + std::to_string(reply.status));
  net::Response response =
      net::text_response(static_cast<unsigned>(reply.status), reply.body, reply.content_type);
  for (const auto& [name, value] : reply.headers) response.headers.set(name, value);
  return response;
}

}  // namespace bridge::sandbox
