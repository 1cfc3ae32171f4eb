// SPDX-License-Identifier: MIT
#include "bridge/net/router.hpp"

#include <algorithm>
#include <array>
#include <cassert>

#include "bridge/core/exception.hpp"
#include "net/error_response.hpp"
#include "net/target.hpp"

namespace bridge::net {
namespace {

/// A literal segment counts 3, a parameter 2, a rest 1, in base 4 from the left: the greatest sum
/// fits best, so "/a/list" beats "/a/{id}".
constexpr std::size_t kMaxSegments = 30;

/// The path's segments, still encoded. Longer paths than any pattern end in one segment more.
class Segments {
 public:
  explicit Segments(std::string_view path) {
    if (!path.empty() && path.front() == '/') path.remove_prefix(1);
    for (;;) {
      const auto end = path.find('/');
      rests_[count_] = path;
      parts_[count_++] = path.substr(0, end);
      if (end == std::string_view::npos || count_ > kMaxSegments) return;
      path.remove_prefix(end + 1);
    }
  }
  std::size_t size() const { return count_; }
  std::string_view operator[](std::size_t i) const { return parts_[i]; }
  /// From segment `i` to the end of the path.
  std::string_view rest(std::size_t i) const { return rests_[i]; }

 private:
  std::array<std::string_view, kMaxSegments + 1> parts_;
  std::array<std::string_view, kMaxSegments + 1> rests_;
  std::size_t count_ = 0;
};

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool is_rest(std::string_view segment) {
  return is_parameter(segment) && segment.size() > 5 && segment.ends_with("...}");
}

/// How well the pattern fits; 0 if it does not. Parameters are decoded later, for the best alone.
std::uint64_t fit(const std::vector<std::string>& pattern, const Segments& path) {
  std::uint64_t score = 0;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string& wanted = pattern[i];
    if (i >= path.size()) return 0;
    const unsigned shift = 2 * static_cast<unsigned>(kMaxSegments - i);
    if (is_rest(wanted))
      return percent_decode(path.rest(i)) ? score + (std::uint64_t{1} << shift) : 0;
    if (is_parameter(wanted)) {
      if (path[i].empty() || !percent_decode(path[i])) return 0;
      score += std::uint64_t{2} << shift;
    } else if (path[i] == wanted ||
               (path[i].find('%') != std::string_view::npos && percent_decode(path[i]) == wanted)) {
      score += std::uint64_t{3} << shift;
    } else {
      return 0;
    }
  }
  return pattern.size() == path.size() ? score : 0;
}

using Parameters = std::map<std::string, std::string, std::less<>>;

Parameters parameters_of(const std::vector<std::string>& pattern, const Segments& path) {
  Parameters parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::string& wanted = pattern[i];
    if (is_rest(wanted))
      parameters[wanted.substr(1, wanted.size() - 5)] = percent_decode(path.rest(i)).value_or("");
    else if (is_parameter(wanted))
      parameters[wanted.substr(1, wanted.size() - 2)] = percent_decode(path[i]).value_or("");
  }
  return parameters;
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

Router::Pattern Router::compile(std::string_view pattern) {
  Pattern compiled;
  const Segments segments(pattern);
  assert(segments.size() <= kMaxSegments);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    compiled.segments.emplace_back(segments[i]);
    compiled.literal = compiled.literal && !is_parameter(segments[i]);
  }
  return compiled;
}

void Router::add(Route route) {
  Pattern pattern = compile(route.pattern);
  if (pattern.literal) literals_[route.pattern].push_back(routes_.size());
  routes_.emplace_back(std::move(pattern), std::move(route));
}

void Router::add(WebSocketRoute route) {
  Pattern pattern = compile(route.pattern);
  websockets_.emplace_back(std::move(pattern), std::move(route));
}

std::string_view Router::pattern(std::size_t number) const {
  if (number == 0 || number >= size()) return {};
  --number;
  if (number < routes_.size()) return routes_[number].second.pattern;
  return websockets_[number - routes_.size()].second.pattern;
}

void Router::set_finish(std::function<void(const Request&, Response&)> finish) {
  finish_ = std::move(finish);
}
void Router::set_not_found(Handler handler) { not_found_ = std::move(handler); }
void Router::set_on_exception(std::function<Response(const Request&, std::exception_ptr)> handler) {
  on_exception_ = std::move(handler);
}

/// A route without parameters that has exactly this path and method fits better than any other.
const Route* Router::find_literal(Method method, std::string_view path, std::size_t& number) const {
  const auto found = literals_.find(path);
  if (found == literals_.end()) return nullptr;
  for (const std::size_t index : found->second) {
    if (routes_[index].second.method != method) continue;
    number = index + 1;
    return &routes_[index].second;
  }
  return nullptr;
}

Router::Match Router::match(Request& request) const {
  // The encoded path: a "%2F" inside a segment does not split it.
  const std::string_view path = path_of(request.target.empty() ? request.path : request.target);
  Match found;
  found.route = find_literal(request.method, path, found.number);
  if (found.route) return found;
  return search(request, path);
}

Router::Match Router::search(Request& request, std::string_view path) const {
  // An own HEAD route goes before the GET route, which answers HEAD as well.
  constexpr std::uint64_t kExactMethod = std::uint64_t{1} << 63;
  const Segments segments(path);
  Match found;
  std::uint64_t best = 0;
  const Pattern* fitting = nullptr;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const auto& [pattern, route] = routes_[i];
    std::uint64_t score = fit(pattern.segments, segments);
    if (score == 0) continue;
    add_once(found.allow, to_string(route.method));
    if (route.method == Method::get) add_once(found.allow, to_string(Method::head));
    const bool head_as_get = request.method == Method::head && route.method == Method::get;
    if (route.method != request.method && !head_as_get) continue;
    if (!head_as_get) score |= kExactMethod;
    if (score <= best) continue;
    best = score;
    fitting = &pattern;
    found.route = &route;
    found.number = i + 1;
  }
  for (std::size_t i = 0; i < websockets_.size(); ++i) {
    const auto& [pattern, route] = websockets_[i];
    std::uint64_t score = fit(pattern.segments, segments);
    if (score == 0) continue;
    add_once(found.allow, to_string(Method::get));
    score |= kExactMethod;
    if (request.method != Method::get || score <= best) continue;
    best = score;
    fitting = &pattern;
    found.route = nullptr;
    found.websocket = &route;
    found.number = routes_.size() + i + 1;
  }
  if (fitting) {
    request.path_parameters = parameters_of(fitting->segments, segments);
    found.allow.clear();
  } else if (!found.allow.empty()) {
    add_once(found.allow, to_string(Method::options));
  }
  return found;
}

Task<Response> Router::handle(Request& request, Logger* logger) const {
  const Match found = match(request);
  co_return co_await handle(request, found, logger);
}

Task<Response> Router::handle(Request& request, const Match& match, Logger* logger) const {
  Response response;
  std::exception_ptr thrown;
  try {
    response = co_await dispatch(request, match);
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

Task<Response> Router::dispatch(Request& request, const Match& found) const {
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
