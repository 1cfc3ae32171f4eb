// SPDX-License-Identifier: MIT
#include "bridge/gateways/connector.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "gateways/connector/post_answer.hpp"
#include "gateways/connector/service_url_policy.hpp"
#include "gateways/outgoing_trace.hpp"

namespace bridge::gateways {
namespace {

using Clock = std::chrono::steady_clock;
using handoff::DeliveryAnswer;
using handoff::Posted;

/// Nothing in an answer's body is of use.
constexpr std::size_t kMaxAnswer = 64 * 1024;
/// Strangers choose the names that are refused: no more of them are remembered, and logged.
constexpr std::size_t kMaxNamed = 64;
constexpr std::chrono::hours kNamedAgain{1};

class Connector final : public handoff::Delivery {
 public:
  Connector(net::HttpClient& http, ConnectorOptions options, Logger& logger, Metrics& metrics)
      : http_(http),
        policy_(std::move(options.service_hosts), options.learn_service_host,
                options.allow_insecure),
        request_timeout_(options.request_timeout),
        logger_(logger),
        seconds_(metrics.histogram("delivery_seconds")) {
    for (std::size_t i = 0; i < posts_.size(); ++i) {
      const std::string outcome(name_of(static_cast<Posted>(i)));
      posts_[i] = &metrics.counter("delivery_posts", {{"outcome", outcome}});
    }
  }

  Result<> admit(std::string_view service_url) override {
    const auto admitted = policy_.admit(service_url);
    if (!admitted) {
      const Error error = admitted.error();
      if (error.is(Errc::forbidden)) report_refused(error.context());
      return error;
    }
    if (admitted->learned)
      logger_.warning("service_host_learned",
                      {{"host", admitted->host},
                       {"hint",
                        "Replies may be posted there until the bridge restarts. If the "
                        "host is your Copilot Studio's, set what `set` says."},
                       {"set", policy_.setting_with(admitted->host)}});
    return {};
  }

  Task<DeliveryAnswer> post(Secret service_url, std::string activity, Trace trace,
                            Deadline deadline) override {
    const auto host = policy_.check(service_url.reveal());
    if (!host) {
      const Error error = host.error();
      const bool named = error.is(Errc::forbidden);
      if (named) report_refused(error.context());
      DeliveryAnswer answer = read_post_failure(error);
      report(answer, named ? error.context() : "", 0, Millis(0), error.context(), trace);
      co_return answer;
    }
    net::ClientRequest request(net::Method::post, std::string(service_url.reveal()));
    request.headers.set("Accept", "application/json");
    request.headers.set("Content-Type", "application/json");
    if (std::string parent = child_traceparent(trace); !parent.empty())
      request.headers.set("traceparent", std::move(parent));
    request.body = std::move(activity);
    request.status_suffices = true;
    request.max_response_bytes = kMaxAnswer;

    const auto begun = Clock::now();
    const Deadline limit = std::min(deadline, begun + request_timeout_);
    const auto response = co_await http_.send(std::move(request), limit);
    const auto took = Clock::now() - begun;
    seconds_.observe(std::chrono::duration<double>(took).count());
    DeliveryAnswer answer;
    std::string reason;
    if (response) {
      answer = read_post_answer(*response, SystemTime().now());
    } else {
      const Error error = response.error();
      answer = read_post_failure(error);
      reason = error.context();
    }
    report(answer, *host, response ? response->status : 0, std::chrono::duration_cast<Millis>(took),
           reason, trace);
    co_return answer;
  }

 private:
  void report(const DeliveryAnswer& answer, std::string_view host, unsigned status, Millis took,
              std::string_view reason, const Trace& trace) {
    posts_[static_cast<std::size_t>(answer.what)]->add();
    if (answer.what == Posted::delivered) {
      logger_.debug(
          "activity_posted",
          {{"host", host}, {"status", status}, {"ms", took.count()}, {"ref", trace.request_id}});
      return;
    }
    // That a URL runs out is in the nature of the thing.
    const Level level = answer.what == Posted::expired ? Level::info : Level::warning;
    logger_.log(level, "activity_not_posted",
                {{"host", host},
                 {"what", name_of(answer.what)},
                 {"error", answer.error_id},
                 {"status", status},
                 {"ms", took.count()},
                 {"reason", reason},
                 {"hint", answer.hint},
                 {"ref", trace.request_id}});
  }

  /// Once for each host: a caller repeats itself.
  void report_refused(const std::string& host) {
    // Strangers' names must neither fill the log nor keep the right one out of it for ever.
    const auto now = std::chrono::steady_clock::now();
    if (now >= named_since_ + kNamedAgain) {
      refused_.clear();
      named_since_ = now;
    }
    if (refused_.size() >= kMaxNamed || !refused_.insert(host).second) return;
    logger_.warning(
        "service_host_refused",
        {{"host", host},
         {"hint",
          "Replies are not posted there. If the host is your Copilot Studio's, set what "
          "`set` says, or CS_SERVICE_HOSTS=learn for a first look."},
         {"set", policy_.setting_with(host)}});
  }

  net::HttpClient& http_;
  ServiceUrlPolicy policy_;
  Millis request_timeout_;
  Logger& logger_;
  Histogram& seconds_;
  std::array<Counter*, 4> posts_{};  ///< by Posted
  std::set<std::string, std::less<>> refused_;
  std::chrono::steady_clock::time_point named_since_{};
};

}  // namespace

net::ClientOptions connector_client_options(net::ClientOptions base,
                                            const ConnectorOptions& options) {
  base.public_addresses_only = true;
  base.private_hosts.clear();
  base.allow_http = options.allow_insecure;
  base.max_connections_per_origin = options.max_connections_per_host;
  if (options.allow_insecure)
    for (const std::string& host : options.service_hosts)
      if (!host.starts_with('.')) base.private_hosts.push_back(host);
  return base;
}

std::unique_ptr<handoff::Delivery> make_connector(net::HttpClient& http, ConnectorOptions options,
                                                  Logger& logger, Metrics& metrics) {
  return std::make_unique<Connector>(http, std::move(options), logger, metrics);
}

}  // namespace bridge::gateways
