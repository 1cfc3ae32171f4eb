// SPDX-License-Identifier: MIT
// The limits of connections, a part of the group "Limits".
#include "config/field_groups.hpp"
#include "config/field_kinds.hpp"

namespace bridge::config {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::vector<Field> connection_fields() {
  return in_group(
      "Limits",
      {
          number(
              {"MAX_CONNECTIONS", "20000",
               "Connections at once, WebSockets included; further ones get 503. The process needs "
               "as many file descriptors."},
              1, 1'000'000, [](auto& c) -> auto& { return c.connections.max_connections; }),
          size(
              {"MAX_HEADER_BYTES", "16KiB", "Size of a request's header; then 431."}, kKiB,
              256 * kKiB, [](auto& c) -> auto& { return c.connections.max_header_bytes; }),
          size(
              {"MAX_HEADER_LINE", "8KiB",
               "Size of one line of it: the request target, or one field; then 431."},
              256, 256 * kKiB, [](auto& c) -> auto& { return c.connections.max_header_line; }),
          number(
              {"MAX_HEADER_FIELDS", "100", "Fields of a request's header; then 431."}, 8, 1000,
              [](auto& c) -> auto& { return c.connections.max_header_fields; }),
          duration(
              {"FIRST_BYTE_TIMEOUT", "15s",
               "How long a new connection may be silent before it is closed."},
              milliseconds(100), minutes(5),
              [](auto& c) -> auto& { return c.connections.first_byte_timeout; }),
          duration(
              {"HEADER_TIMEOUT", "15s",
               "How long a request's header may take from its first byte; then 408."},
              milliseconds(100), minutes(1),
              [](auto& c) -> auto& { return c.connections.header_timeout; }),
          duration(
              {"REQUEST_TIMEOUT", "90s",
               "How long a whole request may take: 408 while it is still being received, 503 while "
               "it is being handled. More than OPEN_DEADLINE, SEND_DEADLINE and the 60 s of a "
               "waiting poll."},
              seconds(65), minutes(10),
              [](auto& c) -> auto& { return c.connections.request_timeout; }),
          size(
              {"MIN_RECEIVE_RATE", "256B",
               "Bytes a second at which the body of a request must come on average; then 408."},
              1, 1024 * kKiB, [](auto& c) -> auto& { return c.connections.min_receive_rate; }),
          duration(
              {"RECEIVE_GRACE", "10s", "How long a body may be slower than that."},
              milliseconds(100), minutes(1),
              [](auto& c) -> auto& { return c.connections.receive_grace; }),
          duration(
              {"KEEP_ALIVE_TIMEOUT", "75s",
               "How long a connection may be idle between requests. More than the proxy in front "
               "keeps its own idle connections, or it will meet one that is closing."},
              seconds(1), minutes(30),
              [](auto& c) -> auto& { return c.connections.keep_alive_timeout; }),
          duration(
              {"WRITE_TIMEOUT", "10s",
               "How long a reader may take for 64 KiB of an answer, or for one WebSocket frame."},
              milliseconds(100), minutes(5),
              [](auto& c) -> auto& { return c.connections.write_timeout; }),
          size(
              {"MAX_SOCKET_MESSAGE", "64KiB",
               "Size of a WebSocket message to the bridge; then 1009."},
              kKiB, 16 * kKiB * kKiB,
              [](auto& c) -> auto& { return c.connections.max_socket_message; }),
          size(
              {"MAX_SOCKET_QUEUE", "256KiB",
               "Bytes that may wait for one WebSocket; then 1013. A greater LOG_MAX_BYTES counts "
               "instead, or what a reader has missed would not fit."},
              4 * kKiB, 64 * kKiB * kKiB,
              [](auto& c) -> auto& { return c.connections.max_socket_queue; }),
          duration(
              {"PING_INTERVAL", "25s",
               "How often a WebSocket is pinged; one that has not answered by the next time is "
               "closed. Proxies close silent connections after a minute or more."},
              seconds(1), minutes(10),
              [](auto& c) -> auto& { return c.connections.ping_interval; }),
          duration(
              {"SHUTDOWN_DELAY", "0s",
               "How long the bridge goes on serving after SIGTERM with /readyz at 503, for a load "
               "balancer that must see it first."},
              milliseconds(0), minutes(1),
              [](auto& c) -> auto& { return c.connections.shutdown_delay; }),
          duration(
              {"SHUTDOWN_GRACE", "25s",
               "How long the end may take from SIGTERM on, that delay included. Less than the "
               "platform waits before it kills (30 s as a rule)."},
              seconds(1), minutes(10),
              [](auto& c) -> auto& { return c.connections.shutdown_grace; }),
      });
}

}  // namespace bridge::config
