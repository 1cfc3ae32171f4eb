// SPDX-License-Identifier: MIT
#include "support/http_probe.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace bridge::test {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

std::string ProbeResponse::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (same(key, name)) return value;
  return {};
}

std::size_t ProbeResponse::count(std::string_view name) const {
  std::size_t n = 0;
  for (const auto& [key, value] : headers) n += same(key, name) ? 1 : 0;
  return n;
}

RawConnection::RawConnection(std::uint16_t port, std::chrono::milliseconds timeout) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("socket");
  timeval limit{};
  limit.tv_sec = timeout.count() / 1000;
  limit.tv_usec = (timeout.count() % 1000) * 1000;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int error = errno;
    ::close(fd_);
    errno = error;
    fail("connect to port " + std::to_string(port));
  }
}

RawConnection::~RawConnection() { ::close(fd_); }

void RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0) fail("send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool RawConnection::fill() {
  std::array<char, 16 * 1024> chunk{};
  const ssize_t n = ::recv(fd_, chunk.data(), chunk.size(), 0);
  if (n < 0 && errno != ECONNRESET) fail("receive");
  if (n <= 0) return false;
  buffer_.append(chunk.data(), static_cast<std::size_t>(n));
  return true;
}

std::string RawConnection::receive_all() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

std::string RawConnection::receive_exactly(std::size_t bytes) {
  while (buffer_.size() < bytes)
    if (!fill()) break;
  std::string taken = buffer_.substr(0, bytes);
  buffer_.erase(0, taken.size());
  return taken;
}

bool RawConnection::is_closed_by_peer() {
  try {
    return buffer_.empty() && !fill();
  } catch (const std::runtime_error&) {
    return false;
  }
}

ProbeResponse RawConnection::receive_response(bool to_head) {
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) throw std::runtime_error("connection ended before a response: " + buffer_);
  ProbeResponse response;
  std::string head = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  response.status = static_cast<unsigned>(std::stoul(head.substr(head.find(' ') + 1, 3)));
  for (std::size_t at = head.find("\r\n") + 2; at < head.size();) {
    const std::size_t line_end = head.find("\r\n", at);
    const std::string line = head.substr(at, line_end - at);
    const std::size_t colon = line.find(':');
    std::size_t value = colon + 1;
    while (value < line.size() && line[value] == ' ') ++value;
    response.headers.emplace_back(line.substr(0, colon), line.substr(value));
    at = line_end + 2;
  }
  if (to_head || response.status < 200 || response.status == 204 || response.status == 304)
    return response;
  if (response.count("Content-Length") > 0) {
    const std::size_t length = std::stoul(response.header("Content-Length"));
    while (buffer_.size() < length)
      if (!fill()) throw std::runtime_error("connection ended inside a body");
    response.body = buffer_.substr(0, length);
    buffer_.erase(0, length);
  } else if (same(response.header("Transfer-Encoding"), "chunked")) {
    for (;;) {
      std::size_t eol;
      while ((eol = buffer_.find("\r\n")) == std::string::npos)
        if (!fill()) throw std::runtime_error("connection ended inside a chunk");
      const std::size_t size = std::stoul(buffer_.substr(0, eol), nullptr, 16);
      while (buffer_.size() < eol + 2 + size + 2)
        if (!fill()) throw std::runtime_error("connection ended inside a chunk");
      response.body += buffer_.substr(eol + 2, size);
      buffer_.erase(0, eol + 2 + size + 2);
      if (size == 0) break;
    }
  } else {
    response.body = receive_all();
  }
  return response;
}

void RawConnection::finish() { ::shutdown(fd_, SHUT_WR); }

void RawConnection::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  ::close(fd_);
  fd_ = -1;
}

ProbeResponse http_probe(std::uint16_t port, std::string_view method, std::string_view target,
                         const ProbeHeaders& headers, std::string_view body,
                         std::chrono::milliseconds timeout) {
  RawConnection connection(port, timeout);
  std::string request;
  request.append(method).append(" ").append(target).append(" HTTP/1.1\r\n");
  bool has_host = false;
  for (const auto& [name, value] : headers) {
    request.append(name).append(": ").append(value).append("\r\n");
    has_host = has_host || same(name, "Host");
  }
  if (!has_host) request.append("Host: 127.0.0.1:" + std::to_string(port) + "\r\n");
  if (!body.empty() || method == "POST" || method == "PUT")
    request.append("Content-Length: " + std::to_string(body.size()) + "\r\n");
  request.append("Connection: close\r\n\r\n").append(body);
  connection.send(request);
  for (;;) {
    ProbeResponse response = connection.receive_response(method == "HEAD");
    if (response.status >= 200) return response;
  }
}

}  // namespace bridge::test
