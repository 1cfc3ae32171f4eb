// SPDX-License-Identifier: MIT
// What can be said about the stand-in ServiceNow when it is started: where it sends webhooks, its
// accounts, and the guesses. Every fact that reference/servicenow.md marks as inferred is a member
// of ChatOptions or InstanceOptions and has a name in switches.hpp, so that tests can run with
// both answers.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>

#include "sandbox/glide/instance.hpp"

namespace bridge::sandbox {

/// Whose conversation VASystemObject.createConversation makes (0.6, open point a).
enum class ConsumerOf { session_user, argument };

/// What AgentChatScriptObject.send returns (open point b): it is declared as an array, no more.
enum class SendResult { objects, ids, empty };

struct ChatOptions {
  ConsumerOf consumer_of = ConsumerOf::session_user;
  /// createConversation answers with the consumer's open conversation if there is one (trap 45).
  bool reuse_conversation = false;
  SendResult send_result = SendResult::objects;
  /// visibility_type of a whisper and of any other row (open point c).
  std::string internal_visibility = "internal";
  std::string public_visibility;
  /// Who is `sender` of the queue's initial response: the agent who accepted, or the Virtual Agent.
  bool greeting_by_agent = true;
  /// The idle job also ends chats that still wait in a queue.
  bool idle_while_queued = true;
  /// The state of an interaction after its queue's longest wait, after the idle job, and after
  /// endConversation by a script while an agent has it and before (9.34 to 9.36).
  std::string closing_max_wait = "closed_abandoned";
  std::string closing_idle = "closed_complete";
  std::string closing_script = "closed_complete";
  std::string closing_unanswered = "closed_abandoned";
  /// A stand-in, not a guess: an agent who types leaves no row that a rule could see (open point
  /// f), so the control interface's /typing calls the webhook itself with event "typing".
  bool agent_typing_webhook = true;
};

struct AwaOptions {
  /// An offer nobody answers goes back to the queue.
  std::chrono::seconds offer_timeout{60};
  /// com.glide.awa.routinglookback
  std::chrono::seconds look_back{600};
  int agent_capacity = 10;
};

struct ServiceNowOptions {
  std::filesystem::path scripts = "servicenow";
  /// Keeps the tables; empty: they are in memory.
  std::filesystem::path data_file;
  /// Where the bridge listens; the webhook property is made from it.
  std::string bridge_url = "http://127.0.0.1:5000";
  std::string webhook_path = "/api/servicenow/webhook";
  std::string webhook_secret = "sandbox-webhook-secret";
  /// The company code of a global application, or "global", or a scope (1.1).
  std::string api_namespace = "1833944";
  std::string api_id = "intranet_bridge";
  /// The service account.
  std::string user = "intranet.bridge";
  std::string password = "sandbox-password";
  std::string oauth_client_id = "5a0000000000000000000000000c11e7";
  std::string oauth_client_secret = "sandbox-client-secret";
  /// Said on the command line, and so stronger than what a data file has.
  bool webhook_url_given = false;
  bool webhook_secret_given = false;
  bool account_given = false;
  /// User name of an agent who is played by the sandbox; empty: nobody.
  std::string auto_accept;
  /// sys_properties rows, set after everything else.
  std::map<std::string, std::string> properties;

  InstanceOptions instance;
  ChatOptions chat;
  AwaOptions awa;
};

}  // namespace bridge::sandbox
