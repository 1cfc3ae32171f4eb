// SPDX-License-Identifier: MIT
// Bytes -> request parser -> router -> the real channels and their JSON. The first byte says in
// which pieces the bytes arrive: however they are cut, the same requests are understood. In place
// of a session's id and token, which are random, an input writes 32 times 'a' and 64 times 'b'.
#include <boost/json/parse.hpp>

#include "fuzz/front.hpp"
#include "net/request_parser.hpp"

namespace {

using namespace bridge;
using fuzz::require;
using State = net::RequestParser::State;

constexpr std::size_t kMaxBody = 4096;
constexpr int kMaxRequests = 8;

net::HeadLimits limits() {
  net::HeadLimits limits;
  limits.bytes = 2048;
  return limits;
}

struct Reading {
  std::vector<net::Request> requests;
  bool refused = false;
};

/// As a connection reads: piece by piece, request after request.
Reading read_all(std::string_view bytes, std::size_t piece) {
  Reading reading;
  std::string buffer;
  net::RequestParser* parser = nullptr;
  std::unique_ptr<net::RequestParser> held;
  while (reading.requests.size() < kMaxRequests) {
    if (!parser) {
      held = std::make_unique<net::RequestParser>(limits());
      parser = held.get();
    }
    std::size_t used = 0;
    State state = buffer.empty() ? State::need_more : parser->put(buffer, used);
    require(used <= buffer.size(), "a parser takes no more than there is");
    buffer.erase(0, used);
    if (state == State::head_done) {
      state = parser->set_body_limit(kMaxBody);
      if (state != State::failed && !parser->is_done()) continue;
      if (state != State::failed) state = State::done;
    }
    if (state == State::failed) {
      const unsigned status = parser->failure_status();
      require(status == 400 || status == 413 || status == 431, "a refusal has a status");
      reading.refused = true;
      return reading;
    }
    if (state == State::done) {
      require(parser->request().body.size() <= kMaxBody, "a body keeps its limit");
      reading.requests.push_back(std::move(parser->request()));
      parser = nullptr;
      continue;
    }
    if (bytes.empty()) return reading;
    const std::string_view next = bytes.substr(0, std::min(piece, bytes.size()));
    bytes.remove_prefix(next.size());
    buffer.append(next);
    // A connection has a buffer with an end.
    if (buffer.size() > limits().bytes + kMaxBody) {
      reading.refused = true;
      return reading;
    }
  }
  return reading;
}

bool same(const net::Request& a, const net::Request& b) {
  return a.method == b.method && a.target == b.target && a.path == b.path && a.body == b.body &&
         a.headers.entries() == b.headers.entries();
}

void replace(std::string& text, std::string_view mark, std::string_view by) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
}

void check(const net::Request& request, const net::Response& response) {
  require(response.status >= 200 && response.status < 600, "an answer has a final status");
  require(response.status != 500, "no input makes a handler fail");
  const std::string_view type = response.headers.get("Content-Type");
  if (type.starts_with("application/json") && request.method != net::Method::head) {
    boost::system::error_code failed;
    (void)boost::json::parse(response.body, failed);
    require(!failed, "a JSON answer is JSON");
  }
  for (const std::string_view secret : {fuzz::kHookSecret, fuzz::kAgentSecret})
    require(response.body.find(secret) == std::string::npos, "an answer holds no secret");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  fuzz::Front front;
  const net::Response opened = front.post("/api/servicenow/init-session", "{}");
  require(opened.status == 200, "a session can be opened");
  const auto made = boost::json::parse(opened.body);
  const std::string id(made.at("session_id").as_string());
  const std::string token(made.at("session_token").as_string());

  std::string bytes(fuzz::view_of(data + 1, size - 1));
  replace(bytes, std::string(32, 'a'), id);
  replace(bytes, std::string(64, 'b'), token);
  replace(bytes, "HOOKHOOKHOOKHOOKHOOKHOOKHOO", fuzz::kHookSecret);
  replace(bytes, "AGENTAGENTAGENTAGENTAGENTAGE", fuzz::kAgentSecret);

  Reading whole = read_all(bytes, bytes.size() + 1);
  const Reading pieces = read_all(bytes, 1 + data[0] % 64);
  const std::size_t both = std::min(whole.requests.size(), pieces.requests.size());
  for (std::size_t i = 0; i < both; ++i)
    require(same(whole.requests[i], pieces.requests[i]), "a request is the same in pieces");
  if (!whole.refused && !pieces.refused)
    require(whole.requests.size() == pieces.requests.size(), "pieces hold as many requests");

  for (net::Request& request : whole.requests) {
    require(request.headers.count("Host") <= 1, "one Host");
    request.peer_address = "192.0.2.7";
    const auto match = front.router.match(request);
    if (match.websocket && match.websocket->refuse) {
      if (const auto refusal = match.websocket->refuse(request)) check(request, *refusal);
      continue;
    }
    if (const auto response = front.ask(request)) check(request, *response);
  }
  return 0;
}
