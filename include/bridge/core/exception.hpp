// SPDX-License-Identifier: MIT
// What may be said about an exception in a log: its type, and for a system_error the text of its
// code. Never what(), which can quote whatever a user or an upstream sent.
#pragma once

#include <exception>
#include <string>

namespace bridge {

/// For example "std::out_of_range", "Connection reset by peer", "not a std::exception".
/// Requires: `thrown` is not null.
std::string describe(const std::exception_ptr& thrown);

}  // namespace bridge
