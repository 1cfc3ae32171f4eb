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

bool ends_line(char c) { return c == '\r' || c == '\n' || c == '\0'; }

void append_field(std::string& head, std::string_view name, std::string_view value) {
  head.append(name).append(": ").append(value);
  // RFC 9110, 5.5: a recipient may end the line at any of these.
  std::replace_if(head.end() - static_cast<std::ptrdiff_t>(value.size()), head.end(), ends_line,
                  ' ');
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
  head.reserve(512);
  const auto reason =
      boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(response.status));
  head.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  head.append(reason.data(), reason.size());
  head.append("\r\nDate: ").append(date.now()).append("\r\n");
  for (const auto& [name, value] : response.headers.entries())
    if (!is_owned(name)) append_field(head, name, value);
  if (may_have_body(response.status))
    head.append("Content-Length: ").append(std::to_string(response.body.size())).append("\r\n");
  if (!rules.keep_alive)
    head.append("Connection: close\r\n");
  else if (rules.http_1_0)
    head.append("Connection: keep-alive\r\n");
  head.append("\r\n");
  return head;
}

}  // namespace bridge::net
