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

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}
bool is_rest(std::string_view segment) {
  return is_parameter(segment) && segment.size() > 5 && segment.ends_with("...}");
}

/// Whether there is something to decode; as a rule there is not.
bool is_encoded(std::string_view text) { return text.find('%') != std::string_view::npos; }
bool is_decodable(std::string_view text) { return !is_encoded(text) || percent_decode(text); }

void add_once(std::vector<std::string_view>& list, std::string_view item) {
  if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
}

Response allow_response(unsigned status, const std::vector<std::string_view>& allow) {
  Response response = status == 204 ? Response(204) : error_response(status, "method_not_allowed");
  std::string joined;
  for (const std::string_view method : allow)
    joined.append(joined.empty() ? "" : ", ").append(method);
  response.headers.set("Allow", joined);
  return response;
}

Task<Response> at_once(Response response) { co_return response; }

}  // namespace

/// The segments of a path, still encoded. Longer paths than any pattern end in one segment more.
class Router::Path {
 public:
  explicit Path(std::string_view path) {
    if (!path.empty() && path.front() == '/') path.remove_prefix(1);
    end_ = path.data() + path.size();
    for (;;) {
      const auto end = path.find('/');
      parts_[count_++] = path.substr(0, end);
      if (end == std::string_view::npos || count_ > kMaxSegments) return;
      path.remove_prefix(end + 1);
    }
  }
  std::size_t size() const { return count_; }
  std::string_view operator[](std::size_t i) const { return parts_[i]; }
  /// From segment `i` to the end of the path.
  std::string_view rest(std::size_t i) const {
    return {parts_[i].data(), static_cast<std::size_t>(end_ - parts_[i].data())};
  }

 private:
  std::array<std::string_view, kMaxSegments + 1> parts_;
  std::size_t count_ = 0;
  const char* end_ = nullptr;
};

/// How well the pattern fits; 0 if it does not. Parameters are decoded later, for the best alone.
std::uint64_t Router::fit(const Pattern& pattern, const Path& path) {
  std::uint64_t score = 0;
  std::size_t i = 0;
  for (const auto& [kind, text] : pattern.segments) {
    if (i >= path.size()) return 0;
    const unsigned shift = 2 * static_cast<unsigned>(kMaxSegments - i);
    const std::string_view part = path[i];
    if (kind == Segment::Kind::rest)
      return is_decodable(path.rest(i)) ? score + (std::uint64_t{1} << shift) : 0;
    if (kind == Segment::Kind::parameter) {
      if (part.empty() || !is_decodable(part)) return 0;
      score += std::uint64_t{2} << shift;
    } else if (part == text || (is_encoded(part) && percent_decode(part) == text)) {
      score += std::uint64_t{3} << shift;
    } else {
      return 0;
    }
    ++i;
  }
  return i == path.size() ? score : 0;
}

std::map<std::string, std::string, std::less<>> Router::parameters(const Pattern& pattern,
                                                                   const Path& path) {
  std::map<std::string, std::string, std::less<>> parameters;
  std::size_t i = 0;
  for (const auto& [kind, name] : pattern.segments) {
    if (kind == Segment::Kind::rest) parameters[name] = percent_decode(path.rest(i)).value_or("");
    if (kind == Segment::Kind::parameter) parameters[name] = percent_decode(path[i]).value_or("");
    ++i;
  }
  return parameters;
}

Response error_response(unsigned status, std::string_view id) {
  return text_response(status, "{\"error\":\"" + std::string(id) + "\"}", "application/json");
}

Router::Pattern Router::compile(std::string_view pattern) {
  Pattern compiled;
  const Path path(pattern);
  assert(path.size() <= kMaxSegments);
  for (std::size_t i = 0; i < path.size(); ++i) {
    const std::string_view part = path[i];
    if (is_rest(part))
      compiled.segments.push_back(
          {Segment::Kind::rest, std::string(part.substr(1, part.size() - 5))});
    else if (is_parameter(part))
      compiled.segments.push_back(
          {Segment::Kind::parameter, std::string(part.substr(1, part.size() - 2))});
    else
      compiled.segments.push_back({Segment::Kind::literal, std::string(part)});
    compiled.literal = compiled.literal && !is_parameter(part);
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
  const Path segments(path);
  Match found;
  std::uint64_t best = 0;
  const Pattern* fitting = nullptr;
  for (std::size_t i = 0; i < routes_.size(); ++i) {
    const auto& [pattern, route] = routes_[i];
    std::uint64_t score = fit(pattern, segments);
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
    std::uint64_t score = fit(pattern, segments);
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
    request.path_parameters = parameters(*fitting, segments);
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

/// Not a coroutine: the handler is one already.
Task<Response> Router::dispatch(Request& request, const Match& found) const {
  if (found.route) return found.route->handler(request);
  if (found.websocket) {
    // RFC 9110, 15.5.22: the upgrade that would have helped is named.
    Response response = error_response(426, "upgrade_required");
    response.headers.set("Upgrade", "websocket");
    return at_once(std::move(response));
  }
  if (!found.allow.empty())
    return at_once(allow_response(request.method == Method::options ? 204 : 405, found.allow));
  if (not_found_) return not_found_(request);
  return at_once(error_response(404, "not_found"));
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
