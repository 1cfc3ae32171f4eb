// SPDX-License-Identifier: MIT
// A person's turn: the assistant answers it, or it is delivered to the connected agent until that
// has taken it.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "bridge/core/random.hpp"
#include "sandbox/copilot/assistant.hpp"
#include "sandbox/copilot/copilot.hpp"
#include "sandbox/copilot/event_stream.hpp"
#include "sandbox/copilot/members.hpp"
#include "sandbox/servicenow/platform.hpp"

namespace bridge::sandbox::copilot {
namespace {

/// An agent that answers one turn with more than this has lost its way.
constexpr std::size_t kMaxAnswered = 200;
constexpr std::size_t kMaxInvokeBytes = 8192;
constexpr const char* kAgentId = "connected-agent";

/// Says that the turn is over, however it ended.
class Ending {
 public:
  Ending(Conversation& conversation, Turn& turn) : conversation_(conversation), turn_(turn) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  ~Ending() {
    turn_.done = true;
    if (conversation_.turn_in_flight == turn_.activity_id) conversation_.turn_in_flight.clear();
    conversation_.changed.notify();
  }

 private:
  Conversation& conversation_;
  Turn& turn_;
};

class Copy {
 public:
  Copy(Conversation& conversation, Turn& turn) : conversation_(conversation), turn_(turn) {}
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() {
    --turn_.copies_under_way;
    conversation_.changed.notify();
  }

