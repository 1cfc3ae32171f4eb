// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/webhooks.hpp"

#include <algorithm>

namespace bridge::sandbox {
namespace {

OutboundReply failed(OutboundReply::Failure failure, std::string text) {
  OutboundReply reply;
  reply.failure = failure;
  reply.failure_text = std::move(text);
  return reply;
}

}  // namespace

Webhooks::Webhooks(OutboundHttp wire, Faults& faults, Ledger& ledger, const Clock& clock)
    : wire_(std::move(wire)), faults_(faults), ledger_(ledger), clock_(clock) {}

void Webhooks::stop() {
  const std::lock_guard guard(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool Webhooks::wait(std::chrono::milliseconds span) {
  std::unique_lock guard(mutex_);
  changed_.wait_for(guard, span, [&] { return stopped_; });
  return !stopped_;
}

void Webhooks::wait_for_another(std::chrono::milliseconds limit) {
  std::unique_lock guard(mutex_);
  const std::uint64_t seen = sent_;
  changed_.wait_for(guard, limit, [&] { return stopped_ || sent_ != seen; });
}

OutboundReply Webhooks::send(const OutboundRequest& request) {
  if (const auto fault = faults_.take("webhook")) return strike(request, *fault);
  return transmit(request, {});
}

OutboundReply Webhooks::strike(const OutboundRequest& request, const Fault& fault) {
  using Failure = OutboundReply::Failure;
  const auto start = std::chrono::steady_clock::now();
  const std::string outcome = "fault:" + fault.mode;
  OutboundReply reply;
  if (fault.mode == "double") {
    (void)transmit(request, fault.mode);
    return transmit(request, fault.mode);
  }
  if (fault.mode == "delay") {
    if (!wait(seconds_of(fault, 2))) return failed(Failure::other, "the instance is stopping");
    return transmit(request, fault.mode);
  }
  if (fault.mode == "reorder") {
    wait_for_another(seconds_of(fault, 2));
    return transmit(request, fault.mode);
  }
  if (fault.mode == "status") {
    reply.status = static_cast<int>(fault.value.value_or(503));
  } else if (fault.mode == "hang") {
    (void)wait(std::min(request.timeout, seconds_of(fault, 3600)));
    reply = failed(Failure::timeout, "Read timed out");
  } else if (fault.mode == "refuse") {
    reply = failed(Failure::refused, "Connection refused");
  } else {  // drop: somebody on the way swallowed it, and nobody knows
    reply.status = 200;
    reply.body = "{}";
  }
  record(request, reply, outcome, start);
  return reply;
}

OutboundReply Webhooks::transmit(const OutboundRequest& request, const std::string& fault) {
  const auto start = std::chrono::steady_clock::now();
  OutboundReply reply = wire_(request);
  {
    const std::lock_guard guard(mutex_);
    ++sent_;
    changed_.notify_all();
  }
  std::string outcome = reply.failure != OutboundReply::Failure::none ? "no_answer"
                        : reply.status < 400                          ? "ok"
                                                                      : "error";
  if (!fault.empty()) outcome = "fault:" + fault;
  record(request, reply, outcome, start);
  return reply;
}

void Webhooks::record(const OutboundRequest& request, const OutboundReply& reply,
                      const std::string& outcome, std::chrono::steady_clock::time_point start) {
  Call call;
  call.direction = "out";
  call.time = clock_.now();
  call.target = "webhook";
  call.method = request.method;
  call.path = request.url.substr(0, request.url.find('?'));
  call.status = reply.failure == OutboundReply::Failure::none ? reply.status : 0;
  call.outcome = outcome;
  call.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                         std::chrono::steady_clock::now() - start)
                         .count();
  call.request = request.body;
  call.detail = reply.failure_text;
  ledger_.add(std::move(call));
}

}  // namespace bridge::sandbox
