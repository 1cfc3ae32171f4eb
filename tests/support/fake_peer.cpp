// SPDX-License-Identifier: MIT
#include "support/fake_peer.hpp"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>

namespace bridge::test {

std::string ok_answer(std::string_view body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

PeerConnection::~PeerConnection() {
  if (ssl_) SSL_free(static_cast<SSL*>(ssl_));
  ::close(fd_);
}

long PeerConnection::receive(char* into, std::size_t size) {
  if (ssl_) return SSL_read(static_cast<SSL*>(ssl_), into, static_cast<int>(size));
  return ::recv(fd_, into, size, 0);
}

std::string PeerConnection::read_request() {
  std::array<char, 8192> chunk{};
  for (;;) {
    const auto end = buffer_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::size_t body = 0;
      const auto length = buffer_.find("Content-Length: ");
      if (length < end) body = std::stoul(buffer_.substr(length + 16));
      if (buffer_.size() >= end + 4 + body) {
        std::string request = buffer_.substr(0, end + 4 + body);
        buffer_.erase(0, request.size());
        return request;
      }
    }
    const long n = receive(chunk.data(), chunk.size());
    if (n <= 0) return {};
    buffer_.append(chunk.data(), static_cast<std::size_t>(n));
  }
}

std::string PeerConnection::read_some() {
  std::array<char, 20'000> chunk{};
  const long n = receive(chunk.data(), chunk.size());
  return n > 0 ? std::string(chunk.data(), static_cast<std::size_t>(n)) : std::string();
}

void PeerConnection::send(std::string_view bytes) {
  if (ssl_) {
    (void)SSL_write(static_cast<SSL*>(ssl_), bytes.data(), static_cast<int>(bytes.size()));
    return;
  }
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void PeerConnection::wait_for_end() {
  std::array<char, 8192> chunk{};
  while (receive(chunk.data(), chunk.size()) > 0) {
  }
}

void PeerConnection::say_goodbye() {
  if (ssl_) SSL_shutdown(static_cast<SSL*>(ssl_));
}

void PeerConnection::stop_listening() { ::shutdown(listener_, SHUT_RDWR); }

void PeerConnection::reset() {
  const linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

FakePeer::FakePeer(Script script, const std::string& certificate_file, const std::string& key_file)
    : script_(std::move(script)) {
  std::signal(SIGPIPE, SIG_IGN);  // SSL_write has no MSG_NOSIGNAL
  if (!certificate_file.empty()) {
    SSL_CTX* tls = SSL_CTX_new(TLS_server_method());
    tls_ = tls;
    if (SSL_CTX_use_certificate_chain_file(tls, certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key_file.c_str(), SSL_FILETYPE_PEM) != 1)
      throw std::runtime_error("certificate of the fake peer");
  }
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 64) != 0 ||
      ::getsockname(listener_, generic, &size) != 0)
    throw std::runtime_error("listener of the fake peer");
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { accept_all(); });
}

FakePeer::~FakePeer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& player : players_) player.join();
  ::close(listener_);
  SSL_CTX_free(static_cast<SSL_CTX*>(tls_));
}

std::string FakePeer::url(std::string_view path) const {
  return (tls_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_) +
         std::string(path);
}

void FakePeer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const int index = accepted_++;
    const std::lock_guard lock(mutex_);
    open_.push_back(fd);
    players_.emplace_back([this, fd, index] { play(fd, index); });
  }
}

void FakePeer::play(int fd, int index) {
  {
    PeerConnection connection(fd, index, listener_);
    bool ready = true;
    if (tls_) {
      SSL* ssl = SSL_new(static_cast<SSL_CTX*>(tls_));
      SSL_set_fd(ssl, fd);
      connection.ssl_ = ssl;
      ready = SSL_accept(ssl) == 1;
    }
    if (ready) script_(connection);
    const std::lock_guard lock(mutex_);
    open_.remove(fd);  // before the destructor gives the number back
  }
  ++ended_;
}

bool FakePeer::wait_ended(int count, std::chrono::milliseconds limit) const {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (ended_ < count && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return ended_ >= count;
}

}  // namespace bridge::test
