// SPDX-License-Identifier: MIT
#include "sandbox/servicenow/seed.hpp"

#include <algorithm>
#include <regex>
#include <set>

namespace bridge::sandbox {
namespace {

constexpr const char* kSeededNote = "seeded";

class Seeder {
 public:
  Seeder(Instance& instance, const ServiceNowOptions& options)
      : instance_(instance), options_(options), session_(instance.system_session()) {}

  Record row(std::string_view table, std::string_view sys_id) {
    Record record{std::string(table)};
    if (!sys_id.empty()) record.set("sys_id", std::string(sys_id));
    return record;
  }
  void insert(const Record& record) { (void)instance_.insert(record, session_); }

  void user(std::string_view id, const std::string& user_name, const std::string& first,
            const std::string& last, const std::string& password) {
    Record record = row("sys_user", id);
    record.set("user_name", user_name).set("first_name", first).set("last_name", last);
    record.set("name", last.empty() ? first : first + " " + last);
    record.set("email", user_name + "@example.com");
    // A password that was set properly; one written through the Table API stays literal text and
    // never opens (2.1).
    if (!password.empty()) record.set("user_password", Instance::encrypt_password2(password));
    insert(record);
  }
  void roles(std::string_view user, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) instance_.grant_role(user, name);
  }

  void accounts() {
    const std::string password(kUserPassword);
    user(kServiceAccountId, options_.user, "Intranet", "Bridge", options_.password);
    user(kGuestId, "guest", "Guest", "", "");
    user(kAlexId, "alex.rep", "Alex", "Rep", password);
    user(kBeaId, "bea.rep", "Bea", "Rep", password);
    user(kAdminId, "admin", "System", "Administrator", password);
    user(kAbelId, "abel.tuter", "Abel", "Tuter", password);
    user(kExternalId, "external", "External", "Customer", password);
    user(kVirtualAgentId, "virtual.agent", "Virtual", "Agent", "");

    Record service = row("sys_user", kServiceAccountId);
    service.set_flag("web_service_access_only", true);
    (void)instance_.update(service, session_);

    roles(kServiceAccountId, {"snc_internal", "itil", "impersonator", "awa_integration_user"});
    roles(kGuestId, {"snc_internal"});
    roles(kAbelId, {"snc_internal"});
    roles(kAlexId, {"snc_internal", "itil", "awa_agent"});
    roles(kBeaId, {"snc_internal", "itil", "awa_agent"});
    roles(kAdminId, {"snc_internal", "admin"});
    roles(kExternalId, {"snc_external"});
  }

  /// --user and --password of a later start.
  void rename_account() {
    Record service = row("sys_user", kServiceAccountId);
    service.set("user_name", options_.user);
    service.set("user_password", Instance::encrypt_password2(options_.password));
    (void)instance_.update(service, session_);
  }

  void agents() {
    insert(row("sys_user_group", kGroupId).set("name", "Service Desk Chat"));
    insert(row("awa_service_channel", kChatChannelId)
               .set("name", "Chat")
               .set("table", "interaction")
               .set_number("default_capacity", options_.awa.agent_capacity));
    insert(row("awa_presence_state", kPresenceAvailableId)
               .set("name", "Available")
               .set_flag("available", true));
    insert(row("awa_presence_state", kPresenceOfflineId).set("name", "Offline"));
    insert(row("awa_queue", kQueueId)
               .set("name", "Service Desk Chat")
               .set("number", "QUE0001001")
               .set("service_channel", std::string(kChatChannelId))
               .set("document_table", "interaction")
               .set("initial_agent_response", "Thank you for waiting. An agent is with you now.")
               .set("max_wait_time_message", "No agent became available. Please try again later."));
    insert(row("awa_eligibility_pool", "")
               .set("queue", std::string(kQueueId))
               .set("group", std::string(kGroupId))
               .set("assignment_group", std::string(kGroupId)));
    insert(row("awa_queue_metrics", "")
               .set("queue", std::string(kQueueId))
               .set_number("average_wait_time", 120));
    for (const std::string_view agent : {kAlexId, kBeaId}) {
      const std::string id(agent);
      const bool here = agent == kAlexId;
      insert(row("sys_user_grmember", "").set("group", std::string(kGroupId)).set("user", id));
      insert(row("awa_agent_presence", "")
                 .set("agent", id)
                 .set("current_presence_state",
                      std::string(here ? kPresenceAvailableId : kPresenceOfflineId))
                 .set_flag("available", here));
      insert(row("awa_agent_channel_availability", "")
                 .set("agent", id)
                 .set("service_channel", std::string(kChatChannelId))
                 .set_flag("available", true));
      insert(row("awa_agent_capacity", "")
                 .set("user", id)
                 .set("channel", std::string(kChatChannelId))
                 .set_number("max_capacity", options_.awa.agent_capacity));
    }
    insert(row("awa_reject_reason", "").set("reason", "Busy").set_flag("reassignable", true));
  }

  void oauth() {
    insert(row("oauth_entity", "")
               .set("name", "Intranet bridge")
               .set("client_id", options_.oauth_client_id)
               .set("client_secret", Instance::encrypt_password2(options_.oauth_client_secret))
               .set("user", std::string(kServiceAccountId)));
  }

