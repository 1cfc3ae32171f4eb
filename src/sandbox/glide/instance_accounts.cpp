// SPDX-License-Identifier: MIT
// Users, roles, impersonation and properties (reference/servicenow.md 3.2).
#include "sandbox/glide/base64.hpp"
#include "sandbox/glide/instance.hpp"
#include "sandbox/glide/instance_state.hpp"

namespace bridge::sandbox {
namespace {

using Guard = std::lock_guard<InstanceLock>;

/// Stands for the platform's two-way encryption: recognisable, and useless as the clear text.
constexpr std::string_view kCipherMark = "~2w~";

std::string scrambled(std::string_view text) {
  std::string result(text);
  unsigned char key = 0x5A;
  for (char& c : result) {
    c = static_cast<char>(static_cast<unsigned char>(c) ^ key);
    key = static_cast<unsigned char>(key * 31 + 7);
  }
  return result;
}

}  // namespace

std::optional<Session> Instance::session_for(std::string_view user_name) {
  const auto row = find_one("sys_user", "user_name", std::string(user_name));
  if (!row || user_name.empty()) return std::nullopt;
  return Session{row->sys_id(), row->sys_id(), row->text("user_name")};
}

std::optional<Session> Instance::session_for_id(std::string_view user_sys_id) {
  const auto row = get("sys_user", user_sys_id);
  if (!row) return std::nullopt;
  return Session{row->sys_id(), row->sys_id(), row->text("user_name")};
}

void Instance::grant_role(std::string_view user_sys_id, std::string_view role) {
  const Guard guard(lock_);
  Session system = system_session();
  auto row = find_one("sys_user_role", "name", std::string(role));
  if (!row) {
    const auto made = insert(Record("sys_user_role").set("name", std::string(role)), system);
    if (!made) return;
    row = *made;
  }
  Query held;
  held.where("user", std::string(user_sys_id)).where("role", row->sys_id());
  if (count("sys_user_has_role", held) > 0) return;
  (void)insert(
      Record("sys_user_has_role").set("user", std::string(user_sys_id)).set("role", row->sys_id()),
      system);
}

void Instance::revoke_role(std::string_view user_sys_id, std::string_view role) {
  const Guard guard(lock_);
  Session system = system_session();
  Query held;
  held.where("user", std::string(user_sys_id)).where("role.name", std::string(role));
  for (const Record& row : find("sys_user_has_role", held))
    (void)remove("sys_user_has_role", row.sys_id(), system);
}

std::vector<std::string> Instance::roles_of(std::string_view user_sys_id) {
  const Guard guard(lock_);
  std::vector<std::string> names;
  Query held;
  held.where("user", std::string(user_sys_id));
  for (const Record& row : find("sys_user_has_role", held))
    if (const auto role = get("sys_user_role", row.text("role")))
      names.push_back(role->text("name"));
  return names;
}

bool Instance::has_role(std::string_view user_sys_id, std::string_view role) {
  for (const std::string& held : roles_of(user_sys_id))
    if (held == role || held == "admin") return true;
  return false;
}

bool Instance::can_impersonate(const Session& session, std::string_view user_sys_id) {
  const Guard guard(lock_);
  const auto target = get("sys_user", user_sys_id);
  if (!target || !target->flag("active") || target->flag("locked_out") || !target->get("user_name"))
    return false;
  const bool system = session.login_id.empty();
  if (system || has_role(session.login_id, "admin")) return true;
  return has_role(session.login_id, "impersonator") && !has_role(user_sys_id, "admin");
}

bool Instance::impersonate(Session& session, std::string_view user_sys_id) {
  const Guard guard(lock_);
  // Becoming oneself again needs no permission.
  if (user_sys_id != session.login_id && !can_impersonate(session, user_sys_id)) return false;
  const auto target = session_for_id(user_sys_id);
  if (!target) return false;
  session.user_id = target->user_id;
  session.user_name = target->user_name;
  return true;
}

std::optional<std::string> Instance::property(std::string_view name) {
  const auto row = find_one("sys_properties", "name", std::string(name));
  if (!row) return std::nullopt;
  const std::string value = row->text("value");
  if (row->text("type") == "password2") return decrypt_password2(value).value_or(value);
  return value;
}

void Instance::set_property(std::string_view name, std::string_view value, std::string_view type) {
  const Guard guard(lock_);
  Session system = system_session();
  Record row("sys_properties");
  const auto existing = find_one("sys_properties", "name", std::string(name));
  if (existing) {
    row.set("sys_id", existing->sys_id()).set("type", existing->text("type"));
  } else {
    row.set("name", std::string(name));
  }
  if (!type.empty()) row.set("type", std::string(type));
  const bool secret = row.text("type") == "password2" && !value.empty();
  row.set("value", secret ? encrypt_password2(value) : std::string(value));
  if (existing) {
    (void)update(row, system);
  } else {
    (void)insert(row, system);
  }
}

std::string Instance::encrypt_password2(std::string_view clear) {
  return std::string(kCipherMark) + base64_encode(scrambled(clear));
}

std::optional<std::string> Instance::decrypt_password2(std::string_view stored) {
  if (!stored.starts_with(kCipherMark)) return std::nullopt;
  const auto bytes = base64_decode(stored.substr(kCipherMark.size()));
  if (!bytes) return std::nullopt;
  return scrambled(*bytes);
}

}  // namespace bridge::sandbox
