// SPDX-License-Identifier: MIT
// What a fresh stand-in instance holds: accounts, one queue with its agents, the chat channel,
// properties. The sys_ids are fixed, so that a bridge can be configured before the sandbox runs
// (`handoff-sandbox --print-env`, docs/sandbox.md).
#pragma once

#include <string>
#include <string_view>

#include "sandbox/glide/instance.hpp"
#include "sandbox/servicenow/options.hpp"

namespace bridge::sandbox {

inline constexpr std::string_view kServiceAccountId = "5a000000000000000000000000000001";
inline constexpr std::string_view kGuestId = "5a000000000000000000000000000002";
inline constexpr std::string_view kAlexId = "5a000000000000000000000000000003";
inline constexpr std::string_view kBeaId = "5a000000000000000000000000000004";
inline constexpr std::string_view kAdminId = "5a000000000000000000000000000005";
inline constexpr std::string_view kAbelId = "5a000000000000000000000000000006";
inline constexpr std::string_view kExternalId = "5a000000000000000000000000000007";
inline constexpr std::string_view kQueueId = "5a000000000000000000000000000011";
inline constexpr std::string_view kGroupId = "5a000000000000000000000000000012";
/// Ids that are the same on every real instance (reference/servicenow.md 4.1).
inline constexpr std::string_view kVirtualAgentId = "cda46ca8f54c03100a22c0b3dfa1514c";
inline constexpr std::string_view kChatChannelId = "27f675e3739713004a905ee515f6a7c3";
inline constexpr std::string_view kPresenceAvailableId = "0b10223c57a313005baaaa65ef94f970";
inline constexpr std::string_view kPresenceOfflineId = "5a000000000000000000000000000013";
inline constexpr std::string_view kVendorId = "c2f0b8f187033200246ddd4c97cb0bb9";

/// The password of every account but the service account.
inline constexpr std::string_view kUserPassword = "sandbox-user-password";

/// Fills an empty instance; in one that was filled before, from its data file, only what is new in
/// `folder` or was said on the command line. `folder` names the roles and properties that the
/// scripts ask for; a property whose name speaks of a URL or a secret gets the webhook's.
void seed_instance(Instance& instance, const ServiceNowOptions& options,
                   const ScriptFolder& folder);

/// The variables that a bridge needs to use this sandbox, one NAME=value a line.
std::string environment_for_bridge(const ServiceNowOptions& options, std::string_view sandbox_url);

}  // namespace bridge::sandbox
