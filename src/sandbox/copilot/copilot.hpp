// SPDX-License-Identifier: MIT
// A stand-in for Copilot Studio with a connected agent (Microsoft 365 Agents SDK connector): people
// talk with a small scripted assistant, which hands the conversation to the agent at a URL and
// gives it a signed address to answer at. /copilot/ is its page and holds the addresses,
// /sandbox/copilot/* is its control interface (docs/sandbox.md).
//
// Lives on the sandbox's I/O thread; unlike the stand-in instance it blocks nobody.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/async/task_group.hpp"
#include "bridge/net/http.hpp"
#include "sandbox/copilot/agent_client.hpp"
#include "sandbox/copilot/behaviour.hpp"
#include "sandbox/copilot/conversation.hpp"

namespace bridge::sandbox::copilot {

class Copilot {
 public:
  /// Lifetime: all of them must outlive it, and the group's tasks must have ended before it does.
  Copilot(Connection connection, const Clock& clock, Ledger& ledger, async::TaskGroup& group,
          Logger& logger);

  /// `url`: where the sandbox listens; `bridge_url`: whose /api/messages is the agent unless
  /// another was named. Errors: a CA file that cannot be read.
  Result<> start(const std::string& url, const std::string& bridge_url, const std::string& ca_file);
  /// Whether `serve` answers this path.
  static bool is_mine(std::string_view path);
  /// Lifetime: the request must outlive the task.
  Task<net::Response> serve(net::Request& request);
  /// As started: no conversations, no faults, the connection of the command line.
  void reset();
  /// Lets go of everybody who waits for something.
  void stop();

 private:
  using Shared = std::shared_ptr<Conversation>;
  using Parts = std::vector<std::string>;

  // control.cpp
  Task<net::Response> control(net::Request& request);
  Task<Result<json::value>> dispatch(net::Request& request, Parts parts, json::object body);
  Task<Result<json::value>> converse(net::Request& request, Parts parts, json::object body);
  Result<json::value> open(const json::object& body);
  Result<std::shared_ptr<Turn>> say(const Shared& conversation, const json::object& body);
  Result<std::shared_ptr<Turn>> send_raw(const Shared& conversation, json::object members);
  Task<json::value> watch(Shared conversation, net::Request& request);
  Task<json::value> outcome(Shared conversation, std::shared_ptr<Turn> turn, Deadline deadline);
  Result<json::value> change_faults(const json::object& body);
  bool make_room();

  // turns.cpp
  void begin(const Shared& conversation, const std::shared_ptr<Turn>& turn);
  Task<> run(Shared conversation, std::shared_ptr<Turn> turn);
  Task<> deliver(Shared conversation, std::shared_ptr<Turn> turn, std::string activity,
                 std::string mode);
  Task<> deliver_copy(Shared conversation, std::shared_ptr<Turn> turn, std::string activity,
                      bool stream);
  json::object envelope(Conversation& conversation, const Turn& turn);
  void take_answer(Conversation& conversation, Turn& turn, const std::string& mode,
                   const net::Response& response);
  void assistant_says(Conversation& conversation, std::string_view text);
  /// The address for the next turn: a new one, unless they are kept and the last one works.
  std::string service_url(Conversation& conversation);

  // callback.cpp
  Task<net::Response> callback(net::Request& request);
  /// Why this target may not be used; empty if it may.
  std::string refusal(Conversation& conversation, const std::string& target);
  Task<> hold(std::chrono::milliseconds limit);

  const Clock& clock_;
  async::TaskGroup& group_;
  Logger& logger_;
  AgentClient agent_;
  UrlSigner signer_;
  Behaviour behaviour_;
  std::string url_;
  std::map<std::string, Shared, std::less<>> conversations_;
  std::uint64_t begun_ = 0;  ///< conversations so far
  Ledger& ledger_;
  /// Faults were changed; calls that hang look again.
  async::Signal faults_changed_;
  bool stopping_ = false;
};

/// The page and its parts; nothing for another path.
std::optional<net::Response> page(std::string_view path);

}  // namespace bridge::sandbox::copilot
