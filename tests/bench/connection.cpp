// SPDX-License-Identifier: MIT
#include "bench/connection.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace bridge::bench {
namespace {

constexpr std::size_t kReadSize = 16 * 1024;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

/// Content-Length of a head; the peers write it in any case.
std::size_t body_length(std::string_view head) {
  static constexpr std::string_view kName = "content-length:";
  for (std::size_t at = 0; at + kName.size() < head.size(); ++at) {
    std::size_t same = 0;
    while (same < kName.size() && (head[at + same] | 0x20) == (kName[same] | 0x20)) ++same;
    if (same < kName.size()) continue;
    at += same;
    while (at < head.size() && head[at] == ' ') ++at;
    std::size_t length = 0;
    std::from_chars(head.data() + at, head.data() + head.size(), length);
    return length;
  }
  return 0;
}

}  // namespace

Connection::~Connection() { close(); }

Connection::Connection(Connection&& other) noexcept { *this = std::move(other); }

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(buffer_, other.buffer_);
  std::swap(begin_, other.begin_);
  return *this;
}

void Connection::open(std::uint16_t port, unsigned n) {
  close();
  buffer_.clear();
  begin_ = 0;
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (n > 0) {
    address.sin_addr.s_addr = htonl((127u << 24) | ((n & 0xFFFFu) << 8) | 1u);
    if (bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) fail("bind");
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    const int reason = errno;
    close();
    errno = reason;
    fail("connect");
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void Connection::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Connection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void Connection::compact() {
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
  } else if (begin_ > kReadSize) {
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
}

bool Connection::receive() {
  compact();
  const std::size_t used = buffer_.size();
  buffer_.resize(used + kReadSize);
  const ssize_t n = recv(fd_, buffer_.data() + used, kReadSize, MSG_DONTWAIT);
  buffer_.resize(used + static_cast<std::size_t>(n > 0 ? n : 0));
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

void Connection::wait_readable(int milliseconds) {
  pollfd waiting{fd_, POLLIN, 0};
  ::poll(&waiting, 1, milliseconds);
}

bool Connection::take_answer(unsigned& status, std::string_view& body) {
  const std::string_view all = std::string_view(buffer_).substr(begin_);
  const auto end = all.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  const std::string_view head = all.substr(0, end);
  const std::size_t length = body_length(head);
  if (all.size() < end + 4 + length) return false;
  status = 0;
  if (head.size() > 12) std::from_chars(head.data() + 9, head.data() + 12, status);
  body = all.substr(end + 4, length);
  begin_ += end + 4 + length;
  return true;
}

bool Connection::take_frame(std::string_view& payload) {
  for (;;) {
    const std::string_view all = std::string_view(buffer_).substr(begin_);
    if (all.size() < 2) return false;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(all[i]); };
    std::size_t length = byte(1) & 0x7F;
    std::size_t head = 2;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (all.size() < head + extra) return false;
    if (extra > 0) length = 0;
    for (; extra > 0 && head < 2 + extra; ++head) length = (length << 8) | byte(head);
    if (all.size() < head + length) return false;
    const unsigned opcode = byte(0) & 0x0F;
    payload = all.substr(head, length);
    begin_ += head + length;
    if (opcode != 9) return true;
    std::string pong("\x8A");  // with a mask of zeros
    pong.push_back(static_cast<char>(0x80 | payload.size()));
    pong.append(4, '\0').append(payload);
    send(pong);
  }
}

std::string Connection::ask(std::string_view request, unsigned expected_status) {
  send(request);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  unsigned status = 0;
  std::string_view body;
  while (!take_answer(status, body)) {
    if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("no answer");
    wait_readable(100);
    if (!receive()) throw std::runtime_error("the connection ended without an answer");
  }
  if (status != expected_status)
    throw std::runtime_error("answered " + std::to_string(status) + ": " + std::string(body));
  return std::string(body);
}

std::string get_request(std::string_view target, std::string_view headers) {
  std::string text("GET ");
  text.append(target).append(" HTTP/1.1\r\nHost: localhost\r\n").append(headers).append("\r\n");
  return text;
}

std::string post_request(std::string_view target, std::string_view headers, std::string_view body) {
  std::string text("POST ");
  text.append(target).append(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
  text.append(headers).append("Content-Length: ").append(std::to_string(body.size()));
  text.append("\r\n\r\n").append(body);
  return text;
}

std::string member_of(std::string_view json, std::string_view name) {
  const auto at = json.find("\"" + std::string(name) + "\"");
  if (at == std::string_view::npos) return {};
  const auto from = json.find('"', json.find(':', at + name.size() + 2));
  if (from == std::string_view::npos) return {};
  return std::string(json.substr(from + 1, json.find('"', from + 1) - from - 1));
}

}  // namespace bridge::bench
