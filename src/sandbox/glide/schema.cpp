// SPDX-License-Identifier: MIT
#include "sandbox/glide/schema.hpp"

#include <algorithm>
#include <array>

namespace bridge::sandbox {
namespace {

Column text(std::string name, std::size_t max_length = 40, std::string default_value = {}) {
  Column column;
  column.name = std::move(name);
  column.max_length = max_length;
  column.default_value = std::move(default_value);
  return column;
}

Column unique_text(std::string name, std::size_t max_length) {
  Column column = text(std::move(name), max_length);
  column.unique = true;
  return column;
}

Column flag(std::string name, bool default_value = false) {
  Column column = text(std::move(name), 40, default_value ? "1" : "0");
  column.type = ColumnType::boolean;
  return column;
}

Column number(std::string name, std::string default_value = {}) {
  Column column = text(std::move(name), 40, std::move(default_value));
  column.type = ColumnType::integer;
  return column;
}

Column date(std::string name) {
  Column column = text(std::move(name));
  column.type = ColumnType::date_time;
  return column;
}

Column ref(std::string name, std::string target) {
  Column column = text(std::move(name), 32);
  column.type = ColumnType::reference;
  column.target = std::move(target);
  return column;
}

Column secret(std::string name) {
  Column column = text(std::move(name), 255);
  column.type = ColumnType::password;
  return column;
}

Column counted(std::string name, std::string within) {
  Column column = number(std::move(name));
  column.counted_within = std::move(within);
  return column;
}

constexpr std::size_t kLong = 4000;
constexpr std::size_t kPayload = 65000;

const std::vector<Column>& system_columns() {
  static const std::vector<Column> columns = {
      unique_text("sys_id", 32), date("sys_created_on"), text("sys_created_by"),
      date("sys_updated_on"),    text("sys_updated_by"), number("sys_mod_count"),
  };
  return columns;
}

std::vector<Table> accounts() {
  return {
      {"sys_user",
       "",
       {unique_text("user_name", 40), text("first_name", 50), text("last_name", 50),
        text("name", 151), text("email", 100), flag("active", true), flag("locked_out"),
        flag("password_needs_reset"), flag("web_service_access_only"),
        flag("internal_integration_user"), secret("user_password"), text("title", 60),
        text("phone"), text("time_zone"), text("source", 255)},
       "name",
       ""},
      {"sys_user_role",
       "",
       {unique_text("name", 100), text("suffix", 100), text("description", kLong)},
       "name",
       ""},
      {"sys_user_has_role",
       "",
       {ref("user", "sys_user"), ref("role", "sys_user_role"), flag("inherited"), text("state")},
       "role",
       ""},
      {"sys_user_group",
       "",
       {text("name", 80), text("description", 1000), flag("active", true), text("email", 100),
        ref("manager", "sys_user"), ref("parent", "sys_user_group")},
       "name",
       ""},
      {"sys_user_grmember",
       "",
       {ref("group", "sys_user_group"), ref("user", "sys_user")},
       "user",
       ""},
      {"sys_properties",
       "",
       {unique_text("name", 100), text("value", kLong), text("type", 40, "string"),
        text("description", 512), text("choices", 1000), text("suffix", 100), flag("is_private"),
        flag("ignore_cache"), text("read_roles", 255), text("write_roles", 255)},
       "name",
       ""},
      {"oauth_entity",
       "",
       {text("name", 100), unique_text("client_id", 64), secret("client_secret"),
        flag("active", true), text("type"), ref("user", "sys_user"),
        number("access_token_lifespan", "1800"), number("refresh_token_lifespan", "8640000"),
        text("default_grant_type"), text("redirect_url", 1000), flag("securely_scoped")},
       "name",
       ""},
  };
}

std::vector<Table> tasks() {
  return {
      {"task",
       "",
       {text("number"),
        text("sys_class_name", 80),
        text("short_description", 160),
        text("description", kLong),
        text("state", 40, "1"),
        flag("active", true),
        ref("assigned_to", "sys_user"),
        ref("assignment_group", "sys_user_group"),
        ref("opened_by", "sys_user"),
        date("opened_at"),
        date("closed_at"),
        ref("closed_by", "sys_user"),
        text("priority", 40, "5"),
        text("urgency", 40, "3"),
        text("impact", 40, "3"),
        text("comments", kLong),
        text("work_notes", kLong),
        text("correlation_id", 100),
        text("correlation_display", 100),
        text("contact_type"),
        ref("parent", "task")},
       "number",
       "TASK"},
      {"incident",
       "task",
       {ref("caller_id", "sys_user"), text("category"), text("subcategory"),
        text("incident_state", 40, "1"), text("severity", 40, "3"), text("close_code"),
        text("close_notes", kLong), date("resolved_at"), ref("resolved_by", "sys_user")},
       "number",
       "INC"},
      {"sys_attachment",
       "",
       {text("file_name", 100), text("content_type", 255), number("size_bytes"),
        text("table_name", 80), text("table_sys_id", 32), text("hash", 64), text("state")},
       "file_name",
       ""},
      {"sys_journal_field",
       "",
       {text("name", 80), text("element", 80), text("element_id", 32), text("value", kPayload)},
       "sys_id",
       ""},
      {"interaction",
       "",
       {text("number"),
        text("type", 40),
        text("subtype"),
        text("direction"),
        text("state", 40, "new"),
        text("state_reason", 100),
        ref("opened_for", "sys_user"),
        ref("opened_by", "sys_user"),
        ref("assigned_to", "sys_user"),
        text("channel_metadata_table", 80),
        text("channel_metadata_document", 32),
        ref("context_document", "interaction_json_blob"),
        flag("active", true),
        flag("agent_chat"),
        flag("virtual_agent"),
        text("short_description", 160),
        text("work_notes", kLong),
        text("transcript", kPayload),
        date("opened_at"),
        date("closed_at"),
        ref("queue", "awa_queue"),
        ref("parent", "interaction"),
        number("wait_time")},
       "number",
       "IMS"},
      {"interaction_json_blob", "", {text("name", 100), text("value", kPayload)}, "name", ""},
  };
}

std::vector<Table> chat() {
  return {
      {"sys_cs_conversation",
       "",
       {text("vendor", 32),
        text("title", 255),
        text("provenance"),
        ref("consumer", "sys_cs_consumer"),
        ref("consumer_account", "sys_cs_consumer_account"),
        text("current_device", 100),
        text("device_type"),
        text("device_subtype"),
        text("state"),
        date("conversation_completed"),
        text("label", 255),
        text("topic", 32),
        text("topic_published"),
        text("topic_definition_name", 100),
        text("context", kPayload),
        text("context_profile", 32),
        text("context_format"),
        text("model_type"),
        text("conversation_type"),
        text("api_version"),
        date("live_agent_transfer_time"),
        text("sentiment"),
        text("lock_id", 100),
        date("lock_time")},
       "title",
       ""},
      {"sys_cs_session",
       "",
       {ref("consumer", "sys_cs_consumer"), ref("consumer_account", "sys_cs_consumer_account"),
        text("vendor", 32), text("device_id", 100), text("device_type"), text("direction"),
        text("interaction"), date("start_time"), date("end_time"), number("duration"),
        number("number_of_messages")},
       "sys_id",
       ""},
      {"sys_cs_session_binding",
       "",
       {ref("session", "sys_cs_session"), ref("system_topic", "sys_cs_conversation"),
        ref("topic", "sys_cs_conversation"), text("channel_type"), text("channel_id", 255),
        text("auxiliary_channel_id", 255), flag("client_connected"), flag("online"), flag("guest"),
        flag("sent_reminder"), date("last_client_activity_time")},
       "sys_id",
       ""},
      {"sys_cs_message",
       "",
       {ref("conversation", "sys_cs_conversation"),
        ref("session", "sys_cs_session"),
        ref("task", "sys_cs_conversation_task"),
        ref("consumer", "sys_cs_consumer"),
        ref("consumer_account", "sys_cs_consumer_account"),
        text("vendor", 32),
        counted("sequence", "conversation"),
        text("serial_number"),
        text("direction"),
        flag("is_agent"),
        flag("is_bot_message"),
        flag("is_agentic"),
        text("sender", 100),
        ref("sender_profile", "sys_cs_channel_user_profile"),
        ref("recipient", "sys_user"),
        text("message_type"),
        text("q_data_message_type", 100),
        text("payload", kPayload),
        number("message_size"),
        text("status"),
        date("send_time"),
        date("receive_time"),
        flag("message_updated"),
        text("system_id", 100),
        text("visibility_type"),
        flag("is_sensitive"),
        flag("is_profane"),
        flag("agent_translated_msg"),
        text("validation_error_message", 255),
        text("external_chat_status"),
        text("live_message", 32),
        text("primary_bot_history", 32),
        text("skill_document", 32),
        text("skill_document_table", 80),
        text("aia_execution_plan", 32),
        text("sentiment"),
        text("sentiment_normalized")},
       "sys_id",
       ""},
      {"sys_cs_consumer",
       "",
       {text("name", 100), text("vendor", 32), ref("user", "sys_user"), flag("guest")},
       "name",
       ""},
      {"sys_cs_consumer_account",
       "",
       {ref("consumer", "sys_cs_consumer"), text("vendor", 32), ref("user", "sys_user"),
        text("vendor_account_id", 100), text("account_type")},
       "sys_id",
       ""},
      {"sys_cs_conversation_task",
       "",
       {ref("conversation", "sys_cs_conversation"), text("state"), text("topic_type", 32),
        ref("consumer", "sys_cs_consumer"), text("goal", 255)},
       "sys_id",
       ""},
      {"sys_cs_conversation_member",
       "",
       {ref("conversation", "sys_cs_conversation"), ref("member", "sys_cs_channel_user_profile"),
        text("member_type"), flag("active", true), number("handling_time")},
       "member",
       ""},
      {"sys_cs_channel_user_profile",
       "",
       {text("name", 100), ref("user", "sys_user"), text("table", 80), text("document", 32),
        ref("channel", "sys_cs_channel"), text("avatar", 255)},
       "name",
       ""},
      {"sys_cs_channel",
       "",
       {text("name", 100), number("conversation_idle_timeout"), flag("active", true)},
       "name",
       ""},
      {"sys_cs_provider", "", {text("name", 100), text("message_ordering")}, "name", ""},
      {"sys_cs_provider_application",
       "",
       {text("name", 100), ref("provider", "sys_cs_provider"), text("inbound_id", 100)},
       "name",
       ""},
      {"sys_cs_media",
       "",
       {ref("conversation", "sys_cs_conversation"), ref("message", "sys_cs_message"),
        text("content_type", 255), text("url", 1000), text("state")},
       "sys_id",
       ""},
      {"sys_cs_support_queue_cache",
       "",
       {ref("conversation", "sys_cs_conversation"), text("queue", 32), text("average_wait_time")},
       "sys_id",
       ""},
      {"sys_cs_live_agent_setup",
       "",
       {text("name", 100), text("table", 80), flag("active", true)},
       "name",
       ""},
  };
}

std::vector<Table> assignment() {
  return {
      {"awa_work_item",
       "",
       {text("document_table", 80), text("document_id", 32), ref("queue", "awa_queue"),
        text("state"), flag("active", true), ref("assigned_to", "sys_user"),
        ref("assignment_group", "sys_user_group"), flag("rejected"), flag("timed_out"),
        flag("is_dismissed"), number("offer_count", "0"), date("offered_on"), number("wait_time"),
        number("size", "1"), ref("previous_work_item", "awa_work_item"), text("display_name", 255),
        text("cancel_reason", 100), ref("service_channel", "awa_service_channel"),
        date("accepted_on")},
       "display_name",
       ""},
      {"awa_queue",
       "",
       {text("name", 100), text("number"), flag("active", true), number("order", "100"),
        ref("service_channel", "awa_service_channel"), text("document_table", 80),
        text("condition", kLong), ref("schedule", "cmn_schedule"),
        ref("assignment_rule", "awa_assignment_rule"), number("max_wait_time"),
        text("max_wait_time_message", 1000), text("initial_agent_response", 1000)},
       "name",
       ""},
      {"awa_service_channel",
       "",
       {text("name", 100), flag("active", true), text("table", 80), text("condition", kLong),
        number("default_capacity", "2"), flag("wrap_up")},
       "name",
       ""},
      {"awa_eligibility_pool",
       "",
       {ref("queue", "awa_queue"), ref("group", "sys_user_group"),
        ref("assignment_group", "sys_user_group"), number("order", "100"), number("wait_time")},
       "sys_id",
       ""},
      {"awa_agent_presence",
       "",
       {ref("agent", "sys_user"), ref("current_presence_state", "awa_presence_state"),
        flag("available")},
       "agent",
       ""},
      {"awa_presence_state",
       "",
       {text("name", 100), flag("available"), flag("active", true), number("order")},
       "name",
       ""},
      {"awa_agent_channel_availability",
       "",
       {ref("agent", "sys_user"), ref("service_channel", "awa_service_channel"), flag("available")},
       "agent",
       ""},
      {"awa_agent_capacity",
       "",
       {ref("user", "sys_user"), ref("channel", "awa_service_channel"), number("max_capacity", "2"),
        number("workload", "0"), number("applied_max_capacity")},
       "user",
       ""},
      {"awa_queue_metrics",
       "",
       {ref("queue", "awa_queue"), number("average_wait_time"), number("agents_available"),
        number("waiting")},
       "queue",
       ""},
      {"awa_reject_reason",
       "",
       {text("reason", 100), ref("service_channel", "awa_service_channel"), flag("reassignable")},
       "reason",
       ""},
      {"awa_assignment_rule",
       "",
       {text("name", 100), text("type"), flag("active", true)},
       "name",
       ""},
      {"cmn_schedule",
       "",
       {text("name", 100), text("time_zone"), flag("always_open", true)},
       "name",
       ""},
  };
}

constexpr std::array kTypeNames = {
    std::pair{ColumnType::string, "string"},
    std::pair{ColumnType::boolean, "boolean"},
    std::pair{ColumnType::integer, "integer"},
    std::pair{ColumnType::date_time, "glide_date_time"},
    std::pair{ColumnType::reference, "reference"},
    std::pair{ColumnType::password, "password2"},
};

}  // namespace

Schema Schema::out_of_the_box() {
  Schema schema;
  for (auto group : {accounts(), tasks(), chat(), assignment()})
    for (Table& table : group) schema.add_table(std::move(table));
  return schema;
}

void Schema::add_table(Table table) {
  std::string name = table.name;
  tables_.insert_or_assign(std::move(name), std::move(table));
}

bool Schema::add_column(std::string_view table, Column column) {
  const auto found = tables_.find(table);
  if (found == tables_.end()) return false;
  auto& columns = found->second.columns;
  const auto same = std::find_if(columns.begin(), columns.end(),
                                 [&](const Column& other) { return other.name == column.name; });
  if (same != columns.end()) {
    *same = std::move(column);
  } else {
    columns.push_back(std::move(column));
  }
  return true;
}

const Table* Schema::table(std::string_view name) const {
  const auto found = tables_.find(name);
  return found == tables_.end() ? nullptr : &found->second;
}

const Column* Schema::column(std::string_view table_name, std::string_view name) const {
  const Table* at = table(table_name);
  if (!at) return nullptr;
  for (const Column& column : system_columns())
    if (column.name == name) return &column;
  for (; at; at = at->parent.empty() ? nullptr : table(at->parent))
    for (const Column& column : at->columns)
      if (column.name == name) return &column;
  return nullptr;
}

std::vector<const Column*> Schema::columns_of(std::string_view table_name) const {
  std::vector<const Column*> columns;
  const Table* at = table(table_name);
  if (!at) return columns;
  for (const Column& column : system_columns()) columns.push_back(&column);
  for (; at; at = at->parent.empty() ? nullptr : table(at->parent))
    for (const Column& column : at->columns) columns.push_back(&column);
  return columns;
}

std::string Schema::display_column(std::string_view table_name) const {
  for (const Table* at = table(table_name); at; at = table(at->parent))
    if (at->display_column != "sys_id") return at->display_column;
  return "sys_id";
}

std::string Schema::root_of(std::string_view table_name) const {
  const Table* at = table(table_name);
  if (!at) return std::string(table_name);
  while (const Table* parent = at->parent.empty() ? nullptr : table(at->parent)) at = parent;
  return at->name;
}

std::vector<std::string> Schema::family_of(std::string_view table_name) const {
  std::vector<std::string> family{std::string(table_name)};
  for (std::size_t i = 0; i < family.size(); ++i)
    for (const auto& [name, table] : tables_)
      if (table.parent == family[i]) family.push_back(name);
  return family;
}

std::vector<std::string> Schema::table_names() const {
  std::vector<std::string> names;
  for (const auto& [name, table] : tables_) names.push_back(name);
  return names;
}

std::string_view glide_name(ColumnType type) {
  for (const auto& [known, name] : kTypeNames)
    if (known == type) return name;
  return "string";
}

ColumnType column_type_from(std::string_view glide_name) {
  if (glide_name == "glide_date" || glide_name == "due_date") return ColumnType::date_time;
  if (glide_name == "password") return ColumnType::password;
  for (const auto& [type, name] : kTypeNames)
    if (glide_name == name) return type;
  return ColumnType::string;
}

}  // namespace bridge::sandbox
