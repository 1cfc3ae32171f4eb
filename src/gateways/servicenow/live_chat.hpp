// SPDX-License-Identifier: MIT
#pragma once

#include "gateways/servicenow/client.hpp"
#include "gateways/servicenow/people.hpp"
#include "gateways/servicenow/share.hpp"

namespace bridge::gateways {

/// Chats through our Scripted REST resources (api 2) or the old ones (api 1: only open_chat and
/// send_message exist). Withdrawing and reading messages: live_chat_afterwards.cpp.
class ServiceNowLiveChat final : public handoff::LiveChat {
 public:
  ServiceNowLiveChat(ServiceNowClient& client, People& people)
      : client_(client), people_(people), reading_(client.options().messages_at_once) {}

  Task<Result<handoff::OpenedChat>> open(handoff::OpenRequest request, Deadline deadline) override;
  Task<Result<std::optional<handoff::OpenedChat>>> find(std::string key, Trace trace,
                                                        Deadline deadline) override;
  Task<Result<handoff::SentMessage>> send(handoff::SendRequest request, Deadline deadline) override;
  Task<Result<std::optional<handoff::SentMessage>>> withdraw(handoff::SendRequest request,
                                                             Deadline deadline) override;
  Task<Result<std::vector<handoff::ChatMessages>>> messages(
      std::vector<handoff::ChatPosition> chats, Deadline deadline) override;
  void when_well_again(std::function<void()> callback) override;
  Task<Result<>> end(handoff::ChatRef chat, handoff::EndReason reason, Deadline deadline) override;
  Task<Result<>> touch(handoff::ChatRef chat, bool typing, Deadline deadline) override;
  Task<Result<handoff::InteractionStatus>> ask(std::string interaction_sys_id,
                                               Deadline deadline) override;
  Task<Result<std::string>> name_of(std::string user_sys_id, Deadline deadline) override;
  Task<Result<std::string>> service_account(Deadline deadline) override;
  std::vector<std::string> degraded() const override { return client_.degraded(); }

 private:
  Task<Result<int>> ask_api(std::string conversation_sys_id, Deadline deadline);
  /// Whether our scripts answer, found out without changing anything.
  Task<bool> runs_our_scripts(Trace trace, Deadline deadline);
  Task<Result<json::object>> post_messages(std::vector<handoff::ChatPosition> chats, Trace trace,
                                           Deadline deadline);
  Task<Result<>> end_by_text(handoff::ChatRef chat, Deadline deadline);
  void remember_api(const json::object& result);

  ServiceNowClient& client_;
  People& people_;
  int api_ = 0;  ///< what the scripts last said; 0: not known yet
  Share reading_;
  Deadline messages_missing_until_{};  ///< the instance has no such resource; asked again then
};

}  // namespace bridge::gateways
