// SPDX-License-Identifier: MIT
// Between the two programs over TLS: a private certificate authority is trusted when it is named,
// and otherwise the user is told what is wrong and nothing is sent.
#include <boost/json/parse.hpp>

#include "rig.hpp"
#include "support/test_certificates.hpp"

namespace bridge::test {
namespace {

class TlsPair {
 public:
  TlsPair() : leaf_(authority_.issue("DNS:localhost")) {
    sandbox_ = std::make_unique<ChildProcess>(
        SANDBOX_BINARY,
        std::vector<std::string>{"--port", "0", "--scripts", BRIDGE_SOURCE_DIR "/servicenow",
                                 "--bridge", "http://127.0.0.1:1", "--tls-cert",
                                 leaf_.certificate_file, "--tls-key", leaf_.key_file});
    const std::string url = sandbox_->wait_for("handoff-sandbox listening on ");
    port_ = url.substr(url.rfind(':') + 1);
  }

  /// Escalates through a bridge that trusts `ca_file` besides the system's certificates.
  ProbeResponse escalate(const std::string& ca_file) {
    ChildProcess printer(SANDBOX_BINARY, {"--print-env"});
    EXPECT_EQ(printer.wait(), 0);
    std::map<std::string, std::string> environment = environment_of(printer.output());
    environment.erase("ALLOW_INSECURE_UPSTREAM");
    environment["SN_INSTANCE"] = "https://localhost:" + port_;
    environment["BRIDGE_HOST"] = "127.0.0.1";
    environment["PORT"] = "0";
    if (!ca_file.empty()) environment["SN_CA_FILE"] = ca_file;
    ChildProcess bridge(BRIDGE_BINARY, {"serve"}, environment);
    const int port = std::stoi(bridge.wait_for("listening host=127.0.0.1 port="));
    return http_probe(static_cast<std::uint16_t>(port), "POST", "/api/servicenow/escalate", {},
                      R"({"opening_message":"hello"})");
  }

  std::string ca_file() const { return authority_.ca_file(); }

 private:
  TestAuthority authority_;
  TestAuthority::Pair leaf_;
  std::unique_ptr<ChildProcess> sandbox_;
  std::string port_;
};

TEST(Tls, APrivateAuthorityIsTrustedWhenItIsNamed) {
  TlsPair pair;
  const ProbeResponse answer = pair.escalate(pair.ca_file());
  EXPECT_EQ(answer.status, 200u) << answer.body;
  EXPECT_EQ(text_of(json::parse(answer.body).as_object(), "interaction_number"), "IMS0000001");
}

TEST(Tls, AnUnknownAuthorityIsRefusedWithAHint) {
  TlsPair pair;
  const ProbeResponse answer = pair.escalate("");
  EXPECT_EQ(answer.status, 502u) << answer.body;
  const json::object body = json::parse(answer.body).as_object();
  EXPECT_EQ(text_of(body, "outcome"), "failed");
  EXPECT_NE(text_of(body, "hint").find("SN_CA_FILE"), std::string::npos) << answer.body;
}

}  // namespace
}  // namespace bridge::test
