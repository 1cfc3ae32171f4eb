// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>

#include "bridge/core/json.hpp"
#include "bridge/net/http_client.hpp"
#include "tools/probe_options.hpp"
#include "tools/probe_report.hpp"

namespace bridge::tools {

/// One handoff as a page would do it, told to a report step by step.
/// Lifetime: the client, the options and the report must outlive it and its coroutines.
class Visit {
 public:
  Visit(net::HttpClient& client, const ProbeOptions& options, ProbeReport& report)
      : client_(client), options_(options), report_(report) {}

  /// Every step until one fails. Cancellation: throws; call `clean_up` afterwards all the same.
  Task<> play();
  /// Ends the chat if one may be open.
  Task<> clean_up();

 private:
  /// An answer of the bridge, or why there is none.
  class Answer {
   public:
    Answer() = default;
    unsigned status = 0;
    json::object body;
    std::optional<Error> failure;
  };
  enum class Goal { queued, live, reply, closed };

  Task<bool> ready();
  Task<bool> init_session();
  Task<bool> escalate();
  Task<bool> user_message();
  Task<bool> read_all();
  Task<bool> end();
  Task<bool> wait_for(Goal goal);

  Task<Answer> post(std::string path, json::object body, Deadline deadline);
  Task<Answer> poll(std::string after, int wait_seconds, Deadline deadline);
  Task<Answer> call(net::ClientRequest request, Deadline deadline);
  /// Takes over what a poll told.
  void take(const json::object& page);
  bool reached(Goal goal) const;
  Deadline step_deadline() const { return in(options_.timeout); }
  /// Ends the running step as failed unless the answer is a 200.
  bool require_200(const Answer& answer);

  net::HttpClient& client_;
  const ProbeOptions& options_;
  ProbeReport& report_;
  std::string session_, token_, message_id_;
  std::string cursor_ = "0:0", state_, rep_name_, interaction_;
  bool asked_for_person_ = false;
  bool agent_wrote_ = false;
  bool closed_ = false;
};

}  // namespace bridge::tools
