// SPDX-License-Identifier: MIT
// /sandbox/*: the agent's desk, the faults, the clock and the ledger, for the desk page, the tests
// and anybody's curl. JSON in and out; the contract is DESIGN section 6 and docs/sandbox.md.
#pragma once

#include <string>
#include <vector>

#include "sandbox/servicenow/servicenow.hpp"

namespace bridge::sandbox {

/// {"ok": true}
json::value done();

class Control {
 public:
  explicit Control(ServiceNow& servicenow) : sn_(servicenow) {}

  static bool is_mine(const std::string& path);
  /// Thread-safe, blocks (a typing webhook, running jobs).
  Reply handle(const net::Request& request);

 private:
  using Parts = std::vector<std::string>;
  Result<json::value> dispatch(const net::Request& request, const Parts& parts,
                               const json::object& body, Reply& reply);
  Result<json::value> interactions(const Parts& parts, bool read, const json::object& body);
  Result<json::value> act(const Record& interaction, const std::string& action,
                          const json::object& body);
  Result<json::value> speak(const Record& interaction, const json::object& body, bool internal);
  Result<json::value> finish(const Record& interaction, const json::object& body, bool wrap_up);
  Result<json::value> typing(const Record& interaction, const json::object& body);
  Result<json::value> faults(const net::Request& request, const json::object& body, Reply& reply);
  Result<json::value> switches(bool read, const json::object& body);
  Result<json::value> change_user(const std::string& user_name, const json::object& body);
  Result<json::value> set_properties(const json::object& body);
  Result<json::value> advance(const json::object& body);

  json::object show(const Record& interaction);
  json::array show_pane(const Record& interaction);
  json::array show_log();
  /// The agent named in the body, else the one who has or is offered the chat.
  Result<std::string> agent_for(const Record& interaction, const json::object& body);
  /// As above, and it must be the one who has the chat.
  Result<Session> agent_with(const Record& interaction, const json::object& body);

  ServiceNow& sn_;
};

}  // namespace bridge::sandbox
