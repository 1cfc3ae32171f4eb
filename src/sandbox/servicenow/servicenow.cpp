// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/servicenow.hpp"

#include <algorithm>
#include <cstdlib>

#include "sandbox/servicenow/platform.hpp"
#include "sandbox/servicenow/seed.hpp"

namespace bridge::sandbox {
namespace {

constexpr const char* kClockNote = "clock";

constexpr std::string_view kQuotaText =
    "Transaction cancelled: maximum execution time exceeded. Check logs for error trace or enable "
    "glide.rest.debug property to verify REST request processing";

std::size_t bytes_of(const Fault& fault, std::size_t otherwise) {
  return fault.value ? static_cast<std::size_t>(*fault.value) : otherwise;
}

/// What stops a call before anything has happened; nothing if the call is to run first.
std::optional<Reply> refused_by(const Fault& fault) {
  Reply reply;
  if (fault.mode == "status") {
    const auto status = static_cast<unsigned>(fault.value.value_or(500));
    reply.response = status >= 502 && status <= 503
                         ? net::text_response(
                               status, "<html><body>Service unavailable</body></html>", "text/html")
                         : platform_error(status, "Injected fault", "The sandbox was told to fail");
  } else if (fault.mode == "html") {
    reply.response = hibernation_page(static_cast<unsigned>(fault.value.value_or(200)));
  } else if (fault.mode == "rate_limit") {
    reply.response = rate_limited(fault.value ? std::optional<int>(static_cast<int>(*fault.value))
                                              : std::nullopt);
  } else if (fault.mode == "hang") {
    reply.hang = seconds_of(fault, 600);
    reply.response.cut_after_bytes = 0;
  } else if (fault.mode == "drop") {
    reply.response.cut_after_bytes = 0;
  } else {
    return std::nullopt;
  }
  return reply;
}

/// What goes wrong with the answer after the work has been done.
void spoil(Reply& reply, const Fault& fault) {
  net::Response& response = reply.response;
  if (fault.mode == "drop_after_commit") {
    response.cut_after_bytes = 0;
  } else if (fault.mode == "cut") {
    response.cut_after_bytes = bytes_of(fault, 200 + response.body.size() / 2);
  } else if (fault.mode == "quota") {
    response = platform_error(500, kQuotaText, "");
  } else if (fault.mode == "truncate") {
    // 200, and the text of the error in the middle of the JSON (1.5).
    response.body = response.body.substr(0, bytes_of(fault, response.body.size() / 2));
    response.body.append(kQuotaText);
  } else if (fault.mode == "slow") {
    reply.delay = seconds_of(fault, 5);
  }
}

net::Response front_page(const std::string& url) {
  return net::text_response(
      200,
      "<!DOCTYPE html><html><head><title>handoff-sandbox</title></head><body>"
      "<h1>handoff-sandbox</h1><p>A stand-in for a ServiceNow instance at " +
          url +
          ".</p><ul><li><a href=\"/sandbox/interactions\">interactions</a></li>"
          "<li><a href=\"/sandbox/calls\">calls</a></li>"
          "<li><a href=\"/sandbox/log\">system log</a></li>"
          "<li><a href=\"/copilot/\">an assistant to talk with</a></li>"
          "<li><a href=\"/sandbox/env\">settings for a bridge</a></li></ul>"
          "</body></html>",
      "text/html;charset=UTF-8");
}

}  // namespace

ServiceNow::ServiceNow(ServiceNowOptions options, OutboundHttp wire, Logger& logger)
    : options_(std::move(options)),
      logger_(logger),
      faults_(options_.instance.random_seed),
      instance_(options_.instance, logger),
      webhooks_(std::move(wire), faults_, ledger_, instance_.clock()),
      chat_(instance_, options_.chat),
      awa_(instance_, chat_, options_.awa, options_.chat),
      idle_(instance_, chat_, options_.chat),
      auto_agent_(instance_, chat_, awa_, options_.auto_accept),
      accounts_(instance_),
      rest_(instance_, accounts_, options_),
      tables_(instance_, accounts_) {
  instance_.set_outbound(
      [this](const OutboundRequest& request) { return webhooks_.send(request); });
}

ServiceNow::~ServiceNow() { stop(); }

void ServiceNow::stop() {
  stopped_ = true;
  webhooks_.stop();
}

Result<> ServiceNow::install() {
  if (!options_.data_file.empty()) {
    if (auto opened = instance_.open_data(options_.data_file); !opened) return opened;
    restore();
  }
  chat_.install();
  if (auto ready = awa_.install(); !ready) return ready;
  auto folder = instance_.load_scripts(options_.scripts);
  if (!folder) return folder.error();
  folder_ = std::move(*folder);
  for (const std::string& note : folder_.notes) logger_.info("script_folder", {{"note", note}});
  seed_instance(instance_, options_, folder_);
  const auto played = instance_.find_one("sys_user", "user_name", options_.auto_accept);
  if (!options_.auto_accept.empty() &&
      (!played || !instance_.find_one("awa_agent_presence", "agent", played->sys_id())))
    return Error(Errc::not_found, "there is no agent " + options_.auto_accept + " to be played");
  return {};
}

void ServiceNow::restore() {
  for (const auto& [key, offset] : instance_.remembered(kClockNote))
    instance_.clock().set_offset(
        std::chrono::milliseconds(std::strtoll(offset.c_str(), nullptr, 10)));
  chat_.restore();
  awa_.restore();
  idle_.clear();  // counts from the restored clock
  auto_agent_.restore();
}

void ServiceNow::reset() {
  ++resets_;
  faults_.clear("");
  instance_.clear_data();
  seed_instance(instance_, options_, folder_);
  chat_.clear();
  awa_.clear();
  idle_.clear();
  auto_agent_.clear();
  accounts_.clear();
  ledger_.clear();
}

void ServiceNow::tick() {
  awa_.tick();
  idle_.tick();
  auto_agent_.tick();
}

void ServiceNow::advance_clock(std::chrono::seconds span) {
  // A jump over several runs of a job would show a chat that was never reminded as overdue.
  while (span.count() > 0) {
    const auto to_next =
        std::chrono::ceil<std::chrono::seconds>(idle_.next_run() - instance_.clock().now());
    const auto step = std::clamp(to_next, std::chrono::seconds(1), span);
    instance_.clock().advance(step);
    instance_.remember(kClockNote, "offset_ms", std::to_string(instance_.clock().offset().count()));
    span -= step;
    tick();
  }
}

std::string ServiceNow::target_of(const std::string& path) const {
  if (const auto resource = rest_.resource_name(path)) return *resource;
  if (TableApi::is_mine(path)) return "table";
  if (path == "/oauth_token.do") return "oauth";
  return "other";
}

net::Response ServiceNow::serve(const net::Request& request, const std::string& target,
                                std::string& user, std::string& detail) {
  if (target == "oauth") {
    net::Response response = accounts_.grant_token(request);
    add_platform_headers(response, false);
    return response;
  }
  if (target == "table") return tables_.handle(request, user);
  if (rest_.resource_name(request.path)) return rest_.handle(request, user, detail);
  if (request.path == "/") return front_page(url_);
  // Anonymous callers learn nothing about which paths exist.
  if (request.path.starts_with("/api/") && !accounts_.authenticate(request))
    return not_authenticated();
  return unknown_path(request.path);
}

std::unique_ptr<Instance::Stall> ServiceNow::stall_for(std::chrono::milliseconds span) {
  const auto end = std::chrono::steady_clock::now() + span;
  const std::uint64_t seen = faults_.removals();
  return std::make_unique<Instance::Stall>([this, end, seen] {
    return stopped_ || faults_.removals() != seen || std::chrono::steady_clock::now() >= end;
  });
}

Reply ServiceNow::handle(const net::Request& request) { return answer(request, false); }

Reply ServiceNow::answer(const net::Request& request, bool late) {
  const auto start = std::chrono::steady_clock::now();
  const std::string target = target_of(request.path);
  Call call;
  call.direction = "in";
  call.time = instance_.clock().now();
  call.target = target;
  call.method = std::string(net::to_string(request.method));
  call.path = request.path;
  if (target != "oauth" && target != "other") call.request = request.body;

  Reply reply;
  const auto fault = target == "other" || late ? std::nullopt : faults_.take(target);
  auto refused = fault ? refused_by(*fault) : std::nullopt;
  if (refused) {
    reply = std::move(*refused);
  } else if (fault && fault->mode == "late") {
    reply.response.cut_after_bytes = 0;
    reply.later_in = seconds_of(*fault, 5);
    reply.later = [this, request, seen = resets_.load()] {
      if (resets_ == seen) (void)answer(request, true);
    };
  } else {
    std::unique_ptr<Instance::Stall> stall;
    if (fault && fault->mode == "stall") stall = stall_for(seconds_of(*fault, 5));
    reply.response = serve(request, target, call.user, call.detail);
    if (fault) spoil(reply, *fault);
  }
  if (request.method == net::Method::head) reply.response.body.clear();
  const bool answered = !reply.hang && reply.response.cut_after_bytes != 0;
  call.status = answered ? static_cast<int>(reply.response.status) : 0;
  call.outcome = call.status >= 400 ? "error" : "ok";
  if (fault) call.outcome = "fault:" + fault->mode;
  if (late) call.outcome = "late";
  call.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::steady_clock::now() - start)
                         .count();
  ledger_.add(std::move(call));
  return reply;
}

}  // namespace bridge::sandbox
