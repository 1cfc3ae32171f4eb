// SPDX-License-Identifier: MIT
// One accepted connection while it speaks HTTP: requests one after the other, in order, until
// either side ends it or a request asks to become a WebSocket.
#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <memory>

#include "net/byte_stream.hpp"
#include "net/request_parser.hpp"
#include "net/server_context.hpp"
#include "net/websocket_upgrade.hpp"

namespace bridge::net {

class HttpSession final : public Watched {
 public:
  HttpSession(ServerContext& context, std::unique_ptr<ByteStream> stream, std::string peer_address);

  /// Serves until the connection is over (null) or is to become a WebSocket, which takes the
  /// stream along. Errors on the wire end the connection; they are nobody's exception.
  Task<std::unique_ptr<Upgrade>> run();

  void on_tick(Deadline now) override;
  void begin_stop() override;
  void cut() override;

 private:
  /// `idle` may be cut at once, `reading` is answered 408 when late, `handling` 503; the rest is
  /// cut when late.
  enum class Phase { idle, reading, handling, writing, ending };
  enum class Next { request, upgrade, close };

  Task<bool> handshake();
  Task<Next> serve_one(bool first, std::unique_ptr<Upgrade>& upgrade);
  std::unique_ptr<Upgrade> begin_upgrade(Request& request, const Router::Match& match);
  /// Whether it is refused, with `response`.
  bool refuse_upgrade(const Request& request, const Router::Match& match, Response& response);
  Task<bool> read_head(RequestParser& parser, bool first);
  Task<bool> read_body(RequestParser& parser);
  Task<bool> fill();
  bool write_now(std::string_view& front, std::string_view& body);
  Task<bool> write(std::string_view front, std::string_view body);
  Task<bool> answer(const Request& request, Response response, HeadRules rules,
                    std::string_view refused = {});
  Task<bool> refuse(RequestParser& parser);
  Task<> linger();
  RequestParser::State feed(RequestParser& parser);
  void enter(Phase phase, std::chrono::milliseconds limit);
  void begin_request();
  void confirm_last_answer(bool arrived);
  void note_break(const boost::system::error_code& ec);
  void answer_late();
  void report(const Request& request, unsigned status, std::size_t bytes, std::string_view refused);
  HeadRules rules_for(const RequestParser& parser) const;

  ServerContext& context_;
  std::unique_ptr<ByteStream> stream_;
  std::string peer_address_;
  boost::beast::flat_buffer buffer_;
  Deadline deadline_ = Deadline::max();
  Deadline request_deadline_ = Deadline::max();
  Deadline let_go_ = Deadline::max();            ///< when an idle connection gives its buffer back
  std::chrono::steady_clock::time_point begun_;  ///< first byte of the request
  const Request* handled_ = nullptr;             ///< while a handler has it
  std::size_t route_ = 0;
  Phase phase_ = Phase::ending;
  bool timed_out_ = false;
  bool letting_go_ = false;
  bool broken_ = false;                ///< the last answer may not have arrived whole
  std::function<void(bool)> receipt_;  ///< of the last answer
  Registration registration_;
};

}  // namespace bridge::net
