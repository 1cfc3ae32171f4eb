// SPDX-License-Identifier: MIT
#include "net/response_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

namespace bridge::net {
namespace http = boost::beast::http;
namespace {

constexpr std::uint32_t kMaxHeadBytes = 64 * 1024;

}  // namespace

ResponseParser::ResponseParser(std::size_t max_body_bytes, bool head_request)
    : max_body_bytes_(max_body_bytes) {
  basic_parser::header_limit(kMaxHeadBytes);
  basic_parser::body_limit(boost::none);
  basic_parser::skip(head_request);
}

ResponseParser::State ResponseParser::put(std::string_view data, std::size_t& used) {
  used = 0;
  while (!is_done()) {
    const std::string_view rest = data.substr(used);
    if (rest.empty()) return State::need_more;
    error_code ec;
    const std::size_t taken = basic_parser::put(boost::asio::buffer(rest.data(), rest.size()), ec);
    used += taken;
    if (!head_seen_) head_bytes_ += taken;
    if (head_bytes_ > kMaxHeadBytes || too_large_) return State::too_large;
    if (ec == http::error::need_more) return State::need_more;
    if (ec == http::error::header_limit) return State::too_large;
    if (ec) return State::garbled;
  }
  return State::done;
}

ResponseParser::State ResponseParser::put_end() {
  if (!got_some() || is_done()) return State::garbled;
  error_code ec;
  basic_parser::put_eof(ec);
  return ec ? State::garbled : State::done;
}

void ResponseParser::on_response_impl(int status, string_view, int, error_code& ec) {
  response_.status = static_cast<unsigned>(status);
  // We never ask for another protocol.
  if (status < 100 || status == 101) ec = http::error::bad_status;
}

void ResponseParser::on_field_impl(http::field, string_view name, string_view value, error_code&) {
  if (head_seen_) return;
  response_.headers.add({name.data(), name.size()}, std::string(value.data(), value.size()));
}

void ResponseParser::on_header_impl(error_code& ec) {
  head_seen_ = true;
  const auto encodings = response_.headers.count("Transfer-Encoding");
  if (encodings > 1 ||
      (encodings == 1 &&
       !equals_ignoring_case(response_.headers.get("Transfer-Encoding"), "chunked")))
    ec = http::error::bad_transfer_encoding;
}

void ResponseParser::on_body_init_impl(const boost::optional<std::uint64_t>& length,
                                       error_code& ec) {
  if (!length) return;
  if (*length > max_body_bytes_) {
    too_large_ = true;
    ec = http::error::body_limit;
    return;
  }
  response_.body.reserve(static_cast<std::size_t>(*length));
}

std::size_t ResponseParser::on_body_impl(string_view body, error_code& ec) {
  if (body.size() > max_body_bytes_ - response_.body.size()) {
    too_large_ = true;
    ec = http::error::body_limit;
    return 0;
  }
  response_.body.append(body.data(), body.size());
  return body.size();
}

std::size_t ResponseParser::on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) {
  return on_body_impl(body, ec);
}

}  // namespace bridge::net
