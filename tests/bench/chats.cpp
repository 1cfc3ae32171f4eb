// SPDX-License-Identifier: MIT
#include "bench/chats.hpp"

#include <stdexcept>

#include "bench/servers.hpp"

namespace bridge::bench {
namespace {

std::string bearer(const Chat& chat) {
  return chat.token.empty() ? std::string() : "Authorization: Bearer " + chat.token + "\r\n";
}

std::string hook_header() { return std::string("X-Bridge-Secret: ") + kWebhookSecret + "\r\n"; }

}  // namespace

std::string init_request() {
  return post_request("/api/servicenow/init-session", {},
                      R"({"user_email":"ann@example.com","user_display_name":"Ann Example"})");
}

Chat open_session(Connection& connection) {
  const std::string answer = connection.ask(init_request());
  Chat chat;
  chat.id = member_of(answer, "session_id");
  chat.token = member_of(answer, "session_token");
  if (chat.id.empty()) throw std::runtime_error("init-session gave no session");
  return chat;
}

Chat open_live_chat(Connection& connection) {
  Chat chat = open_session(connection);
  const std::string answer = connection.ask(post_request("/api/servicenow/escalate", bearer(chat),
                                                         "{\"session_id\":\"" + chat.id + "\"}"));
  chat.interaction = member_of(answer, "interaction_sys_id");
  if (chat.interaction.size() != 32) throw std::runtime_error("escalate gave no interaction");
  chat.conversation = "c" + chat.interaction.substr(1);  // as the instance numbers them
  (void)connection.ask(post_request("/api/servicenow/webhook", hook_header(),
                                    "{\"api\":2,\"event\":\"claimed\",\"bridge_session_id\":\"" +
                                        chat.id + "\",\"interaction_sys_id\":\"" +
                                        chat.interaction + "\",\"rep_name\":\"Alex Rep\"}"));
  chat.cursor = member_of(connection.ask(poll_request(chat)), "cursor");
  return chat;
}

std::string poll_request(const Chat& chat) {
  const std::string after = chat.cursor.empty() ? std::string() : "?after=" + chat.cursor;
  return get_request("/api/servicenow/poll/" + chat.id + after, bearer(chat));
}

std::string message_request(const Chat& chat) {
  return post_request("/api/servicenow/user-message", bearer(chat),
                      "{\"session_id\":\"" + chat.id +
                          "\",\"text\":\"The printer on the third floor is out of toner.\"}");
}

std::string webhook_request(Chat& chat, const std::string& text) {
  static std::uint64_t rows = 0;
  const std::string row = std::to_string(++rows);
  const std::string before = std::to_string(chat.sequence);
  const std::string sequence = std::to_string(++chat.sequence);
  return post_request(
      "/api/servicenow/webhook", hook_header(),
      "{\"api\":2,\"event\":\"reply\",\"bridge_session_id\":\"" + chat.id +
          "\",\"conversation_sys_id\":\"" + chat.conversation + "\",\"interaction_sys_id\":\"" +
          chat.interaction + "\",\"interaction_number\":\"IMS0000054\",\"message_sys_id\":\"a" +
          std::string(31 - row.size(), '0') + row + "\",\"sender_sys_id\":\"" +
          std::string(32, '7') + "\",\"q_data_message_type\":\"consumerTextMessage\",\"text\":\"" +
          text +
          "\",\"send_time\":\"2026-01-05 09:30:00\",\"rep_name\":\"Alex Rep\",\"sequence\":\"" +
          sequence + "\",\"prev_sequence\":\"" + before + "\"}");
}

Connection open_socket(const Chat& chat, std::uint16_t port, unsigned address) {
  Connection socket;
  socket.open(port, address);
  socket.send(get_request("/ws/intranet/" + chat.id + "?after=0:0",
                          "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Sec-WebSocket-Protocol: handoff.v1, token." +
                              chat.token + "\r\n"));
  unsigned status = 0;
  std::string_view body;
  while (!socket.take_answer(status, body)) {
    socket.wait_readable(10'000);
    if (!socket.receive()) throw std::runtime_error("no answer to a WebSocket handshake");
  }
  if (status != 101) throw std::runtime_error("a WebSocket was refused");
  return socket;
}

}  // namespace bridge::bench
