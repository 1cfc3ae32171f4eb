// SPDX-License-Identifier: MIT
// Sessions to measure with, made through the endpoints that every server here has, and the requests
// that belong to them.
#pragma once

#include <string>
#include <vector>

#include "bench/connection.hpp"

namespace bridge::bench {

struct Chat {
  std::string id;
  std::string token;  ///< empty: the old bridge has none
  std::string interaction;
  std::string conversation;
  std::string cursor;
  std::uint64_t sequence = 0;
};

std::string init_request();
Chat open_session(Connection& connection);
/// Escalated and claimed by an agent.
Chat open_live_chat(Connection& connection);

std::string poll_request(const Chat& chat);
std::string message_request(const Chat& chat);
/// The agent's next words, as our relay rule posts them.
std::string webhook_request(Chat& chat, const std::string& text);
/// A socket that reads from the beginning, after its handshake.
Connection open_socket(const Chat& chat, std::uint16_t port, unsigned address);

}  // namespace bridge::bench
