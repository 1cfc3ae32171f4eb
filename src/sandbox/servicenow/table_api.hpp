// SPDX-License-Identifier: MIT
// /api/now/table/<table>[/<sys_id>] (reference/servicenow.md 7.2, 9.40).
// What surprises, as on an instance: every scalar is a text, a reference is an object, an invalid
// query term is ignored so that more rows come back, and an e-mail is not a caller.
#pragma once

#include <string>

#include "bridge/net/http.hpp"
#include "sandbox/glide/instance.hpp"
#include "sandbox/servicenow/accounts.hpp"

namespace bridge::sandbox {

class TableApi {
 public:
  TableApi(Instance& instance, Accounts& accounts) : instance_(instance), accounts_(accounts) {}

  static bool is_mine(const std::string& path);
  /// `user` is filled in for the ledger.
  net::Response handle(const net::Request& request, std::string& user);

 private:
  struct View;
  enum class Access { read, insert, update, remove };

  net::Response list(const net::Request& request, const std::string& table, const View& view);
  net::Response read(const std::string& table, const std::string& sys_id, const View& view);
  net::Response create(const net::Request& request, const std::string& table, const View& view,
                       Session& session);
  net::Response change(const net::Request& request, const std::string& table,
                       const std::string& sys_id, const View& view, Session& session);
  net::Response erase(const std::string& table, const std::string& sys_id, Session& session);

  bool allowed(const Session& session, const std::string& table, Access access);
  /// Fills `row` from the body; a response if the body cannot be used.
  std::optional<net::Response> read_body(const net::Request& request, Record& row);
  void assign(Record& row, const Column& column, const json::value& value, bool display_input);
  json::object show(const Record& row, const View& view);
  View view_of(const net::Request& request, const Session& session);

  Instance& instance_;
  Accounts& accounts_;
};

}  // namespace bridge::sandbox
