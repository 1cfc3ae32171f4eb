// SPDX-License-Identifier: MIT
// Which handler answers which method and path. Each channel registers its routes here; the router
// answers 404, 405 with Allow, HEAD and OPTIONS by itself.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/async/task.hpp"
#include "bridge/core/logger.hpp"
#include "bridge/net/http.hpp"
#include "bridge/net/websocket.hpp"

namespace bridge::net {

/// Lifetime: the request lives in the connection until the returned task is done.
using Handler = std::function<Task<Response>(Request& request)>;

struct Route {
  Method method = Method::get;
  std::string pattern;                 ///< "/poll/{sid}"; a last segment "{name...}" takes the rest
  std::size_t body_limit = 64 * 1024;  ///< bytes; a larger body is answered 413 unread
  Handler handler;
};

/// A route that becomes a WebSocket.
struct WebSocketRoute {
  std::string pattern;
  /// Runs before the upgrade; a response refuses it (403 for a foreign Origin).
  std::function<std::optional<Response>(const Request& request)> refuse;
  /// The subprotocol to select of those offered, or empty.
  std::function<std::string(const Request& request)> subprotocol;
  /// Runs after the upgrade; the socket is closed (1000) and drained when it returns.
  std::function<Task<>(Request request, std::shared_ptr<WebSocket> socket)> run;
};

class Router {
 public:
  void add(Route route);
  void add(WebSocketRoute route);
  /// Method and pattern of every route, WebSockets as GET: what /openapi.yaml is held against.
  std::vector<std::pair<std::string, std::string>> listing() const;
  /// Runs on every response before it is written: common headers, CORS.
  void set_finish(std::function<void(const Request&, Response&)> finish);
  /// Answers what no route matches: `{"error":"not_found"}` unless set.
  void set_not_found(Handler handler);
  /// Turns an exception that left a handler into a response (the default is a bare 500).
  void set_on_exception(std::function<Response(const Request&, std::exception_ptr)> handler);

  /// What the path and method match. `path_parameters` are filled when something does.
  struct Match {
    const Route* route = nullptr;
    const WebSocketRoute* websocket = nullptr;
    std::size_t number = 0;               ///< of the route, below `size()`; 0 for none
    std::vector<std::string_view> allow;  ///< methods of the path when only the method is wrong
  };
  Match match(Request& request) const;
  /// Numbers of routes, 0 for none included, and the pattern of each (empty for none).
  std::size_t size() const { return routes_.size() + websockets_.size() + 1; }
  std::string_view pattern(std::size_t number) const;

  /// The whole answer to a request without an upgrade, `finish` applied. HEAD runs the GET route.
  /// An exception that nothing else takes is logged as `handler_failed` if there is a `logger`.
  Task<Response> handle(Request& request, Logger* logger = nullptr) const;
  /// The same with what `match` has found for this request.
  /// Lifetime: `match` must outlive the task.
  Task<Response> handle(Request& request, const Match& match, Logger* logger) const;
  void finish(const Request& request, Response& response) const;

 private:
  struct Segment {
    enum class Kind { literal, parameter, rest };
    Kind kind = Kind::literal;
    std::string text;  ///< of the literal; the name of a parameter
  };
  struct Pattern {
    std::vector<Segment> segments;
    bool literal = true;  ///< no parameters: found by its text
  };
  class Path;

  static std::uint64_t fit(const Pattern& pattern, const Path& path);
  static std::map<std::string, std::string, std::less<>> parameters(const Pattern& pattern,
                                                                    const Path& path);
  static Pattern compile(std::string_view pattern);
  const Route* find_literal(Method method, std::string_view path, std::size_t& number) const;
  Match search(Request& request, std::string_view path) const;
  Task<Response> dispatch(Request& request, const Match& match) const;
  Response exception_response(const Request& request, const std::exception_ptr& thrown,
                              Logger* logger) const;

  std::vector<std::pair<Pattern, Route>> routes_;
  std::vector<std::pair<Pattern, WebSocketRoute>> websockets_;
  /// Indexes into routes_ of the patterns without parameters.
  std::map<std::string, std::vector<std::size_t>, std::less<>> literals_;
  std::function<void(const Request&, Response&)> finish_;
  Handler not_found_;
  std::function<Response(const Request&, std::exception_ptr)> on_exception_;
};

}  // namespace bridge::net
