// SPDX-License-Identifier: MIT
// Who is who in sys_user: names for display, our own account, Virtual Agent's user, and the one
// active user behind an e-mail or user name.
#pragma once

#include <optional>
#include <string>

#include "gateways/servicenow/client.hpp"
#include "gateways/servicenow/name_cache.hpp"

namespace bridge::gateways {

class People final : public handoff::UserDirectory {
 public:
  explicit People(ServiceNowClient& client) : client_(client) {}

  /// Empty if there is no such user. Kept for ten minutes.
  Task<Result<std::string>> name_of(std::string sys_id, Deadline deadline);
  /// Asked once. Errors: not_found if the account cannot see itself.
  Task<Result<std::string>> service_account(Deadline deadline);
  /// The user that unassigned chats belong to; empty if the instance has none. Asked once.
  Task<Result<std::string>> virtual_agent(Deadline deadline);

  Task<Result<std::optional<std::string>>> resolve(std::string email_or_user_name, Trace trace,
                                                   Deadline deadline) override;

 private:
  Task<Result<std::string>> ask_who_we_are(Deadline deadline);
  Task<Result<std::string>> user_named(std::string user_name, Deadline deadline);

  ServiceNowClient& client_;
  NameCache names_{500, std::chrono::minutes(10)};
  std::optional<std::string> service_account_;
  std::optional<std::string> virtual_agent_;
};

}  // namespace bridge::gateways
