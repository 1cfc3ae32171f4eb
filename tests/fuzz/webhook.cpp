// SPDX-License-Identifier: MIT
// Bodies of webhooks, separated by a zero byte -> AgentEvent -> decide, with a user who has
// escalated and said something. Whatever ServiceNow posts is answered 200, 400 or 404, and the
// session that comes of it is sound. 32 times 'a' stands for the session's id.
#include <boost/json/parse.hpp>

#include "fuzz/front.hpp"

namespace {

using namespace bridge;
using fuzz::require;

void replace(std::string& text, std::string_view mark, std::string_view by) {
  for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + by.size()))
    text.replace(at, mark.size(), by);
}

void check(const session::BridgeSession& before, const session::BridgeSession& after) {
  require(after.id == before.id && after.epoch == before.epoch, "ids stay");
  require(after.version >= before.version, "versions go up");
  require(after.last_seq >= before.last_seq, "seq goes up");
  require(after.version > before.version || after.last_seq == before.last_seq,
          "events are committed");
  require(after.state != session::State::bot && after.state != session::State::opening,
          "an open chat is queued, live or closed");
  require(before.state != session::State::closed || after.state == session::State::closed,
          "no webhook opens a closed chat");
  require(before.state != session::State::live || after.state != session::State::queued,
          "nobody goes back to the queue");
  require(after.held.size() <= 64 && after.parked.size() <= 64, "what waits is bounded");
  require(after.chat.rep_name.size() <= 800, "a name keeps its bound");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Front front;
  const auto opened = boost::json::parse(front.post("/api/servicenow/escalate", "{}").body);
  const std::string id(opened.at("session_id").as_string());
  const auto said = front.post("/api/servicenow/user-message",
                               "{\"session_id\":\"" + id + "\",\"text\":\"yes\"}");
  require(said.status == 200, "the user can speak");

  std::string bodies(fuzz::view_of(data, size));
  replace(bodies, std::string(32, 'a'), id);
  std::size_t from = 0;
  for (int count = 0; count < 32 && from <= bodies.size(); ++count) {
    const std::size_t end = std::min(bodies.find('\0', from), bodies.size());
    const auto before = front.view(id);
    const bool old_rule = count % 4 == 3;
    const auto response = front.post(old_rule ? "/api/sn-webhook" : "/api/servicenow/webhook",
                                     bodies.substr(from, end - from));
    require(
        response.status == 200 || response.status == 400 || (response.status == 404 && !old_rule),
        "a webhook is taken, malformed, or for nobody");
    const auto after = front.view(id);
    require(before && after, "the session stays");
    check(*before, *after);
    if (response.status == 400) require(before == after, "a malformed webhook changes nothing");
    from = end + 1;
  }
  return 0;
}
