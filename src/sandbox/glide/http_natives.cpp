// SPDX-License-Identifier: MIT
// sn_ws.RESTMessageV2's way out.
#include "sandbox/glide/instance_state.hpp"
#include "sandbox/glide/script_run.hpp"

namespace bridge::sandbox {
namespace {

using Failure = OutboundReply::Failure;

/// The Java exception behind a failed call, as a script sees its text.
std::string java_text(const OutboundReply& reply) {
  if (!reply.failure_text.empty()) return reply.failure_text;
  switch (reply.failure) {
    case Failure::timeout:
      return "java.net.SocketTimeoutException: Read timed out";
    case Failure::refused:
      return "java.net.ConnectException: Connection refused";
    case Failure::unknown_host:
      return "java.net.UnknownHostException";
    default:
      return "java.io.IOException";
  }
}

OutboundRequest request_from(const ScriptContext& context, const json::array& arguments) {
  OutboundRequest request;
  request.method = text_argument(arguments, 0);
  request.url = text_argument(arguments, 1);
  for (const json::value& header : arguments.at(2).as_array())
    request.headers.emplace_back(text_argument(header.as_array(), 0),
                                 text_argument(header.as_array(), 1));
  request.body = text_argument(arguments, 3);
  if (arguments.at(4).is_number() && arguments.at(4).to_number<double>() > 0)
    request.timeout =
        std::chrono::milliseconds(static_cast<std::int64_t>(arguments.at(4).to_number<double>()));
  request.source = context.source;
  return request;
}

OutboundReply call_out(ScriptContext& context, const OutboundHttp& outbound,
                       const OutboundRequest& request) {
  if (!outbound) {
    OutboundReply nobody;
    nobody.failure = Failure::refused;
    return nobody;
  }
  const auto start = std::chrono::steady_clock::now();
  OutboundReply reply;
  {
    const Unlocked unlocked(context.instance.lock());
    reply = outbound(request);
  }
  ScriptRun::exclude_from_limits(std::chrono::steady_clock::now() - start);
  return reply;
}

}  // namespace

void GlideNatives::install_http(Instance& instance) {
  instance.register_native(
      "$http", [](ScriptContext& context, const json::array& arguments) -> json::value {
        const OutboundRequest request = request_from(context, arguments);
        // A copy: the hook may be replaced while the lock is released.
        const OutboundHttp outbound = state(context.instance).outbound;
        const OutboundReply reply = call_out(context, outbound, request);
        const bool failed = reply.failure != Failure::none;
        const InstanceOptions& options = context.instance.options();
        const bool throws = reply.failure == Failure::timeout ? options.outbound_timeout_throws
                                                              : options.outbound_refused_throws;
        if (failed && throws && flag_argument(arguments, 5))
          throw ScriptError(java_text(reply), "JavaException");
        json::array headers;
        for (const auto& [name, value] : reply.headers) headers.push_back(json::array{name, value});
        json::object answer{{"status", failed ? 0 : reply.status},
                            {"headers", std::move(headers)},
                            {"body", reply.body},
                            {"failed", failed || reply.status >= 400},
                            {"error_code", reply.failure == Failure::timeout ? 1
                                           : failed                          ? -1
                                                                             : 0},
                            {"error_message", nullptr}};
        if (failed) answer["error_message"] = java_text(reply);
        return answer;
      });
}

}  // namespace bridge::sandbox
