// SPDX-License-Identifier: MIT
// The stand-in Microsoft Entra: /entra/<tenant>/... as clients and services see it, and
// /sandbox/entra/... to register applications, roll keys, forge tokens and make it fail.
//
// It calls itself by the address that a request was sent to (its Host header), so that a bridge
// which knows the sandbox under another name sees one and the same issuer everywhere. Time is the
// machine's, not the instance's clock: tokens are checked by programs that have no other.
#pragma once

#include <string>

#include "sandbox/entra/directory.hpp"
#include "sandbox/servicenow/faults.hpp"
#include "sandbox/servicenow/ledger.hpp"
#include "sandbox/servicenow/servicenow.hpp"

namespace bridge::sandbox {

class Entra {
 public:
  /// Lifetime: the ledger must outlive it.
  explicit Entra(Ledger& ledger) : ledger_(ledger) {}

  static bool is_mine(const std::string& path);
  /// Thread-safe.
  Reply handle(const net::Request& request);
  /// As started for the first time.
  void reset();
  /// Where the sandbox is, for requests without Host; its scheme counts for all.
  void set_url(std::string url) { url_ = std::move(url); }

  EntraDirectory& directory() { return directory_; }
  Faults& faults() { return faults_; }

 private:
  std::string base_of(const net::Request& request) const;
  net::Response serve(const net::Request& request, const std::string& target,
                      const std::string& tenant);
  net::Response metadata(const std::string& base, const std::string& tenant) const;
  net::Response key_set(const std::string& base, const std::string& tenant) const;
  net::Response token(const net::Request& request, const std::string& tenant);

  net::Response control(const net::Request& request);
  Result<json::value> command(const net::Request& request, const std::string& what,
                              const json::object& body);
  Result<json::value> register_app(const json::object& body);
  Result<json::value> mint(const net::Request& request, const json::object& body);
  Result<json::value> fault(const net::Request& request, const json::object& body);

  Ledger& ledger_;
  EntraDirectory directory_;
  Faults faults_{1};
  std::string url_ = "http://127.0.0.1";
};

}  // namespace bridge::sandbox
