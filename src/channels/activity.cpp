// SPDX-License-Identifier: MIT
// POST /api/messages: the bridge as a connected agent of Copilot Studio (Activity protocol). The
// conversation is Copilot Studio's; what a live agent says later is posted to the signed service
// URL that comes with each activity. DESIGN 3.2, 4.1.
#include "channels/activity_reading.hpp"
#include "channels/copilot_auth.hpp"
#include "channels/guard.hpp"
#include "channels/reply.hpp"
#include "channels/tracing.hpp"

namespace bridge::channels {
namespace {

constexpr std::size_t kMaxBody = 512 * 1024;
constexpr std::chrono::milliseconds kTurn{8'000};  // channels give up after 10 to 15 s

/// `{"activities":[...]}`: the replies to a turn with deliveryMode expectReplies.
net::Response expected_replies(const std::vector<std::string>& activities, bool invoke) {
  std::string body = R"({"activities":[)";
  for (std::size_t i = 0; i < activities.size(); ++i) {
    if (i > 0) body += ',';
    body += activities[i];
  }
  body += invoke ? R"(],"body":{}})" : "]}";
  return net::text_response(200, std::move(body), "application/json");
}

/// Server-sent events, one block for each activity; the end of the body ends the turn.
net::Response event_stream(const std::vector<std::string>& activities, bool invoke) {
  std::string body;
  for (const std::string& activity : activities)
    body += "event: activity\r\ndata: " + activity + "\r\n\r\n";
  if (invoke) body += "event: invokeResponse\r\ndata: {\"status\":200,\"body\":{}}\r\n\r\n";
  return net::text_response(200, std::move(body), "text/event-stream");
}

net::Response answer(const ReadActivity& read, const std::vector<std::string>& activities) {
  switch (read.mode) {
    case DeliveryMode::expect_replies:
      return expected_replies(activities, read.invoke);
    case DeliveryMode::stream:
      return event_stream(activities, read.invoke);
    case DeliveryMode::normal:
      break;
  }
  // Nothing is known here that an invoke could ask for; it must not be left hanging.
  if (read.invoke) return reply(200, {});
  return net::Response(202);
}

class Activities {
 public:
  Activities(handoff::Handoff& handoff, Guard& guard, const Options& options, Logger& logger,
             Metrics& metrics)
      : handoff_(handoff),
        guard_(guard),
        options_(options),
        logger_(logger),
        auth_(guard, options.copilot, logger, metrics) {}

  Task<net::Response> take(net::Request& request) {
    // Whatever takes its time before: the turn as a whole has to be answered.
    const Deadline deadline = in(kTurn);
    auto caller = co_await auth_.check(request);
    if (!caller) co_return auth_.refuse(request, caller.error());
    const bool proven = caller->proof != CopilotProof::none;
    if (!proven) {
      if (const auto may = guard_.admit(request); !may)
        co_return refuse(logger_, request, may.error());
    }
    const auto body = parse_object(request.body);
    if (!body) co_return refuse(logger_, request, body.error());
    auto read = read_activity(*body, options_.max_text_characters);
    if (!read) co_return refuse(logger_, request, read.error());
    // The id of a session proves nothing, so it takes somebody who does to name one.
    if (!proven) read->turn.web_session.clear();
    read->turn.deadline = deadline;
    read->turn.trace = trace_of(request);
    auto activities = co_await handoff_.activity_turn(std::move(read->turn));
    if (!activities) co_return refuse(logger_, request, activities.error());
    co_return answer(*read, *activities);
  }

 private:
  handoff::Handoff& handoff_;
  Guard& guard_;
  const Options& options_;
  Logger& logger_;
  CopilotAuth auth_;
};

}  // namespace

void Channels::mount_activity(net::Router& router) {
  const auto activities =
      std::make_shared<Activities>(handoff_, *guard_, options_, logger_, metrics_);
  net::Route route;
  route.method = net::Method::post;
  route.pattern = "/api/messages";
  route.body_limit = kMaxBody;
  route.handler = [activities](net::Request& request) { return activities->take(request); };
  router.add(std::move(route));
}

}  // namespace bridge::channels
