// SPDX-License-Identifier: MIT
// gs, the clock, impersonation and password2 secrets, as the prelude calls them.
#include <algorithm>
#include <thread>

#include "bridge/core/random.hpp"
#include "sandbox/glide/base64.hpp"
#include "sandbox/glide/instance_state.hpp"
#include "sandbox/glide/script_run.hpp"

namespace bridge::sandbox {
namespace {

json::value nullable(std::optional<std::string> text) {
  if (!text) return nullptr;
  return json::value(std::move(*text));
}

json::value user_of(ScriptContext& context, const json::array&) {
  json::object user{{"id", context.session.user_id},
                    {"user_name", context.session.user_name},
                    {"name", context.session.user_name},
                    {"email", ""}};
  if (const auto row = context.instance.get("sys_user", context.session.user_id)) {
    user["name"] = row->text("name");
    user["email"] = row->text("email");
  }
  return user;
}

/// Any of a comma list, as gs.hasRole takes it.
json::value has_role(ScriptContext& context, const json::array& arguments) {
  if (context.session.user_id.empty()) return true;
  std::string wanted = text_argument(arguments, 0) + ",";
  for (std::size_t from = 0, comma; (comma = wanted.find(',', from)) != std::string::npos;
       from = comma + 1)
    if (context.instance.has_role(context.session.user_id, wanted.substr(from, comma - from)))
      return true;
  return false;
}

json::value get_property(ScriptContext& context, const json::array& arguments) {
  const auto row = context.instance.find_one("sys_properties", "name", text_argument(arguments, 0));
  if (!row) return nullptr;
  std::string value = row->text("value");
  if (row->text("type") == "password2" && context.instance.options().password2_clear)
    value = Instance::decrypt_password2(value).value_or(value);
  return json::value(value);
}

json::value sleep(ScriptContext& context, const json::array& arguments) {
  const auto wanted = std::chrono::milliseconds(
      arguments.empty() || !arguments[0].is_number() ? 0 : arguments[0].to_number<std::int64_t>());
  const Unlocked unlocked(context.instance.lock());
  std::this_thread::sleep_for(std::clamp(wanted, std::chrono::milliseconds(0),
                                         context.instance.options().script_time_limit));
  return nullptr;
}

}  // namespace

void GlideNatives::install(Instance& instance) {
  instance.register_native("$gs.log", [](ScriptContext& context, const json::array& arguments) {
    context.instance.system_log().add({context.instance.clock().now(), text_argument(arguments, 0),
                                       context.source, text_argument(arguments, 1)});
    return json::value(nullptr);
  });
  instance.register_native("$gs.user", user_of);
  instance.register_native("$gs.hasRole", has_role);
  instance.register_native("$gs.getProperty", get_property);
  instance.register_native(
      "$gs.setProperty", [](ScriptContext& context, const json::array& arguments) {
        context.instance.set_property(text_argument(arguments, 0), text_argument(arguments, 1));
        return json::value(nullptr);
      });
  instance.register_native(
      "$gs.guid", [](ScriptContext&, const json::array&) { return json::value(random_hex(16)); });
  instance.register_native("$gs.sleep", sleep);
  instance.register_native("$clock", [](ScriptContext& context, const json::array&) {
    return json::value(context.instance.clock().now().time_since_epoch().count());
  });
  instance.register_native("$base64.encode", [](ScriptContext&, const json::array& arguments) {
    return json::value(base64_encode(text_argument(arguments, 0)));
  });
  instance.register_native("$base64.decode", [](ScriptContext&, const json::array& arguments) {
    return json::value(base64_decode(text_argument(arguments, 0)).value_or(""));
  });
  instance.register_native(
      "$impersonate", [](ScriptContext& context, const json::array& arguments) {
        const std::string before = context.session.user_id;
        (void)context.instance.impersonate(context.session, text_argument(arguments, 0));
        return json::value(before);
      });
  instance.register_native(
      "$canImpersonate", [](ScriptContext& context, const json::array& arguments) {
        return json::value(
            context.instance.can_impersonate(context.session, text_argument(arguments, 0)));
      });
  instance.register_native("$encrypt", [](ScriptContext&, const json::array& arguments) {
    return json::value(Instance::encrypt_password2(text_argument(arguments, 0)));
  });
  instance.register_native("$decrypt", [](ScriptContext&, const json::array& arguments) {
    return nullable(Instance::decrypt_password2(text_argument(arguments, 0)));
  });
  install_records(instance);
  install_http(instance);
  install_mac(instance);
}

}  // namespace bridge::sandbox
