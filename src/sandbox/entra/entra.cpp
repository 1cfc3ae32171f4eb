// SPDX-License-Identifier: MIT
#include "sandbox/entra/entra.hpp"

#include <algorithm>
#include <array>
#include <boost/json/serialize.hpp>

#include "bridge/core/random.hpp"
#include "sandbox/servicenow/platform.hpp"

namespace bridge::sandbox {
namespace {

constexpr std::string_view kRoot = "/entra";
constexpr std::string_view kMetadata = "/v2.0/.well-known/openid-configuration";
constexpr std::string_view kKeys = "/discovery/v2.0/keys";
constexpr std::string_view kToken = "/oauth2/v2.0/token";

/// The parts of "/entra/<tenant>/<rest>"; both empty if it is none.
std::pair<std::string, std::string_view> split_path(std::string_view path) {
  if (!path.starts_with(kRoot) || path.size() < kRoot.size() + 2) return {};
  path.remove_prefix(kRoot.size() + 1);
  const auto slash = path.find('/');
  if (slash == 0 || slash == std::string_view::npos) return {};
  return {std::string(path.substr(0, slash)), path.substr(slash)};
}

std::string target_of(std::string_view rest) {
  if (rest == kMetadata) return "metadata";
  if (rest == kKeys) return "jwks";
  if (rest == kToken) return "token";
  return {};
}

/// Where a tenant is named in what all tenants share.
bool is_shared(const std::string& tenant) {
  return tenant == "common" || tenant == "organizations";
}

std::string issuer_of(const std::string& base, const std::string& tenant) {
  return base + "/" + (is_shared(tenant) ? "{tenantid}" : tenant) + "/v2.0";
}

/// The form of RFC 6749, 5.2, with what Entra adds to it.
net::Response oauth_error(unsigned status, std::string_view error, int code,
                          const std::string& text) {
  std::string time = to_iso8601(SystemTime().now());
  time = time.substr(0, 10) + " " + time.substr(11, 8) + "Z";
  const std::string trace = random_hex(16);
  json::object body;
  body["error"] = error;
  body["error_description"] =
      "AADSTS" + std::to_string(code) + ": " + text + " Trace ID: " + trace + " Timestamp: " + time;
  body["error_codes"] = json::array{code};
  body["timestamp"] = time;
  body["trace_id"] = trace;
  body["correlation_id"] = random_hex(16);
  net::Response response = json_response(status, json::serialize(body));
  response.headers.set("Cache-Control", "no-store");
  return response;
}

net::Response failure(unsigned status, std::string_view id, const std::string& detail) {
  json::object body;
  body["error"] = id;
  body["detail"] = detail;
  return json_response(status, json::serialize(body));
}

json::value done() {
  json::object body;
  body["ok"] = true;
  return body;
}

/// What a fault makes of a call; nothing if it is to be answered.
std::optional<Reply> refused_by(const Fault& fault) {
  Reply reply;
  if (fault.mode == "hang") {
    reply.hang =
        std::chrono::milliseconds(static_cast<std::int64_t>(fault.value.value_or(600) * 1000));
    reply.response.cut_after_bytes = 0;
  } else if (fault.mode == "drop") {
    reply.response.cut_after_bytes = 0;
  } else if (fault.mode == "html") {
    reply.response =
        net::text_response(static_cast<unsigned>(fault.value.value_or(200)),
                           "<html><body>Service unavailable</body></html>", "text/html");
  } else if (fault.mode == "status") {
    reply.response = oauth_error(static_cast<unsigned>(fault.value.value_or(500)),
                                 "temporarily_unavailable", 90033, "The sandbox was told to fail.");
  } else {
    return std::nullopt;
  }
  return reply;
}

}  // namespace

bool Entra::is_mine(const std::string& path) {
  return path.starts_with("/entra/") || path == "/sandbox/entra" ||
         path.starts_with("/sandbox/entra/");
}

void Entra::reset() {
  faults_.clear("");
  directory_.reset();
}

std::string Entra::base_of(const net::Request& request) const {
  const std::string_view host = request.headers.get("Host");
  if (host.empty()) return url_ + std::string(kRoot);
  const std::string scheme = url_.substr(0, url_.find("://") + 3);
  return scheme + std::string(host) + std::string(kRoot);
}

Reply Entra::handle(const net::Request& request) {
  Reply reply;
  if (!request.path.starts_with("/entra/")) {
    reply.response = control(request);
    return reply;
  }
  const auto [tenant, rest] = split_path(request.path);
  const std::string target = target_of(rest);
  const auto fault = target.empty() ? std::nullopt : faults_.take(target);
  auto refused = fault ? refused_by(*fault) : std::nullopt;
  if (refused)
    reply = std::move(*refused);
  else
    reply.response = serve(request, target, tenant);
  if (fault && fault->mode == "slow")
    reply.delay =
        std::chrono::milliseconds(static_cast<std::int64_t>(fault->value.value_or(5) * 1000));

  Call call;
  call.direction = "in";
  call.time = SystemTime().now();
  call.target = "entra_" + (target.empty() ? std::string("other") : target);
  call.method = std::string(net::to_string(request.method));
  call.path = request.path;
  const bool answered = !reply.hang && reply.response.cut_after_bytes != 0;
  call.status = answered ? static_cast<int>(reply.response.status) : 0;
  call.outcome = fault ? "fault:" + fault->mode : call.status >= 400 ? "error" : "ok";
  ledger_.add(std::move(call));
  return reply;
}

net::Response Entra::serve(const net::Request& request, const std::string& target,
                           const std::string& tenant) {
  const std::string base = base_of(request);
  const std::string guid = guid_from(tenant);
  const bool known = !guid.empty() || is_shared(tenant);
  if (target.empty()) return failure(404, "not_found", "no such path of the stand-in Entra");
  if (!known)
    return oauth_error(400, "invalid_tenant", 90002,
                       "Tenant '" + printable_utf8(tenant) + "' not found.");
  const std::string name = guid.empty() ? tenant : guid;
  if (target == "token") return token(request, name);
  if (request.method != net::Method::get && request.method != net::Method::head)
    return failure(405, "method_not_allowed", "GET");
  return target == "metadata" ? metadata(base, name) : key_set(base, name);
}

net::Response Entra::metadata(const std::string& base, const std::string& tenant) const {
  json::object body;
  body["token_endpoint"] = base + "/" + tenant + std::string(kToken);
  body["token_endpoint_auth_methods_supported"] = json::array{"client_secret_post"};
  body["jwks_uri"] = base + "/" + tenant + std::string(kKeys);
  body["id_token_signing_alg_values_supported"] = json::array{"RS256"};
  body["issuer"] = issuer_of(base, tenant);
  body["tenant_region_scope"] = "EU";
  return json_response(200, json::serialize(body));
}

net::Response Entra::key_set(const std::string& base, const std::string& tenant) const {
  json::array list;
  for (const auto& key : directory_.keys()) list.push_back(key->jwk(issuer_of(base, tenant)));
  json::object body;
  body["keys"] = std::move(list);
  return json_response(200, json::serialize(body));
}

net::Response Entra::token(const net::Request& request, const std::string& tenant) {
  if (request.method != net::Method::post)
    return oauth_error(400, "invalid_request", 900561,
                       "The endpoint only accepts POST requests. Received a " +
                           std::string(net::to_string(request.method)) + " request.");
  if (media_type(request.headers.get("Content-Type")) != "application/x-www-form-urlencoded")
    return oauth_error(400, "invalid_request", 900144,
                       "The request body must contain the following parameter: 'grant_type'.");
  net::Request form;
  form.target = "/?" + request.body;
  const auto member = [&](const char* name) { return form.query(name).value_or(""); };
  for (const char* name : {"grant_type", "client_id", "scope"})
    if (member(name).empty())
      return oauth_error(
          400, "invalid_request", 900144,
          "The request body must contain the following parameter: '" + std::string(name) + "'.");
  if (member("grant_type") != "client_credentials")
    return oauth_error(400, "unsupported_grant_type", 70003,
                       "The app requested an unsupported grant type.");
  if (is_shared(tenant))
    return oauth_error(400, "invalid_request", 53003,
                       "Client credentials need a tenant in the address.");
  const auto client = directory_.find(member("client_id"));
  if (!client)
    return oauth_error(400, "unauthorized_client", 700016,
                       "The application was not found in the directory.");
  if (member("client_secret").empty())
    return oauth_error(401, "invalid_client", 7000216,
                       "'client_assertion', 'client_secret' or 'request' is required for the "
                       "'client_credentials' grant type.");
  if (member("client_secret") != client->client_secret)
    return oauth_error(401, "invalid_client", 7000215, "Invalid client secret provided.");
  constexpr std::string_view kDefault = "/.default";
  std::string scope = member("scope");
  if (!scope.ends_with(kDefault))
    return oauth_error(400, "invalid_scope", 1002012,
                       "The provided value for scope is not valid. Client credential flows must "
                       "have a scope value with /.default suffixed to the resource identifier.");
  scope.resize(scope.size() - kDefault.size());
  const auto resource = directory_.find(scope);
  if (!resource)
    return oauth_error(400, "invalid_resource", 500011,
                       "The resource principal was not found in the tenant.");

  EntraGrant grant;
  grant.base = base_of(request);
  grant.tenant = tenant;
  grant.client = *client;
  grant.resource = *resource;
  grant.audience = scope;
  json::object answer;
  answer["token_type"] = "Bearer";
  answer["expires_in"] = resource->token_seconds - 1;
  answer["ext_expires_in"] = resource->token_seconds - 1;
  answer["access_token"] = directory_.sign(directory_.header(), directory_.claims_of(grant));
  net::Response response = json_response(200, json::serialize(answer));
  response.headers.set("Cache-Control", "no-store, no-cache");
  return response;
}

net::Response Entra::control(const net::Request& request) {
  const auto body = parse_object(request.body);
  if (!body) return failure(400, "malformed", "the body must be a JSON object");
  const std::string what = request.path.substr(std::string_view("/sandbox/entra").size());
  const auto result = command(request, what, *body);
  if (result) return json_response(200, json::serialize(*result) + "\n");
  const Error error = result.error();
  const unsigned status = error.is(Errc::not_found) ? 404 : error.is(Errc::overloaded) ? 429 : 400;
  return failure(status, id_of(error.errc()), error.context());
}

Result<json::value> Entra::command(const net::Request& request, const std::string& what,
                                   const json::object& body) {
  if (what == "/faults") return fault(request, body);
  if (what.empty() && request.method == net::Method::get) {
    json::object shown;
    shown["tenant"] = kEntraTenant;
    json::array keys, apps;
    for (const auto& key : directory_.keys()) keys.emplace_back(key->id());
    for (const EntraApp& app : directory_.apps())
      apps.push_back({{"client_id", app.client_id},
                      {"token_version", app.token_version},
                      {"token_seconds", app.token_seconds}});
    shown["keys"] = std::move(keys);
    shown["apps"] = std::move(apps);
    return json::value(std::move(shown));
  }
  if (request.method == net::Method::post) {
    if (what == "/apps") return register_app(body);
    if (what == "/mint") return mint(request, body);
    if (what == "/roll") {
      Fields fields(body);
      const bool drop = fields.boolean("drop_old").value_or(false);
      if (fields.problem()) return *fields.problem();
      directory_.roll(drop);
      return json::value(json::object{{"kid", directory_.keys().front()->id()}});
    }
    if (what == "/reset") {
      reset();
      return done();
    }
  }
  return Error(Errc::not_found, "no such control path; see docs/sandbox.md");
}

Result<json::value> Entra::register_app(const json::object& body) {
  Fields fields(body);
  EntraApp app;
  app.client_id = guid_from(fields.text("client_id", 36).value_or(""));
  app.client_secret = fields.text("client_secret", 200).value_or("");
  app.token_version = fields.text("token_version", 8).value_or("2.0");
  app.token_seconds = fields.integer("token_seconds").value_or(3600);
  if (fields.problem()) return *fields.problem();
  if (app.client_id.empty()) return Error(Errc::invalid_argument, "client_id must be a GUID");
  if (app.client_secret.empty()) return Error(Errc::invalid_argument, "client_secret is required");
  if (app.token_version != "1.0" && app.token_version != "2.0")
    return Error(Errc::invalid_argument, "token_version must be 1.0 or 2.0");
  if (app.token_seconds < 1 || app.token_seconds > 86'400)
    return Error(Errc::invalid_argument, "token_seconds must be 1 to 86400");
  directory_.add(std::move(app));
  return done();
}

/// A token of the default application for itself, with members of header and claims replaced, or
/// taken away by null: what tests of a service need.
Result<json::value> Entra::mint(const net::Request& request, const json::object& body) {
  Fields fields(body);
  EntraGrant grant;
  grant.base = base_of(request);
  const std::string tenant = fields.text("tenant", 36).value_or(kEntraTenant);
  const std::string version = fields.text("token_version", 8).value_or("2.0");
  const auto claim_changes = fields.object("claims").value_or(json::object());
  const auto header_changes = fields.object("header").value_or(json::object());
  if (fields.problem()) return *fields.problem();
  grant.tenant = guid_from(tenant);
  if (grant.tenant.empty()) return Error(Errc::invalid_argument, "tenant must be a GUID");
  if (version != "1.0" && version != "2.0")
    return Error(Errc::invalid_argument, "token_version must be 1.0 or 2.0");
  grant.client.client_id = kEntraClient;
  grant.resource.client_id = kEntraClient;
  grant.resource.token_version = version;
  grant.audience = "api://" + std::string(kEntraClient);
  const auto change = [](json::object& object, const json::object& changes) {
    for (const auto& [name, value] : changes) {
      object.erase(name);
      if (!value.is_null()) object[name] = value;
    }
  };
  json::object header = directory_.header();
  json::object claims = directory_.claims_of(grant);
  change(header, header_changes);
  change(claims, claim_changes);
  return json::value(json::object{{"access_token", directory_.sign(header, claims)}});
}

Result<json::value> Entra::fault(const net::Request& request, const json::object& body) {
  constexpr std::array<std::string_view, 4> kTargets = {"metadata", "jwks", "token", "*"};
  constexpr std::array<std::string_view, 6> kModes = {"status", "hang", "drop",
                                                      "html",   "slow", "none"};
  Fields fields(body);
  const std::string target = fields.text("target", 100).value_or("");
  const std::string mode = fields.text("mode", 40).value_or("");
  if (fields.problem()) return *fields.problem();
  if (request.method == net::Method::delete_) {
    faults_.clear(target);
    return done();
  }
  if (request.method == net::Method::post) {
    if (std::find(kModes.begin(), kModes.end(), mode) == kModes.end())
      return Error(Errc::invalid_argument, "mode must be status|hang|drop|html|slow|none");
    if (mode != "none" && std::find(kTargets.begin(), kTargets.end(), target) == kTargets.end())
      return Error(Errc::invalid_argument, "target must be metadata|jwks|token|*");
    if (auto added = faults_.add(body); !added) return added.error();
  }
  json::array list;
  for (const Fault& each : faults_.list()) list.emplace_back(to_json(each));
  return json::value(std::move(list));
}

}  // namespace bridge::sandbox
