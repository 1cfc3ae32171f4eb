// SPDX-License-Identifier: MIT
// HTTP messages as values: what handlers take and give, and what the client sends and gets.
// No Beast here; the translation is inside `net`.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bridge::net {

enum class Method { get, head, post, put, patch, delete_, options, other };
std::string_view to_string(Method method);

/// Header fields in order; names compare without case (RFC 9110, 5.1).
class Headers {
 public:
  using Entry = std::pair<std::string, std::string>;

  /// The first field of that name; empty view if there is none.
  /// Lifetime: the view lives until the headers change.
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  /// Replaces all fields of that name.
  void set(std::string_view name, std::string value);
  void add(std::string_view name, std::string value);
  void remove(std::string_view name);
  void reserve(std::size_t fields) { entries_.reserve(fields); }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Percent-encodes everything but RFC 3986 unreserved characters.
std::string percent_encode(std::string_view text);
/// Decodes %XX; nothing if a sequence is broken. `+` stays `+` unless `plus_is_space`.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

/// One request as a handler sees it. All header fields come from the header section; trailers are
/// never merged (a secret may not arrive after the body).
class Request {
 public:
  Request() = default;

  Method method = Method::get;
  std::string target;  ///< as received: path and query
  std::string path;    ///< decoded, without the query
  Headers headers;
  std::string body;
  std::string peer_address;  ///< of the TCP peer, without port
  std::string id;            ///< drawn for this request; the `ref` of its answer and log lines
  /// Values of `{name}` segments of the matched route.
  std::map<std::string, std::string, std::less<>> path_parameters;

  /// The first value of a query parameter, decoded; nothing if absent.
  std::optional<std::string> query(std::string_view name) const;
  /// Value of one cookie (RFC 6265, 5.4), as sent.
  std::optional<std::string> cookie(std::string_view name) const;
  std::string parameter(std::string_view name) const;
};

class Response {
 public:
  Response() = default;
  explicit Response(unsigned code) : status(code) {}

  unsigned status = 200;
  Headers headers;
  std::string body;
  /// Of a client's: the request was written twice, since a kept connection died under the first;
  /// the peer may have taken that one too.
  bool resent = false;
  /// Told once what became of the answer, for those who would have to give it again: false when the
  /// connection broke before the peer's TCP had all of it. Not told when the program ends first. A
  /// proxy in between has it from us, whatever it does with it.
  std::function<void(bool arrived)> receipt;
  /// For stand-ins that misbehave: only so many bytes of the answer, head included, are written,
  /// then the connection is cut. 0 answers nothing at all.
  std::optional<std::size_t> cut_after_bytes;
};

/// A body with its content type; a factory, so that no aggregate stands beside a co_await.
Response text_response(unsigned status, std::string body,
                       std::string_view content_type = "text/plain; charset=utf-8");

}  // namespace bridge::net
