// SPDX-License-Identifier: MIT
// Beast's push parser, filling our Request and closing the gaps that Beast 1.81 leaves: framing
// that two programs could read differently is refused, trailers never become headers, and the
// size of head and body is counted here. Fed with bytes; it reads nothing itself.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include "bridge/net/http.hpp"

namespace bridge::net {

/// What one request may take before its body.
struct HeadLimits {
  std::size_t bytes = 16 * 1024;
  std::size_t line = 8 * 1024;  ///< the request target, or one field with its name
  std::size_t fields = 100;     ///< trailers are counted too
};

class RequestParser final : private boost::beast::http::basic_parser<true> {
 public:
  enum class State { need_more, head_done, done, failed };

  explicit RequestParser(const HeadLimits& limits);

  /// Takes what it can from `data` and says how much in `used`. Stops once after the head, so that
  /// the owner can choose the body limit before a byte of the body is looked at.
  State put(std::string_view data, std::size_t& used);

  /// From now on; a declared length above it fails at once.
  State set_body_limit(std::size_t bytes);

  Request& request() { return request_; }
  bool started() const { return head_bytes_ > 0; }
  bool has_head() const { return head_seen_; }
  bool keep_alive() const { return basic_parser::keep_alive(); }
  bool http_1_0() const { return version_ == 10; }
  bool wants_upgrade() const { return basic_parser::upgrade(); }
  bool expects_continue() const;
  bool is_done() const { return basic_parser::is_done(); }

  /// What to answer when `put` failed: 400, 413 or 431.
  unsigned failure_status() const { return failure_; }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  State fail(unsigned status);
  bool is_framing_sound() const;
  void count_overhead(std::size_t bytes, error_code& ec);

  void on_request_impl(boost::beast::http::verb method, string_view method_text, string_view target,
                       int version, error_code& ec) override;
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field field, string_view name, string_view value,
                     error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
  std::size_t on_body_impl(string_view body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t size, string_view extensions, error_code& ec) override;
  std::size_t on_chunk_body_impl(std::uint64_t remain, string_view body, error_code& ec) override;
  void on_finish_impl(error_code&) override {}

  Request request_;
  HeadLimits limits_;
  std::size_t head_bytes_ = 0;
  std::size_t lines_ = 0;
  std::size_t fields_ = 0;
  std::size_t chunk_overhead_ = 0;  ///< extensions and trailers, which no body limit counts
  std::size_t body_limit_bytes_ = 0;
  int version_ = 11;
  bool head_seen_ = false;
  unsigned failure_ = 0;
};

}  // namespace bridge::net