  void platform_properties() {
    const std::pair<const char*, std::string> values[] = {
        {"com.glide.cs.va.sys_user", std::string(kVirtualAgentId)},
        {"com.glide.cs.idle_chat_reminder_timeout", "180"},
        {"com.glide.cs.idle_chat_cancel_timeout", "360"},
        {"com.glide.cs.start_idle_timeout_after_agent_response", "false"},
        {"com.glide.awa.routinglookback", std::to_string(options_.awa.look_back.count())},
        {"glide.awa.enabled", "true"},
        {"glide.invalid_query.returns_no_rows", "false"},
        {"glide.appcreator.company.code", options_.api_namespace},
        {"glide.oauth.inbound.client.credential.grant_type.enabled", "true"},
        {"glide.oauth.inbound.ropc.grant_type.disabled", "false"},
        {"glide.authenticate.basic_auth.restriction.active", "false"},
        {"glide.authenticate.basic_auth.restriction.enforce", "true"},
        {"glide.authenticate.basic_auth.restriction.allowed_roles", "snc_basic_auth_api_access"},
        {"glide.authenticate.basic_auth.restriction.allow_wsao", "true"},
    };
    for (const auto& [name, value] : values) instance_.set_property(name, value);
  }

  /// Scripts written by others do not announce their properties: they are read off the calls.
  void script_properties(const ScriptFolder& folder) {
    std::map<std::string, std::string> types;
    for (const PropertyNote& note : folder.properties) types[note.name] = note.type;
    for (const Resource& resource : folder.resources) collect(resource.script, types);
    for (const BusinessRule& rule : folder.rules) collect(rule.script, types);
    for (const auto& [name, type] : types) {
      const auto value = webhook_value(name);
      if (!value) continue;
      const bool filled = !instance_.property(name).value_or("").empty();
      if (!filled || value->given) instance_.set_property(name, value->text, type);
    }
  }

  void script_roles(const ScriptFolder& folder, bool first) {
    std::set<std::string> wanted;
    for (const Resource& resource : folder.resources)
      wanted.insert(resource.roles.begin(), resource.roles.end());
    // A role that the instance knew before may have been taken from the account on purpose.
    for (const std::string& role : wanted)
      if (first || !instance_.find_one("sys_user_role", "name", role))
        instance_.grant_role(kServiceAccountId, role);
  }

 private:
  static void collect(const std::string& script, std::map<std::string, std::string>& types) {
    static const std::regex call(R"(getProperty\(\s*['"]([A-Za-z0-9_.]+)['"])");
    for (std::sregex_iterator at(script.begin(), script.end(), call), end; at != end; ++at)
      types.try_emplace((*at)[1].str(), "string");
  }

  struct Setting {
    std::string text;
    bool given = false;
  };
  std::optional<Setting> webhook_value(std::string name) const {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto has = [&](std::string_view word) { return name.find(word) != std::string::npos; };
    if (name.starts_with("glide.") || name.starts_with("com.")) return std::nullopt;
    if (has("secret") || has("token"))
      return Setting{options_.webhook_secret, options_.webhook_secret_given};
    if (has("base_url")) return Setting{options_.bridge_url, options_.webhook_url_given};
    if (has("url") || has("endpoint"))
      return Setting{options_.bridge_url + options_.webhook_path, options_.webhook_url_given};
    return std::nullopt;
  }

  Instance& instance_;
  const ServiceNowOptions& options_;
  Session session_;
};

}  // namespace

void seed_instance(Instance& instance, const ServiceNowOptions& options,
                   const ScriptFolder& folder) {
  const WholeChange whole(instance);
  Seeder seeder(instance, options);
  // Not row by row: what somebody deleted stays deleted, as on an instance that restarts.
  const bool first = instance.remembered(kSeededNote).empty();
  if (first) {
    seeder.accounts();
    seeder.agents();
    seeder.oauth();
    seeder.platform_properties();
    instance.remember(kSeededNote, "all", "1");
  } else if (options.account_given) {
    seeder.rename_account();
  }
  seeder.script_roles(folder, first);
  seeder.script_properties(folder);
  for (const auto& [name, value] : options.properties) instance.set_property(name, value);
}

std::string environment_for_bridge(const ServiceNowOptions& options, std::string_view sandbox_url) {
  std::string lines;
  const auto line = [&](std::string_view name, std::string_view value) {
    lines.append(name).append("=").append(value).append("\n");
  };
  line("SN_INSTANCE", sandbox_url);
  line("SN_USER", options.user);
  line("SN_PASSWORD", options.password);
  line("SN_BRIDGE_API_BASE", "/api/" + options.api_namespace + "/" + options.api_id);
  line("SN_DEFAULT_USER_SYS_ID", kGuestId);
  line("SN_DEFAULT_QUEUE_SYS_ID", kQueueId);
  line("SN_DEFAULT_CHANNEL_SYS_ID", kChatChannelId);
  line("SN_WEBHOOK_SECRET", options.webhook_secret);
  if (sandbox_url.starts_with("http://")) line("ALLOW_INSECURE_UPSTREAM", "1");
  return lines;
}

}  // namespace bridge::sandbox
