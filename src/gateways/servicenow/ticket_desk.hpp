// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "bridge/async/signal.hpp"
#include "gateways/servicenow/client.hpp"

namespace bridge::gateways {

/// Incidents. A request with an id makes one, however often and however nearly at once it comes:
/// calls in flight are shared inside this process, and `correlation_id` finds what earlier ones or
/// other processes made.
class ServiceNowTicketDesk final : public handoff::TicketDesk {
 public:
  explicit ServiceNowTicketDesk(ServiceNowClient& client) : client_(client) {}

  Task<Result<handoff::Ticket>> create(handoff::TicketRequest request, Deadline deadline) override;

 private:
  struct Flight {
    explicit Flight(const asio::any_io_executor& executor) : landed(executor) {}
    async::Signal landed;
    std::optional<Result<handoff::Ticket>> outcome;  ///< none if the one who flew it was cancelled
  };
  class Landing;

  Task<Result<handoff::Ticket>> create_once(handoff::TicketRequest request,
                                            std::string correlation_id, Deadline deadline);
  Task<Result<handoff::Ticket>> insert(handoff::TicketRequest request, std::string correlation_id,
                                       Deadline deadline);
  Task<Result<std::optional<handoff::Ticket>>> find(std::string correlation_id, Trace trace,
                                                    Deadline deadline);

  ServiceNowClient& client_;
  std::map<std::string, std::shared_ptr<Flight>> flights_;
};

}  // namespace bridge::gateways
