// SPDX-License-Identifier: MIT
#include "net/response_writer.hpp"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>

namespace bridge::net {
namespace {

constexpr std::array<std::string_view, 6> kOwned = {
    "Content-Length", "Transfer-Encoding", "Date", "Connection", "Keep-Alive", "Server"};

bool is_owned(std::string_view name) {
  return std::any_of(kOwned.begin(), kOwned.end(),
                     [&](std::string_view owned) { return equals_ignoring_case(owned, name); });
}

void append_field(std::string& head, std::string_view name, std::string_view value) {
  constexpr std::string_view kLineEnds("\r\n\0", 3);
  head.append(name).append(": ").append(value);
  if (value.find_first_of(kLineEnds) != std::string_view::npos) {
    // RFC 9110, 5.5: a recipient may end the line at any of these.
    for (std::size_t i = head.size() - value.size(); i < head.size(); ++i)
      if (kLineEnds.find(head[i]) != std::string_view::npos) head[i] = ' ';
  }
  head.append("\r\n");
}

}  // namespace

const std::string& DateCache::now() {
  const std::time_t second = std::time(nullptr);
  if (second != second_) {
    std::tm utc{};
    gmtime_r(&second, &utc);
    std::array<char, 40> text{};
    // The program never calls setlocale, so these are the English names that HTTP asks for.
    text_.assign(text.data(),
                 std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc));
    second_ = second;
  }
  return text_;
}

bool may_have_body(unsigned status) { return status >= 200 && status != 204 && status != 304; }

std::string response_head(const Response& response, const HeadRules& rules, DateCache& date) {
  std::string head;
  head.reserve(256);
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status));
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason.data(), reason.size()).append("\r\n");
  append_field(head, "Date", date.now());
  for (const auto& [name, value] : response.headers.entries())
    if (!is_owned(name)) append_field(head, name, value);
  if (may_have_body(response.status))
    append_field(head, "Content-Length", std::to_string(response.body.size()));
  if (!rules.keep_alive)
    append_field(head, "Connection", "close");
  else if (rules.http_1_0)
    append_field(head, "Connection", "keep-alive");
  head.append("\r\n");
  return head;
}

}  // namespace bridge::net
