// SPDX-License-Identifier: MIT
#include "gateways/servicenow/message.hpp"

#include <algorithm>

#include "bridge/identity/secrets.hpp"

namespace bridge::gateways {

std::string wire_id(const std::string& client_message_id) {
  static constexpr std::string_view kSigns = "._:@=+/~-";
  const bool plain = client_message_id.size() <= 100 && !client_message_id.starts_with("sha256:") &&
                     !client_message_id.starts_with("javascript:") &&
                     std::all_of(client_message_id.begin(), client_message_id.end(), [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || kSigns.find(c) != std::string_view::npos;
                     });
  return plain ? client_message_id : "sha256:" + identity::sha256_hex(client_message_id);
}

handoff::SentMessage sent_message(const json::object& result) {
  handoff::SentMessage sent;
  if (const json::value* ids = result.if_contains("message_sys_ids"); ids && ids->is_array())
    for (const json::value& id : ids->get_array())
      if (id.is_string() && is_sys_id(id.get_string()))
        sent.message_sys_ids.emplace_back(id.get_string());
  const std::string one = text_of(result, "message_sys_id");
  const auto& ids = sent.message_sys_ids;
  if (is_sys_id(one) && std::find(ids.begin(), ids.end(), one) == ids.end())
    sent.message_sys_ids.push_back(one);
  sent.sequence = number_of(result, "sequence");
  return sent;
}

}  // namespace bridge::gateways
