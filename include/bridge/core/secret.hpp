// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace bridge {

/// A value that must never be printed. It has no stream operator and no formatter on purpose:
/// logging one does not compile. `reveal` is the only way in, and easy to search for.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  /// The view lives as long as this object is neither assigned nor destroyed.
  std::string_view reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace bridge
