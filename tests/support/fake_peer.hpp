// SPDX-License-Identifier: MIT
// A peer that misbehaves to the byte: each accepted connection is played by a script on a thread
// of its own, over plain sockets or TLS.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace bridge::test {

class PeerConnection {
 public:
  ~PeerConnection();
  /// Counted from 0 in the order of acceptance.
  int index() const { return index_; }
  /// Head and body (by Content-Length) of the next request; empty when the other side has ended.
  std::string read_request();
  /// What one read gets: over TLS, one record.
  std::string read_some();
  void send(std::string_view bytes);
  /// Waits until the other side has ended.
  void wait_for_end();
  /// TLS close_notify. Without it the connection just ends when the script returns.
  void say_goodbye();
  /// For scripts that carry bytes on; what `read_request` read beyond its request is not there.
  int descriptor() const { return fd_; }
  /// From now on the peer refuses connections.
  void stop_listening();
  /// Ends with a TCP reset instead of a FIN.
  void reset();

 private:
  friend class FakePeer;
  PeerConnection(int fd, int index, int listener) : fd_(fd), index_(index), listener_(listener) {}
  long receive(char* into, std::size_t size);

  int fd_;
  int index_;
  int listener_;
  void* ssl_ = nullptr;
  std::string buffer_;
};

class FakePeer {
 public:
  using Script = std::function<void(PeerConnection&)>;

  /// With a certificate it speaks TLS. A handshake that fails ends the connection unscripted.
  explicit FakePeer(Script script, const std::string& certificate_file = {},
                    const std::string& key_file = {});
  /// Ends all connections and waits for their scripts.
  ~FakePeer();
  FakePeer(const FakePeer&) = delete;
  FakePeer& operator=(const FakePeer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/") const;
  int accepted() const { return accepted_; }
  /// Waits until so many scripts are over and their connections closed.
  bool wait_ended(int count, std::chrono::milliseconds limit = std::chrono::seconds(5)) const;

 private:
  void accept_all();
  void play(int fd, int index);

  Script script_;
  void* tls_ = nullptr;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> ended_ = 0;
  std::mutex mutex_;
  std::list<int> open_;
  std::list<std::thread> players_;
  std::thread acceptor_;
};

/// A complete answer that keeps the connection.
std::string ok_answer(std::string_view body);

}  // namespace bridge::test
