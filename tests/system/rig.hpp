// SPDX-License-Identifier: MIT
// The two real programs against each other: a sandbox that runs the shipped scripts, and the
// bridge, each a process of its own on a port that the system chose.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bridge/core/json.hpp"
#include "support/child_process.hpp"
#include "support/http_probe.hpp"
#include "support/ws_client.hpp"

namespace bridge::test {

/// NAME=value lines, as `handoff-sandbox --print-env` prints them.
std::map<std::string, std::string> environment_of(const std::string& text);

struct RigOptions {
  std::string scripts = BRIDGE_SOURCE_DIR "/servicenow";
  std::vector<std::string> sandbox_arguments;
  std::map<std::string, std::string> bridge_environment;  ///< "{sandbox}" becomes its URL
  /// In a folder that goes with the rig; for kill_sandbox and restart_sandbox.
  bool sandbox_keeps_data = false;
  /// BRIDGE_STORE=sqlite: in such a folder; for kill_bridge and restart_bridge.
  bool bridge_keeps_sessions = false;
};

class Rig {
 public:
  explicit Rig(RigOptions options = {});
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  std::uint16_t bridge_port() const { return bridge_port_; }
  std::uint16_t sandbox_port() const { return sandbox_port_; }
  ChildProcess& bridge() { return *bridge_; }
  ChildProcess& sandbox() { return *sandbox_; }

  /// SIGKILL; returns when the process is gone.
  void kill_sandbox();
  /// On the same port; the same instance if it keeps its data.
  void restart_sandbox();
  /// SIGKILL; returns when the process is gone.
  void kill_bridge();
  /// On the same port, with the sessions if it keeps them.
  void restart_bridge();
  /// A second process with the same settings, on a port of its own, to which webhooks and clients
  /// turn from now on. The first one, which still runs.
  std::unique_ptr<ChildProcess> start_another_bridge();
  /// The file of the sessions, if the bridge keeps them.
  std::string session_file() const;
  /// What the bridge is started with.
  std::map<std::string, std::string> bridge_environment();

  /// The sandbox's control interface; fails the test unless the answer is 2xx.
  json::value control(const std::string& path, const json::object& body = {});
  json::value look(const std::string& path);
  void fault(const std::string& target, const std::string& mode, int count = 0,
             json::value value = nullptr);
  void heal();
  /// Waits until all async rules have run.
  void settle();

  json::object interaction(const std::string& number);
  /// The texts that the agent's pane shows, in order, of everybody or of one side.
  std::vector<std::string> pane(const std::string& number);
  /// Those that the pane shows as said by "user", "agent" or "system".
  std::vector<std::string> pane(const std::string& number, const std::string& from);

 private:
  /// Arguments that only the first start has: later the data file knows.
  void start_sandbox(std::vector<std::string> first = {});
  void start_bridge();
  void turn_webhooks_to_bridge();

  RigOptions options_;
  std::filesystem::path data_folder_;
  std::unique_ptr<ChildProcess> sandbox_;
  std::unique_ptr<ChildProcess> bridge_;
  std::uint16_t sandbox_port_ = 0;
  std::uint16_t bridge_port_ = 0;
};

/// A page's or program's side: a session with its token.
class Client {
 public:
  explicit Client(Rig& rig);

  struct Answer {
    unsigned status = 0;
    json::object body;
    std::string error() const;
  };
  Answer post(const std::string& path, json::object body);
  /// Escalates; the interaction's number.
  std::string escalate(const std::string& opening = {});
  Answer say(const std::string& text, const std::string& id = {});
  Answer poll(const std::string& query);
  /// Polls from the beginning until `done` of the frames is true; fails after the limit.
  std::vector<json::object> wait_until(
      const std::function<bool(const std::vector<json::object>&)>& done,
      std::chrono::seconds limit = std::chrono::seconds(20));
  std::string wait_for_state(const std::string& state);
  std::unique_ptr<WsClient> socket(const std::string& after);

  std::string session, token, cookie;

 private:
  Rig& rig_;
};

/// Reads frames from a socket until `done`; appends them.
bool read_until(WsClient& socket, std::vector<json::object>& frames,
                const std::function<bool(const std::vector<json::object>&)>& done,
                std::chrono::seconds limit = std::chrono::seconds(20));

std::string text_of(const json::object& object, std::string_view name);
/// Texts of the messages from "rep" or "user" in the frames.
std::vector<std::string> texts(const std::vector<json::object>& frames, std::string_view from);
bool has_state(const std::vector<json::object>& frames, std::string_view state);

}  // namespace bridge::test
