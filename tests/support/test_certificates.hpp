// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace bridge::test {

/// A certificate authority made for one test, in a temporary folder that goes with it.
class TestAuthority {
 public:
  struct Pair {
    std::string certificate_file;
    std::string key_file;
  };

  TestAuthority();
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  std::string ca_file() const;
  /// `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
  Pair issue(const std::string& names, bool expired = false);

 private:
  struct Keys;

  std::filesystem::path folder_;
  std::unique_ptr<Keys> keys_;
  int issued_ = 0;
};

}  // namespace bridge::test
