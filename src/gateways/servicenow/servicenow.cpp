// SPDX-License-Identifier: MIT
#include "bridge/gateways/servicenow.hpp"

#include "gateways/servicenow/client.hpp"
#include "gateways/servicenow/live_chat.hpp"
#include "gateways/servicenow/people.hpp"
#include "gateways/servicenow/ticket_desk.hpp"

namespace bridge::gateways {
namespace {

class ServiceNowGateway final : public ServiceNow {
 public:
  ServiceNowGateway(net::HttpClient& http, ServiceNowOptions options, Logger& logger,
                    Metrics& metrics)
      : client_(http, std::move(options), logger, metrics),
        people_(client_),
        live_chat_(client_, people_),
        ticket_desk_(client_) {}

  handoff::LiveChat& live_chat() override { return live_chat_; }
  handoff::TicketDesk& ticket_desk() override { return ticket_desk_; }
  handoff::UserDirectory& user_directory() override { return people_; }

 private:
  ServiceNowClient client_;
  People people_;
  ServiceNowLiveChat live_chat_;
  ServiceNowTicketDesk ticket_desk_;
};

}  // namespace

std::unique_ptr<ServiceNow> make_servicenow(net::HttpClient& http, ServiceNowOptions options,
                                            Logger& logger, Metrics& metrics) {
  return std::make_unique<ServiceNowGateway>(http, std::move(options), logger, metrics);
}

}  // namespace bridge::gateways
