// SPDX-License-Identifier: MIT
// HTTP as scripts see it, in both directions: what a scripted REST resource receives and answers,
// and what sn_ws.RESTMessageV2 sends. Plain values; the shell does the sockets.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace bridge::sandbox {

using HeaderList = std::vector<std::pair<std::string, std::string>>;

/// A scripted REST resource: one row of sys_ws_operation.
struct Resource {
  std::string sys_id;
  std::string name;           ///< "open_chat"
  std::string method;         ///< "POST"
  std::string relative_path;  ///< "/open_chat", may hold {name} parameters
  std::string script;
  std::string source_file;
  bool requires_authentication = true;
  /// Any one of them opens the resource; empty: any authenticated user (no ACL).
  std::vector<std::string> roles;
};

struct ScriptRequest {
  std::string method = "POST";
  std::string uri;  ///< path only
  std::string url;  ///< with scheme and host
  std::string query_string;
  std::map<std::string, std::string> path_params;
  std::map<std::string, std::vector<std::string>> query_params;
  HeaderList headers;
  std::string content_type = "application/json";
  std::string body;
};

struct ScriptReply {
  /// 0: the script called setStatus with something that is not a number; the call has failed.
  int status = 200;
  HeaderList headers;
  std::string content_type = "application/json;charset=UTF-8";
  /// Ready to send, wrapper or error envelope included.
  std::string body;
  /// The text of an exception that nobody caught, for the ledger; empty otherwise.
  std::string exception;
};

/// The platform's error envelope (reference/servicenow.md 1.4).
std::string error_envelope(std::string_view message, std::string_view detail);
/// As above with `"detail":null`.
std::string error_envelope(std::string_view message);

struct OutboundRequest {
  std::string method = "GET";
  std::string url;
  HeaderList headers;
  std::string body;
  std::chrono::milliseconds timeout{30000};
  /// Which script is calling ("sys_script.<sys_id>").
  std::string source;
};

struct OutboundReply {
  enum class Failure { none, timeout, refused, unknown_host, other };
  Failure failure = Failure::none;
  std::string failure_text;
  int status = 0;
  HeaderList headers;
  std::string body;
};

/// Performs one outbound call and blocks until it is done. Called on a worker thread (or on any
/// thread that runs a script) with the instance lock released; several calls may run at once. The
/// place to record, drop, double, delay and reorder webhooks. Must honour `timeout`, must not
/// throw.
using OutboundHttp = std::function<OutboundReply(const OutboundRequest&)>;

}  // namespace bridge::sandbox
