// SPDX-License-Identifier: MIT
#include "net/request_parser.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "net/target.hpp"

namespace bridge::net {
namespace http = boost::beast::http;
namespace {

Method to_method(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::delete_;
    case http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

/// RFC 3986, 3.2: what a host and a port may be made of. Anything else is read in as many ways as
/// there are programs behind one another.
bool is_host(std::string_view value) {
  constexpr std::string_view kOthers = "-._~:[]%!$&'()*+,;=";
  return std::all_of(value.begin(), value.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

}  // namespace

RequestParser::RequestParser(const HeadLimits& limits) : limits_(limits) {
  // Beast's own limits apply per call or with a default of 1 MB; ours are counted below.
  basic_parser::header_limit(static_cast<std::uint32_t>(limits.bytes));
  basic_parser::body_limit(boost::none);
  request_.headers.reserve(12);
}

RequestParser::State RequestParser::fail(unsigned status) {
  if (failure_ == 0) failure_ = status;
  return State::failed;
}

RequestParser::State RequestParser::put(std::string_view data, std::size_t& used) {
  used = 0;
  while (failure_ == 0 && !is_done()) {
    const std::string_view rest = data.substr(used);
    if (rest.empty()) return State::need_more;
    error_code ec;
    const std::size_t taken = basic_parser::put(boost::asio::buffer(rest.data(), rest.size()), ec);
    used += taken;
    if (!head_seen_) {
      head_bytes_ += taken;
      lines_ += static_cast<std::size_t>(std::count(rest.data(), rest.data() + taken, '\n'));
      const std::size_t seen = head_bytes_ + (is_header_done() ? 0 : rest.size() - taken);
      if (seen > limits_.bytes) return fail(431);
    }
    if (ec == http::error::need_more) return State::need_more;
    if (ec) return fail(ec == http::error::header_limit ? 431 : 400);  // unless it has been said
    if (!head_seen_ && is_header_done()) {
      head_seen_ = true;
      // RFC 9112, 5.2: a field over several lines is refused. Others may read it as several fields.
      if (lines_ != fields_ + 2) return fail(400);
      return State::head_done;
    }
  }
  return failure_ == 0 ? State::done : State::failed;
}

RequestParser::State RequestParser::set_body_limit(std::size_t bytes) {
  body_limit_bytes_ = bytes;
  const auto declared = content_length();
  if (declared && *declared > bytes) return fail(413);
  return State::head_done;
}

bool RequestParser::expects_continue() const {
  return version_ == 11 && equals_ignoring_case(request_.headers.get("Expect"), "100-continue");
}

/// RFC 9112, 3.2 and 6.1: what Beast 1.81 accepts although peers may frame it in another way.
bool RequestParser::is_framing_sound() const {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  std::size_t hosts = 0, encodings = 0, lengths = 0;
  for (const auto& [name, value] : request_.headers.entries()) {
    if (equals_ignoring_case(name, "Host")) {
      if (!is_host(value)) return false;
      ++hosts;
    } else if (equals_ignoring_case(name, "Transfer-Encoding")) {
      if (!equals_ignoring_case(value, "chunked")) return false;
      ++encodings;
    } else if (equals_ignoring_case(name, "Content-Length")) {
      if (!std::all_of(value.begin(), value.end(), is_digit)) return false;  // "1, 1"
      ++lengths;
    }
  }
  if (hosts > 1 || (hosts == 0 && version_ == 11)) return false;
  if (encodings == 0) return lengths <= 1;
  return encodings == 1 && version_ == 11 && lengths == 0;
}

void RequestParser::on_request_impl(http::verb method, string_view, string_view target, int version,
                                    error_code& ec) {
  if (target.size() > limits_.line) {
    fail(431);
    ec = http::error::header_limit;
    return;
  }
  request_.method = to_method(method);
  request_.target.assign(target.data(), target.size());
  version_ = version;
}

void RequestParser::on_field_impl(http::field, string_view name, string_view value,
                                  error_code& ec) {
  if (++fields_ > limits_.fields || name.size() + value.size() > limits_.line) {
    fail(431);
    ec = http::error::header_limit;
    return;
  }
  if (head_seen_) count_overhead(name.size() + value.size(), ec);
  // After the head these are trailers: a secret or an address may not arrive behind the body.
  if (head_seen_) return;
  request_.headers.add({name.data(), name.size()}, std::string(value.data(), value.size()));
}

void RequestParser::on_header_impl(error_code& ec) {
  const std::string_view path = path_of(request_.target);
  if (path.find('%') == std::string_view::npos) {
    request_.path = path;
  } else if (auto decoded = percent_decode(path)) {
    request_.path = std::move(*decoded);
  } else {
    ec = http::error::bad_field;
    return;
  }
  if (!is_framing_sound()) ec = http::error::bad_field;
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& length, error_code&) {
  if (length) request_.body.reserve(std::min<std::uint64_t>(*length, body_limit_bytes_));
}

std::size_t RequestParser::on_body_impl(string_view body, error_code& ec) {
  if (request_.body.size() + body.size() > body_limit_bytes_) {
    fail(413);
    ec = http::error::body_limit;
    return 0;
  }
  request_.body.append(body.data(), body.size());
  return body.size();
}

/// Bytes that belong to no body and to no head, so that neither limit sees them.
void RequestParser::count_overhead(std::size_t bytes, error_code& ec) {
  chunk_overhead_ += bytes;
  if (chunk_overhead_ > limits_.bytes) ec = http::error::bad_chunk_extension;
}

void RequestParser::on_chunk_header_impl(std::uint64_t size, string_view extensions,
                                         error_code& ec) {
  count_overhead(extensions.size(), ec);
  if (size > body_limit_bytes_ - request_.body.size()) {
    fail(413);
    ec = http::error::body_limit;
  }
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, string_view body, error_code& ec) {
  return on_body_impl(body, ec);
}

}  // namespace bridge::net
