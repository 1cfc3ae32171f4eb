// SPDX-License-Identifier: MIT
#include "bench/floor.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string_view>

namespace bridge::bench {
namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n"
    "{\"status\":\"ok\"}";

}  // namespace

int serve_floor(std::uint16_t port) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 128) != 0)
    return 1;
  const int watch = epoll_create1(0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(watch, EPOLL_CTL_ADD, listener, &event);
  std::array<epoll_event, 64> ready{};
  std::array<char, 16384> buffer{};
  for (;;) {
    const int n = epoll_wait(watch, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < n; ++i) {
      const int fd = ready[static_cast<std::size_t>(i)].data.fd;
      if (fd == listener) {
        event.data.fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        epoll_ctl(watch, EPOLL_CTL_ADD, event.data.fd, &event);
      } else if (recv(fd, buffer.data(), buffer.size(), 0) <= 0 ||
                 send(fd, kAnswer.data(), kAnswer.size(), MSG_NOSIGNAL) <= 0) {
        close(fd);
      }
    }
  }
}

}  // namespace bridge::bench
