// SPDX-License-Identifier: MIT
// /api/<namespace>/[v1/]<api id>/<resource>: finds the resource, judges the request as the
// platform does before any script runs (9.6, 9.10, 9.14), and runs it.
#pragma once

#include <optional>
#include <string>

#include "bridge/net/http.hpp"
#include "sandbox/glide/instance.hpp"
#include "sandbox/servicenow/accounts.hpp"
#include "sandbox/servicenow/options.hpp"

namespace bridge::sandbox {

class ScriptedRest {
 public:
  ScriptedRest(Instance& instance, Accounts& accounts, const ServiceNowOptions& options);

  /// "open_chat" for "/api/1833944/intranet_bridge/open_chat"; nothing if the path is not ours.
  std::optional<std::string> resource_name(const std::string& path) const;
  /// Blocks while the script runs. `user` is filled in for the ledger, `detail` with an exception
  /// that no script caught.
  net::Response handle(const net::Request& request, std::string& user, std::string& detail);

 private:
  struct Found {
    std::optional<Resource> resource;
    std::map<std::string, std::string> parameters;
    bool path_known = false;
  };
  std::optional<std::string> relative_path(const std::string& path) const;
  Found find(const std::string& relative, const std::string& method) const;
  net::Response run(const Resource& resource, const Found& found, const net::Request& request,
                    Caller& caller, std::string& detail);

  Instance& instance_;
  Accounts& accounts_;
  const ServiceNowOptions& options_;
};

/// The method, X-http-method-override honoured (1.2).
std::string effective_method(const net::Request& request);

/// Bodies over 10 MB (glide.rest.scripted.max_inbound_content_length_mb).
std::optional<net::Response> refuse_large_body(const net::Request& request);

}  // namespace bridge::sandbox
