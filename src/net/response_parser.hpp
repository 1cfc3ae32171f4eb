// SPDX-License-Identifier: MIT
// Beast's push parser for answers to our own calls, filling our Response. Trailers are dropped and
// framing other than plain `chunked` is refused, as in RequestParser.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include "bridge/net/http.hpp"

namespace bridge::net {

class ResponseParser final : private boost::beast::http::basic_parser<false> {
 public:
  enum class State { need_more, done, garbled, too_large };

  /// `head_request`: the answer has no body, whatever its length field says.
  ResponseParser(std::size_t max_body_bytes, bool head_request);

  State put(std::string_view data, std::size_t& used);
  /// The peer ended its side in good order: complete if the end of the connection ends the body.
  State put_end();

  bool started() const { return basic_parser::got_some(); }
  /// Whether status and fields are known.
  bool head_done() const { return head_seen_; }
  bool keep_alive() const { return basic_parser::keep_alive(); }
  Response& response() { return response_; }

 private:
  using error_code = boost::beast::error_code;
  using string_view = boost::beast::string_view;

  void on_request_impl(boost::beast::http::verb, string_view, string_view, int,
                       error_code&) override {}
  void on_response_impl(int status, string_view reason, int version, error_code& ec) override;
  void on_field_impl(boost::beast::http::field field, string_view name, string_view value,
                     error_code& ec) override;
  void on_header_impl(error_code& ec) override;
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code& ec) override;
  std::size_t on_body_impl(string_view body, error_code& ec) override;
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t remain, string_view body, error_code& ec) override;
  void on_finish_impl(error_code&) override {}

  Response response_;
  std::size_t max_body_bytes_;
  std::size_t head_bytes_ = 0;
  bool head_seen_ = false;
  bool too_large_ = false;
};

}  // namespace bridge::net