 private:
  Conversation& conversation_;
  Turn& turn_;
};

json::value parsed(std::string_view text, bool& failed) {
  boost::system::error_code problem;
  json::value value = json::parse(json::string_view(text.data(), text.size()), problem);
  failed = problem.failed();
  return value;
}

json::value bounded(std::string_view text) {
  bool failed = false;
  if (text.size() > kMaxInvokeBytes) return "(too long to be kept)";
  json::value value = parsed(text, failed);
  return failed ? json::value(printable_utf8(text)) : value;
}

}  // namespace

void Copilot::begin(const Shared& conversation, const std::shared_ptr<Turn>& turn) {
  group_.spawn("copilot_turn", run(conversation, turn));
}

void Copilot::assistant_says(Conversation& conversation, std::string_view text) {
  Entry entry;
  entry.from = "assistant";
  entry.text = text;
  entry.activity_id = random_hex(16);
  entry.reply_to = conversation.turn_in_flight;
  entry.by = "turn";
  entry.at = clock_.now();
  conversation.show(std::move(entry));
}

std::string Copilot::service_url(Conversation& conversation) {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  UrlStamp& newest = conversation.newest_url;
  const bool works = newest.number >= conversation.oldest_valid && newest.expiry_ms > now;
  if (behaviour_.rotate_each_turn || !works) {
    ++newest.number;
    newest.expiry_ms = now + behaviour_.url_lifetime_ms;
    if (!behaviour_.old_urls_valid) conversation.oldest_valid = newest.number;
  }
  const std::string& base = agent_.connection().callback_base;
  return (base.empty() ? url_ : base) + signer_.target(conversation.id, newest);
}

json::object Copilot::envelope(Conversation& conversation, const Turn& turn) {
  json::object from;
  from["id"] = conversation.user_id;
  from["name"] = conversation.user_name;
  from["role"] = "user";
  if (!conversation.aad_object_id.empty()) from["aadObjectId"] = conversation.aad_object_id;
  json::object recipient;
  recipient["id"] = kAgentId;
  recipient["role"] = "connectoruser";
  json::object place;
  place["id"] = conversation.id;
  json::object data;
  if (turn.text && conversation.first_delegated) {
    data["initialQuery"] = turn.initial_query.value_or(
        conversation.first_words.empty() ? *turn.text : conversation.first_words);
    conversation.first_delegated = false;
  }
  if (!conversation.user_email.empty()) data["userEmail"] = conversation.user_email;
  if (!conversation.bridge_session_id.empty())
    data["bridgeSessionId"] = conversation.bridge_session_id;

  json::object activity;
  activity["type"] = turn.type;
  activity["id"] = turn.activity_id;
  activity["timestamp"] = to_iso8601(clock_.now());
  activity["channelId"] = conversation.channel;
  activity["serviceUrl"] = service_url(conversation);
  activity["from"] = std::move(from);
  activity["recipient"] = std::move(recipient);
  activity["conversation"] = std::move(place);
  if (conversation.delivery_mode != "normal") activity["deliveryMode"] = conversation.delivery_mode;
  activity["locale"] = conversation.locale;
  if (turn.text) activity["text"] = *turn.text;
  activity["channelData"] = std::move(data);
  for (const auto& member : turn.members) {
    if (member.value().is_null()) {
      activity.erase(member.key());
    } else {
      activity[member.key()] = member.value();
    }
  }
  return activity;
}

Task<> Copilot::run(Shared conversation, std::shared_ptr<Turn> turn) {
  const Ending ending(*conversation, *turn);
  const auto place = co_await conversation->order.lock();
  if (conversation->gone) co_return;
  conversation->turn_in_flight = turn->activity_id;
  if (turn->text && !conversation->delegated) {
    if (conversation->first_words.empty()) conversation->first_words = *turn->text;
    const Topic topic = topic_of(*turn->text);
    assistant_says(*conversation, answer_of(topic));
    if (topic != Topic::escalate) co_return;
    conversation->delegated = true;
    conversation->first_delegated = true;
  }
  turn->to_agent = true;
  const json::object activity = envelope(*conversation, *turn);
  turn->members.clear();  // said, and perhaps large
  const std::string mode = text_of(activity, "deliveryMode");
  std::string body = json::serialize(activity);
  conversation->turn_expects_replies = mode == "expectReplies";
  co_await deliver(conversation, turn, std::move(body), mode);
  conversation->turn_expects_replies = false;
  if (turn->failed && turn->text) assistant_says(*conversation, failure_text());
  if (!turn->failed && turn->type == "endOfConversation") conversation->delegated = false;
}

Task<> Copilot::deliver(Shared conversation, std::shared_ptr<Turn> turn, std::string activity,
                        std::string mode) {
  const bool stream = mode == "stream";
  if (behaviour_.twice == "at_once") {
    ++turn->copies_under_way;
    group_.spawn("copilot_copy", deliver_copy(conversation, turn, activity, stream));
  }
  for (std::int64_t failures = 0;;) {
    std::string body = activity;
    const std::chrono::milliseconds limit(behaviour_.turn_limit_ms);
    Delivery made = co_await agent_.deliver(std::move(body), stream, limit);
    bool taken = made.ok();
    if (taken && behaviour_.forget_answers > 0) {
      --behaviour_.forget_answers;
      made.attempt.outcome = "forgotten";
      taken = false;
    }
    turn->attempts.push_back(made.attempt);
    if (taken) {
      take_answer(*conversation, *turn, mode, *made.response);
      break;
    }
    turn->failed = ++failures > behaviour_.redeliver_times || conversation->gone || stopping_;
    if (turn->failed) break;
    const std::chrono::milliseconds pause(behaviour_.redeliver_delay_ms);
    co_await async::sleep_for(pause);
  }
  if (behaviour_.twice == "after" && !turn->failed) {
    ++turn->copies_under_way;
    co_await deliver_copy(conversation, turn, activity, stream);
  }
  // A copy takes no longer than a turn may.
  const Deadline deadline = in(std::chrono::milliseconds(behaviour_.turn_limit_ms + 1000));
  for (;;) {
    if (turn->copies_under_way == 0) break;
    const bool moved =
        co_await conversation->changed.wait(conversation->changed.generation(), deadline);
    if (!moved) break;
  }
}

Task<> Copilot::deliver_copy(Shared conversation, std::shared_ptr<Turn> turn, std::string activity,
                             bool stream) {
  const Copy copy(*conversation, *turn);
  const std::chrono::milliseconds limit(behaviour_.turn_limit_ms);
  Delivery made = co_await agent_.deliver(std::move(activity), stream, limit);
  made.attempt.outcome = "copy: " + made.attempt.outcome;
  turn->attempts.push_back(made.attempt);
}

void Copilot::take_answer(Conversation& conversation, Turn& turn, const std::string& mode,
                          const net::Response& response) {
  const auto complain = [&](std::string code, std::string detail) {
    conversation.complain(clock_.now(), std::move(code), std::move(detail), "turn");
  };
  const auto take = [&](const json::value& activity) {
    if (++turn.attempts.back().activities <= kMaxAnswered)
      (void)take_activity(conversation, activity, "turn", clock_.now());
  };
  const std::string type = media_type(response.headers.get("Content-Type"));
  if (mode == "stream") {
    if (type != "text/event-stream")
      return complain("not_a_stream", "Content-Type is \"" + type + "\"");
    const EventStream stream = parse_event_stream(response.body);
    for (const std::string& problem : stream.problems) complain("malformed_stream", problem);
    for (const StreamBlock& block : stream.blocks) {
      bool failed = false;
      const json::value data = parsed(block.data, failed);
      if (failed) {
        complain("malformed_stream", "the data of a block is not JSON");
      } else if (block.event == "activity") {
        take(data);
      } else if (block.event == "invokeResponse") {
        turn.invoke_answer = bounded(block.data);
      } else {
        complain("malformed_stream", "unknown event \"" + block.event + "\"");
      }
    }
    return;
  }
  if (mode == "expectReplies") {
    bool failed = false;
    const json::value body = parsed(response.body, failed);
    const json::object* object = failed ? nullptr : body.if_object();
    const json::value* list = object ? object->if_contains("activities") : nullptr;
    if (!list || !list->is_array())
      return complain("not_expected_replies", "the answer is not {\"activities\":[...]}");
    if (type != "application/json")
      complain("not_expected_replies", "Content-Type is \"" + type + "\"");
    for (const json::value& activity : list->get_array()) take(activity);
    if (const json::value* result = object->if_contains("body"))
      turn.invoke_answer = bounded(json::serialize(*result));
    return;
  }
  if (turn.type == "invoke") {
    turn.invoke_answer = bounded(response.body);
    return;
  }
  bool failed = false;
  const json::value body = parsed(response.body, failed);
  if (!failed && body.is_object() && body.get_object().contains("activities"))
    complain("replies_in_the_answer", "this turn did not ask for replies in its answer");
}

}  // namespace bridge::sandbox::copilot
