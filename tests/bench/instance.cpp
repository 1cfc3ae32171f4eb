// SPDX-License-Identifier: MIT
#include "bench/instance.hpp"

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <thread>

#include "bridge/async/task.hpp"
#include "support/test_certificates.hpp"

namespace bridge::bench {
namespace {

using asio::ip::tcp;
using Stream = asio::ssl::stream<tcp::socket>;

class Answers {
 public:
  std::string to(std::string_view target) {
    ++count_;
    if (target.find("/open_chat") != std::string_view::npos)
      return R"({"result":{"api":2,"conversation_sys_id":")" + sys_id('c') +
             R"(","interaction_sys_id":")" + sys_id('d') + R"(","interaction_number":"IMS)" +
             std::to_string(count_) + R"("}})";
    if (target.find("/send_message") != std::string_view::npos)
      return R"({"result":{"api":2,"ok":true,"message_sys_id":")" + sys_id('e') + R"("}})";
    if (target.find("/table/sys_user") != std::string_view::npos)
      return std::string(R"({"result":[{"sys_id":")") + kServiceAccount + R"(","user_name":")" +
             kAccountName + R"(","name":"Bench"}]})";
    if (target.find("/table/") != std::string_view::npos) return R"({"result":[]})";
    return R"({"result":{"api":2,"ok":true}})";
  }

 private:
  std::string sys_id(char kind) const {
    std::string digits = std::to_string(count_);
    return std::string(1, kind) + std::string(31 - digits.size(), '0') + digits;
  }
  std::uint64_t count_ = 0;
};

std::size_t length_of(std::string_view head) {
  for (const std::string_view name : {"Content-Length: ", "content-length: "}) {
    const auto at = head.find(name);
    if (at == std::string_view::npos) continue;
    std::size_t length = 0;
    std::from_chars(head.data() + at + name.size(), head.data() + head.size(), length);
    return length;
  }
  return 0;
}

Task<> serve(std::unique_ptr<Stream> stream, Answers& answers,
             std::atomic<std::uint64_t>& handshakes) {
  const auto [failed] = co_await stream->async_handshake(asio::ssl::stream_base::server, as_result);
  if (failed) co_return;
  ++handshakes;
  std::string buffer;
  char piece[8192];
  for (;;) {
    const auto head = buffer.find("\r\n\r\n");
    const std::size_t whole =
        head == std::string::npos ? head : head + 4 + length_of({buffer.data(), head});
    if (head == std::string::npos || buffer.size() < whole) {
      const auto [ec, n] = co_await stream->async_read_some(asio::buffer(piece), as_result);
      if (ec) co_return;
      buffer.append(piece, n);
      continue;
    }
    const auto from = buffer.find(' ') + 1;
    const std::string body = answers.to(buffer.substr(from, buffer.find(' ', from) - from));
    buffer.erase(0, whole);
    const std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
        std::to_string(body.size()) + "\r\n\r\n" + body;
    const auto [ec, n] = co_await asio::async_write(*stream, asio::buffer(answer), as_result);
    if (ec) co_return;
  }
}

Task<> accept(tcp::acceptor& acceptor, asio::ssl::context& tls, Answers& answers,
              std::atomic<std::uint64_t>& handshakes) {
  const auto executor = acceptor.get_executor();
  for (;;) {
    tcp::socket socket(executor);
    const auto [ec] = co_await acceptor.async_accept(socket, as_result);
    if (ec) co_return;
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    auto stream = std::make_unique<Stream>(std::move(socket), tls);
    asio::co_spawn(executor, serve(std::move(stream), answers, handshakes), asio::detached);
  }
}

}  // namespace

struct Instance::Impl {
  test::TestAuthority authority;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  asio::io_context context{1};
  tcp::acceptor acceptor{context, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  Answers answers;
  std::atomic<std::uint64_t> handshakes{0};
  std::thread thread;
};

Instance::Instance() : impl_(std::make_unique<Impl>()) {
  const auto pair = impl_->authority.issue("DNS:localhost,IP:127.0.0.1");
  impl_->tls.use_certificate_chain_file(pair.certificate_file);
  impl_->tls.use_private_key_file(pair.key_file, asio::ssl::context::pem);
  asio::co_spawn(impl_->context,
                 accept(impl_->acceptor, impl_->tls, impl_->answers, impl_->handshakes),
                 asio::detached);
  impl_->thread = std::thread([this] { impl_->context.run(); });
}

Instance::~Instance() {
  impl_->context.stop();
  impl_->thread.join();
}

std::string Instance::url() const {
  return "https://localhost:" + std::to_string(impl_->acceptor.local_endpoint().port());
}
std::string Instance::ca_file() const { return impl_->authority.ca_file(); }
std::uint64_t Instance::handshakes() const { return impl_->handshakes; }

}  // namespace bridge::bench
