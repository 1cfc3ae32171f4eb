// SPDX-License-Identifier: MIT
#include "gateways/servicenow/people.hpp"

#include <algorithm>

namespace bridge::gateways {
namespace {

constexpr std::size_t kMaxLookup = 254;  // the longest e-mail address (RFC 5321)

/// Whether `text` can stand as the value of an `=` term of an encoded query and means itself there.
/// `^` would begin another term; `javascript:` would be run; an operator in front would make
/// another comparison of it (servicenow.md 7.2). Refusing is safer than escaping.
bool is_plain_value(std::string_view text) {
  static constexpr std::string_view kOperators = "=!<>*%@";
  if (text.empty() || text.size() > kMaxLookup) return false;
  if (kOperators.find(text.front()) != std::string_view::npos) return false;
  if (net::equals_ignoring_case(text.substr(0, 11), "javascript:")) return false;
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c == '^' || c == ',' || byte < 0x20 || byte == 0x7F;
  });
}

bool is_true(const json::object& row, std::string_view name) {
  const std::string text = text_of(row, name);
  return text == "true" || text == "1";
}

}  // namespace

Task<Result<std::string>> People::name_of(std::string sys_id, Deadline deadline) {
  if (!is_sys_id(sys_id)) co_return Error(Errc::invalid_argument, "not a sys_id");
  if (auto known = names_.find(sys_id, std::chrono::steady_clock::now()))
    co_return std::move(*known);
  TableQuery query("sys_user", "sys_id=" + sys_id, "sys_id,name", 1);
  query.in_background = true;
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows) co_return rows.error();
  std::string name;
  for (const json::object& row : *rows)
    if (net::equals_ignoring_case(text_of(row, "sys_id"), sys_id)) name = text_of(row, "name");
  names_.put(sys_id, name, std::chrono::steady_clock::now());
  co_return name;
}

Task<Result<std::string>> People::user_named(std::string user_name, Deadline deadline) {
  TableQuery query("sys_user", "user_name=" + user_name, "sys_id,user_name", 2);
  query.in_background = true;
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows) co_return rows.error();
  std::string id;
  for (const json::object& row : *rows)
    if (net::equals_ignoring_case(text_of(row, "user_name"), user_name))
      id = text_of(row, "sys_id");
  co_return id;
}

Task<Result<std::string>> People::service_account(Deadline deadline) {
  if (service_account_) co_return *service_account_;
  const std::string name = client_.options().user;
  if (name.empty()) co_return co_await ask_who_we_are(deadline);
  if (!is_plain_value(name))
    co_return Error(Errc::not_configured, "SN_USER is not a plain user name");
  auto id = co_await user_named(name, deadline);
  if (!id) co_return id.error();
  if (!is_sys_id(*id))
    co_return Error(Errc::not_found, "ServiceNow shows no sys_user for SN_USER")
        .with_hint(
            "The account may lack the right to read sys_user; see docs/02-servicenow-setup.md.");
  service_account_ = *id;
  co_return *id;
}

/// With a token nobody has told us a name, but the instance knows whose session it is: it runs what
/// stands behind `javascript:` as us (servicenow.md 7.2).
Task<Result<std::string>> People::ask_who_we_are(Deadline deadline) {
  TableQuery query("sys_user", "sys_id=javascript:gs.getUserID()", "sys_id", 2);
  query.in_background = true;
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows) co_return rows.error();
  // More than one: the term was dropped, and these are just anybody.
  const std::string id = rows->size() == 1 ? text_of(rows->front(), "sys_id") : std::string();
  if (!is_sys_id(id))
    co_return Error(Errc::not_found, "ServiceNow does not say which sys_user the OAuth client is")
        .with_hint(
            "Set SN_USER to the user name of the client's OAuth Application User, or let "
            "the account read sys_user.");
  service_account_ = id;
  co_return id;
}

Task<Result<std::string>> People::virtual_agent(Deadline deadline) {
  if (virtual_agent_) co_return *virtual_agent_;
  // servicenow.md 4.1: the property names the user; an account may not be allowed to read it.
  TableQuery query("sys_properties", "name=com.glide.cs.va.sys_user", "name,value", 1);
  query.in_background = true;
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows && !rows.error().is(Errc::upstream_role)) co_return rows.error();
  std::string id;
  if (rows)
    for (const json::object& row : *rows)
      if (text_of(row, "name") == "com.glide.cs.va.sys_user") id = text_of(row, "value");
  if (!is_sys_id(id)) {
    auto named = co_await user_named("virtual.agent", deadline);
    if (!named) co_return named.error();
    id = *named;
  }
  if (id.empty()) client_.logger().warning("virtual_agent_unknown");
  virtual_agent_ = id;
  co_return id;
}

Task<Result<std::optional<std::string>>> People::resolve(std::string who, Trace trace,
                                                         Deadline deadline) {
  who = trim(who);
  if (!is_plain_value(who))
    co_return Error(Errc::invalid_argument, "not an e-mail address or user name");
  TableQuery query("sys_user",
                   "email=" + who + "^ORuser_name=" + who + "^active=true^locked_out=false",
                   "sys_id,user_name,email,active,locked_out", 2);
  query.trace = std::move(trace);
  auto rows = co_await client_.query(std::move(query), deadline);
  if (!rows) co_return rows.error();
  std::optional<std::string> found;
  if (rows->size() == 1) {
    const json::object& row = rows->front();
    // A term that the instance did not understand would have matched anybody; an access control may
    // have blanked the columns, and then nobody can tell.
    const bool same = net::equals_ignoring_case(text_of(row, "email"), who) ||
                      net::equals_ignoring_case(text_of(row, "user_name"), who);
    const bool usable = is_true(row, "active") && !is_true(row, "locked_out");
    if (same && usable && is_sys_id(text_of(row, "sys_id"))) found = text_of(row, "sys_id");
    if (!found)
      client_.logger().warning("user_lookup_unverified", {{"same", same}, {"usable", usable}});
  }
  client_.metrics().count("user_lookups", found ? "found" : rows->empty() ? "none" : "ambiguous");
  co_return found;
}

}  // namespace bridge::gateways
