// SPDX-License-Identifier: MIT
// An instance with a few users, and short ways to run scripts in it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <chrono>
#include <string>

#include "sandbox/glide/instance.hpp"

namespace bridge::sandbox {

class GlideTest : public ::testing::Test {
 protected:
  explicit GlideTest(InstanceOptions options = {}) : instance(options, logger) {
    for (const char* name : {"admin", "service", "alice", "bob"}) {
      Session system = instance.system_session();
      ids[name] =
          instance.insert(Record("sys_user").set("user_name", name).set("name", name), system)
              ->sys_id();
    }
    instance.grant_role(ids["admin"], "admin");
    session = *instance.session_for("admin");
  }

  /// The script's completion value; a test failure if it throws.
  json::value js(const std::string& source) {
    const auto result = instance.run_script(source, session);
    if (result) return *result;
    ADD_FAILURE() << result.error().context();
    return nullptr;
  }

  /// As text: strings bare, everything else as JSON.
  std::string text(const std::string& source) {
    const json::value value = js(source);
    return value.is_string() ? std::string(value.as_string()) : json::serialize(value);
  }

  /// What the script threw; empty if it did not.
  std::string thrown(const std::string& source) {
    const auto result = instance.run_script(source, session);
    return result ? std::string() : result.error().context();
  }

  Record add(const std::string& table, const Record::Values& values = {}) {
    Record record(table);
    for (const auto& [name, value] : values) record.set(name, value.value_or(""));
    Session system = instance.system_session();
    const auto written = instance.insert(record, system);
    if (written) return *written;
    ADD_FAILURE() << written.error().context();
    return Record();
  }

  BusinessRule rule(const std::string& table, BusinessRule::When when, const std::string& script) {
    BusinessRule made;
    made.name = "rule " + std::to_string(++rules_made);
    made.table = table;
    made.when = when;
    made.on_insert = true;
    made.on_update = true;
    made.script = script;
    return made;
  }

  void install(const BusinessRule& made) {
    const auto added = instance.add_rule(made);
    ASSERT_TRUE(added) << added.error().to_string();
  }

  ScriptReply call(const std::string& script, const std::string& body = "{}") {
    Resource resource;
    resource.sys_id = stable_sys_id("sys_ws_operation", "test");
    resource.name = "test";
    resource.script =
        "(function process(request, response) {\n" + script + "\n})(request, response);";
    request.body = body;
    return instance.run_resource(resource, request, session);
  }

  bool jobs_done() { return instance.wait_for_jobs(std::chrono::seconds(20)); }

  NullLogger logger;
  Instance instance;
  Session session;
  ScriptRequest request;
  std::map<std::string, std::string> ids;
  int rules_made = 0;
};

}  // namespace bridge::sandbox
