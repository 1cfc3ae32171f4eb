// SPDX-License-Identifier: MIT
#include "bridge/net/router.hpp"

#include <algorithm>

#include "bridge/core/exception.hpp"
#include "net/error_response.hpp"
#include "net/target.hpp"

namespace bridge::net {
namespace {

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> segments;
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  for (;;) {
    const auto end = path.find('/');
    segments.emplace_back(path.substr(0, end));
    if (end == std::string_view::npos) return segments;
    path.remove_prefix(end + 1);
  }
}

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool is_rest(std::string_view segment) {
  return is_parameter(segment) && segment.size() > 5 && segment.ends_with("...}");
}

using Parameters = std::map<std::string, std::string, std::less<>>;

/// How exactly a pattern fits, one character per segment: 'c' literal, 'b' parameter, 'a' rest; the
/// greatest wins, so "/a/list" beats "/a/{id}". Empty if it does not fit.
std::string fit(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
                Parameters& parameters) {
  std::string score;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string& wanted = pattern[i];
    if (i >= path.size()) return {};
    if (is_rest(wanted)) {
      std::string rest;
      for (std::size_t k = i; k < path.size(); ++k) {
        if (k > i) rest.push_back('/');
        const auto decoded = percent_decode(path[k]);
        if (!decoded) return {};
        rest += *decoded;
      }
      parameters[wanted.substr(1, wanted.size() - 5)] = std::move(rest);
      return score + 'a';
    }
    auto decoded = percent_decode(path[i]);
    if (!decoded) return {};
    if (is_parameter(wanted)) {
      if (decoded->empty()) return {};
      parameters[wanted.substr(1, wanted.size() - 2)] = std::move(*decoded);
      score.push_back('b');
    } else {
      if (*decoded != wanted) return {};
      score.push_back('c');
    }
  }
  return pattern.size() == path.size() ? score : std::string();
}

void add_once(std::vector<std::string>& list, std::string_view item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.emplace_back(item);
}

Response allow_response(unsigned status, const std::vector<std::string>& allow) {
  Response response = status == 204 ? Response(204) : error_response(status, "method_not_allowed");
  std::string joined;
  for (const std::string& method : allow) joined += (joined.empty() ? "" : ", ") + method;
  response.headers.set("Allow", joined);
  return response;
}

}  // namespace

Response error_response(unsigned status, std::string_view id) {
  return text_response(status, "{\"error\":\"" + std::string(id) + "\"}", "application/json");
}

void Router::add(Route route) {
  auto segments = split_path(route.pattern);
  routes_.emplace_back(std::move(segments), std::move(route));
}

void Router::add(WebSocketRoute route) {
  auto segments = split_path(route.pattern);
  websockets_.emplace_back(std::move(segments), std::move(route));
}

void Router::set_finish(std::function<void(const Request&, Response&)> finish) {
  finish_ = std::move(finish);
}
void Router::set_not_found(Handler handler) { not_found_ = std::move(handler); }
void Router::set_on_exception(std::function<Response(const Request&, std::exception_ptr)> handler) {
  on_exception_ = std::move(handler);
}

Router::Match Router::match(Request& request) const {
  // The encoded path: a "%2F" inside a segment does not split it.
  const auto path = split_path(path_of(request.target.empty() ? request.path : request.target));
  Match found;
  std::string best;
  Parameters best_parameters;
  for (const auto& [pattern, route] : routes_) {
    Parameters parameters;
    std::string score = fit(pattern, path, parameters);
    if (score.empty()) continue;
    add_once(found.allow, to_string(route.method));
    if (route.method == Method::get) add_once(found.allow, to_string(Method::head));
    const bool head_as_get = request.method == Method::head && route.method == Method::get;
    if (route.method != request.method && !head_as_get) continue;
    if (head_as_get)
      score.insert(0, 1, 'a');  // an own HEAD route goes before the GET route
    else
      score.insert(0, 1, 'b');
    if (score <= best) continue;
    best = std::move(score);
    best_parameters = std::move(parameters);
    found.route = &route;
  }
  for (const auto& [pattern, route] : websockets_) {
    Parameters parameters;
    std::string score = fit(pattern, path, parameters);
    if (score.empty()) continue;
    add_once(found.allow, to_string(Method::get));
    score.insert(0, 1, 'b');
    if (request.method != Method::get || score <= best) continue;
    best = std::move(score);
    best_parameters = std::move(parameters);
    found.route = nullptr;
    found.websocket = &route;
  }
  if (found.route || found.websocket) {
    request.path_parameters = std::move(best_parameters);
    found.allow.clear();
  } else if (!found.allow.empty()) {
    add_once(found.allow, to_string(Method::options));
  }
  return found;
}

Task<Response> Router::handle(Request& request, Logger* logger) const {
  Response response;
  std::exception_ptr thrown;
  try {
    response = co_await dispatch(request);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) {
    // A cancelled coroutine is being unwound: nobody waits for an answer.
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) std::rethrow_exception(thrown);
    response = exception_response(request, thrown, logger);
  }
  finish(request, response);
  co_return response;
}

Task<Response> Router::dispatch(Request& request) const {
  const Match found = match(request);
  if (found.route) co_return co_await found.route->handler(request);
  if (found.websocket) {
    // RFC 9110, 15.5.22: the upgrade that would have helped is named.
    Response response = error_response(426, "upgrade_required");
    response.headers.set("Upgrade", "websocket");
    co_return response;
  }
  if (!found.allow.empty())
    co_return allow_response(request.method == Method::options ? 204 : 405, found.allow);
  if (not_found_) co_return co_await not_found_(request);
  co_return error_response(404, "not_found");
}

Response Router::exception_response(const Request& request, const std::exception_ptr& thrown,
                                    Logger* logger) const {
  if (on_exception_) return on_exception_(request, thrown);
  if (logger) {
    logger->error("handler_failed", {{"method", to_string(request.method)},
                                     {"path", request.path},
                                     {"reason", describe(thrown)}});
  }
  return error_response(500, "internal");
}

void Router::finish(const Request& request, Response& response) const {
  if (finish_) finish_(request, response);
}

}  // namespace bridge::net
